package channel

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Options tunes a Party. The zero value is ready for use.
type Options struct {
	// Name is what the party calls itself; the others see it in Message.From. When it is
	// taken, something is added to it. "" means a name that nobody has.
	Name string
	// Map gives channels other names: who says the first means the second. Nil means what
	// the environment variable SIG_MAP says.
	Map map[string]string
	// Loop makes callbacks wait for Wait, which calls them in the goroutine that calls it.
	Loop bool
	// Inbox is how many messages may wait for Wait; 0 means 1,024.
	Inbox int
	// Policy says what happens to more; the default is sig.DropOldest. What is dropped is
	// reported as ErrLost.
	Policy sig.Policy
	// OnError, if not nil, is told of what goes wrong later than the call that began it: a
	// channel that was found to have another type, messages that cannot be read, messages
	// lost. It may be called by several goroutines at once. Without it errors are logged.
	OnError func(error)
	// Logger is told when OnError is nil. Nil means slog.Default.
	Logger *slog.Logger
}

// patience is how long what is done in the background waits for the router.
const patience = 30 * time.Second

// A Party is one who publishes and subscribes: a program, or a part of one. It may be used
// by several goroutines at once. Close it when it is no longer needed.
type Party struct {
	bus    sig.Bus
	opts   Options
	names  map[string]string
	name   string
	sender sig.Sender
	subs   []sig.Subscription
	inbox  *inbox // nil without Loop

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	wake   chan struct{} // holds one when there is something to look after

	mu        sync.Mutex
	joined    bool // its own #connect was heard before
	endpoints []*endpoint
	dirty     map[string]bool // channels to be looked at again: true, nobody answers for the type
	again     bool            // the connection is a new one: look at everything
}

