package carrier

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A Handler is what an Engine reports to: a router. The methods are called in the
// goroutine that reads for the peer, one at a time; none may wait for a peer.
type Handler interface {
	// Connected is called before the peer's first message. An error refuses the peer.
	Connected(p *Peer) error
	// Message is called with each call and signal that the engine does not answer
	// itself. m is valid until the method returns.
	Message(p *Peer, m *wire.Msg)
	// Disconnected is called once, after the last message, with the reason.
	Disconnected(p *Peer, reason error)
}

// A Batcher is a Handler that is also told when all that one read brought has been
// handled, in the goroutine that reads.
type Batcher interface {
	BatchEnd(p *Peer)
}

// A Starter is a Handler that has more to do for a new peer than may hold up those who
// connect after it.
type Starter interface {
	// Started is called after Connected and before the peer's first message, in the
	// goroutine that reads for the peer. It may take its time.
	Started(p *Peer)
}

// Options tunes an Engine. The zero value is ready for use.
type Options struct {
	Limits Limits
	Logger *slog.Logger // nil: silent
}

// An Engine runs Conns: it numbers calls and finds the callers of replies, queues and
// combines what is to be written, watches over silence and limits, and shuts down.
type Engine struct {
	lim     Limits
	log     *slog.Logger
	handler Handler
	batcher Batcher // the handler, when it is one
	start   time.Time
	clock   atomic.Int64 // time since start, as of the last tick
	queued  gauge        // bytes that wait for all peers
	parts   partials
	long    longBuffers
	overs   overs
	nextID  atomic.Uint64
	chunks  sync.Pool // of *chunk
	msgs    sync.Pool // of *wire.Msg
	mixed   atomic.Bool

	mu        sync.Mutex
	peers     map[*Peer]struct{}
	perAddr   map[string]int
	listeners map[Listener]struct{}
	closing   bool
	janitor   chan struct{} // closed to stop the janitor; nil: it does not run

	draining atomic.Bool // nothing new is taken
	kicks    kicker
	lender   lender
	wg       sync.WaitGroup // every goroutine of the engine and its peers
	refuse   atomic.Uint64  // connections turned away, by listeners that are there too
	Lost     atomic.Uint64  // events lost with peers that were closed to make room
}

// NewEngine makes an engine that reports to h.
func NewEngine(h Handler, o Options) *Engine {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		lim:       o.Limits.WithDefaults(),
		log:       log,
		handler:   h,
		start:     time.Now(),
		peers:     map[*Peer]struct{}{},
		perAddr:   map[string]int{},
		listeners: map[Listener]struct{}{},
	}
	e.batcher, _ = h.(Batcher)
	e.kicks.engine, e.lender.engine = e, e
	return e
}

// Limits returns the limits in force.
func (e *Engine) Limits() *Limits { return &e.lim }

// Logger returns the engine's logger.
func (e *Engine) Logger() *slog.Logger { return e.log }

// Clock returns the time, a tick of a quarter of a second late at most.
func (e *Engine) Clock() time.Time { return e.start.Add(time.Duration(e.clock.Load())) }

func (e *Engine) now() time.Duration { return time.Since(e.start) }

// Serve accepts connections until the listener or the engine is closed.
func (e *Engine) Serve(l Listener) error {
	if err := e.addListener(l); err != nil {
		_ = l.Close()
		return err
	}
	defer e.dropListener(l)
	var pause time.Duration
	var before *Peer // of a Successive listener
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = 0
			before = e.serveConn(l, conn, before)
			continue
		}
		if errors.Is(err, ErrClosed) || e.isClosing() {
			return nil
		}
		// Out of descriptors, most likely: what is connected goes on, and so do we.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		e.log.Warn("cannot accept, trying again", "listen", l.URL(), "err", err, "pause", pause)
		if !e.sleep(pause) {
			return nil
		}
	}
}

// serveConn runs a connection and returns its peer if the next has to wait for its end.
func (e *Engine) serveConn(l Listener, conn Conn, before *Peer) *Peer {
	if before != nil {
		<-before.gone // soon: its connection is closed
	}
	p, err := e.Attach(conn, nil)
	if err != nil {
		e.log.Warn("connection refused", "listen", l.URL(), "err", err)
		return nil
	}
	if s, ok := l.(Successive); !ok || !s.Successive() {
		return nil
	}
	return p
}

