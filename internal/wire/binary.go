package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// First bytes of binary frames.
const (
	binSignalUp   = 0x81
	binSignalDown = 0x82
	binAck        = 0x83
	binCall       = 0x84
	binReply      = 0x85
	binFailure    = 0x86
	binCausedCall = 0x87

	binFirst = 0x81
	binLast  = 0x8F
)

// binHead is the length of a frame's kind and length.
const binHead = 5

// FlagRetained, in the flags of a signal down, marks a retained value.
const FlagRetained byte = 1

// parseBinary reads a binary frame at the beginning of b, which holds no more than
// the longest message may have. Frames are refused at their head where that tells.
func (m *Msg) parseBinary(b []byte, lim *Limits) (int, error) {
	if b[0] > binCausedCall {
		return 0, malformed("0x%02x begins no binary frame that is known", b[0])
	}
	if len(b) < binHead {
		return 0, ErrShort
	}
	size := binary.BigEndian.Uint32(b[1:])
	if most := lim.message(); uint64(size)+binHead > uint64(most) {
		return 0, overLimit("MaxMessage", "binary frame of %d bytes is longer than %d", uint64(size)+binHead, most)
	}
	end := binHead + int(size)
	if len(b) < end {
		return 0, ErrShort
	}
	m.Binary = true
	if e := m.binaryFields(b[0], b[binHead:end], lim); e != nil {
		return end, m.withID(e)
	}
	m.light = m.Kind == Signal
	return end, nil
}

// binaryFields reads the fields of a whole frame.
func (m *Msg) binaryFields(kind byte, f []byte, lim *Limits) *Error {
	m.Kind = [...]Kind{Signal, Signal, Ack, Call, Reply, Reply, Call}[kind-binFirst]
	if len(f) < 8 {
		return malformed("binary frame 0x%02x ends inside its number", kind)
	}
	n := binary.BigEndian.Uint64(f)
	f = f[8:]
	if n >= maxNumber || n == 0 && m.Kind == Signal {
		return malformed("number %d of binary frame 0x%02x is out of range", n, kind)
	}
	switch kind {
	case binSignalUp:
		m.N, m.Method = n, m.word("signal")
		return m.binaryEvent(f)
	case binSignalDown:
		m.N, m.Method = n, m.word("signal")
		return m.binarySignalDown(f, lim)
	case binAck:
		m.N = n
		if len(f) != 0 {
			return malformed("binary acknowledgement of more than 8 bytes")
		}
		return nil
	}
	m.Num, m.HasNum = n, true
	switch kind {
	case binCall:
		return m.binaryCall(f)
	case binCausedCall:
		return m.binaryCausedCall(f)
	case binReply:
		m.Response = notEmpty(f)
		return nil
	}
	return m.binaryFailure(f, lim)
}

// word returns text as bytes in memory of the Msg.
func (m *Msg) word(text string) []byte {
	m.own.unescaped = append(m.own.unescaped[:0], text...)
	return m.own.unescaped
}

func notEmpty(payload []byte) []byte {
	if len(payload) == 0 {
		return nil
	}
	return payload
}

// field cuts a name with its length byte from f.
func field(f []byte) (name, rest []byte, ok bool) {
	if len(f) == 0 || len(f) <= int(f[0]) {
		return nil, nil, false
	}
	n := 1 + int(f[0])
	return f[1:n], f[n:], true
}

// binaryEvent reads sender, event and data.
func (m *Msg) binaryEvent(f []byte) *Error {
	_, rest, ok := field(f)
	if ok {
		_, rest, ok = field(rest)
	}
	if !ok {
		return malformed("binary signal ends inside its names")
	}
	m.Info = f[:len(f)-len(rest)]
	m.Data = notEmpty(rest)
	return nil
}

func (m *Msg) binarySignalDown(f []byte, lim *Limits) *Error {
	const head = 3
	if len(f) < head {
		return malformed("binary signal ends before its listeners")
	}
	m.Retained = f[0]&FlagRetained != 0
	count := int(binary.BigEndian.Uint16(f[1:]))
	if most := lim.values(); count > most {
		return overLimit("MaxValues", "signal for %d listeners, more than %d", count, most)
	}
	f = f[head:]
	if len(f) < 4*count {
		return malformed("binary signal ends inside its listeners")
	}
	ids := m.own.listeners[:0]
	for i := range count {
		ids = append(ids, binary.BigEndian.Uint32(f[4*i:]))
	}
	m.own.listeners, m.Listeners = ids, ids
	return m.binaryEvent(f[4*count:])
}

func (m *Msg) binaryCall(f []byte) *Error {
	sender, rest, ok := field(f)
	var target []byte
	if ok {
		target, rest, ok = field(rest)
	}
	if !ok {
		return malformed("binary request ends inside its names")
	}
	m.Method = m.word("request")
	if !utf8.Valid(sender) || !utf8.Valid(target) {
		return malformed("a name in a binary request is not UTF-8")
	}
	m.Sender, m.Target, m.Args = sender, target, notEmpty(rest)
	return nil
}

// binaryCausedCall reads a call that has a cause.
func (m *Msg) binaryCausedCall(f []byte) *Error {
	if len(f) < 4 {
		return malformed("binary request ends inside its hops")
	}
	c := Cause{Hops: binary.BigEndian.Uint32(f)}
	trace, rest, ok := field(f[4:])
	if !ok {
		return malformed("binary request ends inside its traceparent")
	}
	switch c.Traceparent = trace; {
	case c.None():
		return malformed("a binary request with a cause has neither hops nor a traceparent")
	case !c.Binary():
		return malformed("the traceparent of a binary request is no printable ASCII, or has quotes or backslashes")
	}
	m.Hops, m.Traceparent = c.Hops, notEmpty(trace)
	return m.binaryCall(rest)
}

// binaryFailure reads the JSON object of a failed reply.
func (m *Msg) binaryFailure(f []byte, lim *Limits) *Error {
	if len(f) == 0 || f[0] != '{' {
		return malformed("binary failure without a JSON object")
	}
	s, o := &m.own.scan, &m.own.object
	s.begin(f, lim)
	*o = object{m: m, s: s}
	end := o.members(0, o.top)
	if end < 0 || skipSpace(f, end) != len(f) {
		o.refuse(malformed("binary failure whose JSON object is broken or does not fill it"))
	} else {
		o.outcome()
		if m.Status == 0 {
			o.refuse(malformed("binary failure without a status"))
		}
	}
	o.keepOnly()
	m.Response = nil
	return o.err
}
