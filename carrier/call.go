package carrier

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// callTable holds the calls that were sent to a peer and not answered.
type callTable struct {
	peer *Peer
	mu   sync.Mutex
	last uint64
	m    map[uint64]pending
	err  error // after the connection ended

	// Calls of this peer that were forwarded to others, so that it can cancel them.
	asked map[callID]forwarded

	// Not one for all connections: the channels of a testing/synctest bubble are of no use
	// outside of it.
	waiters sync.Pool
}

// pending is a call that waits for its reply: from this process, from another peer,
// or from the engine itself.
type pending struct {
	waiter   *waiter
	from     *Peer
	id       []byte // of the peer's call, in text
	num      uint64 // the same when it is a number
	bin      bool
	hasNum   bool
	signal   uint64 // not 0: a classic signal, this being its number in the queue
	ping     bool
	sent     time.Duration
	deadline time.Duration // by the engine's clock
}

// callID is the id of a peer's call.
type callID struct {
	num  uint64
	text string
}

type forwarded struct {
	to  *Peer
	num uint64
}

// A waiter is a goroutine of this process that waits for a reply.
type waiter struct {
	done chan struct{}
	data []byte
	err  error
}

// waiter returns a waiter that was used before, or a new one.
func (t *callTable) waiter() *waiter {
	if w, ok := t.waiters.Get().(*waiter); ok {
		return w
	}
	return &waiter{done: make(chan struct{}, 1)}
}

func (w *waiter) finish(data []byte, err error) {
	w.data, w.err = data, err
	w.done <- struct{}{}
}

func makeID(m *wire.Msg) callID {
	if m.HasNum {
		return callID{num: m.Num}
	}
	return callID{text: string(m.ID)}
}

// Call calls a method of the peer and waits for the reply, until ctx ends or the time
// limit for calls is over. Params is JSON; nil means none. The caller owns the result.
func (p *Peer) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	return p.call(ctx, func(b []byte, id uint64) []byte { return wire.AppendCall(b, id, method, params) })
}

// Request asks a sender at the peer. Params is encoded with the peer's codec; nil means
// none. The caller owns the result.
func (p *Peer) Request(ctx context.Context, sender, method string, params []byte) ([]byte, error) {
	bin := p.binary.Load()
	return p.call(ctx, func(b []byte, id uint64) []byte {
		if bin {
			return wire.AppendBinaryRequest(b, id, sender, method, params)
		}
		return wire.AppendRequest(b, id, sender, method, params)
	})
}

func (p *Peer) call(ctx context.Context, build func([]byte, uint64) []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := p.calls.waiter()
	id, err := p.calls.add(pending{waiter: w})
	if err != nil {
		p.calls.waiters.Put(w)
		return nil, err
	}
	p.w.mu.Lock()
	p.end(build(p.begin(), id), frameCall, id)
	full := p.full()
	p.w.mu.Unlock()
	if !full {
		p.flushCombined()
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if p.calls.take(id).waiter != nil {
			p.sendCancel(id)
			return nil, ctx.Err()
		}
		<-w.done // the reply is being delivered
	}
	data, err := w.data, w.err
	w.data, w.err = nil, nil
	p.calls.waiters.Put(w)
	return data, err
}

// sendCancel tells the peer that nobody waits for the reply any more.
func (p *Peer) sendCancel(id uint64) {
	if !p.Fast() {
		return
	}
	p.w.mu.Lock()
	p.end(wire.AppendCancel(p.begin(), id), frameReply, 0)
	p.w.mu.Unlock()
	p.Kick()
}

// Forward passes a call of method request from one peer on to this one; the reply goes
// back by itself. params is encoded with this peer's codec, and copied. It fails when
// the peer is gone or has too many calls to answer. Follow with Touch or Kick of p.
func (p *Peer) Forward(from *Peer, m *wire.Msg, params []byte) error {
	id, err := p.calls.add(pending{from: from, id: keepID(m), num: m.Num, bin: m.Binary, hasNum: m.HasNum})
	if err != nil {
		return err
	}
	from.calls.noteAsked(m, p, id)
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	b := p.begin()
	if p.binary.Load() {
		b = wire.AppendBinaryRequest(b, id, string(m.Sender), string(m.Target), params)
	} else {
		b = wire.AppendRequest(b, id, string(m.Sender), string(m.Target), params)
	}
	p.end(b, frameCall, id)
	p.full()
	return nil
}

// keepID copies the id of a text call.
func keepID(m *wire.Msg) []byte {
	if m.Binary || m.ID == nil {
		return nil
	}
	return append([]byte(nil), m.ID...)
}

