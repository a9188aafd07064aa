package channel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// An endpoint is what a publisher, a subscriber and a watcher have in common: a sender
// whose name and events say what it is, so that all who know the router can see it.
//
// Those who use a channel agree on its type without anybody's help. One of them holds the
// sender channel.type.NAME, whose events tell the type; a name has one holder at a time.
// Who comes later compares. Who holds it leaves it to another when it goes.
type endpoint struct {
	party         *Party
	kind          string
	channel, typ  string
	name          string // of the sender
	declares      []sig.SenderOption
	onReconnected func()                 // nothing that waits
	onRestore     func(reconnected bool) // in a goroutine of its own
	onStatus      func(*EndpointStatus)
	onEnd         func()
	ctx           context.Context // ends with the endpoint
	cancel        context.CancelCauseFunc

	mu                sync.Mutex
	settled           bool // agreed on the type once
	wanted, restoring bool
	sender            sig.Sender
	holder            sig.Sender // of the channel's type; nil when it is another's
	subs              []sig.Subscription
	failed            error // why it has ended
}

// newEndpoint prepares an endpoint of a channel as the user calls it.
func (p *Party) newEndpoint(kind, channel, typ string) (*endpoint, error) {
	channel = p.mapped(channel)
	if err := checkNames(channel, typ); err != nil {
		return nil, err
	}
	e := &endpoint{party: p, kind: kind, channel: channel, typ: typ}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return nil, ErrClosed
	}
	for n := 1; ; n++ {
		who := p.name
		if n > 1 {
			who = fmt.Sprintf("%s~%d", p.name, n)
		}
		e.name = prefix + kind + "." + who + "." + channel
		if !slices.ContainsFunc(p.endpoints, func(o *endpoint) bool { return o.name == e.name }) {
			break
		}
	}
	if err := sig.CheckName("sender", e.name); err != nil {
		return nil, err
	}
	e.ctx, e.cancel = context.WithCancelCause(p.ctx)
	p.endpoints = append(p.endpoints, e)
	return e, nil
}

// listen adds a listener that goes with the endpoint.
func (e *endpoint) listen(sender, event string, fn sig.Listener, opts ...sig.ListenOption) error {
	s, err := e.party.bus.AddListener(sender, event, fn, opts...)
	if err != nil {
		return err
	}
	e.mu.Lock()
	ended := e.failed
	if ended == nil {
		e.subs = append(e.subs, s)
	}
	e.mu.Unlock()
	if ended != nil {
		s.Remove()
	}
	return ended
}

