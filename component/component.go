package component

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Options tunes a Component. The zero value is ready for use.
type Options struct {
	// Name is what the component calls itself; the others see it in Message.From. Where
	// another has the name already, something is added to it. "" means "component". It
	// may not contain a tilde.
	Name string
	// Topics are the topics that the component is going to publish. Others may be
	// published too; to name them here saves a sender for each.
	Topics []string
	// Backplane is what the function Join calls the backplane, its address for instance.
	Backplane string
	// Banner is where a few lines are written when a backplane was joined; nil for none.
	Banner io.Writer
	// Queue is how many messages may wait for Receive; 0 means 1,024.
	Queue int
	// Policy says what happens to more: sig.DropOldest, which is the default,
	// sig.DropNewest or sig.Latest.
	Policy sig.Policy
	// Idle, if not nil, is called by Receive while no message waits: when it finds that,
	// and again every IdleEvery. It may publish. A message that comes meanwhile waits
	// until it has returned.
	Idle func()
	// IdleEvery is the least time between two calls of Idle; 0 means 100 ms.
	IdleEvery time.Duration
	// OnError, if not nil, is told of what goes wrong with single messages: the function
	// that handles them failed or panicked, or they were dropped, which matches
	// sig.ErrSlow. It may be called by several goroutines at once. Without it errors are
	// logged.
	OnError func(error)
	// Logger is told when OnError is nil. Nil means slog.Default.
	Logger *slog.Logger
}

// Errors of Receive.
var (
	// ErrStop is for the function that handles messages to return, itself or wrapped, when
	// it wants no more: Receive returns nil then.
	ErrStop = errors.New("component: stop receiving")
	// ErrClosed reports that the component was closed.
	ErrClosed = errors.New("component: closed")
)

// defaultAddress is where sig serve listens.
const defaultAddress = "tcp://127.0.0.1:3000"

// Address returns where to find the backplane: what the environment variable SIG_URL
// says, which sig launch sets, or else where sig serve listens by default.
func Address() string { return cmp.Or(os.Getenv("SIG_URL"), defaultAddress) }

// A Component is one who takes part in what goes on at backplanes. Its methods may be
// called from several goroutines at once. Close it when it is no longer needed.
type Component struct {
	opts  Options
	inbox *inbox
	since time.Time

	mu     sync.Mutex
	closed bool
	planes []*Backplane // in the order of joining
}

// New returns a component that has joined no backplane yet.
func New(o Options) (*Component, error) {
	o.Name = cmp.Or(o.Name, "component")
	o.IdleEvery = cmp.Or(o.IdleEvery, 100*time.Millisecond)
	if strings.Contains(o.Name, "~") {
		return nil, sig.Errorf(sig.ErrInvalid, "component name %q has a tilde, which divides the names of its senders; leave it out", o.Name)
	}
	switch o.Policy {
	case sig.PolicyDefault:
		o.Policy = sig.DropOldest
	case sig.DropOldest, sig.DropNewest, sig.Latest:
	default:
		return nil, sig.Errorf(sig.ErrInvalid, "a component's queue cannot let others wait; take sig.DropOldest, sig.DropNewest or sig.Latest")
	}
	err := sig.CheckName("component", o.Name)
	for _, topic := range o.Topics {
		err = errors.Join(err, checkTopic(topic))
	}
	if err != nil {
		return nil, err
	}
	return &Component{opts: o, inbox: newInbox(o.Queue, o.Policy), since: time.Now()}, nil
}

// Join returns a component that has joined one backplane, which is called Options.Backplane.
// ctx bounds only the joining.
func Join(ctx context.Context, b sig.Bus, o Options) (*Component, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	if _, err := c.Join(ctx, o.Backplane, b); err != nil {
		return nil, err
	}
	return c, nil
}

// Join joins one more backplane, under a name that none of the component's others has. ctx
// bounds only the joining. Topics that were subscribed to before are not subscribed to there.
func (c *Component) Join(ctx context.Context, name string, b sig.Bus) (*Backplane, error) {
	p := newBackplane(c, name, b)
	c.mu.Lock()
	err := c.room(name)
	if err == nil {
		c.planes = append(c.planes, p)
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		return nil, errors.Join(err, p.Leave())
	}
	if c.opts.Banner != nil {
		c.banner(p)
	}
	return p, nil
}

