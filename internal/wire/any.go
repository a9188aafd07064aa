package wire

// An object is what the walk over a message whose members come in any order finds:
// raw values, nil when absent or null. What is never looked into goes straight into
// the Msg.
type object struct {
	m   *Msg
	s   *scanner
	err *Error // the first fault that leaves the text sound JSON

	id, method, status, exception, n, ack, refused   []byte
	sender, target, listeners, traceparent, hops     []byte // of params
	failure, code                                    []byte // the error, and the code in it
	gap, gapListeners, gapSender, gapEvent, gapCount []byte

	breaks uint // which payloads have line breaks between their tokens
}

// Payloads, as bits of object.breaks.
const (
	payloadData = 1 << iota
	payloadArgs
	payloadResponse
	payloadErrData
)

// parseAny reads a message whose members come in any order.
func (m *Msg) parseAny(b []byte, lim *Limits) (int, error) {
	m.reset()
	s := &m.own.scan
	s.begin(b, lim)
	o := &m.own.object
	*o = object{m: m, s: s}
	end := o.members(0, o.top)
	if end < 0 {
		m.takeID(o.id)
		if s.bad == faultShort {
			return 0, ErrShort
		}
		return 0, m.withID(s.err().(*Error))
	}
	o.interpret()
	if most := lim.values(); s.values > most {
		o.refuse(overLimit("MaxValues", "more than %d values in a message beside its data", most))
	}
	if o.err != nil {
		return end, m.withID(o.err)
	}
	return end, nil
}

// refuse notes the first fault.
func (o *object) refuse(e *Error) {
	if o.err == nil {
		o.err = e
	}
}

// members visits the members of the object that begins at start and returns the
// position after it. The visitor is given a member's name and where its value begins;
// it returns a bit for a member that may come only once, and where the value ends.
func (o *object) members(start int, visit func(name []byte, at int) (member uint, end int)) int {
	s := o.s
	seen := uint(0)
	i, done := s.open(start)
	for !done {
		from, to, at := s.name(i)
		if at < 0 {
			return at
		}
		name := s.b[from:to]
		if s.esc {
			name = s.resolve(name)
		}
		member, end := visit(name, at)
		if end < 0 {
			return end
		}
		if member&seen != 0 {
			o.refuse(malformed("member %q is given twice", name))
		}
		seen |= member
		i, done = s.more(end)
	}
	return i
}

// top visits the members of the envelope.
func (o *object) top(name []byte, i int) (member uint, end int) {
	switch string(name) {
	case "id":
		return 1 << 0, o.scalar(i, &o.id)
	case "method":
		return 1 << 1, o.scalar(i, &o.method)
	case "params":
		return 1 << 2, o.params(i)
	case "status":
		return 1 << 3, o.scalar(i, &o.status)
	case "response":
		return 1 << 4, o.payload(i, &o.m.Response, payloadResponse)
	case "exception":
		return 1 << 5, o.scalar(i, &o.exception)
	case "error":
		return 1 << 6, o.inside(i, &o.failure, o.ofError)
	case "n":
		return 1 << 7, o.scalar(i, &o.n)
	case "ack":
		return 1 << 8, o.scalar(i, &o.ack)
	case "refused":
		return 1 << 9, o.scalar(i, &o.refused)
	case "gap":
		return 1 << 10, o.inside(i, &o.gap, o.ofGap)
	}
	end, _ = o.s.opaque(i)
	return 0, end
}

// params reads the params that begin at i.
func (o *object) params(i int) int {
	o.m.ParamsBad = o.s.b[i] != '{' && o.s.b[i] != 'n'
	var raw []byte
	end := o.inside(i, &raw, o.ofParams)
	if !o.m.ParamsBad {
		o.m.Params = raw
	}
	return end
}

// ofParams visits the members of params. The members of each method's params may
// come only once, even of methods that are not taken apart here: two readers of the
// same message must not see two senders.
func (o *object) ofParams(name []byte, i int) (member uint, end int) {
	o.s.lone = false
	switch string(name) {
	case "data":
		return 1 << 0, o.payload(i, &o.m.Data, payloadData)
	case "params":
		return 1 << 1, o.payload(i, &o.m.Args, payloadArgs)
	case "info":
		member, end = 1<<2, o.m.info(i)
		if end >= 0 && o.s.b[i] != 'n' {
			o.m.Info = o.s.b[i:end]
		}
	case "listeners":
		member, end = 1<<3, o.scalar(i, &o.listeners)
	case "listener_id":
		member, end = 1<<4, o.scalar(i, &o.m.ListenerID)
	case "traceparent":
		member, end = 1<<5, o.scalar(i, &o.traceparent)
	case "sender":
		member, end = 1<<6, o.scalar(i, &o.sender)
	case "method":
		member, end = 1<<7, o.scalar(i, &o.target)
	case "hops":
		member, end = 1<<8, o.scalar(i, &o.hops)
	default:
		member, end = otherParam(name), o.s.value(i)
	}
	if o.s.lone && member != 0 && end >= 0 {
		o.refuse(malformed("member %q has half of a surrogate pair, which is no character", name))
	}
	return member, end
}

// otherParam returns the bits of params that are not looked into here.
func otherParam(name []byte) uint {
	for i, other := range [...]string{
		"event", "events", "requests", "retain", "below", "policy", "skip_retained", "list_events",
		"version", "name", "envelope", "codecs", "token", "resume", "window", "window_bytes",
		"id", "reason", "retry_ms",
	} {
		if string(name) == other {
			return 1 << (9 + i)
		}
	}
	return 0
}

// ofError visits the members of the error of a failed reply.
func (o *object) ofError(name []byte, i int) (member uint, end int) {
	switch string(name) {
	case "code":
		return 1 << 0, o.scalar(i, &o.code)
	case "data":
		return 1 << 1, o.payload(i, &o.m.ErrData, payloadErrData)
	}
	return 0, o.s.value(i)
}

// ofGap visits the members of a gap notice.
func (o *object) ofGap(name []byte, i int) (member uint, end int) {
	switch string(name) {
	case "listeners":
		return 1 << 0, o.scalar(i, &o.gapListeners)
	case "sender":
		return 1 << 1, o.scalar(i, &o.gapSender)
	case "event":
		return 1 << 2, o.scalar(i, &o.gapEvent)
	case "count":
		return 1 << 3, o.scalar(i, &o.gapCount)
	}
	return 0, o.s.value(i)
}

// scalar reads a value that is looked at later. Null counts as absent.
func (o *object) scalar(i int, to *[]byte) int {
	end := o.s.value(i)
	if end >= 0 && o.s.b[i] != 'n' {
		*to = o.s.b[i:end]
	}
	return end
}

// inside is scalar that visits the members of the value when it is an object.
func (o *object) inside(i int, to *[]byte, visit func(name []byte, at int) (member uint, end int)) int {
	if o.s.b[i] != '{' {
		return o.scalar(i, to)
	}
	end := o.members(i, visit)
	if end >= 0 {
		*to = o.s.b[i:end]
	}
	return end
}

// payload reads a value that is passed on as it is.
func (o *object) payload(i int, to *[]byte, which uint) int {
	end, breaks := o.s.opaque(i)
	if end >= 0 {
		*to = o.s.b[i:end]
		if breaks {
			o.breaks |= which
		}
	}
	return end
}
