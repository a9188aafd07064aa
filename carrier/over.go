package carrier

import (
	"errors"
	"maps"
	"strings"
	"sync"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// overs counts how often each limit was passed, by the name of its field in Limits. It
// is small: names are ours.
type overs struct {
	mu sync.Mutex
	m  map[string]uint64
}

func (o *overs) add(limit string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.m == nil {
		o.m = map[string]uint64{}
	}
	o.m[limit]++
}

// Over counts that somebody passed a limit, and returns the error that says so. Limit is
// the name of the field of Limits.
func (e *Engine) Over(limit, format string, args ...any) *sig.Error {
	e.overs.add(limit)
	return sig.Errorf(sig.ErrLimit, format+" ("+limit+")", args...)
}

// CheckHops fails, and counts, when a request or an event has more hops behind it than
// MaxHops.
func (e *Engine) CheckHops(hops uint64) error {
	err := e.lim.CheckHops(hops)
	if err != nil {
		e.overs.add("MaxHops")
	}
	return err
}

// Passed returns how often each limit was passed since the engine began, by the names of
// the fields of Limits; those that never were are missing. The caller owns the map.
func (e *Engine) Passed() map[string]uint64 {
	e.overs.mu.Lock()
	defer e.overs.mu.Unlock()
	return maps.Clone(e.overs.m)
}

// A limited error knows which limit was passed.
type limited interface {
	error
	Limit() string
}

// countOver counts an error that came from elsewhere, if it is about a limit.
func (e *Engine) countOver(err error) {
	if l, ok := errors.AsType[limited](err); ok && l.Limit() != "" {
		e.overs.add(l.Limit())
	}
}

// overMessage counts a message that passed a limit. Before login the narrower limits
// have names of their own.
func (p *Peer) overMessage(bad *wire.Error) {
	if bad.Over == "" {
		return
	}
	if !p.trusted.Load() && (bad.Over == "MaxMessage" || bad.Over == "MaxDepth") {
		name := bad.Over + "Login"
		bad.Text = strings.ReplaceAll(bad.Text, bad.Over, name)
		bad.Over = name
	}
	p.engine.overs.add(bad.Over)
}

// Waiting returns how many calls of this process and of other peers the peer has not
// answered, and how many of its own calls are not answered.
func (p *Peer) Waiting() (answers, calls int) { return p.calls.len(), int(p.asking.Load()) }

// Refused returns how many connections were turned away since the engine began, also those
// that its listeners did not let through: handshakes that failed, for instance.
func (e *Engine) Refused() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.refuse.Load()
	for l := range e.listeners {
		n += refusedBy(l)
	}
	return n
}

// refusedBy returns how many connections a listener did not let through itself.
func refusedBy(l Listener) uint64 {
	if r, ok := l.(interface{ Refused() uint64 }); ok {
		return r.Refused()
	}
	return 0
}

// QueuedBytes returns how many bytes wait for all peers together, about.
func (e *Engine) QueuedBytes() int64 { return e.queued.Load() }
