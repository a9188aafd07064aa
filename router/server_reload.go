package router

import (
	"slices"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// SetLogin replaces the server's Login, and brings the clients that are connected, and
// those that may come back, up to what it says of them: who is no longer good is
// disconnected, listeners and senders that are no longer permitted are removed, and
// events go to those who may listen to them. It returns when that is done; events that
// wait for a client already are not called back.
//
// A Login that is a auth.Renewer is asked about each client. Any other is asked about
// those who came without a token, and all who came with one have to log in again. With
// nil everybody may come in and do everything.
func (s *ServerRouter) SetLogin(login auth.Authenticator) {
	s.door.setting.Lock()
	defer s.door.setting.Unlock()
	s.door.set(login)
	for _, x := range s.allSessions() {
		s.renew(x, login)
	}
	s.Router.rebuild()
	for _, x := range s.allSessions() {
		x.enforce()
	}
}

// allSessions returns the sessions of clients that are logged in, connected or not.
func (s *ServerRouter) allSessions() []*session {
	var all []*session
	for _, p := range s.engine.Peers() {
		if x := sessionOf(p); x.who.Load() != nil {
			all = append(all, x)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(all, s.away...)
}

// renew asks what has become of a client.
func (s *ServerRouter) renew(x *session, login auth.Authenticator) {
	ctx, cancel := s.door.limit(s.engine.Limits().LoginTimeout)
	defer cancel()
	was := x.who.Load()
	p := x.latest.Load()
	login = loginOf(p, login)
	id := auth.Identity{Name: was.Name}
	var err error
	renewer, ok := login.(auth.Renewer)
	switch {
	case login == nil:
	case was.Proof == nil:
		id, err = s.known(ctx, login, p.Info())
	case ok:
		id, err = renewer.Renew(ctx, *was)
	default:
		err = errLogin
	}
	if err == nil {
		x.who.CompareAndSwap(was, &id)
		return
	}
	s.log.Warn("no longer permitted", "peer", x.String(), "identity", was.Name, "err", err)
	s.expel(x)
}

// errExpelled is why a client that was let in has to go.
var errExpelled = sig.Errorf(sig.ErrRefused, "no longer permitted: what you logged in with is not good any more")

// expel ends a session and its connection.
func (s *ServerRouter) expel(x *session) {
	s.unregister(x)
	if p := x.peer.Load(); p != nil {
		p.Dismiss(errExpelled)
		return
	}
	s.giveUp(x, errExpelled)
}

// enforce removes the client's listeners and senders that are no longer permitted, and
// tells it.
func (x *session) enforce() {
	r := x.rights()
	if r == nil {
		return
	}
	var lost revokedParams
	var subs []*subscription
	var senders []*sender
	x.mu.Lock()
	for id, sub := range x.listeners {
		if mayListenTo(r, sub.sender, sub.event, sub.below) != nil {
			delete(x.listeners, id)
			subs = append(subs, sub)
			lost.Listeners = append(lost.Listeners, id)
		}
	}
	for name, snd := range x.senders {
		if !r.May(auth.Add, name, "") {
			x.forget(name)
			senders = append(senders, snd)
			lost.Senders = append(lost.Senders, name)
		}
	}
	x.mu.Unlock()
	for _, sub := range subs {
		sub.Remove()
	}
	for _, snd := range senders {
		snd.remove("no longer permitted")
	}
	if p := x.peer.Load(); p != nil && len(subs)+len(senders) > 0 {
		x.srv.log.Warn("no longer permitted", "peer", p.String(), "listeners", len(subs), "senders", len(senders))
		x.tellRevoked(p, &lost)
	}
}

// revokedParams are the params of revoked, by which a server tells a client what it has
// removed.
type revokedParams struct {
	Listeners []uint32 `json:"listeners,omitempty"`
	Senders   []string `json:"senders,omitempty"`
	Reason    string   `json:"reason"`
}

func (x *session) tellRevoked(p *carrier.Peer, lost *revokedParams) {
	slices.Sort(lost.Listeners)
	slices.Sort(lost.Senders)
	lost.Reason = "no longer permitted"
	if params, err := (sig.JSON{}).Marshal(lost); err == nil {
		p.Notify("revoked", params)
	}
}

// become gives a session to the client that has come back for it, whose rights may have
// changed meanwhile.
func (x *session) become(who *auth.Identity) {
	if was := x.who.Swap(who); was != nil && was.Rights == who.Rights {
		return
	}
	x.srv.Router.rebuild()
	x.enforce()
}
