package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// remoteSender is a sender at the server; it is one of this process's Router too, so that
// local listeners hear it. It implements sig.Sender.
type remoteSender struct {
	*sender
	client  *ClientRouter
	params  []byte // of add_sender
	forward *subscription
}

// AddRemoteSender adds a sender at the server, and to this client's own Router, where
// local listeners hear it. It waits until the server has agreed, and fails with
// sig.ErrTaken when the name has a holder there. After a reconnect the sender is added
// again by itself.
//
// Trigger of its signals hands the event to the local listeners and puts it on its way
// to the server; it does not wait for the server, unless the outbox is full.
func (c *ClientRouter) AddRemoteSender(ctx context.Context, name string, opts ...sig.SenderOption) (sig.Sender, error) {
	cfg := sig.NewSenderConfig(opts...)
	params, err := sig.JSON{}.Marshal(declare(name, &cfg))
	if err != nil {
		return nil, err
	}
	p, err := c.server(ctx)
	if err != nil {
		return nil, err
	}
	local, err := c.Router.addSender(name, c, cfg)
	if err != nil {
		return nil, err
	}
	s := &remoteSender{sender: local, client: c, params: params}
	if err := c.addSenderAt(ctx, p, s); err != nil {
		local.remove("")
		return nil, err
	}
	s.forward, err = c.Router.listenRemote(name, sig.Any, forwardTarget{}, sig.ListenConfig{SkipFirst: true}, nil)
	if err != nil {
		_ = s.Remove()
		return nil, err
	}
	for event, value := range cfg.Initial {
		if sg, err := s.Signal(event); err == nil {
			_ = sg.Trigger(value) // its value at the server; failures are reported
		}
	}
	return s, nil
}

// addSenderAt adds a sender at the server, p being the connection there is, and to what
// is added again after a reconnect.
func (c *ClientRouter) addSenderAt(ctx context.Context, p *carrier.Peer, s *remoteSender) error {
	for {
		c.mu.Lock()
		registered := c.registered
		c.mu.Unlock()
		_, err := p.Call(ctx, "add_sender", s.params)
		switch {
		case err == nil:
			c.mu.Lock()
			// Another connection may have begun meanwhile, without the sender.
			if c.registered == registered {
				c.remoteSenders = append(c.remoteSenders, s)
				c.mu.Unlock()
				return nil
			}
			c.mu.Unlock()
		case !lost(err) || ctx.Err() != nil:
			return err
		}
		ended(ctx, p)
		if p, err = c.server(ctx); err != nil {
			return err
		}
	}
}

// declare is what the server is told of a sender.
func declare(name string, cfg *sig.SenderConfig) senderParams {
	in := senderParams{Sender: name, Events: append(nameList{}, cfg.Events...), Retain: cfg.Retained, GraceMS: max(cfg.Grace.Milliseconds(), 0)}
	for m := range cfg.Requests {
		in.Requests = append(in.Requests, &m)
	}
	slices.SortFunc(in.Requests, func(a, b *string) int { return strings.Compare(*a, *b) })
	if cfg.Default != nil {
		in.Requests = append(in.Requests, nil)
	}
	return in
}

// Remove takes the sender away, here and at the server.
func (s *remoteSender) Remove() error {
	c := s.client
	c.mu.Lock()
	n := len(c.remoteSenders)
	c.remoteSenders = slices.DeleteFunc(c.remoteSenders, func(o *remoteSender) bool { return o == s })
	mine := len(c.remoteSenders) < n
	p := c.peer.Load()
	if mine && s.grace > 0 && p == nil {
		c.leftBehind = append(c.leftBehind, s.Name())
	}
	c.mu.Unlock()
	if !mine {
		return nil
	}
	if s.forward != nil {
		s.forward.Remove()
	}
	s.sender.remove("")
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.engine.Limits().ClassicTimeout)
	defer cancel()
	c.settle(ctx, p)
	if err := c.removeSenderAt(ctx, p, s); err != nil && !lost(err) {
		return fmt.Errorf("the server did not remove sender %s: %w", s.Name(), err)
	}
	return nil
}

func (c *ClientRouter) removeSenderAt(ctx context.Context, p *carrier.Peer, s *remoteSender) error {
	return c.removeNameAt(ctx, p, s.Name())
}

