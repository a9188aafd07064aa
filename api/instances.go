package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// An Instance is one of the values behind a sender made by ExposeEach, as the function
// that creates it sees it.
type Instance struct {
	id, client string
	peer       *Remote
}

// ID returns the id that callers use.
func (i *Instance) ID() string { return i.id }

// Client returns the name of the Client it belongs to; "" when it is shared, and when
// the caller is no Client.
func (i *Instance) Client() string { return i.client }

// Peer returns the client's half of the instance, which the client has given with Attach.
// It is nil when the instance belongs to no Client. Calls to a client that has gone fail.
func (i *Instance) Peer() *Remote { return i.peer }

// An InstanceOption tunes ExposeEach.
type InstanceOption func(*instanceConfig)

type instanceConfig struct {
	perClient bool
	idle      time.Duration
	most      int
	expose    []ExposeOption
}

// PerClient gives each client instances of its own, which are closed when it goes. A
// client is what has made itself known with NewClient, else the connection.
func PerClient() InstanceOption { return func(c *instanceConfig) { c.perClient = true } }

// Idle closes instances that were not called for as long as d; with PerClient, those of
// a client that has called none of them. The next call creates them again.
func Idle(d time.Duration) InstanceOption { return func(c *instanceConfig) { c.idle = d } }

// MaxInstances bounds how many there may be at a time; 10,000 by default. A call that
// would create another fails with sig.ErrLimit.
func MaxInstances(n int) InstanceOption { return func(c *instanceConfig) { c.most = n } }

// EachWith passes on options of Expose.
func EachWith(opts ...ExposeOption) InstanceOption {
	return func(c *instanceConfig) { c.expose = append(c.expose, opts...) }
}

// Instances is a sender with a value of type T for each id.
type Instances[T any] struct {
	config instanceConfig
	expose *exposeConfig
	plan   *plan[T]
	create func(context.Context, *Instance) (T, error)
	desc   Description
	sender sig.Sender
	sub    sig.Subscription
	wg     sync.WaitGroup
	done   chan struct{} // closed by Close

	mu      sync.Mutex
	closed  bool
	count   int
	owners  map[string]*owner[T] // by client; of shared instances by id
	clients map[string]*owner[T] // those that are Clients, by name
}

// An owner is whose silence or leaving closes instances: a client, or, of a shared
// instance, nobody but itself.
type owner[T any] struct {
	key, client string
	entries     map[string]*entry[T] // by id
	last        time.Time            // of the last call
	calls       int                  // under way
	timer       *time.Timer
	left        chan struct{} // closed when the owner has gone
}

// An entry is one value.
type entry[T any] struct {
	info     *Instance
	ready    chan struct{} // closed once the fields below are set
	value    T
	handlers map[string]sig.Handler
	err      error
	calls    int // under way
	gone     bool
}

// ExposeEach adds a sender with a value for each id. Callers reach them with
// Remote.Instance; on the wire a method is called "id.method". create makes a value when it
// is first called; several may be made at once, one id at a time. A value with a method
// Close() error is closed when it goes, after the calls under way.
func ExposeEach[T any](b sig.Bus, name string, create func(context.Context, *Instance) (T, error), opts ...InstanceOption) (*Instances[T], error) {
	x := &Instances[T]{create: create, done: make(chan struct{}), owners: map[string]*owner[T]{}, clients: map[string]*owner[T]{}}
	for _, o := range opts {
		o(&x.config)
	}
	x.expose = newExposeConfig(b, x.config.expose)
	var err error
	if x.plan, err = newPlan[T](x.expose); err != nil {
		return nil, err
	}
	x.desc = x.plan.describe(name, x.expose)
	x.desc.Instances = "shared"
	if x.config.perClient {
		x.desc.Instances = "client"
	}
	if x.sub, err = b.AddListener(sig.Any, sig.Disconnect, func(e sig.Event) { x.clientLeft(e.Sender) }); err != nil {
		return nil, err
	}
	handlers := map[string]sig.Handler{DescribeMethod: x.expose.answerDescribe(&x.desc)}
	options := append(x.expose.senderOptions(handlers), sig.AnswerRest(x.expose.guard(x.answer)))
	if x.sender, err = b.AddSender(name, options...); err != nil {
		x.sub.Remove()
		return nil, err
	}
	return x, nil
}

// Sender returns the sender, for its signals.
func (x *Instances[T]) Sender() sig.Sender { return x.sender }

// Describe returns what the sender answers to DescribeMethod. Do not change it.
func (x *Instances[T]) Describe() Description { return x.desc }

// Peers lists the clients' halves of the instances there are, for AskAll.
func (x *Instances[T]) Peers() []*Remote {
	var all []*Remote
	for _, i := range x.All() {
		if i.peer != nil {
			all = append(all, i.peer)
		}
	}
	return all
}

// All lists the instances there are, by client and id.
func (x *Instances[T]) All() []*Instance {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []*Instance
	for _, o := range x.owners {
		for _, e := range o.entries {
			all = append(all, e.info)
		}
	}
	slices.SortFunc(all, func(a, b *Instance) int {
		return cmp.Or(strings.Compare(a.client, b.client), strings.Compare(a.id, b.id))
	})
	return all
}

// Close removes the sender and closes every instance, those with calls under way when
// these return.
func (x *Instances[T]) Close() error {
	err := x.sender.Remove()
	x.sub.Remove()
	x.mu.Lock()
	var idle []*entry[T]
	if !x.closed {
		x.closed = true
		close(x.done)
		for _, o := range x.owners {
			idle = append(idle, x.remove(o)...)
		}
	}
	x.mu.Unlock()
	for _, e := range idle {
		x.closeValue(e)
	}
	x.wg.Wait()
	return err
}

// answer answers a call of "id.method".
func (x *Instances[T]) answer(ctx context.Context, r sig.Request) (any, error) {
	i := strings.LastIndexByte(r.Method, '.')
	if i < 0 {
		return nil, sig.Errorf(sig.ErrNoMethod, "%s has a value for each id: call %q", r.Sender, "id."+r.Method)
	}
	id, name := r.Method[:i], r.Method[i+1:]
	if _, ok := x.desc.Method(name); !ok {
		return nil, sig.Errorf(sig.ErrNoMethod, "instances of %s have no method %q; ask %s what they have", r.Sender, name, DescribeMethod)
	}
	o, e, mine, err := x.enter(ctx, r.Sender, id)
	if err != nil {
		return nil, err
	}
	defer x.leave(o, e)
	if mine {
		x.make(ctx, e)
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if e.err != nil {
		return nil, e.err
	}
	return e.handlers[name](ctx, r)
}

// make creates the value of an entry.
func (x *Instances[T]) make(ctx context.Context, e *entry[T]) {
	e.err = fmt.Errorf("creating instance %q failed", e.info.id) // should create panic
	defer close(e.ready)
	e.value, e.err = x.create(ctx, e.info)
	if e.err == nil {
		e.handlers = x.plan.bindAll(e.value, bare) // answer is guarded
	}
}

func bare(h sig.Handler) sig.Handler { return h }

// closeValue closes the value of an entry that nobody uses any more.
func (x *Instances[T]) closeValue(e *entry[T]) {
	<-e.ready // closed already, but read after
	if c, ok := any(e.value).(io.Closer); ok && e.err == nil {
		c.Close()
	}
}
