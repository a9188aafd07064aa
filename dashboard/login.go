package dashboard

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Token returns a function for Options.Token that takes one token, in constant time. An
// empty one is never good.
func Token(secret string) func(string) bool {
	want := sha256.Sum256([]byte(secret))
	return func(token string) bool {
		got := sha256.Sum256([]byte(token))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && secret != ""
	}
}

// reading returns what the page may do that has shown no token: look.
func reading() *auth.Rights {
	rules := []auth.Rule{{Actions: auth.Listen, Sender: sig.Any}}
	for _, method := range []string{"status", "history", "changes", "signal", "routes", "requests", "links", "listeners", "tail", "log"} {
		rules = append(rules, auth.Rule{Actions: auth.Request, Sender: router.Inspector, Name: method})
	}
	r, err := auth.NewRights(rules...)
	if err != nil {
		panic(err) // the rules are constant
	}
	return r
}

// doorkeeper lets in everybody whom the server's Login lets in, to look only without a
// token, and whoever shows the dashboard's token, for everything.
func doorkeeper(token func(string) bool) router.Doorkeeper {
	d := &door{token: token, reading: reading()}
	return func(login auth.Authenticator) auth.Authenticator {
		return entrance{door: d, login: login}
	}
}

type door struct {
	token   func(string) bool
	reading *auth.Rights
}

// An entrance is the door before one Login.
type entrance struct {
	*door
	login auth.Authenticator // nil: there is none
}

// A proof says by what somebody was let in: the dashboard's token, or by the Login, whose
// note is inside.
type proof struct {
	good   func() bool // whether the dashboard's token is still good; nil: the Login decided
	inside any
	looks  bool // is let in to look only
}

var errToken = sig.Errorf(sig.ErrRefused, "no such token")

// Authenticate is the one of auth.Authenticator.
func (e entrance) Authenticate(ctx context.Context, token string, info carrier.Info) (auth.Identity, error) {
	if token != "" && e.token != nil && e.token(token) {
		return auth.Identity{Name: operator, Proof: proof{good: func() bool { return e.token(token) }}}, nil
	}
	id := auth.Identity{Name: info.Identity}
	if e.login == nil {
		if token != "" {
			return auth.Identity{}, errToken
		}
		id.Rights = e.reading
		return id, nil
	}
	id, err := e.login.Authenticate(ctx, token, info)
	if err != nil {
		return auth.Identity{}, err
	}
	return e.limit(id, token == ""), nil
}

// operator is who shows the dashboard's token.
const operator = "dashboard"

// limit notes how somebody was let in.
func (e entrance) limit(id auth.Identity, looks bool) auth.Identity {
	if id.Proof != nil {
		id.Proof = proof{inside: id.Proof, looks: looks}
	}
	if looks {
		id.Rights = id.Rights.Within(e.reading)
	}
	return id
}

// Renew is the one of auth.Renewer.
func (e entrance) Renew(ctx context.Context, id auth.Identity) (auth.Identity, error) {
	p, _ := id.Proof.(proof)
	renewer, ok := e.login.(auth.Renewer)
	switch {
	case p.good != nil && p.good():
		return id, nil
	case p.good != nil || !ok:
		return auth.Identity{}, errToken
	}
	id.Proof = p.inside
	id, err := renewer.Renew(ctx, id)
	if err != nil {
		return auth.Identity{}, err
	}
	return e.limit(id, p.looks), nil
}
