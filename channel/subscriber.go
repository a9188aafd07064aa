package channel

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A Message is what a subscriber gets.
type Message[T any] struct {
	// From is the party that published it. An event that somebody triggered without this
	// package is from the sender of that name.
	From string
	// Retained marks a value from before the subscription.
	Retained bool
	// Data is what was published. Subscribers of one process share it: do not change it.
	Data T
}

// A SubOption tunes a subscriber.
type SubOption func(*subConfig)

type subConfig struct {
	queue   int
	policy  sig.Policy
	maxSize int
	pulled  bool // no goroutine calls the callback
}

// Queue gives a subscriber a goroutine of its own, which calls the callback for one
// message after the other, and a queue of at most size messages; below 1 means 1,024. When
// it is full the policy decides, here and at the router. What is dropped is reported.
func Queue(size int, p sig.Policy) SubOption {
	return func(c *subConfig) {
		if size < 1 {
			size = defaultInbox
		}
		c.queue, c.policy = size, p
	}
}

// MaxSize sets how large a message may be at most, in bytes; without it 128 MiB. It bounds
// the memory for all messages under way to one subscriber to twice as much.
func MaxSize(bytes int) SubOption { return func(c *subConfig) { c.maxSize = bytes } }

// A Subscriber gets the messages of a channel. Close it when it is no longer needed.
type Subscriber struct {
	*endpoint
	got, lost atomic.Uint64
	waiting   atomic.Int64
	inbox     *inbox // nil: messages are delivered where they arrive
	own       bool   // the inbox is no other's
}

// Subscribe calls fn with each message of the channel, of any publisher. Typ says what the
// channel carries; it fails with ErrType when the channel is known to carry something else.
// "" takes what comes.
//
// Without options fn is called where a message arrives: in process in the goroutine that
// publishes, over a connection in that of the client, which waits meanwhile, as sig.Listener
// says; several may call at once. With Queue, or in a party with Loop, one message is
// handled after the other.
//
// Messages that are no T are reported to the party.
func Subscribe[T any](ctx context.Context, p *Party, channel, typ string, fn func(Message[T]), opts ...SubOption) (*Subscriber, error) {
	return subscribe(ctx, p, channel, typ, func(m Message[T], err error) {
		if err != nil {
			p.report(err)
			return
		}
		fn(m)
	}, opts)
}

func subscribe[T any](ctx context.Context, p *Party, channel, typ string, fn func(Message[T], error), opts []SubOption) (*Subscriber, error) {
	var cfg subConfig
	for _, o := range opts {
		o(&cfg)
	}
	e, err := p.newEndpoint(kindListen, channel, typ)
	if err != nil {
		return nil, err
	}
	e.declares = []sig.SenderOption{sig.Events(e.channel + gotEvent)}
	s := &Subscriber{endpoint: e, inbox: p.inbox}
	if cfg.queue > 0 {
		s.inbox, s.own = newInbox(cfg.queue, cfg.policy), true
	}
	e.onStatus = s.report
	small := func(ev sig.Event) { s.arrived(ev, func() { deliver(s, ev, ev.Data, fn) }) }
	large := newAssembler(cfg.maxSize, e, func(ev sig.Event, data any) {
		s.arrived(ev, func() { deliver(s, ev, data, fn) })
	})
	if err := s.begin(ctx, cfg, small, large.part); err != nil {
		return nil, err
	}
	return s, nil
}

// begin adds the listener of large messages before the sender, so that who sees the
// subscriber can send it one, and that of all others when the type is agreed on.
func (s *Subscriber) begin(ctx context.Context, cfg subConfig, small, large sig.Listener) error {
	if s.own {
		s.onEnd = s.inbox.close
	}
	if s.own && !cfg.pulled {
		s.party.spawn(s.work)
	}
	dropped := sig.OnDrop(func(d sig.Drop) { s.dropped(d.Count, d.Reason) })
	err := s.listen(prefix+kindPublish+".*."+s.channel, s.channel+partEvent, large, dropped)
	if err == nil {
		err = s.start(ctx)
	}
	if err == nil {
		err = s.listen(sig.Any, s.channel, small, dropped, func(c *sig.ListenConfig) { c.Policy = cfg.policy })
	}
	if err != nil {
		err = errors.Join(err, s.end(err))
	}
	return err
}

// arrived takes a message that came, or puts it where it waits.
func (s *Subscriber) arrived(e sig.Event, deliver func()) {
	s.got.Add(1)
	if s.inbox == nil {
		deliver()
		return
	}
	s.inbox.put(letter{
		key: s.name + "\x00" + e.Sender, deliver: deliver,
		lost:    func(n uint64) { s.dropped(n, "the queue was full") },
		counted: func(d int64) { s.waiting.Add(d) },
	})
}

func (s *Subscriber) dropped(n uint64, reason string) {
	s.lost.Add(n)
	if s.inbox != nil && s.inbox.policy == sig.Latest {
		return // it is what was asked for
	}
	s.party.report(lost(s.channel, "%d dropped: %s", n, reason))
}

// work calls the callback, with Queue.
func (s *Subscriber) work() {
	for s.inbox.next(s.party.ctx) {
	}
}

// deliver decodes a message, and hands it over unless the subscriber is closed.
func deliver[T any](s *Subscriber, e sig.Event, data any, fn func(Message[T], error)) {
	if s.err() != nil {
		return
	}
	m := Message[T]{Retained: e.Retained}
	m.From, _ = partyOf(e.Sender)
	var err error
	if m.Data, err = sig.As[T](data); err != nil {
		err = sig.Errorf(sig.ErrInvalid, "channel %q: a message of %s cannot be read: %v", s.channel, m.From, err)
	}
	fn(m, err)
}

func (s *Subscriber) report(st *EndpointStatus) {
	st.Got, st.Lost, st.Waiting = s.got.Load(), s.lost.Load(), int(s.waiting.Load())
}

// Close ends the subscription. A callback under way is not waited for.
func (s *Subscriber) Close() error { return s.close() }

// Err returns why the subscriber gets no more messages: ErrClosed, or ErrType when the
// channel was found to carry something else. It is nil while it gets them.
func (s *Subscriber) Err() error { return s.err() }
