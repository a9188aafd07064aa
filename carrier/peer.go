package carrier

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/internal/arena"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// How a peer is spoken to.
const (
	modeNew     = iota // nothing heard yet
	modeClassic        // each of its reads is one message
	modeLines          // a classic peer that reads by lines
	modeFast           // it said hello
)

// A Peer is the other end of one connection.
type Peer struct {
	ID   uint64 // of this connection, unlike any other of the engine
	Data any    // the handler's own

	engine *Engine
	conn   Conn
	info   Info
	host   string // of the remote address, see Info.Host

	stream *Stream // the conn, when it is one
	batch  BatchSender
	pack   int // bytes of a row for the batch, see Packer; 0: it takes none
	try    TrySender
	lines  bool // noise between frames is the conn's business
	lossy  bool // frames may get lost
	resend resender
	dialed bool // this end connected
	agreed agreement

	mode    atomic.Int32
	name    atomic.Pointer[string]
	binary  atomic.Bool
	codec   Codec         // of payloads in binary frames; set before binary is
	held    atomic.Bool   // signals wait until Release
	again   atomic.Bool   // a signal came twice: acknowledge again
	heard   atomic.Int64  // engine clock when anything came last
	ready   atomic.Bool   // the handler was told
	trusted atomic.Bool   // past the login: the wider limits apply
	stuck   time.Duration // for the janitor: since when events wait and nothing came; 0: they do not
	lim     wire.Limits   // of messages, for the goroutine that reads

	session atomic.Pointer[Session]
	w       writer
	calls   callTable
	classic classicWriter

	dirty   atomic.Bool // in some list of peers to be flushed
	dead    atomic.Bool // there is a reason
	oneLine atomic.Bool // it said that it writes as wire.Limits.OneLine has it
	gathers atomic.Bool // the end of this batch flushes, see gather

	handling atomic.Bool // the goroutine that reads is at a batch

	// For the goroutine that reads.
	inBatch  bool        // as handling
	arena    arena.Arena // of responses
	touched  []*Peer     // to be flushed after this batch
	msg      *wire.Msg   // nil between batches
	in       uint64      // messages of this batch
	bytesIn  uint64
	loan     loan
	mayLend  bool
	rate     *rate    // nil: no limit
	buffered Buffered // nil: every frame is a batch

	failMu  sync.Mutex
	reason  error // why the connection ends
	gone    chan struct{}
	Stats   Stats
	since   time.Duration
	asking  atomic.Int32 // calls of this peer that are not answered
	pinging atomic.Bool
	pings   pingCount
	bye     atomic.Pointer[Bye]
	takes   atomic.Int64 // bytes of a message that the peer takes; 0: it has not said
}

func newPeer(e *Engine, conn Conn, data any) *Peer {
	p := &Peer{ID: e.nextID.Add(1), Data: data, engine: e, conn: conn, gone: make(chan struct{})}
	if d, ok := probe[Describer](conn); ok {
		p.info = d.Info()
	}
	p.host = p.info.Host()
	p.stream, _ = probe[*Stream](conn)
	if t, ok := probe[*tryStream](conn); ok {
		p.stream = t.Stream
	}
	if p.stream != nil && any(conn) != any(p.stream) {
		if _, ok := conn.(*tryStream); !ok {
			p.stream = nil // wrapped: its own Recv must be used
		}
	}
	p.batch, _ = probe[BatchSender](conn)
	if r, ok := probe[Packer](conn); ok {
		p.pack = r.PackBytes()
	}
	p.buffered, _ = probe[Buffered](conn)
	p.try, _ = probe[TrySender](conn)
	if m, ok := probe[Metered](conn); ok {
		m.SetMeter(func(bytes int) bool { return e.keep(p, bytes) })
	}
	if l, ok := probe[Lossy](conn); ok {
		p.lossy = l.Lossy()
		p.lines = p.lossy
	}
	if t, ok := probe[TextOnly](conn); ok {
		p.lines = p.lines || t.TextOnly()
	}
	p.session.Store(e.NewSession())
	p.rate = newRate(&e.lim)
	p.Trust(true)
	p.since = e.now()
	p.heard.Store(int64(p.since))
	p.calls.peer = p
	p.classic.peer = p
	if p.stream != nil {
		p.stream.idle, p.stream.long = p.beforeRead, &e.long
		p.share()
	}
	p.mayLend = p.Lends()
	return p
}

