package router

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/arena"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A session is what the server knows of one client: its senders, its listeners, and the
// signals on their way to it. A client on the fast lane may lose its connection and
// take its session over with the next one.
type session struct {
	srv   *ServerRouter
	id    string                        // "" until hello
	who   atomic.Pointer[auth.Identity] // nil: not logged in
	since time.Time
	wire  *carrier.Session

	peer   atomic.Pointer[carrier.Peer] // nil while the client is away
	latest atomic.Pointer[carrier.Peer] // the same, or the one it had last
	serial serial[task]
	arena  arena.Arena // for the goroutine that reads, as are the next two
	copier *carrier.Copier
	routes byBytes[*inbound] // by the bytes of info

	row     row        // of events for remote listeners
	counted []*inbound // signals whose meters are to be told; for the goroutine that reads
	settled settled    // in the totals of the inspector, if there is one

	turning sync.Mutex // guards begun, and turn, which the goroutine that reads may read without
	turn    uint32     // counts the connections
	begun   uint64     // number of the last signal that was not dispatched where it was read

	parting  sync.Mutex // held while the session changes hands
	refusals refusals
	holed    atomic.Bool // an event did not fit while there was no connection

	mu        sync.Mutex
	listeners map[uint32]*subscription
	senders   map[string]*sender
	graces    map[string]*grace // of the senders that outlive the connection for a time
	ended     bool
	expiry    *time.Timer // ends the session while the client is away

	running    callSet
	crew       crew
	done       chan struct{} // closed when the session has ended
	callerOnce sync.Once
	callerCtx  context.Context
}

// maxRoutes bounds the routes a session remembers.
const maxRoutes = 512

func (s *ServerRouter) newSession(p *carrier.Peer) *session {
	x := &session{
		srv:    s,
		since:  time.Now(),
		wire:   p.Session(),
		copier: s.engine.NewCopier(),
		done:   make(chan struct{}),
	}
	x.serial.init(&s.workers, x.runBatch, x.kick)
	x.crew.init(&s.workers)
	x.crew.lendable(p)
	x.peer.Store(p)
	x.latest.Store(p)
	return x
}

func (x *session) counts() (senders, listeners int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.senders), len(x.listeners)
}

// String names the client for logs.
func (x *session) String() string {
	if p := x.peer.Load(); p != nil {
		return p.String()
	}
	return "session " + x.id + " (away)"
}

// A link joins a connection to the session it has now.
type link struct {
	session atomic.Pointer[session]
	waits   bool        // it takes a place of those not logged in; guarded by door.mu
	told    atomic.Bool // that it is there
	through Doorkeeper  // nil: the server's Login decides alone
	early   int         // messages before login; for the goroutine that reads
}

func sessionOf(p *carrier.Peer) *session { return p.Data.(*link).session.Load() }

// serverHandler is what the engine reports to.
type serverHandler struct{ *ServerRouter }

// Connected is called by the engine.
func (h serverHandler) Connected(p *carrier.Peer) error {
	s := h.ServerRouter
	l := &link{}
	l.through, _ = p.Data.(Doorkeeper)
	l.session.Store(s.newSession(p))
	p.Data = l
	if s.door.who.Load() == nil && l.through == nil {
		return nil
	}
	p.Trust(false)
	return s.door.wait(l, p.Info(), s.engine)
}

// tell reports that a client is there, or has gone. Of those who were never let in
// nothing is told.
func (s *ServerRouter) tell(p *carrier.Peer, gone bool, reason error) {
	if p.Data.(*link).told.Swap(true) != gone {
		return
	}
	if gone {
		s.log.Info("peer disconnected", "peer", p.String(), "reason", reason)
		s.insp.Load().peerWent(p)
	} else {
		s.log.Info("peer connected", "peer", p.String(), "carrier", p.Info().Carrier, "remote", p.Info().Remote, "identity", sessionOf(p).identity())
		s.insp.Load().peerCame(p)
	}
	if s.opts.OnPeer != nil {
		s.opts.OnPeer(PeerEvent{Peer: infoOf(p), Gone: gone, Reason: reason})
	}
}

