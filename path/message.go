package path

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A Message is what is sent, and what comes back: a value, and beside it others, by
// position and by name.
type Message struct {
	Data  any
	Args  []any
	Named map[string]any

	// OnResponse, if not nil, is called with the response to this message, in the goroutine
	// that sends it.
	OnResponse func(Message)
}

// New returns a message.
func New(data any, args ...any) Message { return Message{Data: data, Args: args} }

// With returns the message with one more value beside it.
func (m Message) With(name string, value any) Message {
	m.Named = maps.Clone(m.Named)
	if m.Named == nil {
		m.Named = map[string]any{}
	}
	m.Named[name] = value
	return m
}

// Decode stores the message's value in the variable v points to. See sig.Decode for the
// rules.
func (m Message) Decode(v any) error { return sig.Decode(m.Data, v) }

// A Received is a message that a handler is called with. All handlers of one message share
// it: do not change it.
type Received struct {
	Message
	// Path is where it was sent to, which may be below the path of the handler.
	Path string
	// From is the name of the link that sent it; "" when that has none. Anybody can say
	// any name: sig.CallerFrom tells who it really was.
	From string

	mu       sync.Mutex
	reply    *Message
	deferred chan struct{} // closed by the response; nil unless it is to be waited for
	failed   error         // instead of a response
}

// ErrResponded is for a second response to a message.
var ErrResponded = errors.New("path: the message has been responded to")

// Respond sends a response, once all handlers of the message have returned. The first
// counts; later ones fail with ErrResponded.
func (r *Received) Respond(m Message) error { return r.settle(&m, nil) }

func (r *Received) settle(m *Message, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply != nil || r.failed != nil {
		return fmt.Errorf("%w: %s", ErrResponded, r.Path)
	}
	r.reply, r.failed = m, err
	if r.deferred != nil {
		close(r.deferred)
	}
	return nil
}

// Later lets the sender wait for a response after the handlers have returned: until Respond
// or Fail is called, or the sender gives up.
func (r *Received) Later() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deferred == nil && r.reply == nil && r.failed == nil {
		r.deferred = make(chan struct{})
	}
}

// Fail sends an error instead of a response, as a handler does by returning one. The first
// counts; it fails with ErrResponded when there was a response, or an error.
func (r *Received) Fail(err error) error {
	if err == nil {
		return r.Respond(Message{})
	}
	return r.settle(nil, err)
}

// outcome returns what goes back when all handlers have returned.
func (r *Received) outcome(ctx context.Context) (any, error) {
	r.mu.Lock()
	wait := r.deferred
	r.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply == nil {
		return nil, r.failed
	}
	return &envelope{Data: r.reply.Data, Args: r.reply.Args, Named: r.reply.Named}, nil
}

// An envelope is a message as it travels.
type envelope struct {
	Data  any            `json:"data"`
	Args  []any          `json:"args,omitempty"`
	Named map[string]any `json:"kwargs,omitempty"`
	From  string         `json:"from,omitempty"`
}

// open returns what a payload holds: a message, or, if it does not look like one, its value.
func open(payload any) (m Message, from string, err error) {
	if e, ok := payload.(*envelope); ok {
		return Message{Data: e.Data, Args: e.Args, Named: e.Named}, e.From, nil
	}
	raw, ok := payload.(*sig.Raw)
	if !ok {
		return Message{Data: payload}, "", nil
	}
	v, err := raw.Value()
	if err != nil {
		return m, "", err
	}
	fields, ok := v.(map[string]any)
	if !ok || !looksLikeMessage(fields) {
		return Message{Data: v}, "", nil
	}
	m.Data = fields["data"]
	m.Args, _ = fields["args"].([]any)
	m.Named, _ = fields["kwargs"].(map[string]any)
	from, _ = fields["from"].(string)
	return m, from, nil
}

// looksLikeMessage reports whether an object has the members of a message, and no others.
func looksLikeMessage(fields map[string]any) bool {
	for name, value := range fields {
		ok := false
		switch name {
		case "data":
			ok = true
		case "args":
			_, ok = value.([]any)
		case "kwargs":
			_, ok = value.(map[string]any)
		case "from":
			_, ok = value.(string)
		}
		if !ok {
			return false
		}
	}
	_, ok := fields["data"]
	return ok
}
