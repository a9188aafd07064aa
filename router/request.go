package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/sigrouter/sigrouter/sig"
)

// A method is what one sender answers to one method name.
type method struct {
	sender  *sender
	handler sig.Handler
	call    sig.Call
	watch   atomic.Pointer[callMeter] // measures it; nil for nobody
}

// Request asks a sender and returns its response.
//
// When ctx can end, the handler runs in a goroutine of its own and Request returns at
// the latest when ctx does. Otherwise, as with context.Background, it runs in the
// calling goroutine. An error of the handler is returned as it is. A handler that
// panics fails with sig.StatusFailed; the panic is reported as those of listeners are.
func (r *Router) Request(ctx context.Context, sender, method string, params any) (sig.Response, error) {
	m, err := r.method(sender, method)
	if err != nil {
		return sig.Response{}, err
	}
	return m.request(ctx, params)
}

// method finds what answers a request.
func (r *Router) method(sender, name string) (*method, error) {
	s := r.senders.get(sender)
	if s == nil {
		return r.unanswered(sender, name)
	}
	return s.answers(name)
}

// answers returns what answers requests of a name.
func (s *sender) answers(name string) (*method, error) {
	if m := s.method(name); m != nil {
		return m, nil
	}
	return s.other(name)
}

// method returns the method of that name which the sender declares, or nil.
func (s *sender) method(name string) *method {
	if s.byMethod != nil {
		return s.byMethod[name]
	}
	for _, m := range s.methods {
		if m.call.Method == name {
			return m
		}
	}
	return nil
}

// other returns what answers a method that has no handler of its own.
func (s *sender) other(name string) (*method, error) {
	if err := sig.CheckName("method", name); err != nil {
		return nil, err
	}
	switch {
	case s.rest != nil:
		m := &method{sender: s, handler: s.rest, call: sig.Call{Sender: s.name, Method: name}}
		m.watch.Store(s.restWatch.Load())
		return m, nil
	case len(s.methods) == 0:
		s.r.insp.Load().missedCall(s.name, name)
		return nil, sig.Errorf(sig.ErrNoMethod, "sender %q answers no requests", s.name)
	}
	s.r.insp.Load().missedCall(s.name, name)
	return nil, sig.Errorf(sig.ErrNoMethod, "sender %q has no method %q; it has %s", s.name, name, s.methodNames())
}

// methodNames lists what the sender answers, for an error's text.
func (s *sender) methodNames() string {
	const most = 12
	var names []string
	for _, m := range s.methods {
		names = append(names, m.call.Method)
	}
	slices.Sort(names)
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// unanswered is what a request finds to a name that has no holder.
func (r *Router) unanswered(sender, name string) (*method, error) {
	if sender == Inspector {
		return r.inspectMethod(name)
	}
	err := r.noSender(sender)
	if errors.Is(err, sig.ErrNoSender) {
		r.insp.Load().missedCall(sender, name)
	}
	return nil, err
}

// noSender is the error for a name that has no holder.
func (r *Router) noSender(name string) error {
	if r.isClosed.Load() {
		return sig.Errorf(sig.ErrShuttingDown, "cannot reach sender %q: the router is closed", name)
	}
	if err := sig.CheckName("sender", name); err != nil {
		return err
	}
	return sig.Errorf(sig.ErrNoSender, "sender %q is not connected", name)
}

// request calls the handler: in the calling goroutine when the caller cannot give up.
func (m *method) request(ctx context.Context, params any) (sig.Response, error) {
	if contextType(ctx) == m.sender.r.background {
		return m.answer(m.sender.r.ctx, params)
	}
	if ctx.Done() == nil {
		return m.answer(valuesContext{m.sender.r.ctx, ctx}, params)
	}
	return m.requestUntil(ctx, params)
}

// A valuesContext ends with one context and has the values of another.
type valuesContext struct {
	context.Context
	values context.Context
}

// Value returns the other context's value.
func (c valuesContext) Value(key any) any { return c.values.Value(key) }

// contextType returns what tells the types of contexts apart. All contexts of
// context.Background's type are the same, without values and without an end, and to
// compare the types takes a quarter of the time of comparing the contexts.
func contextType(ctx context.Context) uintptr {
	return (*[2]uintptr)(unsafe.Pointer(&ctx))[0]
}

// answer calls the handler, and measures it while the router is inspected.
func (m *method) answer(ctx context.Context, params any) (sig.Response, error) {
	if c := m.watch.Load(); c != nil {
		return c.measure(ctx, m, params)
	}
	return m.run(ctx, params)
}

// run calls the handler and recovers its panic.
func (m *method) run(ctx context.Context, params any) (resp sig.Response, err error) {
	returned := false
	defer func() {
		if !returned {
			err = m.recovered(recover())
		}
	}()
	resp.Data, err = m.handler(ctx, sig.Request{Call: &m.call, Params: params})
	returned = true
	return resp, err
}

// asked is a request whose handler runs in a goroutine of its own.
type asked struct {
	method *method
	cancel context.CancelFunc
	resp   sig.Response
	err    error
	ended  chan struct{} // closed when resp and err are set
}

// requestUntil calls the handler in a goroutine, since the caller may give up first.
func (m *method) requestUntil(ctx context.Context, params any) (sig.Response, error) {
	if err := ctx.Err(); err != nil {
		return sig.Response{}, m.gaveUp(err)
	}
	r := m.sender.r
	a := &asked{method: m, ended: make(chan struct{})}
	handlerCtx, cancel := context.WithCancel(ctx)
	a.cancel = cancel // Close calls it, too
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		cancel()
		return sig.Response{}, r.noSender(m.call.Sender)
	}
	r.handlers[a] = struct{}{}
	r.mu.Unlock()
	go a.run(handlerCtx, params)
	select {
	case <-a.ended:
		return a.resp, a.err
	case <-ctx.Done():
		return sig.Response{}, m.gaveUp(ctx.Err())
	}
}