// Trust says whether the peer is past the login, and so which limits apply to its
// messages. A new peer is trusted. Call it from Handler methods only.
func (p *Peer) Trust(yes bool) {
	l := &p.engine.lim
	p.trusted.Store(yes)
	p.lim = wire.Limits{MaxMessage: l.MaxMessage, MaxDepth: l.MaxDepth, MaxValues: l.MaxValues}
	if !yes {
		p.lim.MaxMessage, p.lim.MaxDepth = l.MaxMessageLogin, l.MaxDepthLogin
	}
	if lim, ok := probe[Limiter](p.conn); ok {
		lim.SetMaxFrame(p.lim.MaxMessage)
	}
}

// Info describes the connection.
func (p *Peer) Info() Info { return p.info }

// Engine returns the engine that runs the peer.
func (p *Peer) Engine() *Engine { return p.engine }

// Name returns what the peer calls itself, "" when it has not said.
func (p *Peer) Name() string {
	if s := p.name.Load(); s != nil {
		return *s
	}
	return ""
}

// SetName sets the name.
func (p *Peer) SetName(s string) { p.name.Store(&s) }

// Fast reports whether the peer is on the fast lane.
func (p *Peer) Fast() bool { return p.mode.Load() == modeFast }

// SetFast puts the peer on the fast lane, with binary frames or without, and the
// session it resumes, if not nil. Codec is what payloads of binary frames are encoded
// with; nil is JSON.
func (p *Peer) SetFast(binary bool, codec Codec, s *Session) {
	if s != nil {
		p.session.Store(s)
	}
	if p.lossy {
		p.out().SetWindow(lossyWindow, lossyWindowBytes)
	}
	if binary && codec != nil {
		p.codec = codec
		p.engine.mixed.Store(true)
	}
	p.binary.Store(binary)
	p.mode.Store(modeFast)
	p.agreed.reach()
}

// SetOneLine takes the peer at its word that each of its messages that is JSON is one line, and
// sound, as docs/protocol.md has it: they are not looked into then. Where frames may get lost or
// broken that is no help.
func (p *Peer) SetOneLine() { p.oneLine.Store(!p.lossy) }

// Binary reports whether messages to and from the peer may be binary frames.
func (p *Peer) Binary() bool { return p.binary.Load() }

// SetSession gives the peer a session that began on another connection.
func (p *Peer) SetSession(s *Session) { p.session.Store(s) }

// Hold keeps signals back until Release, calls and replies not.
func (p *Peer) Hold() { p.held.Store(true) }

// Release lets signals flow.
func (p *Peer) Release() {
	p.held.Store(false)
	p.Kick()
}

// SetClassic makes the peer a classic one.
func (p *Peer) SetClassic() {
	p.out().SetWindow(1, 0)
	p.mode.Store(modeClassic)
	if p.stream == nil { // the carrier keeps messages apart
		p.mode.Store(modeLines)
	}
	p.agreed.reach()
}

// Classic reports whether the peer is known to be a classic one.
func (p *Peer) Classic() bool {
	m := p.mode.Load()
	return m == modeClassic || m == modeLines
}

// Session returns the session of the connection.
func (p *Peer) Session() *Session { return p.session.Load() }

func (p *Peer) out() *Queue { return p.session.Load().Out }

// TextOnly reports whether the connection carries JSON objects alone.
func (p *Peer) TextOnly() bool {
	t, ok := probe[TextOnly](p.conn)
	return ok && t.TextOnly()
}

// Done returns a channel that is closed when the connection has ended and its handler
// was told.
func (p *Peer) Done() <-chan struct{} { return p.gone }

// GoodBye returns what the peer said before it closed, or nil.
func (p *Peer) GoodBye() *Bye { return p.bye.Load() }