// Disconnected is called by the engine when the connection is gone: the client's
// senders go at once; its listeners stay for a time when it can resume.
func (h serverHandler) Disconnected(p *carrier.Peer, reason error) {
	s := h.ServerRouter
	x := sessionOf(p)
	x.copier.Close()
	s.door.leave(p.Data.(*link), p.Info())
	if !x.finishTasks() {
		x.nextTurn()
	}
	x.running.cancelAll()
	if x.peer.CompareAndSwap(p, nil) {
		kept := x.id != "" && p.GoodBye() == nil && resumable(reason)
		if kept {
			x.dropSenders(reason, true)
			kept = s.keep(x)
		}
		if !kept {
			s.unregister(x)
			x.end(reason)
		}
	}
	s.tell(p, true, reason)
}

// patience is how long the end of a connection waits for a listener of this process that
// is still busy with what the client sent.
const patience = time.Second

// finishTasks lets what the client sent before it went be done. It reports false when
// that takes too long.
func (x *session) finishTasks() bool {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-x.serial.wait():
		return true
	case <-t.C:
		return false
	}
}

// end removes everything the client had: its listeners first, so that it does not hear
// its own senders go.
func (x *session) end(reason error) {
	x.mu.Lock()
	if x.ended {
		x.mu.Unlock()
		return
	}
	x.ended = true
	if x.expiry != nil {
		x.expiry.Stop()
	}
	listeners := x.listeners
	x.listeners = nil
	x.mu.Unlock()
	for _, sub := range listeners {
		sub.Remove()
	}
	x.dropSenders(reason, false)
	x.srv.settle(x)
	x.srv.drops.Add(uint64(x.wire.Out.Forget(sig.ErrNotConnected)))
	close(x.done)
}

// dropSenders removes the client's senders; not those with a grace when it may be back.
func (x *session) dropSenders(reason error, maybeBack bool) {
	why := "the connection was lost"
	if reason != nil {
		why = reason.Error()
	}
	x.mu.Lock()
	senders := make([]*sender, 0, len(x.senders))
	for name, snd := range x.senders {
		if maybeBack && x.linger(name, why) {
			continue
		}
		senders = append(senders, snd)
		x.forget(name)
	}
	x.mu.Unlock()
	slices.SortFunc(senders, func(a, b *sender) int { return strings.Compare(a.name, b.name) })
	for _, snd := range senders {
		snd.remove(why)
	}
}

// goWorker runs fn in a goroutine that Shutdown waits for, for a time.
func (s *ServerRouter) goWorker(fn func()) { s.workers.Go(fn) }

// Idle is called by the engine while it drains.
func (h serverHandler) Idle(p *carrier.Peer) bool { return sessionOf(p).serial.idle() }

// Message is called by the engine with each message the peer sent.
func (h serverHandler) Message(p *carrier.Peer, m *wire.Msg) {
	x := sessionOf(p)
	if x.who.Load() == nil && !x.early(p, m) {
		return
	}
	if err := p.TooFast(); err != nil && (m.Kind == wire.Signal || m.Kind == wire.Call) {
		x.refuse(p, m, err)
		return
	}
	switch m.Kind {
	case wire.Signal:
		x.signal(p, m)
	case wire.Call:
		x.call(p, m)
	case wire.Refused, wire.Gap: // a client has no reason to send these
		p.Handled(m.N)
	}
}

// BatchEnd is called by the engine when all that one read brought has been handled.
func (h serverHandler) BatchEnd(p *carrier.Peer) {
	x := sessionOf(p)
	x.row.end(p)
	if len(x.counted) > 0 {
		x.handOver()
	}
	x.crew.begin(p)
}

var _ carrier.Batcher = serverHandler{}

// Cancel is called by the engine when a client gives up on a call.
func (h serverHandler) Cancel(p *carrier.Peer, id carrier.CallID) {
	sessionOf(p).running.cancel(id)
}
