package router

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// caller returns the context whose values say who calls, and that what is asked with it is
// one hop away from a request of theirs.
func (x *session) caller() context.Context {
	x.callerOnce.Do(func() {
		who := &sig.Caller{ID: x.id, Identity: x.identity(), Bus: callerBus{x}, Done: x.done}
		if p := x.peer.Load(); p != nil {
			who.Name = p.Name()
			if who.ID == "" {
				who.ID = fmt.Sprintf("%s-%d", x.srv.epoch, p.ID)
			}
		}
		x.callerCtx = sig.WithCaller(context.WithValue(sig.WithHops(context.Background(), 1), sessionKey{}, x), who)
	})
	return x.callerCtx
}

// callerBus reaches the senders that one client added.
type callerBus struct{ x *session }

func (b callerBus) own(name string) (*sender, error) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	if snd := b.x.senders[name]; snd != nil {
		return snd, nil
	}
	if b.x.peer.Load() == nil {
		return nil, sig.Errorf(sig.ErrNoSender, "the client that had sender %s has gone", quoted(name))
	}
	return nil, sig.Errorf(sig.ErrNoSender, "the caller %s has no sender %s", b.x, quoted(name))
}

func (b callerBus) AddSender(string, ...sig.SenderOption) (sig.Sender, error) {
	return nil, sig.Errorf(sig.ErrRefused, "a caller's bus reaches its senders; it cannot be given others")
}

func (b callerBus) AddListener(sender, event string, fn sig.Listener, opts ...sig.ListenOption) (sig.Subscription, error) {
	if _, err := b.own(sender); err != nil {
		return nil, err
	}
	return b.x.srv.AddListener(sender, event, fn, opts...)
}

func (b callerBus) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	if _, err := b.own(sender); err != nil {
		return sig.Response{}, err
	}
	return b.x.srv.Router.Request(ctx, sender, method, params)
}

func (b callerBus) Senders(context.Context) ([]sig.SenderInfo, error) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	var infos []sig.SenderInfo
	for name, snd := range b.x.senders {
		infos = append(infos, sig.SenderInfo{Name: &name, Connected: true, Events: snd.eventNames()})
	}
	slices.SortFunc(infos, func(a, b sig.SenderInfo) int { return strings.Compare(*a.Name, *b.Name) })
	return infos, nil
}