func (e *Engine) isClosing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closing
}

// sleep waits, and reports false when the engine is closing.
func (e *Engine) sleep(d time.Duration) bool {
	const step = 100 * time.Millisecond
	for ; d > 0; d -= step {
		time.Sleep(min(d, step))
		if e.isClosing() {
			return false
		}
	}
	return true
}

func (e *Engine) addListener(l Listener) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return sig.ErrShuttingDown
	}
	e.listeners[l] = struct{}{}
	e.wg.Add(1)
	return nil
}

func (e *Engine) dropListener(l Listener) {
	_ = l.Close()
	e.mu.Lock()
	e.refuse.Add(refusedBy(l))
	delete(e.listeners, l)
	e.mu.Unlock()
	e.wg.Done()
}

// Attach runs a connection that was accepted. Data is kept for the handler: Peer.Data.
// It fails, and closes the connection, when a limit is reached or the engine is
// closing.
func (e *Engine) Attach(conn Conn, data any) (*Peer, error) {
	return e.attach(newPeer(e, conn, data))
}

// AttachDialed is Attach for a connection that was dialled: the handler says hello.
func (e *Engine) AttachDialed(conn Conn, data any) (*Peer, error) {
	p := newPeer(e, conn, data)
	p.dialed = true
	return e.attach(p)
}

func (e *Engine) attach(p *Peer) (*Peer, error) {
	if err := e.admit(p); err != nil {
		e.refuse.Add(1) // before the peer knows
		p.refuse(err)
		return nil, err
	}
	if err := e.handler.Connected(p); err != nil {
		e.forget(p)
		e.refuse.Add(1)
		p.refuse(err)
		e.wg.Done()
		return nil, err
	}
	p.ready.Store(true)
	go func() {
		e.started(p)
		p.read()
	}()
	return p, nil
}

// started tells the handler of a new peer. A user's function that ends its goroutine ends
// what is known of it here, too.
func (e *Engine) started(p *Peer) {
	s, ok := e.handler.(Starter)
	if !ok {
		return
	}
	returned := false
	defer func() {
		if !returned {
			e.wg.Done()
		}
	}()
	s.Started(p)
	returned = true
}

func (e *Engine) admit(p *Peer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closing:
		return sig.ErrShuttingDown
	case len(e.peers) >= e.lim.MaxConns:
		return e.Over("MaxConns", "%d connections are the most", e.lim.MaxConns)
	case !p.info.Loopback && p.host != "" && e.perAddr[p.host] >= e.lim.MaxConnsAddress:
		return e.Over("MaxConnsAddress", "%d connections from one address are the most", e.lim.MaxConnsAddress)
	}
	e.peers[p] = struct{}{}
	e.perAddr[p.host]++
	e.wg.Add(1)
	if e.janitor == nil {
		e.janitor = make(chan struct{})
		stop := e.janitor
		e.clock.Store(int64(e.now()))
		e.wg.Go(func() { e.watch(stop) })
	}
	return nil
}

// forget takes a peer out of the books.
func (e *Engine) forget(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.peers, p)
	if e.perAddr[p.host]--; e.perAddr[p.host] == 0 {
		delete(e.perAddr, p.host)
	}
	if len(e.peers) == 0 && e.janitor != nil {
		close(e.janitor)
		e.janitor = nil
	}
}

// Peers returns the peers that are connected now and that the handler was told of, in no
// order.
func (e *Engine) Peers() []*Peer {
	return slices.DeleteFunc(e.all(), func(p *Peer) bool { return !p.ready.Load() })
}

func (e *Engine) all() []*Peer {
	e.mu.Lock()
	defer e.mu.Unlock()
	peers := make([]*Peer, 0, len(e.peers))
	for p := range e.peers {
		peers = append(peers, p)
	}
	return peers
}

// StopListening closes the listeners.
func (e *Engine) StopListening() {
	e.mu.Lock()
	e.closing = true
	listeners := make([]Listener, 0, len(e.listeners))
	for l := range e.listeners {
		listeners = append(listeners, l)
	}
	e.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
}

