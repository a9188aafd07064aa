package router

import (
	"context"
	"errors"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// Every way of not being let in is told in the same words, so that nobody learns which
// part of what was shown is right.
var (
	errLogin = sig.Errorf(sig.ErrRefused, "not logged in: this router wants a token in hello, or a carrier that proves who you are, and knows what you have shown for neither")
	errEarly = sig.Errorf(sig.ErrRefused, "not logged in: this router takes nothing but hello from you, with a token it knows")
)

// maxEarly is how many messages somebody may send who is not logged in.
const maxEarly = 8

// identity returns the name that the client has proved, "" for none.
func (x *session) identity() string {
	if who := x.who.Load(); who != nil {
		return who.Name
	}
	return ""
}

// rights returns what the client may do now; nil for everything.
func (x *session) rights() *auth.Rights {
	if who := x.who.Load(); who != nil {
		return who.Rights
	}
	return nil
}

// Started is called by the engine in the goroutine that reads: it finds out whether
// the carrier has proved enough already.
func (h serverHandler) Started(p *carrier.Peer) {
	s := h.ServerRouter
	if s.decide(p, s.known) != nil {
		p.Trust(false)
		return
	}
	s.tell(p, false, nil)
}

// known says who a client is that has shown nothing yet. It is no failure to be unknown.
func (s *ServerRouter) known(ctx context.Context, login auth.Authenticator, info carrier.Info) (auth.Identity, error) {
	if login == nil {
		return auth.Identity{Name: info.Identity}, nil
	}
	return login.Authenticate(ctx, "", info)
}

// decide lets a client in as whoever find says it is. When the Login was replaced
// meanwhile the new one decides.
func (s *ServerRouter) decide(p *carrier.Peer, find func(context.Context, auth.Authenticator, carrier.Info) (auth.Identity, error)) error {
	ctx, cancel := s.door.limit(s.engine.Limits().LoginTimeout)
	defer cancel()
	for {
		by := s.door.who.Load()
		id, err := find(ctx, loginOf(p, by.authenticator()), p.Info())
		if err != nil {
			return err
		}
		sessionOf(p).who.Store(&id)
		if s.door.who.Load() != by {
			continue // SetLogin may not have seen this client
		}
		s.door.leave(p.Data.(*link), p.Info())
		p.Trust(true)
		return nil
	}
}

// logIn makes sure that a client which says hello is logged in. Who shows a token is
// whoever the token says, or nobody.
func (s *ServerRouter) logIn(p *carrier.Peer, token string) error {
	open := s.door.who.Load() == nil && p.Data.(*link).through == nil
	if open || token == "" && sessionOf(p).who.Load() != nil {
		return nil
	}
	err := s.decide(p, func(ctx context.Context, login auth.Authenticator, info carrier.Info) (auth.Identity, error) {
		return s.authenticate(ctx, login, token, info)
	})
	if err == nil {
		return nil
	}
	s.log.Warn("login failed", "peer", p.String(), "err", err)
	if errors.Is(err, sig.ErrShuttingDown) {
		return err
	}
	return errLogin
}

// A Doorkeeper stands before a server's Login for some connections, and decides who may
// come in by them: given the Login, which is nil when the server has none, it returns what
// to use in its place. It is asked again whenever somebody is let in or renewed, so that a
// Login that is replaced has its say. It may be called from several goroutines at once.
type Doorkeeper func(login auth.Authenticator) auth.Authenticator

// AttachThrough is Attach for a connection whose client a Doorkeeper lets in. A client
// that the Doorkeeper gave a Proof may inspect the router from anywhere.
func (s *ServerRouter) AttachThrough(conn carrier.Conn, d Doorkeeper) error {
	_, err := s.engine.Attach(conn, d)
	return err
}

// loginOf returns who decides about a client.
func loginOf(p *carrier.Peer, login auth.Authenticator) auth.Authenticator {
	if d := p.Data.(*link).through; d != nil {
		return d(login)
	}
	return login
}

// Authenticate says who somebody is that shows a token, "" for none, as the server's
// Login does, for ways into the server that are not peers: a web page, for instance. Of
// a server without Login everybody is nobody in particular and may do everything.
//
// Failures with a token are counted as those of peers are: after Limits.MaxLoginFailures
// within a minute from one address, each further one takes a second. Tell whoever tried no
// more than that it failed.
func (s *ServerRouter) Authenticate(ctx context.Context, token string, info carrier.Info) (auth.Identity, error) {
	if token == "" { // there is nothing to guess
		return s.known(ctx, s.door.who.Load().authenticator(), info)
	}
	return s.authenticate(ctx, s.door.who.Load().authenticator(), token, info)
}

func (s *ServerRouter) authenticate(ctx context.Context, login auth.Authenticator, token string, info carrier.Info) (auth.Identity, error) {
	if login == nil {
		return auth.Identity{Name: info.Identity}, nil
	}
	id, err := login.Authenticate(ctx, token, info)
	if err == nil {
		return id, nil
	}
	if ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	if s.door.failed(info, s.engine) {
		wait(ctx, loginPause)
	}
	return auth.Identity{}, err
}

// loginPause is how long a failed login takes from an address that fails too often.
const loginPause = time.Second

// wait returns after a time, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// early deals with a message of somebody who is not logged in. It reports true for the
// one that may pass, hello.
func (x *session) early(p *carrier.Peer, m *wire.Msg) bool {
	if m.Kind == wire.Call && string(m.Method) == "hello" {
		return true
	}
	l := p.Data.(*link)
	l.early++
	if m.Kind == wire.Call {
		p.ReplyError(carrier.IDOf(m), errEarly)
		p.Touch(p)
	}
	if l.early >= maxEarly {
		p.Close(errEarly)
	}
	return false
}
