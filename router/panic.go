package router

import (
	"fmt"
	"runtime/debug"

	"github.com/sigrouter/sigrouter/sig"
)

// A Panic reports a panic of a listener, a middleware or a handler.
type Panic struct {
	Sender string
	Event  string // that was being delivered; "" for a request
	Method string // that was being answered; "" for an event
	Place  string // where the listener or the sender was added, as file:line
	Value  any    // what panic was called with
	Stack  []byte // of the goroutine, as runtime/debug.Stack formats it
}

// String says in one line what has happened.
func (p Panic) String() string {
	if p.Method != "" {
		return fmt.Sprintf("handler of %q of %q (%s) panicked: %v", p.Method, p.Sender, p.Place, p.Value)
	}
	return fmt.Sprintf("listener of %q of %q (%s) panicked: %v", p.Event, p.Sender, p.Place, p.Value)
}

// caught reports the panic of a listener, or of a middleware when s is nil. It is called
// by the deferred function that has recovered it.
func (r *Router) caught(v any, e sig.Event, s *subscription) {
	p := Panic{Place: "middleware", Value: v, Stack: debug.Stack()}
	if e.Origin != nil {
		p.Sender, p.Event = e.Sender, e.Name
	}
	if s != nil {
		p.Place = s.place.String()
	}
	r.report(p)
}

// recovered reports the panic of a handler, and returns what its caller is told. The
// value is nil when the handler has called runtime.Goexit, and nobody is told.
func (m *method) recovered(v any) error {
	if v == nil {
		return nil
	}
	p := Panic{Sender: m.call.Sender, Method: m.call.Method, Place: m.sender.place.String(), Value: v, Stack: debug.Stack()}
	m.sender.r.report(p)
	return &sig.Error{Status: sig.StatusFailed, Code: "panic", Message: fmt.Sprintf("the handler of %q of %q panicked: %v", p.Method, p.Sender, v)}
}

// endedItself is what the caller is told of a handler that has called runtime.Goexit.
func endedItself(sender, method string) error {
	return &sig.Error{Status: sig.StatusFailed, Code: "panic", Message: fmt.Sprintf("the handler of %q of %q ended its goroutine", method, sender)}
}

// report logs a panic and tells the hook. Neither may do harm.
func (r *Router) report(p Panic) {
	attrs := []any{"sender", p.Sender}
	if p.Method != "" {
		attrs = append(attrs, "method", p.Method)
	} else {
		attrs = append(attrs, "event", p.Event)
	}
	r.contain(func() {
		r.log.Error("panic in "+what(p), append(attrs, "added", p.Place, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))...)
	})
	if r.options.OnPanic != nil {
		r.contain(func() { r.options.OnPanic(p) })
	}
}

func what(p Panic) string {
	if p.Method != "" {
		return "a handler"
	}
	return "a listener"
}

// contain calls fn and logs its panic.
func (r *Router) contain(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			defer func() { _ = recover() }() // the log itself panics: nobody is left to tell
			r.log.Error("panic while a panic was reported", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	fn()
}