// run is the goroutine.
func (a *asked) run(ctx context.Context, params any) {
	returned := false
	defer func() {
		if !returned {
			a.err = sig.Errorf(&sig.Error{Status: sig.StatusFailed}, "the handler of %q of %q ended its goroutine", a.method.call.Method, a.method.call.Sender)
		}
		close(a.ended)
		a.cancel()
		r := a.method.sender.r
		r.mu.Lock()
		delete(r.handlers, a)
		r.mu.Unlock()
	}()
	a.resp, a.err = a.method.answer(ctx, params)
	returned = true
}

// gaveUp says that the caller's context has ended.
func (m *method) gaveUp(err error) error { return gaveUp(m.call.Sender, m.call.Method, err) }

func gaveUp(sender, method string, err error) error {
	return sig.Errorf(sig.AsError(err), "request %q of %q: %v", method, sender, err)
}

// A Method is a held request: one method of one sender name. It may be kept for as long
// as the router lives. It stays good when the sender goes and comes back; while there is
// none its requests fail with an error that matches sig.ErrNoSender.
type Method struct {
	r     *Router
	call  sig.Call
	bound atomic.Pointer[method]
}

// Method returns the handle of a method of a sender, which need not be there yet.
func (r *Router) Method(sender, method string) *Method {
	return &Method{r: r, call: sig.Call{Sender: sender, Method: method}}
}

// Request is Router.Request without the search for the names.
func (m *Method) Request(ctx context.Context, params any) (resp sig.Response, err error) {
	b := m.bound.Load()
	if b == nil || b.sender.gone.Load() || b.watch.Load() != nil || contextType(ctx) != m.r.background {
		return m.request(ctx, params)
	}
	// This is b.answer, without the call.
	returned := false
	defer func() {
		if !returned {
			err = b.recovered(recover())
		}
	}()
	resp.Data, err = b.handler(m.r.ctx, sig.Request{Call: &b.call, Params: params})
	returned = true
	return resp, err
}

func (m *Method) request(ctx context.Context, params any) (sig.Response, error) {
	b, err := m.bind()
	if err != nil {
		return sig.Response{}, err
	}
	return b.request(ctx, params)
}

// bind finds the present holder of the sender's name.
func (m *Method) bind() (*method, error) {
	if b := m.bound.Load(); b != nil && !b.sender.gone.Load() {
		return b, nil
	}
	b, err := m.r.method(m.call.Sender, m.call.Method)
	if err == nil {
		m.bound.Store(b)
	}
	return b, err
}
