package carrier

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// callTable holds the calls that were sent to a peer and not answered. A call's place
// is its id modulo the length; ids whose place is taken are passed over.
type callTable struct {
	peer  *Peer
	mu    sync.Mutex
	last  uint64    // the newest id
	slots []pending // length a power of two; id 0: free
	n     int       // calls
	seen  uint64    // last, as the janitor saw it
	err   error     // after the connection ended
	timed timed

	// Not one for all connections: the channels of a testing/synctest bubble are of no use
	// outside of it.
	waiters sync.Pool
}

// pending is a call that waits for its reply: from this process, from another peer,
// or from the engine itself.
type pending struct {
	own      uint64 // our id
	waiter   *waiter
	from     *Peer
	id       CallID // of the peer's call
	signal   uint64 // not 0: a classic signal, this being its number in the queue
	sent     time.Duration
	deadline time.Duration // by the engine's clock
	watch    CallWatch     // of a forwarded call; nil for nobody
	began    time.Duration // 0: not timed
	ping     bool
}

// is reports whether the call was asked by a peer under an id.
func (c *pending) is(from *Peer, id CallID) bool {
	return c.own != 0 && c.from == from && c.id.Same(id)
}

// Forward passes a call of method request from one peer on to this one; the reply goes
// back by itself. params is as the call has it, checked, and is copied. It fails when
// the peer is gone or has too many calls to answer. Follow with Touch or Kick of p. Watch,
// which may be nil, is told how it went.
func (p *Peer) Forward(from *Peer, m *wire.Msg, params []byte, watch CallWatch) error {
	id, _, err := p.calls.add(&pending{from: from, id: IDOf(m), watch: watch})
	if err != nil {
		return err
	}
	cause := p.cause(wire.Cause{Traceparent: m.Traceparent, Hops: m.Hops})
	params, bin := p.form(from.Payload(m, params), cause.Binary() && p.binary.Load())
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	b := p.begin()
	if bin {
		b = wire.AppendBinaryRequest(b, id, string(m.Sender), string(m.Target), cause, params)
	} else {
		b = wire.AppendRequest(b, id, string(m.Sender), string(m.Target), cause, params)
	}
	p.end(b, frameCall, id)
	p.full()
	return nil
}

// Asking counts a call of the peer that is being answered. It fails for a request when
// there are too many. Answered follows.
func (p *Peer) Asking(request bool) error {
	if n := int(p.asking.Add(1)); request && n > p.engine.lim.MaxCalls {
		p.asking.Add(-1)
		return p.engine.Over("MaxCalls", "more than %d calls in flight", p.engine.lim.MaxCalls)
	}
	return nil
}

// Answered counts the end of a call.
func (p *Peer) Answered() { p.asking.Add(-1) }

// add gives a call its id. It returns how many calls there are with it.
func (t *callTable) add(c *pending) (id uint64, n int, err error) {
	lim := &t.peer.engine.lim
	timeout := lim.CallTimeout
	if t.peer.Classic() {
		timeout = lim.ClassicTimeout
	}
	c.sent = time.Duration(t.peer.engine.clock.Load())
	c.deadline = c.sent + timeout
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.watch != nil {
		c.began = t.begin(c.sent)
	}
	if t.err != nil {
		return 0, 0, t.err
	}
	if t.n >= lim.MaxAnswers {
		return 0, 0, t.peer.engine.Over("MaxAnswers", "%s has %d calls to answer already", t.peer, t.n)
	}
	if 2*t.n >= len(t.slots) {
		t.grow()
	}
	for {
		t.last++
		if s := t.at(t.last); s.own == 0 {
			c.own = t.last
			*s = *c
			t.n++
			return t.last, t.n, nil
		}
	}
}

func (t *callTable) at(id uint64) *pending { return &t.slots[id&uint64(len(t.slots)-1)] }

// grow doubles the table. Calls that had places of their own still have.
func (t *callTable) grow() {
	old := t.slots
	t.slots = make([]pending, max(4, 2*len(old)))
	for _, c := range old {
		if c.own != 0 {
			*t.at(c.own) = c
		}
	}
}

// addSignal notes a signal that was sent as a call, and returns the call's id.
func (t *callTable) addSignal(n uint64) uint64 {
	id, _, _ := t.add(&pending{signal: n})
	return id
}

// take removes a call; the zero pending: it is not there.
func (t *callTable) take(id uint64) pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == 0 || t.n == 0 || t.at(id).own != id {
		return pending{}
	}
	return t.takeAt(t.at(id))
}

func (t *callTable) takeAt(s *pending) pending {
	c := *s
	*s = pending{}
	t.n--
	return c
}

