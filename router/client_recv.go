package router

import (
	"runtime"
	"slices"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// delivery is something the server sent that is handed over in order.
type delivery struct {
	n       uint64    // number of a fast-lane signal or gap
	event   sig.Event // nothing when special has a gap
	id      uint32    // the listener it is for; 0: see special
	session uint32    // whose books have the ids
	*special
}

// special is what few deliveries have.
type special struct {
	ids      []uint32 // listeners
	gap      *sig.Drop
	peer     *carrier.Peer // a signal that came as a call, which has to be answered
	callID   carrier.CallID
	listener string
}

// clientHandler is what the engine reports to.
type clientHandler struct{ *ClientRouter }

// Connected is called by the engine.
func (h clientHandler) Connected(p *carrier.Peer) error {
	p.Hold()
	h.crew.lendable(p)
	return nil
}

// Disconnected is called by the engine.
func (h clientHandler) Disconnected(p *carrier.Peer, _ error) {
	c := h.ClientRouter
	c.running.cancelAll()
}

// Message is called by the engine with each message of the server.
func (h clientHandler) Message(p *carrier.Peer, m *wire.Msg) {
	c := h.ClientRouter
	switch m.Kind {
	case wire.Signal:
		c.receive(p, m)
	case wire.Gap:
		c.push(delivery{n: m.N, special: &special{
			ids: slices.Clone(m.Listeners),
			gap: &sig.Drop{Sender: m.GapSender, Event: m.GapEvent, Count: m.Count, Reason: "dropped by the server: too slow"},
		}})
	case wire.Refused:
		c.refused(m)
	case wire.Call:
		c.call(p, m)
	}
}

// push notes what is to be handed over; BatchEnd hands it on.
func (c *ClientRouter) push(d delivery) {
	d.session = c.books.Load().session
	c.batch = append(c.batch, d)
}

// BatchEnd is called by the engine when all that one read brought has been noted.
func (h clientHandler) BatchEnd(p *carrier.Peer) {
	c := h.ClientRouter
	if len(c.batch) > 0 {
		c.batch = c.serial.pushAll(c.batch)
		if c.serial.len() > carrier.YieldAfter {
			runtime.Gosched()
		}
	}
	c.crew.begin(p)
}

// maxOrigins bounds the origins a client remembers.
const maxOrigins = 4096

// receive queues a signal of the fast lane for its listeners.
func (c *ClientRouter) receive(p *carrier.Peer, m *wire.Msg) {
	o, err := c.origin(m)
	if err != nil {
		p.Close(sig.Errorf(sig.ErrMalformed, "signal %d: %v", m.N, err))
		return
	}
	d := delivery{n: m.N, event: sig.Event{Origin: causeOf(m).origin(o), Data: c.payload(p, m, m.Data)}}
	if len(m.Listeners) == 1 {
		d.id = m.Listeners[0]
	} else {
		d.special = &special{ids: slices.Clone(m.Listeners)}
	}
	c.push(d)
}

// origin finds the origin of a signal by the bytes of its info.
func (c *ClientRouter) origin(m *wire.Msg) (*sig.Origin, error) {
	key := m.Info
	if o, ok := c.origins.get(key); ok && !m.Retained {
		return o, nil
	}
	sender, event, retained, err := wire.ParseInfo(key, m.Binary)
	if err != nil {
		return nil, err
	}
	o := &sig.Origin{Sender: sender, Name: event, Retained: retained || m.Retained}
	if !m.Retained {
		c.origins.put(key, o, maxOrigins)
	}
	return o, nil
}

// refusedBefore reports signals that were refused in a session that has ended, but for
// those it was told of.
func (c *ClientRouter) refusedBefore(numbers []uint64) {
	for _, n := range numbers {
		if n > c.lastRefused {
			c.report(sig.Errorf(sig.ErrRefused, "the server refused a signal before the session ended; why was lost with the connection"))
		}
	}
}

// refused reports a signal that the server did not dispatch.
func (c *ClientRouter) refused(m *wire.Msg) {
	if m.N <= c.lastRefused {
		return // told again after a reconnect
	}
	c.lastRefused = m.N
	err := &sig.Error{Status: sig.Status(m.Status), Code: m.Code, Message: "the server refused a signal: " + m.Exception}
	c.spawn(func() { c.report(err) })
}

// call begins what the server asks for.
func (c *ClientRouter) call(p *carrier.Peer, m *wire.Msg) {
	if err := p.Asking(string(m.Method) == "request"); err != nil {
		p.ReplyError(carrier.IDOf(m), err)
		p.Touch(p)
		return
	}
	switch string(m.Method) {
	case "signal":
		c.signalCall(p, m)
	case "request":
		c.request(p, m)
	case "revoked":
		c.revoked(p, m)
	case "":
		c.refuseCall(p, m, &sig.Error{Status: sig.StatusNoName, Code: "no_name", Message: "the call names no method"})
	default:
		c.refuseCall(p, m, &sig.Error{Status: sig.StatusNoMethod, Code: sig.ErrNoMethod.Code, Message: "no method " + quoted(string(m.Method)) + " at a client"})
	}
}

func (c *ClientRouter) refuseCall(p *carrier.Peer, m *wire.Msg, err error) {
	p.ReplyError(carrier.IDOf(m), err)
	p.Answered()
	p.Touch(p)
}

// signalCall queues a signal that came as a call, as servers of other make send it.
func (c *ClientRouter) signalCall(p *carrier.Peer, m *wire.Msg) {
	var err error
	switch {
	case m.ListenerID == nil:
		err = sig.Errorf(sig.ErrInvalid, "listener_id not given")
	case m.Info == nil:
		err = sig.Errorf(sig.ErrInvalid, "info is not provided")
	}
	var o *sig.Origin
	if err == nil {
		o, err = c.origin(m)
	}
	if err != nil {
		c.refuseCall(p, m, err)
		return
	}
	c.push(delivery{
		event:   sig.Event{Origin: o, Data: c.payload(p, m, m.Data)},
		special: &special{peer: p, callID: carrier.IDOf(m), listener: string(m.ListenerID)},
	})
}

// runBatch hands over what has arrived, in order.
func (c *ClientRouter) runBatch(batch []delivery, next *int) {
	for *next < len(batch) {
		*next++
		c.hand(&batch[*next-1])
	}
	for i := len(batch) - 1; i >= 0; i-- {
		if d := &batch[i]; d.n > 0 {
			c.handled(d.session, d.n)
			break
		}
	}
}

// kick has the server told what was handled.
func (c *ClientRouter) kick() {
	if p := c.peer.Load(); p != nil {
		p.Kick()
	}
}

// handled notes that the signals up to n of a session were handed over. The next session
// counts from 1 again: it is told nothing of the one before.
func (c *ClientRouter) handled(session uint32, n uint64) {
	c.counting.Lock()
	defer c.counting.Unlock()
	if c.books.Load().session == session {
		c.wire.Handled(n)
	}
}

// beginAnew begins a session in which nothing has been heard yet. It returns how many of
// the client's signals will be sent again.
func (c *ClientRouter) beginAnew() int {
	c.counting.Lock()
	defer c.counting.Unlock()
	c.newBooks()
	c.lastRefused = 0
	return c.wire.Restart()
}

func (c *ClientRouter) hand(d *delivery) {
	switch {
	case d.special == nil:
		c.handOne(d.session, d.id, d.event)
	case d.peer != nil:
		c.handClassic(d)
	case d.gap != nil:
		for _, id := range d.ids {
			if sub := c.find(d.session, id); sub != nil {
				sub.gap(*d.gap)
			}
		}
	default:
		for _, id := range d.ids {
			c.handOne(d.session, id, d.event)
		}
	}
}

func (c *ClientRouter) handOne(session, id uint32, e sig.Event) {
	if sub := c.find(session, id); sub != nil && !sub.removed.Load() {
		sub.local.deliver(e)
	}
}

func (c *ClientRouter) handClassic(d *delivery) {
	sub := c.findRaw(d.session, d.listener)
	if sub == nil {
		d.peer.ReplyError(d.callID, sig.Errorf(sig.ErrNoListener, "listener id %s not found", quoted(d.listener)))
	} else {
		if !sub.removed.Load() {
			sub.local.deliver(d.event)
		}
		d.peer.Reply(d.callID, nil)
	}
	d.peer.Answered()
	d.peer.Kick()
}
