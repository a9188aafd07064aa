package router

import (
	"context"
	"iter"

	"github.com/sigrouter/sigrouter/sig"
)

// Events returns an iterator over the events that match: sender and event are names,
// patterns, or sig.Any. Each loop over it has a subscription of its own, from the first
// step on until the loop is left, ctx ends or the router is closed.
//
// Events wait in a queue while the loop's body runs: sig.Queue(0, sig.Block) unless an
// option says otherwise. If nothing can be subscribed to, because a name is malformed or
// the router is closed, that is logged and the loop ends at once.
func (r *Router) Events(ctx context.Context, sender, event string, opts ...sig.ListenOption) iter.Seq[sig.Event] {
	place := callerPlace(0)
	return func(yield func(sig.Event) bool) {
		cfg := sig.NewListenConfig(opts...)
		if cfg.Queue == 0 {
			sig.Queue(0, sig.Block)(&cfg)
		}
		s := &subscription{place: place}
		s.extend().pulled = true
		if err := r.subscribe(s, sender, event, cfg, nil); err != nil {
			r.log.Error("no events", "err", err, "added", place.String())
			return
		}
		defer s.Remove()
		s.queue().consume(ctx.Done(), func(e sig.Event) bool { return ctx.Err() == nil && yield(e) })
	}
}