// String names the peer for logs and errors.
func (p *Peer) String() string {
	s := p.info.Carrier + ":" + p.info.Remote
	if n := p.Name(); n != "" {
		s = n + " (" + s + ")"
	}
	return s
}

// Touch notes that t has something to write. It is called by handlers in the
// goroutine that reads for p; what was noted is written when the batch ends.
func (p *Peer) Touch(t *Peer) {
	if !t.dirty.Load() && t.dirty.CompareAndSwap(false, true) {
		p.touched = append(p.touched, t)
	}
}

// Kick has what waits for the peer written soon. It does not block.
func (p *Peer) Kick() {
	if !p.dirty.Load() && p.dirty.CompareAndSwap(false, true) {
		p.engine.kicks.add(p)
	}
}

// finish ends what the peer had going. It runs in the goroutine that read.
func (p *Peer) finish() {
	reason := p.Reason()
	p.calls.failAll(sig.Errorf(sig.ErrNotConnected, "connection to %s lost: %v", p, reason))
	p.classic.stop()
	told := reason
	if bye := p.bye.Load(); bye != nil && isPlainEnd(reason) { // no cut
		told = sig.Errorf(sig.ErrNotConnected, "it said goodbye: %.100q", bye.Reason)
	}
	p.engine.handler.Disconnected(p, told)
	p.engine.forget(p)
	if isPlainEnd(reason) {
		if errors.Is(reason, io.EOF) && p.stream != nil && !p.lossy {
			p.lastWords() // it may read on: nc ends its half of the stream when it has no more to say
		}
		_ = p.conn.Close()
	}
	p.release()
	close(p.gone)
}

// release lets buffers go: who may come back is remembered for a time, and with it the peer.
func (p *Peer) release() {
	p.engine.parts.drop(p)
	if s := p.stream; s != nil {
		s.buf, s.start, s.end = nil, 0, 0
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.spare, p.w.scratch = nil, nil
	p.endRow()
	p.w.row = nil
	if len(p.w.buf) == 0 { // else these are last words
		p.w.buf = nil
	}
}

// handle deals with one message.
func (p *Peer) handle(m *wire.Msg) {
	p.begun()
	if p.engine.draining.Load() && p.tooLateFor(m) {
		return
	}
	if !p.dialed && p.mode.Load() == modeNew && !isHello(m) {
		p.SetClassic()
		if m.Newline {
			p.mode.Store(modeLines)
		}
	}
	switch p.agreed.await(p, m); m.Kind {
	case wire.Reply:
		p.calls.reply(m)
	case wire.Ack:
		if !p.out().ack(m.N) {
			p.Close(sig.Errorf(sig.ErrMalformed, "acknowledges signal %d, which was not sent", m.N))
			return
		}
		if p.lossy {
			p.sendAgain(p.engine.now(), true)
		}
		p.Touch(p)
	case wire.Call:
		if !p.builtin(m) {
			p.engine.handler.Message(p, m)
		}
	case wire.Signal, wire.Gap:
		if p.fresh(m) {
			p.engine.handler.Message(p, m)
		}
	default:
		p.engine.handler.Message(p, m)
	}
}

func isHello(m *wire.Msg) bool { return m.Kind == wire.Call && string(m.Method) == "hello" }

// builtin answers the methods that need no router.
func (p *Peer) builtin(m *wire.Msg) bool {
	if !p.Fast() {
		return false
	}
	switch string(m.Method) {
	case "ping":
		if !p.pings.allow(p.engine.clock.Load(), p.engine.lim.MaxPings) {
			p.Close(p.engine.Over("MaxPings", "more than %d pings a second", p.engine.lim.MaxPings))
			return true
		}
		p.Reply(IDOf(m), nil)
		p.Touch(p)
	case "bye":
		p.bye.Store(parseBye(m.Params))
		if p.dialed {
			p.Hold() // for the next server
		}
	case "cancel":
		p.calls.cancelFrom(m.Params)
	default:
		return false
	}
	return true
}
