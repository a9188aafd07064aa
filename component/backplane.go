package component

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A Backplane is a router that a component has joined.
type Backplane struct {
	c    *Component
	name string
	bus  sig.Bus
	self string // the component's name there

	published, received atomic.Uint64

	mu     sync.Mutex
	left   bool
	sender sig.Sender
	topics map[string]*topic
	subs   []*subscription // in the order of their making
}

// between stands in the names of senders between the component and a topic that it did not
// declare. It is a part of its own, so that rules can allow a component all of them.
const between = ".~."

// A topic is one that was published.
type topic struct {
	ready  chan struct{} // closed when the rest is set
	sender sig.Sender    // of its own, or nil
	signal sig.Signal
	err    error
}

// A subscription is one topic subscribed to.
type subscription struct {
	topic  string // "" for all
	prefix bool   // any topic that begins so
	sub    sig.Subscription
}

func newBackplane(c *Component, name string, b sig.Bus) *Backplane {
	return &Backplane{c: c, name: name, bus: b, topics: map[string]*topic{}}
}

// begin takes a name at the backplane.
func (p *Backplane) begin(ctx context.Context) error {
	for name := p.c.opts.Name; ; name = p.c.opts.Name + "-" + suffix() {
		s, err := p.bus.AddSender(name, sig.Events(p.c.opts.Topics...), sig.Answer("about", p.about))
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.self, p.sender = name, s
			return nil
		}
		if !errors.Is(err, sig.ErrTaken) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func suffix() string { return strings.ToLower(rand.Text()[:6]) }

// Name returns what the component calls the backplane.
func (p *Backplane) Name() string { return p.name }

// Self returns what the component is called there.
func (p *Backplane) Self() string { return p.self }

// Connected reports whether the backplane can be reached now. One in the component's own
// process always can.
func (p *Backplane) Connected() bool {
	b, ok := p.bus.(interface{ Connected() bool })
	return !ok || b.Connected()
}

// Subscribe has the messages of a topic come to Receive, those of the topics below it too:
// "echo" brings "echo.left". "*" stands for any part between dots, a last ">" for all that
// follow, and "" for every topic. A built-in event comes only to who subscribes to it by
// name: "#connect" tells of senders that come. When Subscribe returns the router knows, so
// that nothing published from then on is missed. Subscribing again does nothing.
func (p *Backplane) Subscribe(topic string) error {
	if topic != "" {
		if err := sig.CheckPattern("topic", topic); err != nil {
			return err
		}
	}
	return p.subscribe(&subscription{topic: topic})
}

// SubscribePrefix has all topics come to Receive that begin with the letters of prefix:
// "ec" brings "echo". The router sends the topics that share the parts before its last dot,
// and what does not match is left out here; so give as many parts as there are.
func (p *Backplane) SubscribePrefix(prefix string) error {
	if prefix == "" {
		return p.Subscribe("")
	}
	if err := sig.CheckName("topic", prefix+"x"); err != nil {
		return err
	}
	return p.subscribe(&subscription{topic: prefix, prefix: true})
}

func (p *Backplane) subscribe(s *subscription) error {
	p.mu.Lock()
	if p.left {
		p.mu.Unlock()
		return ErrClosed
	}
	if slices.ContainsFunc(p.subs, func(x *subscription) bool { return x.topic == s.topic && x.prefix == s.prefix }) {
		p.mu.Unlock()
		return nil
	}
	p.subs = append(p.subs, s)
	p.mu.Unlock()

	event, opts := s.event()
	opts = append(opts, sig.OnDrop(func(d sig.Drop) { p.c.inbox.missed(d.Count) }))
	sub, err := p.bus.AddListener(sig.Any, event, func(e sig.Event) { p.heard(s, e) }, opts...)
	p.mu.Lock()
	s.sub = sub
	over := err != nil || !slices.Contains(p.subs, s) // unsubscribed, or left, meanwhile
	if err != nil {
		p.forget(s)
	}
	p.mu.Unlock()
	if over && sub != nil {
		sub.Remove()
	}
	return err
}

// forget takes a subscription out of the list. p.mu is held.
func (p *Backplane) forget(s *subscription) {
	p.subs = slices.DeleteFunc(p.subs, func(x *subscription) bool { return x == s })
}

// event returns what to listen to.
func (s *subscription) event() (pattern string, opts []sig.ListenOption) {
	switch {
	case s.topic == "":
		return sig.Any, nil
	case !s.prefix:
		return s.topic, []sig.ListenOption{sig.Below()}
	}
	if i := strings.LastIndexByte(s.topic, '.'); i >= 0 {
		return s.topic[:i] + "." + sig.Any, nil
	}
	return sig.Any, nil
}

func (s *subscription) matches(topic string) bool {
	switch {
	case sig.IsBuiltin(topic):
		return s.topic == topic
	case s.topic == "":
		return true
	case s.prefix:
		return strings.HasPrefix(topic, s.topic)
	}
	return sig.MatchBelow(s.topic, topic)
}

// heard takes an event that the listener of a subscription was called with. Of several
// subscriptions that match, the first hands it on.
func (p *Backplane) heard(s *subscription, e sig.Event) {
	p.mu.Lock()
	i := slices.IndexFunc(p.subs, func(x *subscription) bool { return x.matches(e.Name) })
	first := i >= 0 && p.subs[i] == s
	p.mu.Unlock()
	if !first {
		return
	}
	p.received.Add(1)
	from, _, _ := strings.Cut(e.Sender, between)
	p.c.inbox.put(Message{Topic: e.Name, From: from, Backplane: p.name, Retained: e.Retained, Data: e.Data})
}

// Unsubscribe ends what Subscribe, or SubscribePrefix, began with the same topic. When it
// has returned nothing more of it comes but what waits already.
func (p *Backplane) Unsubscribe(topic string) error {
	p.mu.Lock()
	var gone []*subscription
	for _, s := range p.subs {
		if s.topic == topic {
			gone = append(gone, s)
		}
	}
	for _, s := range gone {
		p.forget(s)
	}
	p.mu.Unlock()
	if len(gone) == 0 {
		return sig.Errorf(sig.ErrNoListener, "%s is not subscribed to %q", p.self, topic)
	}
	for _, s := range gone {
		p.remove(s)
	}
	return nil
}

// remove ends a subscription that was taken out of the list. One that is still being made
// is ended by who makes it.
func (p *Backplane) remove(s *subscription) {
	p.mu.Lock()
	sub := s.sub
	p.mu.Unlock()
	if sub != nil {
		sub.Remove()
	}
}

// Publish sends a payload to all who are subscribed to the topic, this component among
// them if it is. The payload may be anything that can be encoded; it fails when that
// cannot be. It returns when the payload is on its way, as sig.Signal.Trigger does.
func (p *Backplane) Publish(topic string, payload any) error {
	t, err := p.declared(topic)
	if err != nil {
		return err
	}
	if err := t.signal.Trigger(payload); err != nil {
		return err
	}
	p.published.Add(1)
	return nil
}

// declared returns a topic, and declares it before its first use.
func (p *Backplane) declared(name string) (*topic, error) {
	p.mu.Lock()
	if p.left {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	t, ok := p.topics[name]
	if !ok {
		t = &topic{ready: make(chan struct{})}
		p.topics[name] = t
	}
	p.mu.Unlock()
	if !ok {
		p.declare(name, t)
	}
	<-t.ready
	return t, t.err
}

func (p *Backplane) declare(name string, t *topic) {
	defer close(t.ready)
	if t.err = checkTopic(name); t.err == nil {
		p.mu.Lock()
		sender := p.sender // nil when it has left meanwhile, which is seen below
		p.mu.Unlock()
		if !slices.Contains(p.c.opts.Topics, name) {
			sender, t.err = p.bus.AddSender(p.self+between+name, sig.Events(name))
			t.sender = sender
		}
		switch {
		case t.err != nil:
		case sender == nil:
			t.err = ErrClosed
		default:
			t.signal, t.err = sender.Signal(name)
		}
	}
	p.mu.Lock()
	left := p.left
	if t.err != nil {
		delete(p.topics, name) // so that it is tried again
	}
	p.mu.Unlock()
	if left && t.sender != nil { // Leave did not see it
		t.err = errors.Join(ErrClosed, t.sender.Remove())
	}
}

// AwaitSubscriber returns when somebody else is subscribed to the topic, so that a first
// payload is not lost because those it is for have not started yet. Any listener of the
// topic counts, a monitor too.
func (p *Backplane) AwaitSubscriber(ctx context.Context, topic string) error {
	if err := checkTopic(topic); err != nil {
		return err
	}
	p.mu.Lock()
	own := 0
	for _, s := range p.subs {
		if s.matches(topic) {
			own++
		}
	}
	p.mu.Unlock()
	there := make(chan struct{}, 1)
	probe := p.self + between + "await~" + suffix()
	sub, err := p.bus.AddListener(probe, sig.Subscribe, func(e sig.Event) {
		if l, err := sig.As[sig.Listening](e.Data); err == nil && l.Event == topic && l.Listeners > own {
			select {
			case there <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	defer sub.Remove()
	s, err := p.bus.AddSender(probe, sig.Events(topic)) // the router tells it who listens
	if err != nil {
		return err
	}
	select {
	case <-there:
		return s.Remove()
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), s.Remove())
	}
}

// Leave takes the component away from the backplane. What has come from there already is
// still handled. Leaving again does nothing.
func (p *Backplane) Leave() error {
	p.mu.Lock()
	p.left = true
	subs, topics, sender := p.subs, p.topics, p.sender
	p.subs, p.topics, p.sender = nil, nil, nil
	p.mu.Unlock()
	for _, s := range subs {
		p.remove(s)
	}
	var err error
	for _, t := range topics {
		select {
		case <-t.ready:
			if t.sender != nil {
				err = errors.Join(err, t.sender.Remove())
			}
		default: // who declares it sees that it is over
		}
	}
	if sender != nil {
		err = errors.Join(err, sender.Remove())
	}
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.c.planes = slices.DeleteFunc(p.c.planes, func(x *Backplane) bool { return x == p })
	return err
}

// A Status is what a component answers to the request "about".
type Status struct {
	Name          string    `json:"name"`
	Since         time.Time `json:"since"`
	Subscriptions []string  `json:"subscriptions"` // sorted; those by prefix end in "…"
	Published     uint64    `json:"published"`     // messages, here
	Received      uint64    `json:"received"`      // messages, here
	Waiting       int       `json:"waiting"`       // messages, of all backplanes
	Dropped       uint64    `json:"dropped"`       // messages, of all backplanes
}

// Status returns what the component does at the backplane, and what came of it.
func (p *Backplane) Status() Status {
	s := Status{
		Since: p.c.since, Subscriptions: []string{},
		Published: p.published.Load(), Received: p.received.Load(),
		Waiting: p.c.Waiting(), Dropped: p.c.Dropped(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Name = p.self
	for _, x := range p.subs {
		name := x.topic
		if x.prefix {
			name += "…"
		}
		s.Subscriptions = append(s.Subscriptions, name)
	}
	slices.Sort(s.Subscriptions)
	return s
}

func (p *Backplane) about(context.Context, sig.Request) (any, error) { return p.Status(), nil }
