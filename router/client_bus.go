package router

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Remote returns the server as a Bus: its senders and listeners are remote ones, as
// AddRemoteSender and AddRemoteListener make them, and wait at most for the time limit
// of calls (Limits.CallTimeout).
func (c *ClientRouter) Remote() sig.Bus { return remoteBus{c} }

type remoteBus struct{ c *ClientRouter }

// Connected reports whether there is a connection now, for those who stand on a Bus and
// want to know.
func (b remoteBus) Connected() bool { return b.c.Connected() }

func (b remoteBus) limit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.c.ctx, b.c.engine.Limits().CallTimeout)
}

func (b remoteBus) AddSender(name string, opts ...sig.SenderOption) (sig.Sender, error) {
	ctx, cancel := b.limit()
	defer cancel()
	return b.c.AddRemoteSender(ctx, name, opts...)
}

func (b remoteBus) AddListener(sender, event string, fn sig.Listener, opts ...sig.ListenOption) (sig.Subscription, error) {
	ctx, cancel := b.limit()
	defer cancel()
	return b.c.AddRemoteListener(ctx, sender, event, fn, opts...)
}

func (b remoteBus) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	return b.c.RemoteRequest(ctx, sender, method, params)
}

func (b remoteBus) Senders(ctx context.Context) ([]sig.SenderInfo, error) {
	return b.c.RemoteSenders(ctx)
}

// RemoteSenders lists the senders at the server, with their events. The broadcast sender,
// whose name is nil, is among them.
func (c *ClientRouter) RemoteSenders(ctx context.Context) ([]sig.SenderInfo, error) {
	p, err := c.server(ctx)
	if err != nil {
		return nil, err
	}
	data, err := p.Call(ctx, "list_senders", []byte(`{"list_events":true}`))
	if err != nil {
		return nil, err
	}
	var list []listedSender
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, sig.Errorf(sig.ErrMalformed, "the server's answer to list_senders is not understood: %v", err)
	}
	infos := make([]sig.SenderInfo, 0, len(list))
	for _, l := range list {
		info := sig.SenderInfo{Name: l.Sender, Connected: l.Connected}
		for _, e := range l.Events {
			if e.Event != nil {
				info.Events = append(info.Events, *e.Event)
			}
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// Ping returns how long the server takes to answer.
func (c *ClientRouter) Ping(ctx context.Context) (time.Duration, error) {
	p, err := c.server(ctx)
	if err != nil {
		return 0, err
	}
	method := "ping"
	if !p.Fast() {
		method = "get_version"
	}
	start := time.Now()
	_, err = p.Call(ctx, method, nil)
	return time.Since(start), err
}
