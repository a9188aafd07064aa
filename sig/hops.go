package sig

import "context"

// hopsKey is the key of a context's hops.
type hopsKey struct{}

// WithHops returns a context whose requests have that many hops behind them: requests to
// other processes, each made by the handler of the one before. Routers do it for handlers;
// so does a program that answers what comes to it by another way. Below 0 is 0.
func WithHops(ctx context.Context, hops int) context.Context {
	if hops = max(hops, 0); hops == Hops(ctx) {
		return ctx
	}
	return context.WithValue(ctx, hopsKey{}, hops)
}

// Hops returns how many hops a request made with ctx has behind it: 0 for most, and in a
// handler one more than the request that it answers, if that came from another process. Who
// passes on the context it was given ends circles of requests: a request with more hops than
// the limit MaxHops is refused with ErrLimit, in whatever process it has come to.
func Hops(ctx context.Context) int {
	n, _ := ctx.Value(hopsKey{}).(int)
	return n
}
