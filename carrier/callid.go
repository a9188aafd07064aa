package carrier

import (
	"strconv"

	"github.com/sigrouter/sigrouter/internal/wire"
)

// A CallID is what a peer calls a call of its own, for the reply. It is comparable. The zero
// value is the number 0, in text.
type CallID struct {
	num  uint64
	text string // JSON, of an id that is no whole number; "": it is num
	bin  bool   // the call was a binary frame
}

// IDOf returns the id of a call.
func IDOf(m *wire.Msg) CallID {
	if m.Binary {
		return CallID{num: m.Num, bin: true}
	}
	if m.HasNum {
		return CallID{num: m.Num}
	}
	return textID(m.ID)
}

// textID returns the id that is raw JSON; nil for a call that has none.
func textID(raw []byte) CallID {
	if raw == nil {
		return CallID{text: "null"}
	}
	return CallID{text: string(raw)}
}

// parseCallID returns the id that is named in another message.
func parseCallID(raw []byte) CallID {
	if n, ok := wire.PlainNumber(raw); ok {
		return CallID{num: n}
	}
	return textID(raw)
}

// Binary reports whether the call was a binary frame, and so is the reply.
func (id CallID) Binary() bool { return id.bin }

// Same reports whether both are the id of one call of a peer.
func (id CallID) Same(other CallID) bool { return id.num == other.num && id.text == other.text }

// raw appends the id as JSON.
func (id CallID) raw(dst []byte) []byte {
	if id.text != "" {
		return append(dst, id.text...)
	}
	return strconv.AppendUint(dst, id.num, 10)
}
