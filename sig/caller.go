package sig

import "context"

// A Caller is the party a request came from. A router that answers requests of its
// peers puts it in the context of the handler; a request made in the same process has
// none, unless who made it added one with WithCaller.
type Caller struct {
	// ID tells the caller apart from every other caller of the same router. A client
	// that comes back and resumes its session keeps it.
	ID string
	// Name is what the caller calls itself; "" when it did not say. Anybody can use any
	// name: do not decide by it what is permitted.
	Name string
	// Identity is who the caller has proved to be, by its login or by its carrier; ""
	// for nobody.
	Identity string
	// Bus reaches the senders that the caller added and no others, so that a handler
	// can call back. Nil when the caller cannot be called.
	Bus Bus
	// Done is closed when the caller has gone for good. Nil when it never goes before
	// this process does.
	Done <-chan struct{}
}

type callerKey struct{}

// WithCaller returns a context for requests made on behalf of c.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns who made the request that a handler was given ctx for. It reports
// false when that is not known.
func CallerFrom(ctx context.Context) (*Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(*Caller)
	return c, ok && c != nil
}