func (c *ClientRouter) removeNameAt(ctx context.Context, p *carrier.Peer, name string) error {
	params, err := sig.JSON{}.Marshal(senderParams{Sender: name})
	if err == nil {
		_, err = p.Call(ctx, "remove_sender", params)
	}
	return err
}

// settle waits until the server has what was triggered, so that the next call comes
// after it.
func (c *ClientRouter) settle(ctx context.Context, p *carrier.Peer) { p.Flushed(ctx) }

// register adds the client's senders, and its listeners unless the server still has
// them, after a reconnect.
func (c *ClientRouter) register(ctx context.Context, p *carrier.Peer, resumed bool) error {
	c.mu.Lock()
	c.registered++
	listeners := slices.Clone(c.listeners)
	senders := slices.Clone(c.remoteSenders)
	left := slices.Clone(c.leftBehind)
	c.mu.Unlock()
	if resumed {
		for _, name := range left {
			if err := c.removeNameAt(ctx, p, name); lost(err) || ctx.Err() != nil {
				return err
			}
		}
		// Those the session lacks: its first connection may have ended before they were added.
		listeners = slices.DeleteFunc(listeners, c.isThere)
	}
	for _, sub := range listeners {
		if sub.removed.Load() {
			continue
		}
		err := c.addListener(ctx, p, sub)
		switch {
		case err == nil:
		case lost(err) || ctx.Err() != nil:
			return fmt.Errorf("adding the listener of %s/%s again: %w", sub.sender, sub.event, err)
		default:
			c.listenLater(p, sub, err)
		}
	}
	for _, s := range senders {
		_, err := p.Call(ctx, "add_sender", s.params)
		switch {
		case err == nil:
		case lost(err) || ctx.Err() != nil:
			return err
		default:
			c.addLater(p, s, err)
		}
	}
	for {
		gone, err := c.settled(p, senders)
		if gone == nil || err != nil {
			return err
		}
		// It was removed meanwhile, when there was nobody to tell.
		if err := c.removeSenderAt(ctx, p, gone); lost(err) || ctx.Err() != nil {
			return err
		}
		senders = slices.DeleteFunc(senders, func(o *remoteSender) bool { return o == gone })
	}
}

// settled makes the connection the client's own, unless one of the senders that were added
// again was removed meanwhile: that one it returns.
func (c *ClientRouter) settled(p *carrier.Peer, added []*remoteSender) (gone *remoteSender, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return nil, c.failed
	}
	for _, s := range added {
		if !slices.Contains(c.remoteSenders, s) {
			return s, nil
		}
	}
	c.leftBehind = nil
	c.peer.Store(p)
	close(c.ready)
	return nil, nil
}

// addLater keeps trying to add a sender that the server did not take back, most likely
// because it has not yet noticed that the connection before is gone.
func (c *ClientRouter) addLater(p *carrier.Peer, s *remoteSender, err error) {
	c.spawn(func() {
		c.report(fmt.Errorf("the server did not take sender %s back, trying on: %w", s.Name(), err))
		c.again(p, func() (bool, error) {
			if !c.holds(s) {
				return true, nil
			}
			_, err := p.Call(c.ctx, "add_sender", s.params)
			if err == nil && !c.holds(s) {
				err = c.removeSenderAt(c.ctx, p, s)
			}
			return err == nil, err
		})
	})
}

func (c *ClientRouter) holds(s *remoteSender) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.remoteSenders, s)
}

// forwarder makes the function that puts the events of a remote sender on their way to
// the server.
func (c *ClientRouter) forwarder(o *sig.Origin, _ []*subscription) fanout {
	return &forward{client: c, route: carrier.NewRoute(o.Sender, o.Name), builtin: sig.IsBuiltin(o.Name)}
}

type forward struct {
	client  *ClientRouter
	route   *carrier.Route
	builtin bool // the server has its own
}

func (f *forward) send(e sig.Event) error {
	if f.builtin {
		return nil
	}
	return f.client.forward(causeOfEvent(e.Origin).route(f.route), e)
}

// forwardTarget stands in reports for the server as a listener.
type forwardTarget struct{}

func (forwardTarget) String() string { return "the server" }

