package router

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A method is what one sender answers to one method name.
type method struct {
	sender  *sender
	handler sig.Handler
	call    sig.Call
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
		return nil, r.noSender(sender)
	}
	if m := s.methods[name]; m != nil {
		return m, nil
	}
	return s.other(name)
}

// other returns what answers a method that has no handler of its own.
func (s *sender) other(name string) (*method, error) {
	if err := sig.CheckName("method", name); err != nil {
		return nil, err
	}
	switch {
	case s.rest != nil:
		return &method{s, s.rest, sig.Call{Sender: s.name, Method: name}}, nil
	case len(s.methods) == 0:
		return nil, sig.Errorf(sig.ErrNoMethod, "sender %q answers no requests", s.name)
	}
	return nil, sig.Errorf(sig.ErrNoMethod, "sender %q has no method %q; it has %s", s.name, name, s.methodNames())
}

// methodNames lists what the sender answers, for an error's text.
func (s *sender) methodNames() string {
	const most = 12
	names := slices.Sorted(maps.Keys(s.methods))
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
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

func (m *method) request(ctx context.Context, params any) (sig.Response, error) {
	if ctx == context.Background() {
		return m.answer(m.sender.r.ctx, params)
	}
	if ctx.Done() == nil {
		return m.answer(ctx, params)
	}
	return m.requestUntil(ctx, params)
}

// answer calls the handler.
func (m *method) answer(ctx context.Context, params any) (resp sig.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = m.panicked(v)
		}
	}()
	resp.Data, err = m.handler(ctx, sig.Request{Call: &m.call, Params: params})
	if err != nil {
		resp.Data = nil
	}
	return resp, err
}

// asked is a request whose handler runs in a goroutine of its own.
type asked struct {
	method    *method
	resp      sig.Response
	err       error
	ended     chan struct{} // closed when resp and err are set
	goroutine atomic.Uint64
}

// requestUntil calls the handler in a goroutine, since the caller may give up first.
func (m *method) requestUntil(ctx context.Context, params any) (sig.Response, error) {
	if err := ctx.Err(); err != nil {
		return sig.Response{}, m.gaveUp(err)
	}
	r := m.sender.r
	a := &asked{method: m, ended: make(chan struct{})}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return sig.Response{}, r.noSender(m.call.Sender)
	}
	r.handlers[a] = struct{}{}
	r.mu.Unlock()
	go a.run(ctx, params)
	select {
	case <-a.ended:
		return a.resp, a.err
	case <-ctx.Done():
		return sig.Response{}, m.gaveUp(ctx.Err())
	}
}

// run is the goroutine. The handler's context also ends with the router.
func (a *asked) run(ctx context.Context, params any) {
	r := a.method.sender.r
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.ctx, cancel)
	a.err = sig.Errorf(&sig.Error{Status: sig.StatusFailed}, "the handler of %q of %q ended its goroutine", a.method.call.Method, a.method.call.Sender)
	defer func() {
		stop()
		cancel()
		close(a.ended)
		r.mu.Lock()
		delete(r.handlers, a)
		r.mu.Unlock()
	}()
	a.resp, a.err = a.method.answer(ctx, params)
}

// gaveUp says that the caller's context has ended.
func (m *method) gaveUp(err error) error {
	kind := sig.AsError(err)
	return sig.Errorf(kind, "request %q of %q: %v", m.call.Method, m.call.Sender, err)
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
func (m *Method) Request(ctx context.Context, params any) (sig.Response, error) {
	b := m.bound.Load()
	if b == nil || b.sender.gone.Load() {
		var err error
		if b, err = m.bind(); err != nil {
			return sig.Response{}, err
		}
	}
	return b.request(ctx, params)
}

// bind finds the present holder of the sender's name.
func (m *Method) bind() (*method, error) {
	b, err := m.r.method(m.call.Sender, m.call.Method)
	if err == nil {
		m.bound.Store(b)
	}
	return b, err
}
