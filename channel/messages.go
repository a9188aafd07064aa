package channel

import (
	"context"
	"errors"
	"iter"

	"github.com/sigrouter/sigrouter/sig"
)

// Messages returns an iterator over the messages of a channel. Each loop over it has a
// subscription of its own, from the first step on until the loop is left, or ctx or the
// party ends. Messages wait while the loop's body runs, 1,024 at most, unless Queue says
// otherwise; then the publishers wait.
//
// A subscription that is refused is an error, and ends the loop; a message that cannot be
// read is one too, and does not.
func Messages[T any](ctx context.Context, p *Party, channel, typ string, opts ...SubOption) iter.Seq2[Message[T], error] {
	return func(yield func(Message[T], error) bool) {
		type step struct {
			m   Message[T]
			err error
		}
		var now step
		all := append([]SubOption{Queue(0, sig.Block), pulled}, opts...)
		s, err := subscribe(ctx, p, channel, typ, func(m Message[T], err error) { now = step{m, err} }, all)
		if err != nil {
			yield(Message[T]{}, err)
			return
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(p.ctx, cancel)()
		for s.inbox.next(ctx) {
			if now.m.From == "" && now.err == nil {
				continue // the subscriber has been closed meanwhile
			}
			if !yield(now.m, now.err) {
				return
			}
			now = step{}
		}
		if err := s.Err(); err != nil && !errors.Is(err, ErrClosed) {
			yield(Message[T]{}, err)
		}
	}
}

// pulled is for a subscriber whose inbox somebody else empties.
func pulled(c *subConfig) { c.pulled = true }
