package router

import (
	"sync"

	"github.com/sigrouter/sigrouter/carrier"
)

// refusals are the numbered signals of a session that were not dispatched, as far as its
// client may not have been told: what was told may have been lost with the connection.
type refusals struct {
	mu  sync.Mutex
	all []refusal
}

type refusal struct {
	n   uint64
	err error
}

// add notes a refusal. The client has at most window signals in flight: of those before
// it knows.
func (r *refusals) add(n uint64, err error, window int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := 0
	for known < len(r.all) && r.all[known].n+uint64(window) < n {
		known++
	}
	r.all = append(r.all[known:], refusal{n, err})
}

// tell tells them again, on a connection that resumes the session. The client passes over
// those it has been told.
func (r *refusals) tell(p *carrier.Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.all {
		p.RefuseSignal(f.n, f.err)
	}
}

// numbers returns the numbers of the signals.
func (r *refusals) numbers() (all []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.all {
		all = append(all, f.n)
	}
	return all
}
