package router

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// hello logs a client in and puts it on the fast lane, with the session it had before if
// it can be resumed. It runs in the goroutine that reads, since nothing that follows can
// be understood before it is done.
func (x *session) hello(p *carrier.Peer, m *wire.Msg) {
	id := carrier.IDOf(m)
	in, err := readHello(p, m)
	if err != nil {
		p.ReplyError(id, err)
		p.Touch(p)
		return
	}
	if err := x.srv.logIn(p, in.Token); err != nil {
		p.ReplyError(id, err)
		p.Close(err)
		return
	}
	if in.Name != "" {
		p.SetName(in.Name)
	}
	x.srv.tell(p, false, nil)
	x.begin(p, id, in)
}

// readHello reads and checks the params of hello.
func readHello(p *carrier.Peer, m *wire.Msg) (*helloParams, error) {
	var in helloParams
	err := decodeParams(m.Params, &in)
	switch {
	case err != nil:
	case p.Fast() || p.Classic():
		err = sig.Errorf(sig.ErrInvalid, "hello must be the first message of a connection")
	case in.Version < 1:
		err = sig.Errorf(sig.ErrInvalid, "hello needs version, which is %d", protocolVersion)
	case in.Name != "":
		err = sig.CheckName("client", in.Name)
	}
	return &in, err
}

// begin answers hello.
func (x *session) begin(p *carrier.Peer, id carrier.CallID, in *helloParams) {
	binary := in.Envelope == envelopeFrame && !p.TextOnly()
	s := x.srv
	old, last := s.takeOver(p, in.Resume)
	var dispatched *uint64
	var refused []uint64
	if old == nil {
		dispatched, refused = s.dispatched(p, in.Resume)
		s.register(x)
		old = x
	} else {
		defer old.parting.Unlock()
	}
	lim := s.engine.Limits()
	var codec carrier.Codec
	if binary {
		codec = s.opts.Codecs.Choose(in.Codecs)
	}
	out := helloReply{
		Version: protocolVersion, Name: s.opts.Name,
		Envelope: envelopeJSON, Codec: carrier.Encoded{Codec: codec}.SigCodec().Name(),
		Session: old.id, Epoch: s.epoch, Last: last, Resumed: old != x, Dispatched: dispatched, Refused: refused,
		Window: lim.Window, WindowBytes: lim.WindowBytes, MaxMessage: lim.MaxMessage, OneLine: true,
		PingMS: lim.PingAfter.Milliseconds(), DeadMS: lim.DeadAfter.Milliseconds(),
	}
	if binary {
		out.Envelope = envelopeFrame
	}
	data, err := sig.JSON{}.Marshal(out)
	old.wire.Out.SetWindow(in.Window, in.WindowBytes)
	// The answer first, then the lane: what it carries must come behind the answer.
	if err != nil {
		p.ReplyError(id, err)
	} else {
		p.Reply(id, data)
	}
	p.SetFast(binary, codec, old.wire)
	p.SetTakes(in.MaxMessage)
	old.peer.Store(p)
	old.latest.Store(p)
	p.Data.(*link).session.Store(old)
	if old != x {
		old.refusals.tell(p)
		x.end(nil) // the one it began with has nothing in it
		old.become(x.who.Load())
	}
	p.Touch(p)
}

// register gives a session an id by which it can be resumed.
func (s *ServerRouter) register(x *session) {
	id := randomID(16)
	s.mu.Lock()
	defer s.mu.Unlock()
	x.id = id
	s.sessions[id] = x
}

// takeOver prepares the session that a client wants to resume, and returns the number
// of the client's last signal that was dispatched; nil when it cannot be resumed. The
// session's parting is held until it is on the connection.
func (s *ServerRouter) takeOver(p *carrier.Peer, r *resumeParam) (*session, uint64) {
	if r == nil || subtle.ConstantTimeCompare([]byte(r.Epoch), []byte(s.epoch)) != 1 {
		return nil, 0
	}
	s.mu.Lock()
	x := s.sessions[r.Session]
	s.mu.Unlock()
	if x == nil || !x.sameClient(p) {
		return nil, 0
	}
	x.parting.Lock()
	if !x.comeBack(r.Last) {
		x.parting.Unlock()
		return nil, 0
	}
	return x, x.wire.Last()
}

