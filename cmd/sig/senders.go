package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// sendersFlags are the flags of sig senders.
type sendersFlags struct {
	client clientFlags
	output outputFlags
	events bool
	watch  bool
}

func (a *app) sendersCommand() *cobra.Command {
	var f sendersFlags
	cmd := &cobra.Command{
		Use:   "senders",
		Short: "List the senders of a router",
		Long: `List the senders of a router. One that is only listened for, and has not come yet or
has gone, is "waited for".

With --json, or when standard output is no terminal, each sender is one object:

  {"sender":"timer","connected":true,"events":["tic"]}

With --watch the list is followed by what changes, until interrupted:

  {"sender":"timer","connected":false,"reason":"connection lost"}`,
		Example: `  sig senders --events
  sig senders --watch`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.senders(cmd.Context(), f) },
	}
	cmd.Flags().BoolVar(&f.events, "events", false, "with their events")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "stay, and print which senders come and go")
	f.client.add(cmd.Flags())
	f.output.add(cmd.Flags())
	f.output.complete(cmd)
	return cmd
}

// A senderLine is what sig senders --json prints for each sender.
type senderLine struct {
	Sender    string   `json:"sender"`
	Connected bool     `json:"connected"`
	Events    []string `json:"events,omitempty"`
	Reason    string   `json:"reason,omitempty"` // why it has gone
}

func (a *app) senders(ctx context.Context, f sendersFlags) error {
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, &f.client, !f.watch)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	w := &sendersWatch{printer: p, events: f.events, failed: make(chan error, 1)}
	if f.watch { // first, so that nothing falls between list and changes
		if err := w.start(c.bus); err != nil {
			return c.explain(ctx, err, "watch")
		}
	}
	ask, cancel := context.WithTimeout(ctx, f.client.timeout)
	defer cancel()
	list, err := c.bus.Senders(ask)
	if err != nil {
		return c.explain(ctx, err, "list of senders")
	}
	lines := senderLines(list, f.events)
	if len(lines) == 0 && p.tty {
		a.note("no senders")
	}
	if err := p.senderList(lines); err != nil || !f.watch {
		return err
	}
	if err := w.listed(lines); err != nil {
		return err
	}
	select {
	case err := <-w.failed:
		return err
	case err := <-c.lost:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *printer) senderList(lines []senderLine) error {
	if p.json {
		for _, l := range lines {
			if err := p.object(l); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		state := "connected"
		if !l.Connected {
			state = "waited for"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", visible(l.Sender), state, visibleList(l.Events))
	}
	_ = w.Flush() // a strings.Builder takes everything
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return p.write([]byte(out.String()))
}

// senderLines drops the sender that stands for all, and the built-in events.
func senderLines(list []sig.SenderInfo, events bool) []senderLine {
	var lines []senderLine
	for _, s := range list {
		if s.Name == nil {
			continue
		}
		l := senderLine{Sender: *s.Name, Connected: s.Connected}
		if events {
			l.Events = slices.DeleteFunc(slices.Clone(s.Events), sig.IsBuiltin)
		}
		lines = append(lines, l)
	}
	return lines
}

func visibleList(names []string) string {
	shown := make([]string, len(names))
	for i, n := range names {
		shown[i] = visible(n)
	}
	return strings.Join(shown, " ")
}

// A sendersWatch prints senders that come and go, once the list of them was printed.
type sendersWatch struct {
	*printer
	events bool
	failed chan error // what keeps it from printing

	mu    sync.Mutex
	early []senderLine    // changes from before the list was printed
	here  map[string]bool // who is connected, as far as was printed; nil before the list
}

func (w *sendersWatch) start(bus sig.Bus) error {
	for _, event := range []string{sig.Connect, sig.Disconnect} {
		if _, err := bus.AddListener(sig.Any, event, w.changed); err != nil {
			return err
		}
	}
	return nil
}

func (w *sendersWatch) changed(e sig.Event) {
	l := senderLine{Sender: e.Sender, Connected: e.Name == sig.Connect}
	var d sig.Declaration
	if err := e.Decode(&d); err == nil {
		l.Reason = d.Reason
		if w.events && l.Connected {
			l.Events = slices.DeleteFunc(d.Events, sig.IsBuiltin)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.here == nil {
		w.early = append(w.early, l)
		return
	}
	if err := w.change(l); err != nil {
		select {
		case w.failed <- err:
		default:
		}
	}
}

// listed says which list was printed: changes follow, and those of the early ones that it
// does not show already.
func (w *sendersWatch) listed(lines []senderLine) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.here = map[string]bool{}
	for _, l := range lines {
		w.here[l.Sender] = l.Connected
	}
	for _, l := range w.early {
		if err := w.change(l); err != nil {
			return err
		}
	}
	w.early = nil
	return nil
}

// change prints a change, unless what was printed shows it. Called with the lock held.
func (w *sendersWatch) change(l senderLine) error {
	if w.here[l.Sender] == l.Connected {
		return nil
	}
	w.here[l.Sender] = l.Connected
	if w.json {
		return w.object(l)
	}
	text := "+ " + visible(l.Sender)
	if !l.Connected {
		text = "- " + visible(l.Sender)
	}
	if len(l.Events) > 0 {
		text += "  " + visibleList(l.Events)
	}
	if l.Reason != "" {
		text += "  (" + l.Reason + ")"
	}
	return w.line(text)
}
