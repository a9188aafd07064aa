package router

import (
	"bytes"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A grace keeps a client's sender for a time after the connection was lost: see
// sig.Grace.
type grace struct {
	sender *sender
	params []byte // of add_sender
	length time.Duration
	over   *time.Timer // runs while the client is away; nil while it is there
}

// graceOf returns what a sender asks for, nil for nothing. There is no more of it than
// clients have time to come back.
func (x *session) graceOf(in *senderParams, params []byte) (*grace, error) {
	if in.GraceMS < 0 {
		return nil, sig.Errorf(sig.ErrInvalid, "grace_ms is %d; it cannot be less than 0", in.GraceMS)
	}
	most := x.srv.engine.Limits().ResumeFor
	if in.GraceMS == 0 || most <= 0 {
		return nil, nil
	}
	length := time.Duration(min(in.GraceMS, most.Milliseconds())) * time.Millisecond
	return &grace{params: bytes.Clone(params), length: length}, nil
}

// takeBack gives a client that has come back the sender that was kept for it. It reports
// false when the sender has to be added as any other: there is none, or what the
// client declares is not what it was.
func (x *session) takeBack(name string, params []byte) bool {
	x.mu.Lock()
	g := x.graces[name]
	if g == nil || g.over == nil {
		x.mu.Unlock()
		return false
	}
	g.over.Stop()
	g.over = nil
	same := bytes.Equal(g.params, params) && !g.sender.gone.Load()
	if same {
		g.sender.away.Store(false)
	} else {
		x.forget(name)
	}
	x.mu.Unlock()
	if !same {
		g.sender.remove("the client came back with another declaration")
	}
	return same
}

// forget takes a sender out of the client's books. Called with mu held.
func (x *session) forget(name string) {
	if g := x.graces[name]; g != nil && g.over != nil {
		g.over.Stop()
	}
	delete(x.graces, name)
	delete(x.senders, name)
}

// linger keeps a sender whose client was lost, if it asked for that. Called with mu held.
func (x *session) linger(name, why string) bool {
	g := x.graces[name]
	if g == nil || g.sender.gone.Load() {
		return false
	}
	if g.over == nil { // else the client was lost again before it added the sender
		g.sender.away.Store(true)
		g.over = time.AfterFunc(g.length, func() { x.graceEnds(name, g, why) })
	}
	return true
}

// graceEnds removes a sender whose client did not come back in time.
func (x *session) graceEnds(name string, g *grace, why string) {
	x.mu.Lock()
	if x.graces[name] != g || g.over == nil {
		x.mu.Unlock()
		return // it was back in the last moment, or the sender has gone
	}
	x.forget(name)
	x.mu.Unlock()
	g.sender.remove(why)
}

// succeed removes the sender of that name which is kept for an earlier session of the same
// program: it was started anew, and nobody comes back for it. It reports whether there was
// one.
func (x *session) succeed(name string) bool {
	snd := x.srv.senders.get(name)
	if snd == nil {
		return false
	}
	old, ok := snd.owner.(*session)
	if !ok || old == x || !x.follows(old) {
		return false
	}
	old.mu.Lock()
	g := old.graces[name]
	away := g != nil && g.sender == snd && g.over != nil && old.peer.Load() == nil
	if away {
		old.forget(name)
	}
	old.mu.Unlock()
	if away {
		snd.remove("its program was started anew")
	}
	return away
}

// follows reports whether the client is to be taken for the one of an earlier session: it
// goes by the same name, and has proved to be the same. Who has proved nothing must at
// least come from the same address.
func (x *session) follows(old *session) bool {
	now, then := x.latest.Load(), old.latest.Load()
	if now.Name() == "" || now.Name() != then.Name() || x.identity() != old.identity() {
		return false
	}
	return x.identity() != "" || now.Info().Host() == then.Info().Host()
}