// Asking counts a call of the peer that is being answered. It fails for a request when
// there are too many. Answered follows.
func (p *Peer) Asking(request bool) error {
	if n := int(p.asking.Add(1)); request && n > p.engine.lim.MaxCalls {
		p.asking.Add(-1)
		return sig.Errorf(sig.ErrLimit, "more than %d calls in flight (MaxCalls)", p.engine.lim.MaxCalls)
	}
	return nil
}

// Answered counts the end of a call.
func (p *Peer) Answered() { p.asking.Add(-1) }

func (t *callTable) add(c pending) (uint64, error) {
	lim := &t.peer.engine.lim
	timeout := lim.CallTimeout
	if t.peer.Classic() {
		timeout = lim.ClassicTimeout
	}
	c.sent = time.Duration(t.peer.engine.clock.Load())
	c.deadline = c.sent + timeout
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	if len(t.m) >= lim.MaxAnswers {
		return 0, sig.Errorf(sig.ErrLimit, "%s has %d calls to answer already (MaxAnswers)", t.peer, len(t.m))
	}
	if t.m == nil {
		t.m = make(map[uint64]pending)
	}
	t.last++
	t.m[t.last] = c
	return t.last, nil
}

// addSignal notes a signal that was sent as a call, and returns the call's id.
func (t *callTable) addSignal(n uint64) uint64 {
	id, _ := t.add(pending{signal: n})
	return id
}

// take removes a call; the zero pending: it is not there.
func (t *callTable) take(id uint64) pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.m[id]
	if ok {
		delete(t.m, id)
	}
	return c
}

func (t *callTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.m)
}

// reply finds who waits for a reply. It runs in the goroutine that reads.
func (t *callTable) reply(m *wire.Msg) {
	p := t.peer
	var c pending
	if m.HasNum {
		c = t.take(m.Num)
	}
	if c.waiter == nil && c.from == nil && c.signal == 0 && !c.ping {
		p.Stats.Strays.Add(1)
		return
	}
	p.classic.answered(m.Num)
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
		var data []byte
		if err == nil {
			data = append(data, m.Response...)
		}
		c.waiter.finish(data, err)
	case c.from != nil:
		c.from.calls.forgetAsked(&c)
		if err != nil {
			c.from.ReplyError(c.id, c.num, c.bin, err)
		} else {
			c.from.Reply(c.id, c.num, c.bin, p.engine.recode(p, c.from, m.Response))
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
	t.mu.Lock()
	var late []pending
	var ids []uint64
	for id, c := range t.m {
		if now >= c.deadline {
			late = append(late, c)
			ids = append(ids, id)
			delete(t.m, id)
		}
	}
	t.mu.Unlock()
	for i, c := range late {
		t.peer.classic.answered(ids[i])
		t.settle(c, nil, sig.Errorf(sig.ErrTimeout, "no reply from %s in time", t.peer))
		if c.waiter != nil || c.from != nil {
			t.peer.sendCancel(ids[i])
		}
	}
}

// failAll ends all calls; later ones fail at once.
func (t *callTable) failAll(err error) {
	t.mu.Lock()
	all := t.m
	t.m, t.err = nil, err
	asked := t.asked
	t.asked = nil
	t.mu.Unlock()
	for _, c := range all {
		if c.signal == 0 {
			t.settle(c, nil, err)
		}
	}
	for _, f := range asked {
		f.to.sendCancel(f.num)
	}
}

// noteAsked remembers where a call was forwarded to.
func (t *callTable) noteAsked(m *wire.Msg, to *Peer, num uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked == nil {
		t.asked = map[callID]forwarded{}
	}
	t.asked[makeID(m)] = forwarded{to, num}
}

func (t *callTable) forgetAsked(c *pending) {
	id := callID{num: c.num}
	if !c.hasNum {
		id = callID{text: string(c.id)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.asked, id)
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
	t.mu.Lock()
	f, ok := t.asked[id]
	t.mu.Unlock()
	if ok {
		f.to.sendCancel(f.num)
		return
	}
	if h, ok := t.peer.engine.handler.(Canceler); ok {
		h.Cancel(t.peer, id.num, id.text)
	}
}

// A Canceler is a Handler that can end what it does for a call.
type Canceler interface {
	// Cancel is called when a peer gives up on a call: num is the id when it is a
	// number, else text is its JSON.
	Cancel(p *Peer, num uint64, text string)
}

func parseCallID(raw []byte) callID {
	var n uint64
	if json.Unmarshal(raw, &n) == nil {
		return callID{num: n}
	}
	return callID{text: string(raw)}
}

// ping asks the peer for a sign of life, unless it is being asked already.
func (p *Peer) ping(now time.Duration) {
	if !p.pinging.CompareAndSwap(false, true) {
		return
	}
	id, err := p.calls.add(pending{ping: true})
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

// recode turns a payload from one peer's encoding into another's.
func (e *Engine) recode(_, _ *Peer, data []byte) []byte { return data }
