package router

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// remoteSub is a listener at the server. It implements sig.Subscription.
type remoteSub struct {
	client        *ClientRouter
	sender, event string
	cfg           sig.ListenConfig
	local         *detached

	id      json.RawMessage // at the server; guarded by the client's lock
	removed atomic.Bool
	dropped atomic.Uint64
}

// AddRemoteListener calls fn with each event at the server that matches; sender and
// event are names, patterns, or sig.Any, and need not exist yet. It waits until the
// server has agreed. After a reconnect the listener is added again by itself.
//
// Without sig.Queue listeners are called one after the other, in the order of the
// events, in a goroutine of the client; one that blocks holds up the others.
func (c *ClientRouter) AddRemoteListener(ctx context.Context, sender, event string, fn sig.Listener, opts ...sig.ListenOption) (sig.Subscription, error) {
	if err := sig.CheckPattern("sender", sender); err != nil {
		return nil, err
	}
	if err := sig.CheckPattern("event", event); err != nil {
		return nil, err
	}
	sub := &remoteSub{client: c, sender: sender, event: event, cfg: sig.NewListenConfig(opts...)}
	local, err := c.Router.detach(sender, event, fn, sub.cfg)
	if err != nil {
		return nil, err
	}
	sub.local = local
	for {
		p, err := c.server(ctx)
		if err != nil {
			return nil, err
		}
		err = c.addListener(ctx, p, sub)
		if err == nil {
			return sub, nil
		}
		if !lost(err) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// lost reports whether a call failed because the connection did.
func lost(err error) bool { return sig.AsError(err).Code == sig.ErrNotConnected.Code }

// addListener adds a listener at the server and to the client's books.
func (c *ClientRouter) addListener(ctx context.Context, p *carrier.Peer, sub *remoteSub) error {
	params, err := sig.JSON{}.Marshal(listenerParams{
		Sender: nullable(sub.sender), Event: nullable(sub.event),
		Below: sub.cfg.Below, Policy: policyName(sub.remotePolicy()), SkipRetained: sub.cfg.SkipFirst,
	})
	if err != nil {
		return err
	}
	// Events may follow the reply at once, before this goroutine has seen it: they wait
	// until the id is in the books. See find.
	c.adding.RLock()
	defer c.adding.RUnlock()
	data, err := p.Call(ctx, "add_listener", params)
	if err != nil {
		return err
	}
	var out listenerReply
	if err := json.Unmarshal(data, &out); err != nil || out.ID == nil {
		return sig.Errorf(sig.ErrMalformed, "the server's answer to add_listener has no listener_id")
	}
	c.mu.Lock()
	sub.id = out.ID
	if !slices.Contains(c.listeners, sub) {
		c.listeners = append(c.listeners, sub)
	}
	c.indexListeners()
	c.mu.Unlock()
	return nil
}

// remotePolicy is what the server is to do when the events pile up there. A queue here
// that drops wants the server to drop as well.
func (s *remoteSub) remotePolicy() sig.Policy {
	switch s.cfg.Policy {
	case sig.DropOldest, sig.DropNewest, sig.Latest:
		return s.cfg.Policy
	}
	return sig.PolicyDefault
}

// Remove ends the subscription. The server is told in the background.
func (s *remoteSub) Remove() {
	if s.removed.Swap(true) {
		return
	}
	c := s.client
	s.local.Remove()
	c.mu.Lock()
	id, p := s.id, c.peer.Load()
	c.listeners = slices.DeleteFunc(c.listeners, func(o *remoteSub) bool { return o == s })
	c.indexListeners()
	c.mu.Unlock()
	if p == nil || id == nil {
		return
	}
	params := fmt.Appendf(nil, `{"listener_id":%s}`, id)
	c.spawn(func() {
		if _, err := p.Call(c.ctx, "remove_listener", params); err != nil && !lost(err) && c.ctx.Err() == nil {
			c.report(fmt.Errorf("removing a listener of %s/%s: %w", s.sender, s.event, err))
		}
	})
}

// RemoveAndWait is Remove that also waits for calls of the listener under way.
func (s *remoteSub) RemoveAndWait() {
	s.Remove()
	s.local.RemoveAndWait()
}

// Dropped returns how many events were dropped, here and at the server.
func (s *remoteSub) Dropped() uint64 {
	return s.dropped.Load() + s.local.Dropped()
}

// gap notes that the server dropped events.
func (s *remoteSub) gap(d sig.Drop) {
	s.dropped.Add(d.Count)
	if s.cfg.OnDrop != nil {
		s.cfg.OnDrop(d)
	}
}
