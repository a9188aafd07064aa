package wire

import (
	"bytes"
	"math"
	"strconv"
)

// interpret finds out what kind of message it is and reads the members of that kind.
func (o *object) interpret() {
	m := o.m
	o.readID()
	switch {
	case o.refused != nil && o.method == nil && o.id == nil:
		m.Kind = Refused
		o.number("refused", o.refused, 1)
		o.outcome()
	case o.status != nil:
		m.Kind = Reply
		o.outcome()
	case o.method != nil:
		m.Kind = Call
		o.call()
	case o.ack != nil:
		m.Kind = Ack
		o.number("ack", o.ack, 0)
	case o.gap != nil:
		m.Kind = Gap
		o.number("n", o.n, 1)
		o.gapNotice()
	default:
		m.Kind = Call
	}
	o.keepOnly()
}

// keepOnly empties the fields that do not belong to the kind of message it is.
func (o *object) keepOnly() {
	m := o.m
	called := ""
	switch {
	case m.Kind == Signal:
		called = "signal"
	case m.Kind == Call:
		called = string(m.Method) // for comparing only, so not allocated
	default:
		m.Params, m.ParamsBad = nil, false
	}
	if called != "signal" {
		m.Info, m.ListenerID, m.Data = nil, nil, nil
		o.breaks &^= payloadData
	}
	if called != "request" {
		m.Args = nil
		o.breaks &^= payloadArgs
	}
	if m.Kind != Reply && m.Kind != Refused {
		m.Response, m.ErrData = nil, nil
		o.breaks &^= payloadResponse | payloadErrData
	}
	m.DataBreaks = o.breaks != 0
}

// call reads what belongs to a call or a signal.
func (o *object) call() {
	m := o.m
	m.Method = o.text("method", o.method)
	switch string(m.Method) {
	case "signal":
		if o.n != nil {
			m.Kind = Signal
			o.number("n", o.n, 1)
		}
		if o.listeners != nil {
			o.listenerIDs(o.listeners)
		}
		o.cause()
	case "request":
		o.cause()
		if o.sender != nil && o.sender[0] == '"' {
			m.Sender = o.text("sender", o.sender)
		}
		if o.target != nil && o.target[0] == '"' {
			m.Target = o.text("method", o.target)
		}
	}
}

// cause reads what a signal or a request says of what it was caused by.
func (o *object) cause() {
	t := o.traceparent
	switch {
	case t == nil:
	case t[0] != '"':
		o.refuse(malformed("traceparent is not a string"))
	default:
		o.m.Traceparent = t[1 : len(t)-1]
	}
	if o.hops == nil {
		return
	}
	n, ok := PlainNumber(o.hops)
	if !ok || n > math.MaxUint32 {
		o.refuse(malformed("hops is not a whole number from 0 to 2^32-1"))
		return
	}
	o.m.Hops = uint32(n)
}

// outcome reads what belongs to a reply or a refusal, which may do without status.
func (o *object) outcome() {
	m := o.m
	if o.status != nil {
		n, err := strconv.ParseInt(string(o.status), 10, 32)
		if err != nil {
			o.refuse(malformed("status is not a whole number"))
		}
		m.Status = int(n)
	}
	if o.exception != nil {
		m.Exception = o.lenient(o.exception)
	}
	if o.failure == nil {
		return
	}
	if o.failure[0] != '{' || o.code != nil && o.code[0] != '"' {
		o.refuse(malformed("error is not an object with a code"))
		return
	}
	if o.code != nil {
		m.Code = intern(o.code[1 : len(o.code)-1])
	}
}

