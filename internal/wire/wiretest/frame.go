package wiretest

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// kinds are the first bytes of binary frames.
var kinds = map[string]byte{
	"signal_up": 0x81, "signal_down": 0x82, "ack": 0x83, "request": 0x84, "reply": 0x85, "failure": 0x86,
	"caused_request": 0x87,
}

// MarshalJSON writes the fields that the kind has, by the names that the file uses.
func (f *Frame) MarshalJSON() ([]byte, error) {
	m := map[string]any{"kind": f.Kind}
	put := func(name string, v json.RawMessage) {
		if v != nil {
			m[name] = v
		}
	}
	put("n", f.N)
	put("id", f.ID)
	put("listeners", f.Listeners)
	put("data", f.Data)
	if f.Hex != nil {
		m["hex"] = *f.Hex
	}
	switch f.Kind {
	case "signal_down":
		m["retained"] = f.Retained
		fallthrough
	case "signal_up":
		m["sender"], m["event"] = f.Sender, f.Event
	case "caused_request":
		m["hops"], m["traceparent"] = f.Hops, f.Traceparent
		fallthrough
	case "request":
		m["sender"], m["method"] = f.Sender, f.Method
	}
	return json.Marshal(m)
}

// encode writes a frame as section 6 of the protocol says, by hand.
func (b bindings) encode(f *Frame) ([]byte, error) {
	number, err := b.number(f.N, f.ID)
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint64(nil, number)
	switch f.Kind {
	case "signal_up":
		body = name(name(body, f.Sender), f.Event)
	case "caused_request":
		body = name(binary.BigEndian.AppendUint32(body, f.Hops), f.Traceparent)
		fallthrough
	case "request":
		body = name(name(body, f.Sender), f.Method)
	case "ack", "reply", "failure":
	default:
		return nil, fmt.Errorf("a client sends no frame %q", f.Kind)
	}
	data, err := b.fill(f.Data)
	if f.Hex != nil {
		data, err = hex.DecodeString(*f.Hex)
	}
	if err != nil {
		return nil, err
	}
	body = append(body, data...)
	return append(binary.BigEndian.AppendUint32([]byte{kinds[f.Kind]}, uint32(len(body))), body...), nil
}

func (b bindings) number(n, id json.RawMessage) (uint64, error) {
	raw := n
	if raw == nil {
		raw = id
	}
	text, err := b.fill(raw)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(text), 10, 64)
}

func name(dst []byte, s string) []byte { return append(append(dst, byte(len(s))), s...) }

// decode reads a frame as section 6 says, by hand.
func decode(b []byte) (f *Frame, err error) {
	f = new(Frame)
	for kind, first := range kinds {
		if b[0] == first {
			f.Kind = kind
		}
	}
	r := reader{b: b[5:]}
	number := json.RawMessage(strconv.FormatUint(binary.BigEndian.Uint64(r.take(8)), 10))
	switch f.Kind {
	case "signal_down":
		f.N = number
		f.Retained = r.take(1)[0]&1 != 0
		ids := make([]uint32, binary.BigEndian.Uint16(r.take(2)))
		for i := range ids {
			ids[i] = binary.BigEndian.Uint32(r.take(4))
		}
		f.Listeners, _ = json.Marshal(ids) // numbers always can be
		f.Sender, f.Event = r.name(), r.name()
	case "caused_request":
		f.ID = number
		f.Hops, f.Traceparent = binary.BigEndian.Uint32(r.take(4)), r.name()
		f.Sender, f.Method = r.name(), r.name()
	case "request":
		f.ID = number
		f.Sender, f.Method = r.name(), r.name()
	case "reply", "failure":
		f.ID = number
	default:
		return nil, fmt.Errorf("a server sends no frame like %x", b)
	}
	if r.short {
		return nil, fmt.Errorf("the frame %x ends inside its fields", b)
	}
	if f.Data = r.b; len(r.b) == 0 {
		f.Data = json.RawMessage("null")
	}
	return f, nil
}

// A reader takes fields off a frame. Past the end it gives zeros and notes it.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) name() string { return string(r.take(int(r.take(1)[0]))) }
