package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// triggerFlags are the flags of sig trigger.
type triggerFlags struct {
	client clientFlags
	lines  bool
	count  int
	every  time.Duration

	unheard bool
}

func (a *app) triggerCommand() *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger SENDER EVENT [JSON | @FILE | -]",
		Short: "Trigger an event",
		Long: `Trigger an event with the data given, null without any. The sender is added for as
long as that takes, so nobody else may hold its name.

Nobody listening is a failure, with exit code 6, unless --unheard is given.

With --lines each line of standard input, or of @FILE, is the data of one event.`,
		Example: `  sig trigger door opened '{"by":"ana"}'
  sig trigger '#alarm' off --count 3 --every 1s
  tail -f readings.ndjson | sig trigger sensor reading --lines`,
		Args: args(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.trigger(cmd.Context(), f, args, cmd.Flags().Changed("count"))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.lines, "lines", false, "one event for each line of input")
	flags.IntVar(&f.count, "count", 1, "how many times")
	flags.DurationVar(&f.every, "every", 0, "pause between two events; without --count there is no end")
	flags.BoolVar(&f.unheard, "unheard", false, "it is no failure when nobody listens")
	cmd.ValidArgsFunction = a.completeNames(&f.client, triggerNames)
	f.client.add(flags)
	return cmd
}

// payloads yields the data of one event after another. It fails with io.EOF after the last.
type payloads func(context.Context) (any, error)

// triggerSource returns where the data of the events comes from.
func (a *app) triggerSource(ctx context.Context, f triggerFlags, args []string, counted bool) (payloads, error) {
	if f.lines {
		if counted {
			return nil, usagef("--lines and --count do not go together: there is one event for each line")
		}
		in := a.in
		if len(args) == 3 && args[2] != "-" {
			file, err := openInput(args[2])
			if err != nil {
				return nil, err
			}
			in = file // read to its end, and closed with the program
		}
		return linePayloads(ctx, in), nil
	}
	if f.count < 1 {
		return nil, usagef("--count is %d; it has to be at least 1", f.count)
	}
	var data any
	if len(args) == 3 {
		raw, err := a.readData(args[2])
		if err != nil {
			return nil, err
		}
		data = raw
	}
	left := f.count
	endless := f.every > 0 && !counted
	return func(context.Context) (any, error) {
		if left == 0 && !endless {
			return nil, io.EOF
		}
		left--
		return data, nil
	}, nil
}

// linePayloads reads one payload a line, and skips empty lines. It reads in a goroutine of
// its own, which may be left behind in a read that nothing can end.
func linePayloads(ctx context.Context, r io.Reader) payloads {
	type item struct {
		raw *sig.Raw
		err error
	}
	items := make(chan item)
	go func() {
		lines := bufio.NewReader(r)
		for n := 1; ; n++ {
			line, err := lines.ReadBytes('\n')
			it := item{err: err}
			if text := bytes.TrimSpace(line); len(text) > 0 {
				it.raw, it.err = parseData(text, fmt.Sprintf("line %d", n))
			}
			if it.raw == nil && it.err == nil {
				continue
			}
			select {
			case items <- it:
			case <-ctx.Done():
				return
			}
			if it.err == nil {
				it.err = err
			}
			if it.err != nil {
				items <- item{err: it.err}
				return
			}
		}
	}()
	return func(ctx context.Context) (any, error) {
		select {
		case it := <-items:
			return it.raw, it.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (a *app) trigger(ctx context.Context, f triggerFlags, args []string, counted bool) error {
	sender, event := args[0], args[1]
	if err := checkNames("sender", sender, "event", event); err != nil {
		return err
	}
	if sig.IsBuiltin(event) {
		return usagef("%s is triggered by routers alone", event)
	}
	if f.every < 0 {
		return usagef("--every is %v; it cannot be less than nothing", f.every)
	}
	next, err := a.triggerSource(ctx, f, args, counted)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, &f.client, false)
	if err != nil {
		return err
	}
	err = a.triggerOver(ctx, c, f, sender, event, next)
	return cmp.Or(err, c.close(), c.failure())
}

// triggerOver triggers the events over a connection and waits until the router has
// dispatched them.
func (a *app) triggerOver(ctx context.Context, c *connection, f triggerFlags, sender, event string, next payloads) error {
	ctx, stop := c.untilLost(ctx)
	defer stop()
	heard := &audience{gone: make(chan struct{})}
	if !f.unheard {
		err := heard.watch(c.bus, sender)
		if errors.Is(err, sig.ErrRefused) { // who may trigger need not know who listens
			f.unheard = true
		} else if err != nil {
			return c.explain(ctx, err, "trigger")
		}
	}
	s, err := c.bus.AddSender(sender, sig.Events(event))
	if err != nil {
		return c.explain(ctx, err, "trigger")
	}
	signal, err := s.Signal(event)
	if err != nil {
		return c.explain(ctx, err, "trigger")
	}
	n, err := a.triggerAll(ctx, signal, next, f.every)
	if err := cmp.Or(err, s.Remove(), c.failure()); err != nil || f.unheard || n == 0 {
		return err
	}
	if heard.none(f.client.timeout) {
		return sig.Errorf(sig.ErrNoListener, "nobody listens to %s of %s; the event was triggered all the same", visible(event), visible(sender))
	}
	return nil
}

// An audience finds out whether anybody listens to a sender, which its router tells those
// who ask for sig.Subscribe.
type audience struct {
	mu   sync.Mutex
	some bool
	gone chan struct{} // closed when the sender was removed, and all has been told
}

func (a *audience) watch(bus sig.Bus, sender string) error {
	_, err := bus.AddListener(sender, sig.Subscribe, func(sig.Event) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.some = true
	})
	if err != nil {
		return err
	}
	var once sync.Once
	_, err = bus.AddListener(sender, sig.Disconnect, func(sig.Event) { once.Do(func() { close(a.gone) }) })
	return err
}

// none reports that nobody listened for as long as the sender was there.
func (a *audience) none(patience time.Duration) bool {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-a.gone:
	case <-t.C:
		return false // unknown
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.some
}

// triggerAll triggers until there is no more data, and returns how many times.
func (a *app) triggerAll(ctx context.Context, signal sig.Signal, next payloads, every time.Duration) (n int, err error) {
	for ; ; n++ {
		data, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err == nil && n > 0 && every > 0 {
			err = pause(ctx, every)
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = signal.Trigger(data)
		}
		if err != nil {
			return n, err
		}
	}
}

// pause waits for d, or until ctx ends, whose cause it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