// lenient returns the characters of a raw string, and of any other value its text:
// what went wrong should reach the caller however it is written.
func (o *object) lenient(raw []byte) string {
	if raw[0] != '"' {
		return string(raw)
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	text, _ := unescape(nil, raw)
	return string(text)
}

// intern returns code as a string, without allocating it if it is one of ours.
func intern(code []byte) string {
	switch string(code) {
	case "invalid":
		return "invalid"
	case "no_sender":
		return "no_sender"
	case "no_event":
		return "no_event"
	case "no_method":
		return "no_method"
	case "no_listener":
		return "no_listener"
	case "taken":
		return "taken"
	case "removed":
		return "removed"
	case "malformed":
		return "malformed"
	case "refused":
		return "refused"
	case "limit":
		return "limit"
	case "slow":
		return "slow"
	case "timeout":
		return "timeout"
	case "not_connected":
		return "not_connected"
	case "shutting_down":
		return "shutting_down"
	case "canceled":
		return "canceled"
	}
	text, _ := unescape(nil, code)
	return string(text)
}

// gapNotice reads what belongs to a gap.
func (o *object) gapNotice() {
	m := o.m
	count, ok := PlainNumber(o.gapCount)
	if o.gap[0] != '{' || !ok {
		o.refuse(malformed("gap is not an object with a count"))
		return
	}
	m.Count = count
	if o.gapSender != nil {
		m.GapSender = string(o.text("sender", o.gapSender))
	}
	if o.gapEvent != nil {
		m.GapEvent = string(o.text("event", o.gapEvent))
	}
	if o.gapListeners != nil {
		o.listenerIDs(o.gapListeners)
	}
}

// takeID stores the id when it is one that can be sent back.
func (m *Msg) takeID(raw []byte) {
	if isIDText(raw) && len(raw) <= maxID {
		m.ID = raw
		m.Num, m.HasNum = PlainNumber(raw)
	}
}

// isIDText reports whether a raw value is a string or a number.
func isIDText(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '"' || raw[0] == '-' || raw[0]-'0' <= 9)
}

func (o *object) readID() {
	o.m.takeID(o.id)
	switch {
	case o.id == nil || o.m.ID != nil:
	case isIDText(o.id):
		o.refuse(overLimit("MaxID", "id of %d bytes is longer than %d", len(o.id), maxID))
	default:
		o.refuse(malformed("id is neither a string nor a number"))
	}
}

// PlainNumber reads a whole number below maxNumber in plain digits.
func PlainNumber(raw []byte) (n uint64, ok bool) {
	if len(raw) == 0 || len(raw) > 16 {
		return 0, false
	}
	for _, c := range raw {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n < maxNumber
}

// number stores a signal's number, from least up, in N.
func (o *object) number(name string, raw []byte, least uint64) {
	n, ok := PlainNumber(raw)
	if !ok || n < least {
		o.refuse(malformed("%s is not a whole number from %d to 2^53-1", name, least))
		return
	}
	o.m.N = n
}

// text returns the characters of a raw string.
func (o *object) text(name string, raw []byte) []byte {
	if raw[0] != '"' {
		o.refuse(malformed("%s is not a string", name))
		return nil
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	own := o.m.own
	from := len(own.unescaped)
	var lone bool
	own.unescaped, lone = unescape(own.unescaped, raw)
	if lone {
		o.refuse(malformed("%s has half of a surrogate pair, which is no character", name))
		return nil
	}
	to := len(own.unescaped)
	return own.unescaped[from:to:to]
}

// listenerIDs reads an array of listener ids, which is sound JSON.
func (o *object) listenerIDs(raw []byte) {
	own := o.m.own
	if own.listeners == nil {
		own.listeners = make([]uint32, 0, 8)
	}
	own.listeners = own.listeners[:0]
	for i := 1; raw[0] == '['; {
		i = skipSpace(raw, i)
		if raw[i] == ']' {
			o.m.Listeners = own.listeners
			return
		}
		from := i
		for raw[i]-'0' <= 9 {
			i++
		}
		n, ok := PlainNumber(raw[from:i])
		if !ok || n > math.MaxUint32 {
			break
		}
		own.listeners = append(own.listeners, uint32(n))
		if i = skipSpace(raw, i); raw[i] == ',' {
			i++
		}
	}
	o.refuse(malformed("listeners is not a list of listener ids"))
}
