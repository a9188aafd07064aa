package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// listenFlags are the flags of sig listen.
type listenFlags struct {
	client clientFlags
	output outputFlags

	count        int
	idle         time.Duration
	limit        time.Duration
	raw          bool
	format       string
	retainedOnly bool
	below        bool
	noReconnect  bool
}

func (a *app) listenCommand() *cobra.Command {
	var f listenFlags
	cmd := &cobra.Command{
		Use:   "listen [SENDER [EVENT]]",
		Short: "Print events as they come",
		Long: `Print the events of a router as they come, until interrupted.

SENDER and EVENT are names, or patterns in quotes: "*" stands for one part of a
name between dots, a last ">" for all that follow. Without EVENT every event of the
sender is printed, without either all there are. A channel, an event of any sender,
is '>' and its name.

With --json, or when standard output is no terminal, each event is one object:

  {"sender":"timer","event":"tic","data":{"n":1},"time":"2026-01-02T15:04:05.123Z"}

and "retained":true beside, on a value from before. More members may come.`,
		Example: `  sig listen
  sig listen timer tic --count 3
  sig listen 'sensor.*' temperature --raw
  sig listen '>' '#alarm' --format '{{.Sender}}: {{.Data}}'`,
		Args: args(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.listen(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.count, "count", 0, "stop after this many events; 5 is the exit code when there were fewer")
	flags.DurationVar(&f.idle, "idle", 0, "stop when no event has come for this long")
	flags.DurationVar(&f.limit, "timeout", 0, "stop after this long")
	flags.BoolVar(&f.raw, "raw", false, "print the data alone, text without quotes")
	flags.StringVar(&f.format, "format", "", "print each event with a Go `template`: .Sender .Event .Data .Time .Retained .N, and json to print a value as JSON")
	flags.BoolVar(&f.retainedOnly, "retained-only", false, "print the values there are from before, and stop")
	flags.BoolVar(&f.below, "below", false, `also events below EVENT: "address" gets "address.usa" too`)
	flags.BoolVar(&f.noReconnect, "no-reconnect", false, "stop when the connection is lost")
	cmd.ValidArgsFunction = a.completeNames(&f.client, listenNames)
	f.client.addConnection(flags)
	f.output.add(flags)
	f.output.complete(cmd)
	return cmd
}

func (a *app) listen(ctx context.Context, f listenFlags, args []string) error {
	sender, event := sig.Any, sig.Any
	switch len(args) {
	case 2:
		event = args[1]
		fallthrough
	case 1:
		sender = args[0]
	}
	if err := errors.Join(sig.CheckPattern("sender", sender), sig.CheckPattern("event", event)); err != nil {
		return usageError{error: err}
	}
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	l, err := newListening(p, f)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, &f.client, f.noReconnect || f.retainedOnly)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	opts := []sig.ListenOption{sig.OnDrop(a.noteDrop)}
	if f.below {
		opts = append(opts, sig.Below())
	}
	if _, err := c.bus.AddListener(sender, event, l.event, opts...); err != nil {
		return c.explain(ctx, err, "listen")
	}
	if f.retainedOnly {
		err = l.retained(ctx, c, f.client.timeout)
	} else {
		err = l.wait(ctx, c.lost)
	}
	n := l.close()
	if errors.Is(err, errInterrupted) {
		a.note("%s in %s", plural(n, "event"), time.Since(l.start).Round(time.Millisecond))
	}
	return err
}

// retained returns when the values that the router keeps were printed. They follow the
// addition of the listener at once, so whatever the router answers next comes after them.
func (l *listening) retained(ctx context.Context, c *connection, timeout time.Duration) error {
	ask, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := c.Ping(ask); err != nil {
		return c.explain(ctx, err, "listen")
	}
	err := c.close() // lets the listener run for what has come
	l.close()
	return errors.Join(l.err, err)
}

func (a *app) noteDrop(d sig.Drop) {
	what := ""
	if d.Sender != "" {
		what = fmt.Sprintf(" of %s %s", visible(d.Sender), visible(d.Event))
	}
	a.note("sig: %s%s dropped: %s", plural(d.Count, "event"), what, d.Reason)
}

// A listening prints events until it has had enough.
type listening struct {
	*printer
	flags  listenFlags
	format *template.Template
	done   chan struct{} // closed when it has had enough
	got    chan struct{} // holds one when something came

	mu    sync.Mutex
	n     int
	over  bool
	err   error // why it is over
	start time.Time
}

func newListening(p *printer, f listenFlags) (*listening, error) {
	l := &listening{printer: p, flags: f, done: make(chan struct{}), got: make(chan struct{}, 1), start: time.Now()}
	if f.count < 0 {
		return nil, usagef("--count is %d; it cannot be less than 0", f.count)
	}
	if f.format == "" {
		return l, nil
	}
	if f.raw || f.output.json {
		return nil, usagef("--format goes with neither --raw nor --json; give one of them")
	}
	t, err := template.New("--format").Funcs(template.FuncMap{"json": templateJSON}).Parse(f.format)
	if err != nil {
		return nil, usagef("--format: %w", err)
	}
	l.format = t
	return l, l.tryFormat()
}

func templateJSON(v any) (string, error) {
	b, err := sig.JSON{}.Marshal(v)
	return string(b), err
}

// tryFormat finds mistakes that Parse does not, a misspelt field for instance, before the
// first event does.
func (l *listening) tryFormat() error {
	err := l.format.Execute(io.Discard, templateEvent{Data: map[string]any{}})
	if err != nil && strings.Contains(err.Error(), "can't evaluate field") {
		return usagef("--format: %w", err)
	}
	return nil
}

// An eventLine is what sig listen --json prints for each event. It may grow, and keeps
// what it has.
type eventLine struct {
	Sender   string          `json:"sender"`
	Event    string          `json:"event"`
	Data     json.RawMessage `json:"data"`
	Retained bool            `json:"retained,omitempty"`
	Time     string          `json:"time"`
}

// A templateEvent is what --format gets.
type templateEvent struct {
	Sender, Event string
	Data          any
	Retained      bool
	Time          time.Time
	N             int
}

// event takes one event. It may be called by several goroutines at once.
func (l *listening) event(e sig.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.flags.retainedOnly && !e.Retained {
		return
	}
	l.n++
	if err := l.print(e, time.Now()); err != nil {
		l.end(err)
		return
	}
	if l.n == l.flags.count {
		l.end(nil)
	}
	select {
	case l.got <- struct{}{}:
	default:
	}
}

// end says that it has had enough. Called with the lock held.
func (l *listening) end(err error) {
	if !l.over {
		l.over, l.err = true, err
		close(l.done)
	}
}

func (l *listening) print(e sig.Event, now time.Time) error {
	switch {
	case l.format != nil:
		return l.printFormat(e, now)
	case l.flags.raw:
		return l.line(rawText(e.Data))
	case l.json:
		return l.object(eventLine{e.Sender, e.Name, jsonText(e.Data), e.Retained, now.UTC().Format(time.RFC3339Nano)})
	}
	mark := ""
	if e.Retained {
		mark = l.styled(styleDim, " (retained)")
	}
	return l.line(fmt.Sprintf("%s  %s %s  %s%s", l.styled(styleDim, now.Format("15:04:05.000")),
		l.styled(styleName, visible(e.Sender)), l.styled(styleBold, visible(e.Name)), visibleJSON(jsonText(e.Data)), mark))
}

func (l *listening) printFormat(e sig.Event, now time.Time) error {
	var data any
	if err := e.Decode(&data); err != nil {
		return err
	}
	var b strings.Builder
	if err := l.format.Execute(&b, templateEvent{e.Sender, e.Name, data, e.Retained, now, l.n}); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	return l.line(b.String())
}

// wait returns when the listening is over: enough events, nothing for a while, out of time,
// or interrupted.
func (l *listening) wait(ctx context.Context, lost <-chan error) error {
	idle, limit := newTimer(l.flags.idle), newTimer(l.flags.limit)
	defer idle.Stop()
	defer limit.Stop()
	for {
		select {
		case <-l.done:
			return l.err
		case <-l.got:
			if l.flags.idle > 0 {
				idle.Reset(l.flags.idle)
			}
		case <-idle.C:
			return l.tooFew("within %v of the one before", l.flags.idle)
		case <-limit.C:
			return l.tooFew("within %v", l.flags.limit)
		case err := <-lost:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// newTimer is time.NewTimer, but for d of 0 one that never fires.
func newTimer(d time.Duration) *time.Timer {
	if d <= 0 {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(d)
}

// tooFew is what it means that time is up: an error when a number of events was asked for.
func (l *listening) tooFew(format string, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.flags.count == 0 {
		return l.err
	}
	return fmt.Errorf("%w: %d of %d events came", sig.Errorf(sig.ErrTimeout, "no event "+format, d), l.n, l.flags.count)
}

// close takes no more events, and returns how many there were.
func (l *listening) close() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(nil)
	return l.n
}
