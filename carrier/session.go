package carrier

import (
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// Stats counts what passed a connection.
type Stats struct {
	MessagesIn, MessagesOut atomic.Uint64
	BytesIn, BytesOut       atomic.Uint64
	Strays                  atomic.Uint64 // replies nobody waited for
	Duplicates              atomic.Uint64 // signals that came twice
	Lost                    atomic.Uint64 // signals passed over because one before them was lost on the line
	Resent                  atomic.Uint64 // how often signals were sent again because the line may have lost some
	Refused                 atomic.Uint64 // messages answered with an error
	RoundTrip               atomic.Int64  // nanoseconds, of the last ping
}

// A Bye is what a peer said before it closed.
type Bye struct {
	Reason string
	Retry  time.Duration // when to come back
}

// A Session is what a resumed connection takes over from the one before.
type Session struct {
	Out  *Queue
	last atomic.Uint64 // number of the last signal taken from the peer
	done atomic.Uint64 // number of the last signal handled
}

// NewSession makes a session with an empty queue.
func (e *Engine) NewSession() *Session {
	q := newQueue(e.lim)
	q.global = &e.queued
	q.copier.pool = &e.chunks
	return &Session{Out: q}
}

// Last returns the number of the last signal of the peer that was handled.
func (s *Session) Last() uint64 { return s.done.Load() }

// Taken returns the number of the last signal of the peer that was taken, and so is or will
// be handled.
func (s *Session) Taken() uint64 { return s.last.Load() }

// Resume makes the session begin after number n, which the far side has handled. It
// returns false when what follows is not there any more.
//
// What was taken before and is not handled yet counts as taken: the far side sends it
// again, and it is not taken twice. See Forsake.
func (s *Session) Resume(n uint64) bool { return s.Out.rewind(n) }

// Forsake notes that of the signals taken so far none after number n will be handled: they
// are to be taken when they come again.
func (s *Session) Forsake(n uint64) { s.last.Store(max(n, s.done.Load())) }

// Acknowledged notes that the far side has handled what it was sent up to number n.
func (s *Session) Acknowledged(n uint64) bool { return s.Out.ack(n) }

// Restart makes the session begin anew; signals in flight will be sent again. It
// returns how many those are.
func (s *Session) Restart() int {
	s.last.Store(0)
	s.done.Store(0)
	return s.Out.restart()
}

// fresh reports whether a numbered message is the next one.
func (p *Peer) fresh(m *wire.Msg) bool {
	s := p.session.Load()
	last := s.last.Load()
	switch {
	case m.N == last+1 && p.Fast():
		s.last.Store(m.N)
		return true
	case m.N <= last:
		p.Stats.Duplicates.Add(1)
		p.again.Store(true)
		p.Touch(p)
		return false
	}
	if p.lossy && p.Fast() { // one between was lost, and will be sent again, with all after it
		p.Stats.Lost.Add(1)
		p.again.Store(true)
		p.Touch(p)
		return false
	}
	p.Close(sig.Errorf(sig.ErrMalformed, "signal number %d came after %d", m.N, last))
	return false
}

// Handled notes that all signals of the peer up to n were handled; the
// acknowledgement is written with the next flush.
func (p *Peer) Handled(n uint64) { p.session.Load().Handled(n) }

// Handled is Peer.Handled while there may be no connection.
func (s *Session) Handled(n uint64) { s.done.Store(n) }
