package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/sig"
)

// routerName is what the router that sig launch starts is called in its output.
const routerName = "router"

// startRouter starts a router, where one is wanted, and returns when it is ready.
func (l *launcher) startRouter(ctx context.Context) error {
	switch l.plan.Router {
	case "never":
		return nil
	case "auto":
		there, err := l.routerThere(ctx)
		if there || err != nil {
			return err
		}
	}
	ready := make(chan string, 1)
	c := &component{
		Name: routerName, Restart: "always", Grace: l.plan.Grace,
		Command: append([]string{"{sig}", "serve", "--quiet"}, l.plan.RouterArgs...),
	}
	if *l.url.Load() != defaultURL || len(l.plan.RouterArgs) > 0 {
		// Expanded at each start, so that a free port that was found once stays.
		c.Command = append(c.Command, "--listen", "{url}")
	}
	l.plan.router = c
	l.width = max(l.width, len(routerName))
	p, err := l.start(c, func(line []byte) bool {
		var r readyLine
		if json.Unmarshal(line, &r) != nil || !r.Ready || len(r.Listen) == 0 {
			return true
		}
		select {
		case ready <- r.Listen[len(r.Listen)-1]:
		default: // it was started again
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("cannot start a router: %w", err)
	}
	select {
	case url := <-ready:
		if *l.url.Load() != defaultURL {
			l.url.Store(&url)
		}
		l.app.note("sig: router ready at %s", *l.url.Load())
		return nil
	case <-p.Done():
		return fmt.Errorf("the router %w", cmpErr(p.Err(), errNotYet))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func cmpErr(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

// routerThere reports whether a router answers at the address. One that does not let us in is
// there too, but the programs would fare no better.
func (l *launcher) routerThere(ctx context.Context) (bool, error) {
	c, err := l.app.dial(ctx, &l.flags.client, true)
	if err == nil {
		return true, c.close()
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if errors.Is(err, sig.ErrRefused) {
		return false, err
	}
	if _, ok := errors.AsType[connectError](err); !ok {
		return false, err // the flags make no sense
	}
	return false, nil
}

// connect connects to the router, if there is something to ask it.
func (l *launcher) connect(ctx context.Context, stop context.CancelCauseFunc) error {
	needed := l.flags.stopOn != ""
	for _, c := range l.plan.Components {
		needed = needed || c.WaitFor != ""
	}
	if !needed {
		return nil
	}
	f := l.flags.client
	f.url = *l.url.Load()
	c, err := l.app.dial(ctx, &f, false)
	if err != nil {
		return err
	}
	l.connection = c
	if l.flags.stopOn == "" {
		return nil
	}
	_, err = c.bus.AddListener(sig.Any, l.flags.stopOn, func(e sig.Event) {
		l.app.note("sig: %s has triggered %s", visible(e.Sender), visible(e.Name))
		stop(errInterrupted)
	}, sig.SkipRetained())
	return err
}

// awaitSender returns when the router has the sender. It fails when the program that was to
// add it has ended for good.
func (l *launcher) awaitSender(ctx context.Context, name string, p *launched) error {
	there := make(chan struct{}, 1)
	sub, err := l.connection.bus.AddListener(name, sig.Connect, func(sig.Event) {
		select {
		case there <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	defer sub.Remove()
	list, err := l.connection.bus.Senders(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Name != nil && *s.Name == name && s.Connected {
			return nil
		}
	}
	select {
	case <-there:
		return nil
	case <-p.Done():
		return fmt.Errorf("%s has ended before sender %q has come: %w", p.Name, name, cmpErr(p.Err(), errNotYet))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