// start agrees on the type and adds the sender. When it fails nothing is left.
func (e *endpoint) start(ctx context.Context) error {
	err := e.agree(ctx)
	if err != nil {
		return errors.Join(err, e.end(err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled = true
	return e.failed
}

// agree returns when the channel has the endpoint's type and the endpoint its sender, or
// the error that says why that cannot be.
func (e *endpoint) agree(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		settled, err := e.tryAgree(ctx)
		if settled || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("channel %q: no agreement on its type: %w", e.channel, context.Cause(ctx))
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

// tryAgree looks at who there is, and does what can be done. It reports false when it has
// to look again.
func (e *endpoint) tryAgree(ctx context.Context) (settled bool, err error) {
	if e.typ == "" {
		return true, e.appear()
	}
	all, err := e.census(ctx)
	if err != nil {
		return false, err
	}
	typ, holder, known := all.typeOf(e.channel)
	e.letGo(holder)
	switch {
	case !known:
		return e.hold(ctx)
	case typ == e.typ && (e.appeared() || e.wasSettled()):
		return true, nil
	case typ == e.typ:
		// Look again: the holder may have gone, and one with another type come, before
		// anybody could see that this endpoint is there.
		return false, e.appear()
	case all.has(e.channel, typ):
		return false, typeError(e.channel, typ, e.typ)
	}
	return false, nil // the holder has not made up its mind
}

// hold tries to become the one who answers for the type. Who is new gives way to those
// who are there already.
func (e *endpoint) hold(ctx context.Context) (settled bool, err error) {
	s, err := e.party.bus.AddSender(prefix+kindType+"."+e.channel, sig.Events(typeMark+e.typ, holderMark+e.name))
	if errors.Is(err, sig.ErrTaken) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !e.wasSettled() {
		all, err := e.census(ctx)
		if err == nil {
			if typ := all.other(e.channel, e.typ); typ != "" {
				err = typeError(e.channel, typ, e.typ)
			} else {
				err = e.appear()
			}
		}
		if err != nil {
			return false, errors.Join(err, s.Remove())
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil {
		return false, errors.Join(e.failed, s.Remove())
	}
	e.holder = s
	return true, nil
}

// letGo gives up answering for the type when the router says that another does: after the
// connection was lost for a time.
func (e *endpoint) letGo(holder string) {
	if holder == e.name {
		return
	}
	e.mu.Lock()
	s := e.holder
	e.holder = nil
	e.mu.Unlock()
	if s != nil {
		_ = s.Remove() // the router refuses to remove what is not ours any more
	}
}

func (e *endpoint) census(ctx context.Context) (census, error) {
	return e.party.bus.Senders(ctx)
}

// signal returns one of the sender's signals.
func (e *endpoint) signal(event string) (sig.Signal, error) {
	e.mu.Lock()
	s, failed := e.sender, e.failed
	e.mu.Unlock()
	switch {
	case failed != nil:
		return nil, failed
	case s == nil:
		return nil, ErrClosed
	}
	return s.Signal(event)
}

func (e *endpoint) wasSettled() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settled
}

func (e *endpoint) appeared() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sender != nil
}

// appear adds the sender.
func (e *endpoint) appear() error {
	if e.appeared() {
		return nil
	}
	declares := e.declares
	if e.typ != "" {
		declares = append(declares[:len(declares):len(declares)], sig.Events(typeMark+e.typ))
	}
	s, err := e.party.bus.AddSender(e.name, declares...)
	if err != nil {
		return err
	}
	e.mu.Lock()
	failed := e.failed
	if failed == nil {
		e.sender = s
	}
	e.mu.Unlock()
	if failed != nil {
		return errors.Join(failed, s.Remove())
	}
	return nil
}

// lookAgain agrees anew, in the background. When all that happened is that the holder of
// the type has gone, it is enough to try and take its place: whoever was faster is heard of.
func (e *endpoint) lookAgain(ctx context.Context, vacant bool) {
	if e.typ == "" || e.err() != nil || !e.appeared() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if vacant {
		_, err = e.hold(ctx)
	} else {
		err = e.agree(ctx)
	}
	switch {
	case err == nil || e.err() != nil:
	case errors.Is(err, ErrType):
		e.end(err)
		e.party.report(err)
	case errors.Is(err, sig.ErrNotConnected), errors.Is(err, sig.ErrShuttingDown), ctx.Err() != nil:
		// it is done again when there is a connection
	default:
		e.party.report(err)
	}
}

func (e *endpoint) reconnected() {
	if e.onReconnected != nil && e.appeared() {
		e.onReconnected()
	}
}

// wantRestore asks for a call of onRestore.
func (e *endpoint) wantRestore() {
	e.mu.Lock()
	e.wanted = true
	e.mu.Unlock()
	e.party.poke()
}

// restore has onRestore called, if that is wanted or the connection is a new one. One call
// at a time is under way.
func (e *endpoint) restore(reconnected bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wanted = e.wanted || reconnected
	if !e.wanted || e.onRestore == nil || e.sender == nil || e.restoring {
		return
	}
	e.wanted, e.restoring = false, true
	e.party.spawn(func() {
		e.onRestore(reconnected)
		e.mu.Lock()
		e.restoring = false
		more := e.wanted
		e.mu.Unlock()
		if more {
			e.party.poke()
		}
	})
}

func (e *endpoint) status() EndpointStatus {
	s := EndpointStatus{Kind: e.kind, Channel: e.channel, Type: e.typ}
	if e.onStatus != nil {
		e.onStatus(&s)
	}
	return s
}

// err returns why the endpoint has ended, nil while it has not.
func (e *endpoint) err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

// close ends the endpoint.
func (e *endpoint) close() error { return e.end(ErrClosed) }

// end takes everything away that the endpoint has at the router.
func (e *endpoint) end(why error) error {
	e.mu.Lock()
	if e.failed == nil {
		e.failed = why
	}
	e.cancel(e.failed)
	sender, holder, subs := e.sender, e.holder, e.subs
	e.sender, e.holder, e.subs = nil, nil, nil
	e.mu.Unlock()
	for _, s := range subs {
		s.Remove()
	}
	if e.onEnd != nil {
		e.onEnd()
	}
	var err error
	for _, s := range []sig.Sender{sender, holder} { // who answers for the type goes last
		if s != nil {
			err = errors.Join(err, s.Remove())
		}
	}
	p := e.party
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoints = slices.DeleteFunc(p.endpoints, func(o *endpoint) bool { return o == e }) // now the name is free
	return err
}