func (c *ClientRouter) forward(route *carrier.Route, e sig.Event) error {
	var data carrier.Payload
	var err error
	if c.opts.Codecs == nil {
		data.Data, err = encode(e.Data)
	} else {
		data, err = c.outgoing(e.Data)
	}
	if err != nil {
		return fmt.Errorf("%s/%s: %w", e.Sender, e.Name, err)
	}
	if most := c.engine.Limits().MaxMessage - 1024; len(data.Data) > most {
		return sig.Errorf(sig.ErrLimit, "%s/%s: data of %d bytes is longer than %d (MaxMessage)", e.Sender, e.Name, len(data.Data), most)
	}
	wait := c.opts.OutboxPolicy != sig.DropNewest
	if err := c.wire.PushUp(c.ctx, route, &data, c.opts.OutboxBytes, c.opts.Outbox, wait); err != nil {
		if c.ctx.Err() != nil {
			return sig.ErrShuttingDown
		}
		if errors.Is(err, sig.ErrLimit) {
			return fmt.Errorf("%s/%s: %w", e.Sender, e.Name, err)
		}
		return sig.Errorf(sig.ErrSlow, "%s/%s: the outbox is full", e.Sender, e.Name)
	}
	if p := c.peer.Load(); p != nil {
		p.Kick()
	}
	return nil
}

// outgoing encodes the data of a signal as the server likes it. When a connection with
// another codec comes before it is sent, it is encoded again.
func (c *ClientRouter) outgoing(v any) (carrier.Payload, error) {
	x, err := encodeFor(c.liked(), v)
	data := carrier.Payload{Data: x.Data}
	if err != nil || len(x.Data) == 0 {
		return data, err
	}
	size := 0
	if x.Codec != nil {
		lim := c.engine.Limits()
		if size, err = c.engine.Check(x, lim.MaxDepth, lim.MaxMessage); err != nil {
			return data, err
		}
	}
	return data.Several(x.Codec, size, c.engine), nil
}

// liked returns the codec agreed on with the server; nil is JSON.
func (c *ClientRouter) liked() carrier.Codec {
	if a := c.codec.Load(); a != nil {
		return a.Codec
	}
	return nil
}

// RemoteRequest asks a sender at the server and waits for its response, until ctx ends
// or the time limit for calls is over: then it fails with an error that matches sig.ErrTimeout,
// or sig.ErrCanceled, and the context's own. It is never sent twice: when the connection is
// lost meanwhile it fails with sig.ErrNotConnected, and may have had its effect.
func (c *ClientRouter) RemoteRequest(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	if err := sig.CheckName("sender", sender); err != nil {
		return sig.Response{}, err
	}
	if err := sig.CheckName("method", method); err != nil {
		return sig.Response{}, err
	}
	data, err := encodeFor(c.liked(), params)
	if err != nil {
		return sig.Response{}, err
	}
	p, err := c.server(ctx)
	if err != nil {
		return sig.Response{}, err
	}
	_, raw, err := p.Request(ctx, sender, method, data)
	switch {
	case err == nil:
		return sig.Response{Data: raw}, nil
	case err == ctx.Err(): // as in one process
		return sig.Response{}, gaveUp(sender, method, err)
	}
	return sig.Response{}, err
}

// payload returns a copy of a payload, as listeners and handlers get it.
func (c *ClientRouter) payload(p *carrier.Peer, m *wire.Msg, data []byte) any {
	return c.arena.Raw(p.Payload(m, nil).SigCodec(), c.arena.Copy(data))
}

// request answers a request that the server passed on.
func (c *ClientRouter) request(p *carrier.Peer, m *wire.Msg) {
	if m.Sender == nil || m.Target == nil || m.ParamsBad {
		c.refuseCall(p, m, sig.Errorf(sig.ErrInvalid, "invalid arguments: sender or method are missing"))
		return
	}
	err := c.engine.CheckHops(uint64(m.Hops))
	if err == nil {
		_, err = p.Check(m, m.Args)
	}
	var to *method
	if err == nil {
		to, err = c.asked(string(m.Sender), string(m.Target))
	}
	if err != nil {
		c.refuseCall(p, m, err)
		return
	}
	a := &served{peer: p, method: to, params: c.payload(p, m, m.Args)}
	a.Context = caused(c.handling, causeOf(m))
	a.deadline = c.engine.Clock().Add(c.engine.Limits().CallTimeout)
	a.id = carrier.IDOf(m)
	c.running.add(&a.callContext)
	c.crew.add(a) // BatchEnd begins
}
