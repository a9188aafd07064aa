package wire

import (
	"bytes"
	"math"
	"strconv"

	"github.com/sigrouter/sigrouter/sig"
)

// AppendID appends a number as a raw id.
func AppendID(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// AppendCall appends a call of a method of docs/protocol.md. Nil params are {}.
func AppendCall(dst []byte, id uint64, method string, params []byte) []byte {
	dst = appendCallHead(dst, id, method)
	dst = appendOr(dst, params, "{}")
	return append(dst, '}')
}

func appendCallHead(dst []byte, id uint64, method string) []byte {
	dst = AppendID(append(dst, `{"id":`...), id)
	dst = AppendString(append(dst, `,"method":`...), method)
	return append(dst, `,"params":`...)
}

// appendOr appends raw JSON, or otherwise when there is none. A message is one line.
func appendOr(dst, raw []byte, otherwise string) []byte {
	switch {
	case len(raw) == 0:
		return append(dst, otherwise...)
	case bytes.IndexByte(raw, '\n') >= 0:
		return append(dst, CompactNewlines(nil, raw)...)
	}
	return append(dst, raw...)
}

// AppendNotice appends a call that is not answered, without an id.
func AppendNotice(dst []byte, method string, params []byte) []byte {
	dst = AppendString(append(dst, `{"method":`...), method)
	dst = append(append(dst, `,"params":`...), params...)
	return append(dst, '}')
}

// A Cause is what a request or an event carries of what it was caused by. The zero value
// is none. Of binary frames only requests have a place for it.
type Cause struct {
	Traceparent []byte // as in Msg.Traceparent; empty for none
	Hops        uint32
}

// NewCause makes a cause of a traceparent, "" for none, and of hops; below 0 is 0.
func NewCause(traceparent string, hops int) (c Cause) {
	if traceparent != "" {
		quoted := AppendString(nil, traceparent)
		c.Traceparent = quoted[1 : len(quoted)-1]
	}
	c.Hops = uint32(min(max(hops, 0), math.MaxInt32))
	return c
}

// None reports whether there is nothing to carry.
func (c Cause) None() bool { return len(c.Traceparent) == 0 && c.Hops == 0 }

// Binary reports whether a binary frame can carry it: a traceparent that is text as it stands,
// and not long.
func (c Cause) Binary() bool {
	for _, b := range c.Traceparent {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return len(c.Traceparent) <= math.MaxUint8
}

// Append appends the members, each behind a comma.
func (c Cause) Append(dst []byte) []byte {
	if len(c.Traceparent) > 0 {
		dst = append(append(append(dst, `,"traceparent":"`...), c.Traceparent...), '"')
	}
	if c.Hops > 0 {
		dst = AppendID(append(dst, `,"hops":`...), uint64(c.Hops))
	}
	return dst
}

// AppendRequest appends a call of the method "request": params for a method of a
// sender. Nil params are null.
func AppendRequest(dst []byte, id uint64, sender, method string, cause Cause, params []byte) []byte {
	dst = AppendString(append(appendCallHead(dst, id, "request"), `{"sender":`...), sender)
	dst = AppendString(append(dst, `,"method":`...), method)
	dst = appendOr(append(cause.Append(dst), `,"params":`...), params, "null")
	return append(dst, "}}"...)
}

// AppendReply appends a reply that says done. The id is raw, nil for null; a nil
// response is null.
func AppendReply(dst, id, response []byte) []byte {
	dst = appendOr(append(dst, `{"id":`...), id, "null")
	dst = appendOr(append(dst, `,"status":0,"response":`...), response, "null")
	return append(dst, '}')
}

// AppendFailure appends a failed reply. The id is raw, nil for null.
func AppendFailure(dst, id []byte, e *sig.Error) []byte {
	dst = appendOr(append(dst, `{"id":`...), id, "null")
	dst = appendStatus(append(dst, `,"status":`...), e)
	return appendWhy(append(dst, `,"response":null`...), e)
}

// AppendRefused appends the notice that signal n could not be dispatched.
func AppendRefused(dst []byte, n uint64, e *sig.Error) []byte {
	dst = AppendID(append(dst, `{"refused":`...), n)
	return appendWhy(appendStatus(append(dst, `,"status":`...), e), e)
}

// appendStatus appends the status of a failure. One that says done is none.
func appendStatus(dst []byte, e *sig.Error) []byte {
	status := e.Status
	if status == sig.StatusDone {
		status = sig.StatusFailed
	}
	return strconv.AppendInt(dst, int64(status), 10)
}

// appendWhy appends the members that explain a failure, and the closing brace. Data
// that JSON cannot express is left out.
func appendWhy(dst []byte, e *sig.Error) []byte {
	dst = AppendString(append(dst, `,"exception":`...), e.Error())
	var data []byte
	if e.Data != nil {
		if b, err := (sig.JSON{}).Marshal(e.Data); err == nil && CheckJSON(b, 0) == nil {
			data = CompactNewlines(nil, b)
		}
	}
	if e.Code == "" && data == nil {
		return append(dst, '}')
	}
	dst = append(dst, `,"error":{`...)
	if e.Code != "" {
		dst = AppendString(append(dst, `"code":`...), e.Code)
	}
	if data != nil {
		if e.Code != "" {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `"data":`...), data...)
	}
	return append(dst, "}}"...)
}

// AppendSignalInfo appends the info of signals in text, ready for AppendSignal.
func AppendSignalInfo(dst []byte, sender, event string, retained bool) []byte {
	dst = AppendString(append(dst, `{"sender":`...), sender)
	dst = AppendString(append(dst, `,"event":`...), event)
	if retained {
		dst = append(dst, `,"retained":true`...)
	}
	return append(dst, '}')
}

// AppendListeners appends the member "listeners" and a comma, ready as the head of
// AppendSignal.
func AppendListeners(dst []byte, ids []uint32) []byte {
	return append(appendIDs(append(dst, `"listeners":`...), ids), ',')
}

// AppendListenerID appends the member "listener_id" and a comma, ready as the head of
// AppendSignalCall. The id is raw.
func AppendListenerID(dst, id []byte) []byte {
	return append(append(append(dst, `"listener_id":`...), id...), ',')
}

// AppendTraceparent appends the member "traceparent" and a comma. It may follow the
// listeners in the head of a signal. Text is as in Msg.Traceparent.
func AppendTraceparent(dst, text []byte) []byte {
	return append(append(append(dst, `"traceparent":"`...), text...), `",`...)
}

func appendIDs(dst []byte, ids []uint32) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendID(dst, uint64(id))
	}
	return append(dst, ']')
}

