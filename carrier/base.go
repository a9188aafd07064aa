package carrier

import (
	"context"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A Carrier moves calls and replies between a router and its peers by means of its
// own. It is for transports that are no connection, or that bring replies some other
// way; where there is one, write a Conn, which is less work and faster.
//
// Peers are told apart by a name that the carrier gives them, any string. The
// methods may be called from several goroutines at once.
//
// Server and client take one with AttachCarrier, a carrier of its own each.
type Carrier interface {
	// Pack encodes a *Message or a *Reply.
	Pack(m any) ([]byte, error)
	// Unpack decodes what Pack encoded: one of the results is not nil.
	Unpack(data []byte) (*Message, *Reply, error)
	// HandleRX is called by the carrier with each call it receives, and runs the
	// method it names. It always returns a reply, whatever happens inside; the carrier
	// sends it back. It returns when that is there, which can take long, and the method
	// may need replies of the same peer: call it in a goroutine for each call.
	HandleRX(ctx context.Context, peer string, m *Message) *Reply
	// HandleTX sends a call to one peer and returns its reply. It must give the
	// message an id that tells its reply from others; the one it has may be replaced.
	// It returns soon after ctx has ended. A router sends the next signal to a peer when
	// the last was answered, so they stay in order; requests it sends meanwhile.
	HandleTX(ctx context.Context, peer string, m *Message) (*Reply, error)
	// Bind joins the carrier to a router, before its first call.
	Bind(r Receiver)
}

// A Receiver is the router's side of a Carrier.
type Receiver interface {
	// Receive runs the method that a call names.
	Receive(ctx context.Context, peer string, m *Message) *Reply
	// PeerConnected is told of a new peer. An error refuses it.
	PeerConnected(peer string) error
	// PeerDisconnected is told that a peer has gone, and why.
	PeerDisconnected(peer string, reason error)
	// AllPeersDisconnected is told that no peer is left; it stands for
	// PeerDisconnected with each.
	AllPeersDisconnected()
}

// Base is a Carrier but for HandleTX: embed it, and write that. Its encoding is JSON.
type Base struct {
	mu sync.RWMutex
	r  Receiver
}

// Bind joins the carrier to a router.
func (b *Base) Bind(r Receiver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r = r
}

func (b *Base) receiver() Receiver {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.r
}

// Pack encodes as JSON.
func (b *Base) Pack(m any) ([]byte, error) { return pack(m) }

// Unpack decodes JSON.
func (b *Base) Unpack(data []byte) (*Message, *Reply, error) { return unpack(data) }

// HandleRX has the router run the method and returns its reply.
func (b *Base) HandleRX(ctx context.Context, peer string, m *Message) *Reply {
	r := b.receiver()
	switch {
	case r == nil:
		return Failure(m.ID, sig.Errorf(sig.ErrNotConnected, "the carrier serves no router yet"))
	case m.Method == "":
		return Failure(m.ID, &sig.Error{Status: sig.StatusNoName, Code: "no_name", Message: "the call names no method"})
	}
	return r.Receive(ctx, peer, m)
}

// PeerConnected tells the router of a new peer. Call it before the peer's first
// message; an error means that the peer is refused.
func (b *Base) PeerConnected(peer string) error {
	if r := b.receiver(); r != nil {
		return r.PeerConnected(peer)
	}
	return sig.Errorf(sig.ErrNotConnected, "the carrier serves no router yet")
}

// PeerDisconnected tells the router that a peer has gone: its listeners and senders go
// too.
func (b *Base) PeerDisconnected(peer string, reason error) {
	if r := b.receiver(); r != nil {
		r.PeerDisconnected(peer, reason)
	}
}

// AllPeersDisconnected tells the router that no peer is left.
func (b *Base) AllPeersDisconnected() {
	if r := b.receiver(); r != nil {
		r.AllPeersDisconnected()
	}
}
