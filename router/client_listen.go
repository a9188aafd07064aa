package router

import (
	"context"
	"encoding/json"
	"errors"
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
			local.Remove()
			return nil, err
		}
		err = c.addListener(ctx, p, sub)
		if err == nil {
			return sub, nil
		}
		if !lost(err) || ctx.Err() != nil {
			local.Remove()
			return nil, err
		}
		ended(ctx, p)
	}
}

// ended waits for the end of a connection on which a call was lost.
func ended(ctx context.Context, p *carrier.Peer) {
	select {
	case <-p.Done():
	case <-ctx.Done():
	}
}

// lost reports whether a call failed because the connection did.
func lost(err error) bool {
	return err != nil && sig.AsError(err).Code == sig.ErrNotConnected.Code
}

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
	session := c.books.Load().session
	data, err := p.Call(ctx, "add_listener", params)
	if err != nil {
		return err
	}
	var out listenerReply
	if err := json.Unmarshal(data, &out); err != nil || out.ID == nil {
		return sig.Errorf(sig.ErrMalformed, "the server's answer to add_listener has no listener_id")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.books.Load().session != session:
		// Added, and lost with the session: the next one was begun without it.
		return sig.Errorf(sig.ErrNotConnected, "the session ended")
	case sub.removed.Load():
		c.unlisten(session, sub, out.ID)
		return nil
	}
	sub.id = out.ID
	if !slices.Contains(c.listeners, sub) {
		c.listeners = append(c.listeners, sub)
	}
	c.indexListeners()
	return nil
}

// isThere reports whether the session has the listener.
func (c *ClientRouter) isThere(s *remoteSub) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.id != nil
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
	defer c.mu.Unlock()
	c.listeners = slices.DeleteFunc(c.listeners, func(o *remoteSub) bool { return o == s })
	c.indexListeners()
	if s.id != nil {
		c.unlisten(c.books.Load().session, s, s.id)
	}
}

// unlisten tells the server in the background that a listener is no more: when there is a
// connection, and as long as the session is the one in which it was added. Called with
// mu held.
func (c *ClientRouter) unlisten(session uint32, s *remoteSub, id json.RawMessage) {
	if c.ctx.Err() != nil {
		return
	}
	params := fmt.Appendf(nil, `{"listener_id":%s}`, id)
	c.workers.Go(func() {
		for {
			p, err := c.server(c.ctx)
			if err != nil || c.books.Load().session != session {
				return
			}
			_, err = p.Call(c.ctx, "remove_listener", params)
			switch {
			case err == nil, c.ctx.Err() != nil, errors.Is(err, sig.ErrNoListener):
				return
			case !lost(err):
				c.report(fmt.Errorf("removing a listener of %s/%s: %w", s.sender, s.event, err))
				return
			}
			ended(c.ctx, p)
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