func (t *callTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// reply finds who waits for a reply. It runs in the goroutine that reads.
func (t *callTable) reply(m *wire.Msg) {
	p := t.peer
	var c pending
	if m.HasNum {
		c = t.take(m.Num)
	}
	if c.own == 0 {
		p.Stats.Strays.Add(1)
		return
	}
	if !p.Fast() {
		p.classic.answered(m.Num)
	}
	t.settle(c, m, replyError(m))
}

// replyError returns what a failed reply says, nil for one that did not fail.
func replyError(m *wire.Msg) error {
	if m.Status == 0 {
		return nil
	}
	e := &sig.Error{Status: sig.Status(m.Status), Code: m.Code, Message: m.Exception}
	if e.Code == "" {
		e.Code = codeOf(e.Status)
	}
	if len(m.ErrData) > 0 {
		e.Data = &sig.Raw{Codec: sig.JSON{}, Bytes: append([]byte(nil), m.ErrData...)}
	}
	return e
}

// codeOf gives replies without a code the one that their status implies.
func codeOf(s sig.Status) string {
	for _, e := range []*sig.Error{sig.ErrMalformed, sig.ErrRefused, sig.ErrLimit, sig.ErrTimeout, sig.ErrNotConnected, sig.ErrShuttingDown, sig.ErrCanceled} {
		if e.Status == s {
			return e.Code
		}
	}
	if s == sig.StatusNoMethod {
		return sig.ErrNoMethod.Code
	}
	return ""
}

// settle hands the outcome of a call to who waits for it. m is nil when there was no
// reply.
func (t *callTable) settle(c pending, m *wire.Msg, err error) {
	p := t.peer
	switch {
	case c.waiter != nil:
		if m != nil && !p.gathers.Load() { // before the caller knows
			p.gathers.Store(true)
		}
		if err == nil {
			c.waiter.data = p.Payload(m, p.arena.Copy(m.Response))
			c.waiter.raw = p.arena.Raw(c.waiter.data.SigCodec(), c.waiter.data.Data)
		}
		c.waiter.finish(err)
	case c.from != nil:
		var response Encoded
		if err == nil {
			response, err = p.response(m)
		}
		if c.watch != nil {
			c.watch.Answered(p.engine.took(c.began), err)
		}
		if err != nil {
			c.from.ReplyError(c.id, err)
		} else {
			c.from.Answer(c.id, response)
		}
		c.from.Answered()
		if m != nil {
			p.Touch(c.from)
		} else {
			c.from.Kick()
		}
	case c.ping:
		p.pinging.Store(false)
		p.Stats.RoundTrip.Store(int64(p.engine.now() - c.sent))
	case c.signal != 0:
		p.out().ack(c.signal)
		if err != nil {
			p.engine.log.Warn("signal not taken", "peer", p.String(), "err", err)
		}
		p.Kick()
	}
}

// expire fails the calls whose time is over.
func (t *callTable) expire(now time.Duration) {
	limit := "CallTimeout"
	if t.peer.Classic() {
		limit = "ClassicTimeout"
	}
	for _, c := range t.takeIf(func(c *pending) bool { return now >= c.deadline }) {
		t.peer.engine.overs.add(limit)
		t.peer.classic.answered(c.own)
		t.settle(c, nil, sig.Errorf(sig.ErrTimeout, "no reply from %s in time (%s)", t.peer, limit))
		if c.waiter != nil || c.from != nil {
			t.peer.sendCancel(c.own)
		}
	}
}

// takeIf removes the calls that are wanted.
func (t *callTable) takeIf(wanted func(*pending) bool) (taken []pending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		if len(t.slots) > ringKeep && t.last == t.seen { // no call since the last tick
			t.slots = nil
		}
		t.seen = t.last
		return nil
	}
	slots := t.slots
	for i := range slots {
		if slots[i].own != 0 && wanted(&slots[i]) {
			taken = append(taken, t.takeAt(&slots[i]))
		}
	}
	return taken
}

// failAll ends all calls; later ones fail at once.
func (t *callTable) failAll(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	for _, c := range t.takeIf(func(*pending) bool { return true }) {
		if c.signal == 0 {
			t.settle(c, nil, err)
		}
	}
	t.peer.engine.cancelAsked(t.peer, func(*pending) bool { return true })
}

// cancelAsked tells the peers that were asked on behalf of another, which has gone or
// given up, that the answers are not needed. It reports whether there was any.
func (e *Engine) cancelAsked(from *Peer, wanted func(*pending) bool) (found bool) {
	if from.asking.Load() == 0 {
		return false
	}
	for _, p := range e.Peers() {
		for _, id := range p.calls.find(from, wanted) {
			p.sendCancel(id)
			found = true
		}
	}
	return found
}

func (t *callTable) find(from *Peer, wanted func(*pending) bool) (ids []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return nil
	}
	for i := range t.slots {
		if c := &t.slots[i]; c.own != 0 && c.from == from && wanted(c) {
			ids = append(ids, c.own)
		}
	}
	return ids
}

// cancelFrom handles the peer's message that it gave up on a call.
func (t *callTable) cancelFrom(params []byte) {
	var c struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &c) != nil {
		return
	}
	id := parseCallID(c.ID)
	e := t.peer.engine
	if e.cancelAsked(t.peer, func(c *pending) bool { return c.is(t.peer, id) }) {
		return
	}
	if h, ok := e.handler.(Canceler); ok {
		h.Cancel(t.peer, id)
	}
}

// A Canceler is a Handler that can end what it does for a call.
type Canceler interface {
	// Cancel is called when a peer gives up on a call.
	Cancel(p *Peer, id CallID)
}

// ping asks the peer for a sign of life, unless it is being asked already.
func (p *Peer) ping(now time.Duration) {
	if !p.pinging.CompareAndSwap(false, true) {
		return
	}
	id, _, err := p.calls.add(&pending{ping: true})
	if err != nil {
		p.pinging.Store(false)
		return
	}
	p.w.mu.Lock()
	p.end(wire.AppendCall(p.begin(), id, "ping", nil), frameCall, id)
	p.w.mu.Unlock()
	p.Kick()
}

func parseBye(params []byte) *Bye {
	var b struct {
		Reason string `json:"reason"`
		Retry  int64  `json:"retry_ms"`
	}
	_ = json.Unmarshal(params, &b) // what is not there stays empty
	return &Bye{Reason: b.Reason, Retry: time.Duration(b.Retry) * time.Millisecond}
}
