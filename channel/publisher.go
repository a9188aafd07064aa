package channel

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A PubOption tunes a publisher.
type PubOption func(*pubConfig)

type pubConfig struct {
	retain bool
	limit  int
	part   int
	watch  func(int)
}

// Retain keeps the last value: who subscribes later gets it at once.
func Retain() PubOption { return func(c *pubConfig) { c.retain = true } }

// Limit sets how many messages may be on their way to the router. Publish refuses more with
// ErrFull, instead of letting them wait.
func Limit(messages int) PubOption { return func(c *pubConfig) { c.limit = messages } }

// Part sets from what size on a message is sent in parts, and how large those are, in
// bytes; without it 64 KiB. No part is larger than 512 KiB. Less than zero means that no
// message is divided.
func Part(bytes int) PubOption { return func(c *pubConfig) { c.part = bytes } }

// OnSubscribers sets a function that is told how many listen to the channel, at first and
// whenever that changes. It counts every listener of the channel's events, with this
// package or without. It must not wait.
func OnSubscribers(fn func(n int)) PubOption { return func(c *pubConfig) { c.watch = fn } }

// A Publisher sends messages of type T to a channel. It may be used by several goroutines
// at once. Close it when it is no longer needed.
type Publisher[T any] struct {
	*endpoint
	cfg      pubConfig
	signal   sig.Signal
	messages *progress // nil without Limit
	listened listened

	large    chan struct{} // holds one while a large message is under way
	parts    *progress
	audience *audience

	mu   sync.Mutex
	has  bool // with Retain, a value
	last T
	late map[string]bool // subscribers that a large value has to be sent to

	published atomic.Uint64
}

// NewPublisher adds a publisher to a channel. Typ says what the channel carries; it fails
// with ErrType when the channel is known to carry something else. With "" nobody compares.
func NewPublisher[T any](ctx context.Context, p *Party, channel, typ string, opts ...PubOption) (*Publisher[T], error) {
	pub := &Publisher[T]{large: make(chan struct{}, 1), late: map[string]bool{}}
	for _, o := range opts {
		o(&pub.cfg)
	}
	if pub.cfg.part == 0 {
		pub.cfg.part = defaultPart
	}
	e, err := p.newEndpoint(kindPublish, channel, typ)
	if err != nil {
		return nil, err
	}
	pub.endpoint = e
	data := sig.Events
	if pub.cfg.retain {
		data = sig.Retain
	}
	e.declares = []sig.SenderOption{data(e.channel), sig.Events(e.channel+partEvent, e.channel+markEvent)}
	pub.parts = newProgress(e, "part")
	pub.listened = listened{e: e, tell: pub.cfg.watch}
	var joined func(string)
	if pub.cfg.retain {
		joined = pub.joined
	}
	pub.audience = newAudience(e, joined)
	if pub.cfg.limit > 0 {
		pub.messages = newProgress(e, "")
	}
	e.onReconnected, e.onRestore, e.onStatus = pub.reconnected, pub.restore, pub.report
	if err := pub.begin(ctx); err != nil {
		return nil, errors.Join(err, e.end(err))
	}
	return pub, nil
}

