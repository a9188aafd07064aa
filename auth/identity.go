package auth

import (
	"context"

	"github.com/sigrouter/sigrouter/carrier"
)

// An Identity is who a client has proved to be.
type Identity struct {
	// Name is what to call the client: in logs, and as sig.Caller.Identity. "" means
	// nobody in particular. Who loses its connection may take its session over with
	// another one of the same name.
	Name string
	// Rights is what it may do; nil means everything.
	Rights *Rights
	// Proof is the Authenticator's own note of how the client proved it, which it gets
	// back in Renew. It must not be a secret.
	Proof any
}

// An Authenticator says who a client is. Its methods may be called from several
// goroutines at once.
type Authenticator interface {
	// Authenticate is given the token of a client's hello, "" for none, and what its
	// carrier knows of it. It is called with no token as soon as a client is there:
	// when that succeeds the client need not log in. An error refuses the client; the
	// client is not told its text, which goes to the log and must not hold the token.
	//
	// It may take its time: other clients do not wait for it. ctx ends when the time to
	// log in is over.
	Authenticate(ctx context.Context, token string, info carrier.Info) (Identity, error)
}

// A Renewer is an Authenticator that can say what has become of somebody it let in, so
// that changes reach clients that are connected.
type Renewer interface {
	// Renew returns the identity as it is now. An error means that it is no longer
	// good; the client is told that, not the error's text.
	Renew(ctx context.Context, id Identity) (Identity, error)
}
