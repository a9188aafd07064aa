package carrier

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// Bridge runs the peers of a Carrier on an engine, as classic peers that read by
// lines. Close ends them.
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

// PeerConnected attaches a peer.
func (b *Bridge) PeerConnected(peer string) error {
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
	ctx, cancel := context.WithCancel(context.Background())
	c := &bridgeConn{bridge: b, peer: peer, in: make(chan []byte), ctx: ctx, cancel: cancel, waiting: map[string]chan *Reply{}}
	attach := b.engine.Attach
	if b.dialed {
		attach = b.engine.AttachDialed
	}
	if _, err := attach(c, nil); err != nil {
		return nil, err
	}
	b.peers[peer] = c
	return c, nil
}

// PeerDisconnected ends a peer.
func (b *Bridge) PeerDisconnected(peer string, _ error) {
	b.mu.Lock()
	c := b.peers[peer]
	delete(b.peers, peer)
	b.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// AllPeersDisconnected ends every peer.
func (b *Bridge) AllPeersDisconnected() {
	b.mu.Lock()
	peers := b.peers
	b.peers = map[string]*bridgeConn{}
	b.mu.Unlock()
	for _, c := range peers {
		_ = c.Close()
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
}

// Info names the peer.
func (c *bridgeConn) Info() Info { return Info{Carrier: "custom", Remote: c.peer} }

// TextOnly is true: carriers move JSON.
func (c *bridgeConn) TextOnly() bool { return true }

func (c *bridgeConn) receive(ctx context.Context, m *Message) *Reply {
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
		return nil, io.EOF
	}
}

// Send hands a reply to the call it answers, or a call to the carrier.
func (c *bridgeConn) Send(frame []byte) error {
	m, r, err := unpack(frame)
	switch {
	case err != nil:
		return err
	case r != nil:
		c.mu.Lock()
		done := c.waiting[string(r.ID)]
		delete(c.waiting, string(r.ID))
		c.mu.Unlock()
		if done != nil {
			done <- r
		}
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.wg.Go(func() { c.transmit(m) })
	return nil
}

// transmit has the carrier send a call, and takes its reply.
func (c *bridgeConn) transmit(m *Message) {
	id := m.ID
	r, err := c.bridge.carrier.HandleTX(c.ctx, c.peer, m)
	if err == nil && r == nil {
		err = sig.Errorf(sig.ErrNotConnected, "carrier returned no reply")
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

// Close ends the peer.
func (c *bridgeConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.cancel()
		c.wg.Wait()
		c.bridge.PeerDisconnected(c.peer, nil)
	}
	return nil
}
