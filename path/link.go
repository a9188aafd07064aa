package path

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Options tunes a Link. The zero value is ready for use.
type Options struct {
	// Name is where others send messages to. It fails with sig.ErrTaken when another has
	// it. A link without a name only sends.
	Name string
	// Timeout bounds the waiting for a response; 0 means as long as the context lets it,
	// and the bus: calls to a router far away have a time limit of their own.
	Timeout time.Duration
	// OnResponse, if not nil, is called with each response that this link has waited for,
	// and the path of the message it answers, in the goroutine that waited.
	OnResponse func(path string, reply Message)
	// Logger is told of handlers that panic. Nil means slog.Default.
	Logger *slog.Logger
}

// A Handler is called with each message at its path, or below. An error goes to the sender.
// Its context ends when the sender gives up.
type Handler func(ctx context.Context, m *Received) error

// A Link sends messages, and receives those sent to its name. It may be used by several
// goroutines at once. Close it when it is no longer needed.
type Link struct {
	bus    sig.Bus
	opts   Options
	sender sig.Sender // nil without a name

	mu       sync.RWMutex
	handlers map[string][]*handling // by path; the lists are replaced, never changed
}

type handling struct{ fn Handler }

// Join adds a link to a bus.
func Join(b sig.Bus, o Options) (*Link, error) {
	l := &Link{bus: b, opts: o, handlers: map[string][]*handling{}}
	if o.Name == "" {
		return l, nil
	}
	var err error
	l.sender, err = b.AddSender(o.Name, sig.AnswerRest(l.receive))
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Name returns the link's name.
func (l *Link) Name() string { return l.opts.Name }

// Close takes the link's name away, so that nothing is received any more. Messages that are
// being handled go on.
func (l *Link) Close() error {
	if l.sender == nil {
		return nil
	}
	return l.sender.Remove()
}

// On calls fn with each message that is sent to the path or to one below it; "" is above
// all. It is called until off is; the handler itself may do that too.
func (l *Link) On(path string, fn Handler) (off func(), err error) {
	if path != "" {
		if err := Check(path); err != nil {
			return nil, err
		}
	}
	h := &handling{fn}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[path] = append(slices.Clip(l.handlers[path]), h)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		left := slices.DeleteFunc(slices.Clone(l.handlers[path]), func(x *handling) bool { return x == h })
		if len(left) == 0 {
			delete(l.handlers, path)
			return
		}
		l.handlers[path] = left
	}, nil
}

// Check reports why a text cannot be a path: a name whose parts are divided by single dots.
func Check(path string) error {
	if err := sig.CheckName("path", path); err != nil {
		return err
	}
	if slices.Contains(strings.Split(path, "."), "") {
		return sig.Errorf(sig.ErrInvalid, "path %q has an empty part; parts are divided by single dots", path)
	}
	return nil
}

// found returns the handlers of a path and of those above it, the topmost first.
func (l *Link) found(path string) []*handling {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := slices.Clone(l.handlers[""])
	for i := range len(path) {
		if path[i] == '.' {
			all = append(all, l.handlers[path[:i]]...)
		}
	}
	return append(all, l.handlers[path]...)
}

// receive answers the requests of the link's sender, which are messages.
func (l *Link) receive(ctx context.Context, r sig.Request) (any, error) {
	if err := Check(r.Method); err != nil {
		return nil, err
	}
	m, from, err := open(r.Params)
	if err != nil {
		return nil, sig.Errorf(sig.ErrInvalid, "message at %s: %v", r.Method, err)
	}
	in := &Received{Message: m, Path: r.Method, From: from}
	var failed error
	for _, h := range l.found(r.Method) {
		if err := l.handle(ctx, h, in); err != nil && failed == nil {
			failed = err
		}
	}
	if failed != nil {
		_ = in.Fail(failed) // a response goes before it
	}
	return in.outcome(ctx)
}

// handle calls a handler, and makes an error of a panic.
func (l *Link) handle(ctx context.Context, h *handling, m *Received) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a handler of %s panicked: %v", m.Path, r)
			cmp.Or(l.opts.Logger, slog.Default()).Error("path: handler panicked",
				"link", l.opts.Name, "path", m.Path, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return h.fn(ctx, m)
}

// Send sends a message to a path at a link, and returns when its handlers there have
// returned. It fails when one of them did and none responded, with sig.ErrNoSender when
// there is no such link, and with sig.ErrTimeout when the time is over.
func (l *Link) Send(ctx context.Context, to, path string, m Message) error {
	_, err := l.exchange(ctx, to, path, m)
	return err
}

// SendAndWait sends a message to a path at a link and returns the response: an empty message
// when no handler has responded. It fails as Send does.
func (l *Link) SendAndWait(ctx context.Context, to, path string, m Message) (Message, error) {
	reply, err := l.exchange(ctx, to, path, m)
	if err != nil {
		return Message{}, err
	}
	if l.opts.OnResponse != nil {
		l.opts.OnResponse(path, reply)
	}
	if m.OnResponse != nil {
		m.OnResponse(reply)
	}
	return reply, nil
}

func (l *Link) exchange(ctx context.Context, to, path string, m Message) (Message, error) {
	if err := Check(path); err != nil {
		return Message{}, err
	}
	if l.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.opts.Timeout)
		defer cancel()
	}
	resp, err := l.bus.Request(ctx, to, path, &envelope{Data: m.Data, Args: m.Args, Named: m.Named, From: l.opts.Name})
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Message{}, sig.Errorf(sig.ErrTimeout, "no response from %s at %s in time", to, path)
	case ctx.Err() != nil:
		return Message{}, context.Cause(ctx)
	default:
		return Message{}, err
	}
	reply, _, err := open(resp.Data)
	return reply, err
}

// To returns the way to one other link.
func (l *Link) To(name string) *Wire { return &Wire{l, name} }

// A Wire is the way from a link to another one. It costs nothing to have one, whether or not
// the other link exists.
type Wire struct {
	link *Link
	to   string
}

// Send is Link.Send.
func (w *Wire) Send(ctx context.Context, path string, m Message) error {
	return w.link.Send(ctx, w.to, path, m)
}

// SendAndWait is Link.SendAndWait.
func (w *Wire) SendAndWait(ctx context.Context, path string, m Message) (Message, error) {
	return w.link.SendAndWait(ctx, w.to, path, m)
}
