package carrier

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// Bridge runs the peers of a Carrier on an engine, as classic peers: a Carrier answers
// every message, so the fast lane, where few are answered, is not for it. Close ends them.
type Bridge struct {
	engine  *Engine
	carrier Carrier
	dialed  bool

	mu     sync.Mutex
	peers  map[string]*bridgeConn
	closed bool
}

// NewBridge binds a carrier to an engine. Dialed says that the peers are servers.
func NewBridge(e *Engine, c Carrier, dialed bool) *Bridge {
	b := &Bridge{engine: e, carrier: c, dialed: dialed, peers: map[string]*bridgeConn{}}
	c.Bind(b)
	return b
}

// Dial returns a connection to a peer that is a server, in the place of the one there
// was.
func (b *Bridge) Dial(peer string) (Conn, error) {
	b.mu.Lock()
	old := b.peers[peer]
	b.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, sig.ErrShuttingDown
	}
	c := b.newConn(peer)
	b.peers[peer] = c
	return c, nil
}

func (b *Bridge) newConn(peer string) *bridgeConn {
	ctx, cancel := context.WithCancel(context.Background())
	return &bridgeConn{bridge: b, peer: peer, in: make(chan []byte), ctx: ctx, cancel: cancel, waiting: map[string]chan *Reply{}}
}

// PeerConnected attaches a peer. A server is attached when it is dialed.
func (b *Bridge) PeerConnected(peer string) error {
	if b.dialed {
		return nil
	}
	_, err := b.attach(peer)
	return err
}

func (b *Bridge) attach(peer string) (*bridgeConn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, sig.ErrShuttingDown
	}
	if c, ok := b.peers[peer]; ok {
		return c, nil
	}
	if b.dialed {
		return nil, sig.Errorf(sig.ErrNotConnected, "not connected to %s", peer)
	}
	c := b.newConn(peer)
	if _, err := b.engine.Attach(c, nil); err != nil {
		c.cancel()
		return nil, err
	}
	b.peers[peer] = c
	return c, nil
}

// PeerDisconnected ends a peer.
func (b *Bridge) PeerDisconnected(peer string, reason error) {
	b.mu.Lock()
	c := b.peers[peer]
	delete(b.peers, peer)
	b.mu.Unlock()
	if c != nil {
		c.end(reason)
	}
}

// forget takes a connection that has ended out of the books.
func (b *Bridge) forget(c *bridgeConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.peers[c.peer] == c {
		delete(b.peers, c.peer)
	}
}

// AllPeersDisconnected ends every peer.
func (b *Bridge) AllPeersDisconnected() {
	b.mu.Lock()
	peers := b.peers
	b.peers = map[string]*bridgeConn{}
	b.mu.Unlock()
	for _, c := range peers {
		c.end(nil)
	}
}

// Close ends every peer and takes no more.
func (b *Bridge) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.AllPeersDisconnected()
	return nil
}

// Receive hands a call to the engine and waits for its reply.
func (b *Bridge) Receive(ctx context.Context, peer string, m *Message) *Reply {
	c, err := b.attach(peer)
	if err != nil {
		return Failure(m.ID, err)
	}
	return c.receive(ctx, m)
}

// bridgeConn is one peer of a Carrier as a Conn.
type bridgeConn struct {
	bridge *Bridge
	peer   string
	in     chan []byte
	ctx    context.Context // ends when the conn is closed
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan *Reply // by our id
	closed  bool
	reason  error // why the carrier has ended it
}

// Info names the peer.
func (c *bridgeConn) Info() Info { return Info{Carrier: "custom", Remote: c.peer} }

// TextOnly is true: carriers move JSON.
func (c *bridgeConn) TextOnly() bool { return true }

func (c *bridgeConn) receive(ctx context.Context, m *Message) *Reply {
	if m.Method == "hello" {
		return Failure(m.ID, errNoHello)
	}
	done := make(chan *Reply, 1)
	c.mu.Lock()
	c.last++
	id := strconv.FormatUint(c.last, 10)
	c.waiting[id] = done
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	frame, err := pack(&Message{ID: json.RawMessage(id), Method: m.Method, Params: m.Params})
	if err == nil {
		err = c.put(ctx, frame)
	}
	if err != nil {
		return Failure(m.ID, err)
	}
	select {
	case r := <-done:
		r.ID = m.ID
		return r
	case <-ctx.Done():
		return Failure(m.ID, ctx.Err())
	case <-c.ctx.Done():
		return Failure(m.ID, sig.Errorf(sig.ErrNotConnected, "peer %s has gone", c.peer))
	}
}

func (c *bridgeConn) put(ctx context.Context, frame []byte) error {
	select {
	case c.in <- frame:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return ErrClosed
	}
}

// Recv returns the next call or reply from the carrier.
func (c *bridgeConn) Recv() ([]byte, error) {
	select {
	case frame := <-c.in:
		return frame, nil
	case <-c.ctx.Done():
		return nil, c.why()
	}
}

// Send hands a reply to the call it answers, or a call to the carrier.
func (c *bridgeConn) Send(frame []byte) error {
	m, r, err := unpack(frame)
	switch {
	case err != nil:
		return err
	case r != nil:
		c.answer(r)
		return nil
	case m.ID == nil:
		return nil // nothing answers it, so it is none of a Carrier's messages
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.wg.Go(func() { c.transmit(m) })
	return nil
}

// answer hands a reply to the call it answers.
func (c *bridgeConn) answer(r *Reply) {
	c.mu.Lock()
	done := c.waiting[string(r.ID)]
	delete(c.waiting, string(r.ID))
	c.mu.Unlock()
	if done != nil {
		done <- r
	}
}

// errNoHello answers hello, in either direction, as a classic peer would.
var errNoHello = &sig.Error{Status: sig.StatusNoMethod, Code: sig.ErrNoMethod.Code, Message: "this carrier has no fast lane"}

// transmit has the carrier send a call, and takes its reply.
func (c *bridgeConn) transmit(m *Message) {
	id, hello := m.ID, m.Method == "hello"
	if hello { // a call that every server answers shows whether this one is there
		m = &Message{ID: id, Method: "get_version"}
	}
	r, err := c.bridge.carrier.HandleTX(c.ctx, c.peer, m)
	switch {
	case err == nil && r == nil:
		err = sig.Errorf(sig.ErrNotConnected, "the carrier's HandleTX returned neither a reply nor an error")
	case err == nil && hello && r.Status == sig.StatusDone:
		err = errNoHello
	}
	if err != nil {
		r = Failure(id, err)
	}
	answer := *r
	answer.ID = id
	if frame, err := pack(&answer); err == nil {
		_ = c.put(c.ctx, frame) // fails only when the conn is closed
	}
}

// why returns what Recv fails with at the end.
func (c *bridgeConn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.reason != nil:
		return c.reason
	case c.closed:
		return ErrClosed
	}
	return io.EOF
}

// end is called when the carrier has lost the peer. It does not wait: HandleTX may be
// what found out. The engine closes the conn when Recv has failed.
func (c *bridgeConn) end(reason error) {
	c.mu.Lock()
	c.reason = reason
	c.mu.Unlock()
	c.cancel()
}

// Close ends the peer, and returns when no HandleTX of it runs any more.
func (c *bridgeConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
	c.bridge.forget(c)
	return nil
}