// Shutdown ends the engine: it stops listening, says goodbye, takes nothing new (see
// Drainer), gives calls that run and signals that wait time to finish until ctx ends,
// closes the connections, and returns when no goroutine is left. It returns an error when something was cut off.
func (e *Engine) Shutdown(ctx context.Context, reason string) error {
	e.StopListening()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.lim.DrainTimeout)
		defer cancel()
	}
	peers := e.all()
	for i, p := range peers {
		p.sayBye(reason, spread(i, len(peers)))
	}
	e.settle(ctx, peers)
	cut := 0
	for _, p := range peers {
		if !p.drain(ctx) {
			cut++
		}
		p.Close(sig.Errorf(sig.ErrShuttingDown, "%s", reason))
	}
	for _, p := range e.all() { // those that came in between
		p.Close(sig.Errorf(sig.ErrShuttingDown, "%s", reason))
	}
	e.kicks.close() // a handler that answers late would start a goroutine nobody waits for
	e.wg.Wait()
	if cut > 0 {
		return sig.Errorf(sig.ErrTimeout, "%d of %d peers had not taken everything in time", cut, len(peers))
	}
	return nil
}

// spread tells many peers to come back at different times, over one second.
func spread(i, n int) time.Duration {
	if n < 2 {
		return 0
	}
	return time.Duration(i) * time.Second / time.Duration(n)
}

const tick = 250 * time.Millisecond

// watch is the janitor: it pings, and ends what has taken too long.
func (e *Engine) watch(stop <-chan struct{}) {
	t := time.NewTicker(tick)
	defer t.Stop()
	last := e.now()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		now := e.now()
		if slept := now - last - tick; slept > 2*time.Second {
			e.excuse(slept) // we were stopped, not they silent
		}
		last = now
		e.clock.Store(int64(now))
		for _, p := range e.all() {
			p.check(now)
		}
		e.relieve()
	}
}

func (e *Engine) excuse(d time.Duration) {
	for _, p := range e.all() {
		p.heard.Add(int64(d))
	}
}

// relieve closes the peers with the longest queues while all queues together are over
// their limit.
func (e *Engine) relieve() {
	for e.queued.Load() > int64(e.lim.QueueTotalBytes) {
		var worst *Peer
		most := 0
		for _, p := range e.all() {
			if n := p.queuedBytes(); n > most && !p.failed() {
				worst, most = p, n
			}
		}
		if worst == nil {
			return
		}
		e.overs.add("QueueTotalBytes")
		worst.Close(sig.Errorf(sig.ErrSlow, "too slow: %d bytes wait, the most of all peers, which together are over QueueTotalBytes (%d)", most, e.lim.QueueTotalBytes))
		e.Lost.Add(uint64(worst.out().Forget(sig.ErrSlow)))
	}
}

// gauge counts bytes.
type gauge struct{ atomic.Int64 }

// chargeStep is how far a queue's own count may run ahead of the gauge.
const chargeStep = 64 << 10

// charge brings the gauge up to date. Called with the queue's lock held.
func (q *Queue) charge() {
	if q.global != nil {
		q.global.Add(int64(q.waitBytes - q.charged))
	}
	q.charged = q.waitBytes
}

// kicker flushes peers on behalf of goroutines that must not wait, in one goroutine
// that ends when there is nothing to do.
type kicker struct {
	engine *Engine
	mu     sync.Mutex
	list   []*Peer
	spare  []*Peer
	busy   bool
	closed bool
}

func (k *kicker) add(p *Peer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return // all peers are closed: there is nobody to write to
	}
	k.list = append(k.list, p)
	if !k.busy {
		k.busy = true
		k.engine.wg.Go(k.run) // with the lock: not while Shutdown begins to wait
	}
}

// close takes no more.
func (k *kicker) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

func (k *kicker) run() {
	k.mu.Lock()
	for len(k.list) > 0 {
		k.mu.Unlock()
		runtime.Gosched() // others add theirs, and one write takes all
		k.mu.Lock()
		list := k.list
		k.list = k.spare[:0]
		k.mu.Unlock()
		for i, p := range list {
			p.flush()
			list[i] = nil
		}
		k.mu.Lock()
		k.spare = list
	}
	k.busy = false
	k.mu.Unlock()
}