// comeBack ends the connection that a session still has, and makes it begin after number
// last. It reports false when that cannot be.
func (x *session) comeBack(last uint64) bool {
	s := x.srv
	prev := x.latest.Load()
	taken := x.peer.CompareAndSwap(prev, nil)
	var over error = sig.Errorf(sig.ErrRefused, "the session was taken over by another connection")
	if taken {
		prev.Close(over)
	}
	<-prev.Done()
	if taken {
		x.dropSenders(errors.New("the connection was taken over"), true)
		// Its end may have had a reason already after which there is no way back.
		if why := prev.Reason(); why != over && (prev.GoodBye() != nil || !resumable(why)) {
			s.unregister(x)
			x.end(why)
			return false
		}
	}
	if !s.unkeep(x) {
		return false
	}
	x.nextTurn()
	if x.holed.Load() || !x.wire.Resume(last) {
		s.unregister(x)
		x.end(errors.New("the session could not be resumed"))
		return false
	}
	return true
}

// sameClient reports whether a connection may resume the session: it must have proved
// to be the same as the one before.
func (x *session) sameClient(p *carrier.Peer) bool { return x.identity() == sessionOf(p).identity() }

// resumable reports whether a client whose connection ended so may come back.
func resumable(reason error) bool {
	for _, final := range []error{sig.ErrMalformed, sig.ErrRefused, sig.ErrLimit, sig.ErrSlow, sig.ErrShuttingDown} {
		if errors.Is(reason, final) {
			return false
		}
	}
	return true
}

// keep holds the session of a client that lost its connection, for a time.
func (s *ServerRouter) keep(x *session) bool {
	lim := s.engine.Limits()
	s.mu.Lock()
	if s.closed || s.sessions[x.id] != x || lim.ResumeFor < 0 {
		s.mu.Unlock()
		s.unregister(x)
		return false
	}
	s.away = append(s.away, x)
	var oldest *session
	if len(s.away) > lim.MaxSessions {
		oldest = s.away[0]
	}
	s.mu.Unlock()
	x.mu.Lock()
	x.expiry = time.AfterFunc(lim.ResumeFor, func() { s.giveUp(x, errors.New("did not come back in time")) })
	x.mu.Unlock()
	if oldest != nil {
		// Not here: who takes a session over holds the lock that giveUp needs, and waits
		// for the end of its connection, which this may be.
		s.goWorker(func() {
			s.giveUp(oldest, s.engine.Over("MaxSessions", "more than %d sessions without a connection", lim.MaxSessions))
		})
	}
	return true
}

// unkeep takes a session back from those that are kept; false: it has ended.
func (s *ServerRouter) unkeep(x *session) bool {
	s.mu.Lock()
	s.dropAway(x)
	s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expiry != nil {
		x.expiry.Stop()
		x.expiry = nil
	}
	return !x.ended
}

// dropAway takes a session off the list of those without a connection. Called with mu
// held.
func (s *ServerRouter) dropAway(x *session) bool {
	for i, o := range s.away {
		if o == x {
			s.away = append(s.away[:i], s.away[i+1:]...)
			return true
		}
	}
	return false
}

// giveUp ends a session whose client did not come back.
func (s *ServerRouter) giveUp(x *session, reason error) {
	x.parting.Lock()
	defer x.parting.Unlock()
	s.mu.Lock()
	away := s.dropAway(x)
	s.mu.Unlock()
	if !away {
		return // it came back, or ended already
	}
	s.unregister(x)
	x.end(reason)
}

func (s *ServerRouter) unregister(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[x.id] == x {
		delete(s.sessions, x.id)
		s.past.add(x.id, pastSession{x.identity(), x.wire.Taken(), x.refusals.numbers()}, s.engine.Limits().MaxSessions)
	}
}

// A pastSession is what is known of one that has ended: who it was, and the number of its
// last signal that was dispatched, so that its client need not send that again.
type pastSession struct {
	identity   string
	dispatched uint64
	refused    []uint64 // of these
}

// pastSessions keeps as many as there may be sessions without a connection.
type pastSessions struct {
	byID  map[string]pastSession
	order []string
}

func (p *pastSessions) add(id string, s pastSession, most int) {
	if p.byID == nil {
		p.byID = map[string]pastSession{}
	}
	p.byID[id] = s
	p.order = append(p.order, id)
	if len(p.order) > most {
		delete(p.byID, p.order[0])
		p.order = p.order[1:]
	}
}

// dispatched returns what a client that wanted to resume a session is told instead; nil
// when nothing is known of that.
func (s *ServerRouter) dispatched(p *carrier.Peer, r *resumeParam) (upTo *uint64, refused []uint64) {
	if r == nil || subtle.ConstantTimeCompare([]byte(r.Epoch), []byte(s.epoch)) != 1 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	past, ok := s.past.byID[r.Session]
	if !ok || past.identity != sessionOf(p).identity() {
		return nil, nil
	}
	return &past.dispatched, past.refused
}
