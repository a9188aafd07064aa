package component

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A Message is one payload that was published.
type Message struct {
	Topic string
	// From is the name of the component that published it, or of another sender.
	From string
	// Backplane is where it came from, by the name given to Join.
	Backplane string
	// Retained marks a value from before the subscription.
	Retained bool
	// Data is the payload: the same value in process, a *sig.Raw when it came over a
	// carrier. Others share it: do not change it.
	Data any
}

// Decode stores the payload in the variable v points to. See sig.Decode for the rules.
func (m Message) Decode(v any) error {
	if err := sig.Decode(m.Data, v); err != nil {
		return fmt.Errorf("topic %s from %s: %w", m.Topic, m.From, err)
	}
	return nil
}

// Receive calls fn with one message after the other, in the calling goroutine, as soon as
// each is there, and Options.Idle while there is none. An error of fn, or a panic, is
// reported and costs that message alone.
//
// It returns nil when ctx ends and when fn returns ErrStop, and ErrClosed when the
// component is closed. What waits then is there for the next Receive. Of several under way
// at once each message goes to one.
func (c *Component) Receive(ctx context.Context, fn func(Message) error) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	var idled time.Time
	for ctx.Err() == nil {
		m, dropped, ok := c.inbox.take()
		if dropped > 0 {
			c.report(sig.Errorf(sig.ErrSlow, "%d messages dropped: more came than %s handled, and the queue takes %d", dropped, c.opts.Name, c.inbox.size))
		}
		if ok {
			err := c.handle(fn, m)
			if errors.Is(err, ErrStop) {
				return nil
			}
			if err != nil {
				c.report(err)
			}
			continue
		}
		if c.inbox.isClosed() {
			return ErrClosed
		}
		if c.opts.Idle != nil && time.Since(idled) >= c.opts.IdleEvery {
			c.opts.Idle()
			idled = time.Now()
			continue // something may have come meanwhile
		}
		c.wait(ctx, pause, idled)
	}
	return nil
}

// wait returns when there may be something to do.
func (c *Component) wait(ctx context.Context, pause *time.Timer, idled time.Time) {
	var idle <-chan time.Time
	if c.opts.Idle != nil {
		pause.Reset(c.opts.IdleEvery - time.Since(idled))
		idle = pause.C
	}
	select {
	case <-ctx.Done():
	case <-c.inbox.wake:
	case <-c.inbox.done:
	case <-idle:
	}
}

// handle calls fn, and makes an error of a panic.
func (c *Component) handle(fn func(Message) error, m Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("topic %s from %s: handling it panicked: %v\n%s", m.Topic, m.From, r, debug.Stack())
		}
	}()
	return fn(m)
}