// Join adds a party to a bus. ctx bounds only the setting up.
func Join(ctx context.Context, b sig.Bus, opts Options) (*Party, error) {
	p := &Party{bus: b, opts: opts, names: maps.Clone(opts.Map), wake: make(chan struct{}, 1), dirty: map[string]bool{}}
	if opts.Map == nil {
		var err error
		if p.names, err = mapFromEnvironment(); err != nil {
			return nil, err
		}
	}
	if strings.ContainsAny(opts.Name, ".~") {
		return nil, sig.Errorf(sig.ErrInvalid, "party name %q has a dot or a tilde, which divide the names of senders; leave them out", opts.Name)
	}
	if opts.Loop {
		policy := opts.Policy
		if policy == sig.PolicyDefault {
			policy = sig.DropOldest
		}
		p.inbox = newInbox(opts.Inbox, policy)
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	if err := p.begin(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.spawn(p.lookAfter)
	return p, nil
}

// begin takes a name and listens to what concerns all endpoints.
func (p *Party) begin(ctx context.Context) error {
	name := p.opts.Name
	if name == "" {
		name = "p" + suffix()
	}
	for {
		err := p.take(name)
		if !errors.Is(err, sig.ErrTaken) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name = p.opts.Name + "-" + suffix()
	}
}

func suffix() string { return strings.ToLower(rand.Text()[:6]) }

// take adds the party's own sender. Its #connect is heard again when the connection is a
// new one, and so is the beginning of everything that is to be done again then.
func (p *Party) take(name string) error {
	self := prefix + kindParty + "." + name
	own, err := p.bus.AddListener(self, sig.Connect, func(sig.Event) { p.connected() })
	if err != nil {
		return err
	}
	sender, err := p.bus.AddSender(self, sig.Answer("about", p.about))
	if err != nil {
		own.Remove()
		return err
	}
	p.name, p.sender = name, sender
	p.subs = append(p.subs, own)
	types, err := p.bus.AddListener(prefix+kindType+".>", sig.Any, p.typed)
	if err != nil {
		return err
	}
	p.subs = append(p.subs, types)
	return nil
}

// Name returns what the party is called.
func (p *Party) Name() string { return p.name }

// Connected reports whether the party reaches its router now. A party in the router's own
// process always does, until it is closed.
func (p *Party) Connected() bool {
	if p.ctx.Err() != nil {
		return false
	}
	b, ok := p.bus.(interface{ Connected() bool })
	return !ok || b.Connected()
}

// Done is closed when the party is.
func (p *Party) Done() <-chan struct{} { return p.ctx.Done() }

// Wait calls the callbacks of the messages that have come, and of those that come within
// the time, in the calling goroutine. It is for parties with the option Loop; for others it
// only waits. It reports false once the party is closed.
func (p *Party) Wait(timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	if p.inbox == nil {
		<-ctx.Done()
		return p.ctx.Err() == nil
	}
	for p.inbox.next(ctx) {
	}
	return p.ctx.Err() == nil
}

// Close ends all publishers, subscribers and watchers of the party. Do not call it from
// a callback without Loop.
func (p *Party) Close() error {
	p.mu.Lock()
	p.cancel(ErrClosed)
	all := slices.Clone(p.endpoints)
	p.mu.Unlock()
	var err error
	for _, e := range slices.Backward(all) {
		err = errors.Join(err, e.close())
	}
	for _, s := range p.subs {
		s.Remove()
	}
	if p.inbox != nil {
		p.inbox.close()
	}
	p.wg.Wait()
	if p.sender != nil {
		err = errors.Join(err, p.sender.Remove())
	}
	return err
}

// spawn runs fn in a goroutine that Close waits for.
func (p *Party) spawn(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() == nil {
		p.wg.Go(fn)
	}
}

// mapped returns the name that a channel has here.
func (p *Party) mapped(channel string) string {
	if to, ok := p.names[channel]; ok {
		return to
	}
	return channel
}

// report tells of what went wrong later.
func (p *Party) report(err error) {
	switch {
	case err == nil:
	case p.opts.OnError != nil:
		p.opts.OnError(err)
	case p.opts.Logger != nil:
		p.opts.Logger.Error("channel", "party", p.name, "err", err)
	default:
		slog.Error("channel", "party", p.name, "err", err)
	}
}

// connected is called when the party's sender was added, the first time and after each
// reconnect.
func (p *Party) connected() {
	p.mu.Lock()
	first := !p.joined
	p.joined = true
	if !first {
		p.again = true
	}
	all := slices.Clone(p.endpoints)
	p.mu.Unlock()
	if first {
		return
	}
	for _, e := range all {
		e.reconnected()
	}
	p.poke()
}

// typed is called with each event of those who answer for types.
func (p *Party) typed(e sig.Event) {
	channel := strings.TrimPrefix(e.Sender, prefix+kindType+".")
	vacant := false
	switch e.Name {
	case sig.Connect:
		var d sig.Declaration
		if err := e.Decode(&d); err == nil && !p.gives(channel, marked(d.Events, typeMark)) {
			return
		}
	case sig.Disconnect:
		vacant = true
	default:
		return
	}
	p.mu.Lock()
	before, noted := p.dirty[channel]
	p.dirty[channel] = vacant && (before || !noted)
	p.mu.Unlock()
	p.poke()
}

// gives reports whether an endpoint gives the channel another type than that.
func (p *Party) gives(channel, typ string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.endpoints, func(e *endpoint) bool {
		return e.channel == channel && e.typ != "" && e.typ != typ
	})
}

func (p *Party) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// lookAfter does in the background what events have made necessary.
func (p *Party) lookAfter() {
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		dirty, again := p.dirty, p.again
		p.dirty, p.again = map[string]bool{}, false
		all := slices.Clone(p.endpoints)
		p.mu.Unlock()
		for _, e := range all {
			vacant, noted := dirty[e.channel]
			if again || noted {
				e.lookAgain(p.ctx, vacant && !again)
			}
			e.restore(again)
		}
	}
}

// A Status is what a party says of itself, when its sender is asked "about".
type Status struct {
	Party     string           `json:"party"`
	Endpoints []EndpointStatus `json:"endpoints"`
}

// An EndpointStatus is what a publisher, subscriber or watcher says of itself.
type EndpointStatus struct {
	Kind    string `json:"kind"` // "pub", "sub" or "watch"
	Channel string `json:"channel"`
	Type    string `json:"type,omitempty"`
	Sent    uint64 `json:"sent,omitempty"`    // messages published
	Waiting int    `json:"waiting,omitempty"` // messages on their way to the router, or to a callback
	Got     uint64 `json:"got,omitempty"`     // messages received
	Lost    uint64 `json:"lost,omitempty"`    // messages dropped
}

// Status returns what the party does, and what came of it.
func (p *Party) Status() Status {
	p.mu.Lock()
	all := slices.Clone(p.endpoints)
	p.mu.Unlock()
	s := Status{Party: p.name, Endpoints: []EndpointStatus{}}
	for _, e := range all {
		s.Endpoints = append(s.Endpoints, e.status())
	}
	return s
}

func (p *Party) about(context.Context, sig.Request) (any, error) {
	return p.Status(), nil
}
