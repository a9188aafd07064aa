package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// GeneratedV1 is what code made by "sig gen" of this generation refers to. A library that
// such code does not fit any more lacks it, so that the code does not compile; make it
// again then.
const GeneratedV1 = 1

// A Func is a method of a remote, held: typed, checked on both ways. Generated clients are
// made of them. It may be used by several goroutines at once.
type Func[P, R any] struct {
	remote  *Remote
	method  string
	usage   string
	timeout time.Duration
	params  *schema.Schema
	result  *schema.Schema // nil for none
}

// NewFunc returns a method whose parameters are the fields of P and whose result is an R;
// None stands for none of either. Calls wait as long as timeout; 0: as long as their
// context lets them.
func NewFunc[P, R any](r *Remote, method string, timeout time.Duration) (*Func[P, R], error) {
	f := &Func[P, R]{remote: r, method: method, timeout: timeout}
	var err error
	if f.params, err = schema.Of(reflect.TypeFor[P]()); err != nil {
		return nil, fmt.Errorf("api: parameters of %s.%s: %w", r, method, err)
	}
	info := MethodInfo{Name: method, Params: f.params.Fields()}
	if t := reflect.TypeFor[R](); t != reflect.TypeFor[None]() {
		if f.result, err = schema.Of(t); err != nil {
			return nil, fmt.Errorf("api: result of %s.%s: %w", r, method, err)
		}
		info.Results = []schema.Type{f.result.Type()}
	}
	f.usage = info.Usage()
	return f, nil
}

// Call calls the method. Parameters that are out of their range are not sent: the call
// fails with a *ParamError.
func (f *Func[P, R]) Call(ctx context.Context, p P) (R, error) {
	var r R
	if err := f.params.Check(reflect.ValueOf(&p).Elem()); err != nil {
		return r, f.refused(err)
	}
	resp, err := f.request(ctx, &p)
	if err != nil {
		return r, err
	}
	if f.result == nil {
		return r, nil
	}
	return f.read(resp)
}

func (f *Func[P, R]) request(ctx context.Context, p *P) (sig.Response, error) {
	within := ctx
	if f.timeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	resp, err := f.remote.bus.Request(within, f.remote.sender, f.remote.prefix+f.method, p)
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, context.DeadlineExceeded) && within.Err() != nil && ctx.Err() == nil:
		return resp, sig.Errorf(sig.ErrTimeout, "%s.%s: no answer within %v", f.remote, f.method, f.timeout)
	}
	return resp, arrived(f.remote.bus, err)
}

func (f *Func[P, R]) read(resp sig.Response) (R, error) {
	if r, ok := resp.Data.(R); ok && !f.result.Limited() {
		return r, nil
	}
	var r R
	if err := f.result.ReadPayload(resp.Data, reflect.ValueOf(&r).Elem()); err != nil {
		return r, fmt.Errorf("result of %s.%s: %w", f.remote, f.method, err)
	}
	return r, nil
}

func (f *Func[P, R]) refused(err error) error {
	var p *schema.Problem
	if !errors.As(err, &p) {
		return err
	}
	return &ParamError{Method: f.remote.String() + "." + f.method, Usage: f.usage, Problem: *p}
}

// A Signal triggers one event with data of one type, checked before they go.
type Signal[T any] struct {
	signal sig.Signal
	event  string
	schema *schema.Schema
}

// NewSignal returns the sender's signal for data of type T.
func NewSignal[T any](s sig.Sender, event string) (*Signal[T], error) {
	sg, err := s.Signal(event)
	if err != nil {
		return nil, err
	}
	compiled, err := schema.Of(reflect.TypeFor[T]())
	if err != nil {
		return nil, fmt.Errorf("api: event %s of %s: %w", event, s.Name(), err)
	}
	return &Signal[T]{sg, event, compiled}, nil
}

// Trigger is sig.Signal.Trigger for a T. It fails with a *schema.Problem, and triggers
// nothing, when data is out of its range.
func (s *Signal[T]) Trigger(data T) error {
	if err := s.schema.Check(reflect.ValueOf(&data).Elem()); err != nil {
		return err
	}
	return s.signal.Trigger(data)
}