// AppendSignal appends a signal of the fast lane. Head is what comes before info in
// its params: nothing, or what AppendListeners and AppendTraceparent wrote. Info is what
// AppendSignalInfo wrote; nil data are null.
func AppendSignal(dst []byte, n uint64, head, info, data []byte) []byte {
	return AppendSignalBody(AppendSignalHead(dst, n, head), info, data)
}

// AppendSignalHead appends the part of a signal that differs from peer to peer.
func AppendSignalHead(dst []byte, n uint64, head []byte) []byte {
	dst = AppendID(append(dst, `{"n":`...), n)
	return append(append(dst, `,"method":"signal","params":{`...), head...)
}

// AppendSignalCallHead is AppendSignalHead for a signal that is a call with an id, as
// classic peers know it.
func AppendSignalCallHead(dst []byte, id uint64, head []byte) []byte {
	dst = AppendID(append(dst, `{"id":`...), id)
	return append(append(dst, `,"method":"signal","params":{`...), head...)
}

// AppendSignalBody appends the part of a signal that all peers can share.
func AppendSignalBody(dst, info, data []byte) []byte {
	dst = append(append(dst, `"info":`...), info...)
	dst = appendOr(append(dst, `,"data":`...), data, "null")
	return append(dst, "}}"...)
}

// AppendSignalCall appends a signal that is a call with an id. Head is nothing, or
// what AppendListenerID wrote.
func AppendSignalCall(dst []byte, id uint64, head, info, data []byte) []byte {
	return AppendSignalBody(AppendSignalCallHead(dst, id, head), info, data)
}

// AppendAck appends the acknowledgement of every signal up to n.
func AppendAck(dst []byte, n uint64, binary bool) []byte {
	if binary {
		return appendUint64(appendHead(dst, binAck, 8), n)
	}
	return append(AppendID(append(dst, `{"ack":`...), n), '}')
}

// AppendGap appends the notice, numbered n as a signal is, that count events for these
// listeners were dropped. Sender and event are left out when empty.
func AppendGap(dst []byte, n uint64, listeners []uint32, sender, event string, count uint64) []byte {
	dst = AppendID(append(dst, `{"n":`...), n)
	dst = appendIDs(append(dst, `,"gap":{"listeners":`...), listeners)
	if sender != "" {
		dst = AppendString(append(dst, `,"sender":`...), sender)
	}
	if event != "" {
		dst = AppendString(append(dst, `,"event":`...), event)
	}
	return append(AppendID(append(dst, `,"count":`...), count), "}}"...)
}

// AppendCancel appends the notice that the caller has given up on its call id.
func AppendCancel(dst []byte, id uint64) []byte {
	return append(AppendID(append(dst, `{"method":"cancel","params":{"id":`...), id), "}}"...)
}

// AppendBye appends the notice that the sender closes, and after how many
// milliseconds to come back; below 0 it does not say.
func AppendBye(dst []byte, reason string, retryMS int) []byte {
	dst = AppendString(append(dst, `{"method":"bye","params":{"reason":`...), reason)
	if retryMS >= 0 {
		dst = AppendID(append(dst, `,"retry_ms":`...), uint64(retryMS))
	}
	return append(dst, "}}"...)
}
