package router

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// revoked deals with what the server says it has removed because it is no longer
// permitted. The program is told; the server is asked again from time to time, since
// permissions come back as they go.
func (c *ClientRouter) revoked(p *carrier.Peer, m *wire.Msg) {
	defer p.Answered()
	var in revokedParams
	if err := decodeParams(m.Params, &in); err != nil {
		c.log.Warn("the server's message is not understood", "method", "revoked", "err", err)
		return
	}
	why := sig.Errorf(sig.ErrRefused, "removed by the server: %s", in.Reason)
	c.mu.Lock()
	senders := slices.Clone(c.remoteSenders)
	var listeners []*remoteSub
	b := c.books.Load()
	for _, id := range in.Listeners {
		if sub := b.find(b.session, id); sub != nil {
			sub.id = nil
			listeners = append(listeners, sub)
		}
	}
	c.indexListeners()
	c.mu.Unlock()
	for _, sub := range listeners {
		c.listenLater(p, sub, why)
	}
	for _, s := range senders {
		if slices.Contains(in.Senders, s.Name()) {
			c.addLater(p, s, why)
		}
	}
}

// listenLater keeps trying to add a listener that the server does not have.
func (c *ClientRouter) listenLater(p *carrier.Peer, sub *remoteSub, err error) {
	c.spawn(func() {
		c.report(fmt.Errorf("no events for the listener of %s/%s, trying on: %w", sub.sender, sub.event, err))
		c.again(p, func() (bool, error) {
			if sub.removed.Load() {
				return true, nil
			}
			err := c.addListener(c.ctx, p, sub)
			return err == nil, err
		})
	})
}

// refusedBackoff is the longest wait for what the server does not permit.
const refusedBackoff = 30 * time.Second

// again tries something that failed until it is done, or the connection is.
func (c *ClientRouter) again(p *carrier.Peer, try func() (done bool, err error)) {
	for wait := 100 * time.Millisecond; ; {
		if !c.sleep(wait) || p.Reason() != nil {
			return
		}
		done, err := try()
		if done {
			return
		}
		most := c.opts.MaxBackoff
		if errors.Is(err, sig.ErrRefused) {
			most = max(most, refusedBackoff)
		}
		wait = min(2*wait, most)
	}
}
