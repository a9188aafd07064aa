package carrier

import (
	"sync"

	"github.com/sigrouter/sigrouter/internal/wire"
)

// An agreement makes what a server sends right behind its answer to hello wait until
// whoever said hello has taken the answer: only then is it known which session the
// numbers of signals and acknowledgements are about.
type agreement struct {
	mu       sync.Mutex
	reached  bool
	waits    chan struct{} // closed by reach; nil while nobody waits
	answered bool          // for the goroutine that reads: the first reply has come
}

// reach notes that the peer's mode and session are settled, or will not be.
func (a *agreement) reach() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached = true
	if a.waits != nil {
		close(a.waits)
		a.waits = nil
	}
}

// await is called with each message of a peer, before it is handled.
func (a *agreement) await(p *Peer, m *wire.Msg) {
	switch {
	case !p.dialed || p.mode.Load() != modeNew:
		return
	case !a.answered:
		a.answered = m.Kind == wire.Reply
		return
	}
	a.mu.Lock()
	if a.reached {
		a.mu.Unlock()
		return
	}
	if a.waits == nil {
		a.waits = make(chan struct{})
	}
	waits := a.waits
	a.mu.Unlock()
	<-waits
}