// TriggerTo hands data to one Client alone, which has a method of the event's name that
// delivers it to a Feed. It returns when the client's functions have run. Between it and
// Trigger no order is kept.
func (s *Signal[T]) TriggerTo(ctx context.Context, client *Remote, data T) error {
	if err := s.schema.Check(reflect.ValueOf(&data).Elem()); err != nil {
		return err
	}
	if _, err := client.bus.Request(ctx, client.sender, client.prefix+s.event, &data); err != nil {
		return arrived(client.bus, err)
	}
	return nil
}

// Listeners is sig.Signal.Listeners.
func (s *Signal[T]) Listeners() int { return s.signal.Listeners() }

// A Feed hands events of one kind to functions: those that their sender triggers for
// everybody, and those that somebody delivers to this Feed alone. It may be used by
// several goroutines at once.
type Feed[T any] struct {
	bus           sig.Bus
	sender, event string
	schema        *schema.Schema
	bad           func(sig.Event, error)

	mu        sync.Mutex
	listeners []*feedListener[T]
}

// OnBadEvent sets a function that is told of events whose data is not what it should be;
// such events are not handed over. The default logs them with slog.Default().
func OnBadEvent(fn func(sig.Event, error)) CallOption {
	return callFunc(func(c *callConfig) { c.badEvent = fn })
}

// NewFeed returns the events of a sender, or, with sig.Any, of all senders. b may have
// the option OnBadEvent.
func NewFeed[T any](b sig.Bus, sender, event string) (*Feed[T], error) {
	compiled, err := schema.Of(reflect.TypeFor[T]())
	if err != nil {
		return nil, fmt.Errorf("api: event %s of %s: %w", event, sender, err)
	}
	f := &Feed[T]{bus: b, sender: sender, event: event, schema: compiled}
	if w, ok := b.(*bus); ok {
		f.bad = w.cfg.badEvent
	}
	if f.bad == nil {
		f.bad = func(e sig.Event, err error) {
			slog.Default().Warn("event not handed over", "sender", e.Sender, "event", e.Name, "err", err)
		}
	}
	return f, nil
}

// On calls fn with each event from now on.
func (f *Feed[T]) On(fn func(sig.Event, T), opts ...sig.ListenOption) (sig.Subscription, error) {
	l := &feedListener[T]{feed: f, fn: fn}
	var err error
	l.Subscription, err = f.bus.AddListener(f.sender, f.event, func(e sig.Event) {
		v, err := f.value(e.Data)
		if err != nil {
			f.bad(e, err)
			return
		}
		fn(e, v)
	}, opts...)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners[:len(f.listeners):len(f.listeners)], l)
	return l, nil
}

func (f *Feed[T]) value(data any) (T, error) {
	if same, ok := data.(T); ok && !f.schema.Limited() {
		return same, nil
	}
	var v T
	err := f.schema.ReadPayload(data, reflect.ValueOf(&v).Elem())
	return v, err
}

// Deliver hands an event of a sender to the functions of this Feed, in the calling
// goroutine and past their queues.
func (f *Feed[T]) Deliver(sender string, v T) {
	f.mu.Lock()
	all := f.listeners
	f.mu.Unlock()
	for _, l := range all {
		l.fn(sig.NewEvent(sender, f.event, v), v)
	}
}

// A feedListener is one function of a Feed.
type feedListener[T any] struct {
	sig.Subscription
	feed *Feed[T]
	fn   func(sig.Event, T)
}

func (l *feedListener[T]) leave() {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	l.feed.listeners = slices.DeleteFunc(slices.Clone(l.feed.listeners), func(o *feedListener[T]) bool { return o == l })
}

// Remove ends the subscription.
func (l *feedListener[T]) Remove() {
	l.leave()
	l.Subscription.Remove()
}

// RemoveAndWait ends the subscription, and waits for calls of it that a trigger makes.
func (l *feedListener[T]) RemoveAndWait() {
	l.leave()
	l.Subscription.RemoveAndWait()
}