// room reports why a backplane cannot be joined under the name. c.mu is held.
func (c *Component) room(name string) error {
	if c.closed {
		return ErrClosed
	}
	if slices.ContainsFunc(c.planes, func(p *Backplane) bool { return p.name == name }) {
		return sig.Errorf(sig.ErrTaken, "component %s has joined a backplane called %q already; give this one another name", c.opts.Name, name)
	}
	return nil
}

// banner says which component this is, and where. Nothing depends on it.
func (c *Component) banner(p *Backplane) {
	stars := strings.Repeat("*", 60)
	at := "the backplane of this process"
	if p.name != "" {
		at = "backplane " + p.name
	}
	fmt.Fprintf(c.opts.Banner, "%s\n%s at %s\n%s\n", stars, p.self, at, stars)
}

// Backplane returns a backplane that the component has joined. It reports false when there
// is none of the name.
func (c *Component) Backplane(name string) (*Backplane, bool) {
	for _, p := range c.Backplanes() {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

// Backplanes returns those that the component has joined, in the order of joining.
func (c *Component) Backplanes() []*Backplane {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.planes)
}

// atAll does something at each backplane.
func (c *Component) atAll(do func(*Backplane) error) error {
	planes := c.Backplanes()
	if len(planes) == 0 {
		return sig.Errorf(sig.ErrNotConnected, "component %s has joined no backplane", c.opts.Name)
	}
	var err error
	for _, p := range planes {
		err = errors.Join(err, do(p))
	}
	return err
}

// Subscribe is Backplane.Subscribe at every backplane.
func (c *Component) Subscribe(topic string) error {
	return c.atAll(func(p *Backplane) error { return p.Subscribe(topic) })
}

// SubscribePrefix is Backplane.SubscribePrefix at every backplane.
func (c *Component) SubscribePrefix(prefix string) error {
	return c.atAll(func(p *Backplane) error { return p.SubscribePrefix(prefix) })
}

// Unsubscribe is Backplane.Unsubscribe at every backplane.
func (c *Component) Unsubscribe(topic string) error {
	return c.atAll(func(p *Backplane) error { return p.Unsubscribe(topic) })
}

// Publish is Backplane.Publish at every backplane. It publishes at all that it can, and
// fails when that is not every one.
func (c *Component) Publish(topic string, payload any) error {
	return c.atAll(func(p *Backplane) error { return p.Publish(topic, payload) })
}

// AwaitSubscriber is Backplane.AwaitSubscriber at every backplane.
func (c *Component) AwaitSubscriber(ctx context.Context, topic string) error {
	return c.atAll(func(p *Backplane) error { return p.AwaitSubscriber(ctx, topic) })
}

// Dropped returns how many messages did not fit in the queue.
func (c *Component) Dropped() uint64 { return c.inbox.lost() }

// Waiting returns how many messages wait for Receive.
func (c *Component) Waiting() int { return c.inbox.len() }

// Close leaves all backplanes and ends Receive, which does not handle what still waits.
// Closing again does nothing. The buses stay open; they belong to whoever made them.
func (c *Component) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.inbox.close()
	var err error
	for _, p := range slices.Backward(c.Backplanes()) {
		err = errors.Join(err, p.Leave())
	}
	return err
}

// report tells of what went wrong with single messages.
func (c *Component) report(err error) {
	switch {
	case c.opts.OnError != nil:
		c.opts.OnError(err)
	default:
		cmp.Or(c.opts.Logger, slog.Default()).Error("component", "component", c.opts.Name, "err", err)
	}
}

func checkTopic(topic string) error {
	if topic == "" {
		return sig.Errorf(sig.ErrInvalid, `a payload needs a topic; publish to "all", for instance: who subscribes to "" gets that too`)
	}
	if sig.IsBuiltin(topic) {
		return sig.Errorf(sig.ErrRefused, "topic %s is the router's own; take another", topic)
	}
	return sig.CheckName("topic", topic)
}