func (p *Publisher[T]) begin(ctx context.Context) error {
	if p.cfg.watch != nil {
		if err := p.listened.begin(); err != nil {
			return err
		}
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	p.listened.first()
	var err error
	if p.signal, err = p.endpoint.signal(p.channel); err != nil {
		return err
	}
	if p.messages != nil {
		return p.messages.ready()
	}
	return nil
}

// Static publishes one value that never changes: who subscribes later gets it at once, for
// as long as the publisher is not closed.
func Static[T any](ctx context.Context, p *Party, channel, typ string, value T, opts ...PubOption) (*Publisher[T], error) {
	pub, err := NewPublisher[T](ctx, p, channel, typ, append(opts[:len(opts):len(opts)], Retain())...)
	if err == nil {
		err = pub.PublishContext(ctx, value)
	}
	return pub, err
}

// Publish is PublishContext without a time limit.
func (p *Publisher[T]) Publish(v T) error { return p.PublishContext(p.ctx, v) }

// PublishContext sends a message to all subscribers of the channel, those of this party
// among them. It returns when the router has it, or when it is on its way there; see
// sig.Signal. A large message goes in parts: PublishContext returns when the router has all
// of them, and messages that are published meanwhile overtake it. Those who subscribe
// meanwhile do not get it.
//
// It fails with ErrFull over the Limit, with ErrType when the channel was found to carry
// another type, with ErrClosed after Close. ctx bounds the waiting.
func (p *Publisher[T]) PublishContext(ctx context.Context, v T) error {
	if err := p.err(); err != nil {
		return err
	}
	if p.messages != nil && !p.messages.take(p.cfg.limit) {
		return sig.Errorf(ErrFull, "channel %q: %d messages are on their way, the most there may be", p.channel, p.cfg.limit)
	}
	err := p.publish(ctx, v)
	switch {
	case p.messages == nil:
	case err != nil:
		p.messages.giveBack()
	default:
		p.messages.triggered()
	}
	if err == nil {
		p.published.Add(1)
	}
	return err
}

func (p *Publisher[T]) publish(ctx context.Context, v T) error {
	if p.isSmall(v) {
		err := p.small(v)
		if p.cfg.part < 0 || !errors.Is(err, sig.ErrLimit) {
			return err
		}
	}
	if p.cfg.retain {
		p.keep(v)
	}
	return p.inParts(ctx, v, "")
}

// isSmall reports whether a message is sent whole.
func (p *Publisher[T]) isSmall(v T) bool { return p.cfg.part < 0 || !largerThan(v, p.cfg.part) }

// small sends a message whole.
func (p *Publisher[T]) small(v T) error {
	if p.cfg.retain {
		p.keep(v)
	}
	return p.signal.Trigger(v)
}

func (p *Publisher[T]) keep(v T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has, p.last = true, v
	clear(p.late)
}

// inParts sends a message in parts, to one subscriber or to all when to is "".
func (p *Publisher[T]) inParts(ctx context.Context, v T, to string) error {
	data, raw, err := encoded(v)
	if err != nil {
		return err
	}
	ctx, cancel := p.until(ctx)
	defer cancel()
	select {
	case p.large <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-p.large }()
	if err := p.follow(ctx); err != nil {
		return err
	}
	return p.sendParts(ctx, data, raw, to)
}

// sendParts sends the parts at the pace of the router and of the slowest subscriber, so that
// what is published meanwhile has no more before it than a few of them.
func (p *Publisher[T]) sendParts(ctx context.Context, data []byte, raw bool, to string) error {
	sg, err := p.endpoint.signal(p.channel + partEvent)
	if err != nil {
		return err
	}
	id := rand.Uint64()
	p.audience.start(id, to)
	size := min(p.cfg.part, mostPart)
	count := (len(data) + size - 1) / size
	var last uint64
	for i := range count {
		if err := p.audience.await(ctx, i-mostBehind+1); err != nil {
			return err
		}
		if p.audience.nobody() {
			return nil
		}
		part, err := partOf(id, data, size, i, raw, to).raw()
		if err == nil {
			err = sg.Trigger(part)
		}
		if err != nil {
			return err
		}
		last = p.parts.triggered()
		if last > mostAhead {
			if err := p.parts.await(ctx, last-mostAhead); err != nil {
				return err
			}
		}
	}
	return p.parts.await(ctx, last)
}

// until returns a context that also ends with the publisher.
func (p *Publisher[T]) until(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ctx, func() { cancel(context.Cause(p.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}

// follow gets to know the subscribers, when that is needed for the first time.
func (p *Publisher[T]) follow(ctx context.Context) error {
	if p.parts.isReady() { // only one large message gets here at a time
		return nil
	}
	if err := p.audience.begin(ctx); err != nil {
		return err
	}
	return p.parts.ready()
}

// joined notes a new subscriber, which has not got a value that was sent in parts.
func (p *Publisher[T]) joined(subscriber string) {
	p.mu.Lock()
	lacks := p.has && !p.isSmall(p.last)
	if lacks {
		p.late[subscriber] = true
	}
	p.mu.Unlock()
	if lacks {
		p.wantRestore()
	}
}

// restore does in the background what has become necessary: it asks who is there, when the
// connection is a new one, and sends values to those who lack them.
func (p *Publisher[T]) restore(reconnected bool) {
	if reconnected && p.parts.isReady() {
		if err := p.audience.list(p.ctx); err != nil && p.err() == nil {
			p.party.report(err)
		}
	}
	p.mu.Lock()
	has, last, late := p.has, p.last, p.late
	p.late = map[string]bool{}
	p.mu.Unlock()
	var err error
	if has && reconnected && p.isSmall(last) {
		err = p.small(last) // the router forgot it with the connection
	}
	for to := range late {
		err = errors.Join(err, p.inParts(p.ctx, last, to))
	}
	if p.err() == nil {
		p.party.report(err)
	}
}

// reconnected is called when the connection is a new one.
func (p *Publisher[T]) reconnected() {
	p.listened.reset()
	p.parts.again()
	if p.messages != nil {
		p.messages.again()
	}
}

// Subscribers returns how many listen to the channel now, as OnSubscribers was told last.
// Without that option it returns 0.
func (p *Publisher[T]) Subscribers() int { return p.listened.count() }

// Waiting returns how many messages are on their way to the router. It is known only with
// Limit.
func (p *Publisher[T]) Waiting() int {
	if p.messages == nil {
		return 0
	}
	return p.messages.waiting()
}

func (p *Publisher[T]) report(s *EndpointStatus) {
	s.Sent, s.Waiting = p.published.Load(), p.Waiting()
}

// Close takes the publisher away, and with it the value it retains.
func (p *Publisher[T]) Close() error { return p.close() }

// Err returns why the publisher can send no more messages: ErrClosed, or ErrType when the
// channel was found to carry something else. It is nil while it can.
func (p *Publisher[T]) Err() error { return p.err() }
