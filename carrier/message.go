package carrier

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A Message is a call of a method.
type Message struct {
	ID     json.RawMessage `json:"id,omitempty"` // a JSON string or number
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"` // a JSON object
}

// A Reply answers a Message.
type Reply struct {
	ID        json.RawMessage `json:"id"` // the message's, unchanged
	Status    sig.Status      `json:"status"`
	Response  json.RawMessage `json:"response"`
	Exception string          `json:"exception,omitempty"` // why Status is not 0
	Error     *ReplyError     `json:"error,omitempty"`
}

// A ReplyError is the part of a failed reply to act on.
type ReplyError struct {
	Code string          `json:"code,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Failure makes the reply for an error.
func Failure(id json.RawMessage, err error) *Reply {
	var r Reply
	frame := wire.AppendFailure(nil, id, sig.AsError(err))
	if json.Unmarshal(frame, &r) != nil {
		r = Reply{ID: id, Status: sig.StatusFailed, Exception: err.Error()}
	}
	return &r
}

// Err returns the failure that a reply reports, nil when its status is 0.
func (r *Reply) Err() error {
	if r.Status == sig.StatusDone {
		return nil
	}
	m := wire.Msg{Status: int(r.Status), Exception: r.Exception}
	if r.Error != nil {
		m.Code, m.ErrData = r.Error.Code, r.Error.Data
	}
	return replyError(&m)
}

// replaceReply makes a failure with the id of a reply that is encoded already.
func replaceReply(frame []byte, err *sig.Error) []byte {
	var m wire.Msg
	lim := wire.Limits{MaxMessage: len(frame), MaxDepth: 1 << 10, MaxValues: 1 << 20}
	_, _ = wire.Parse(frame, &lim, &m) // we wrote it; without an id the failure has none
	return wire.AppendFailure(nil, m.ID, err)
}

// unpack decodes a frame as what it is.
func unpack(data []byte) (*Message, *Reply, error) {
	var probe struct {
		Status *json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, nil, sig.Errorf(sig.ErrMalformed, "not a message: %v", err)
	}
	if probe.Status == nil || string(*probe.Status) == "null" {
		m := new(Message)
		if err := json.Unmarshal(data, m); err != nil {
			return nil, nil, sig.Errorf(sig.ErrMalformed, "not a call: %v", err)
		}
		return m, nil, nil
	}
	r := new(Reply)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, nil, sig.Errorf(sig.ErrMalformed, "not a reply: %v", err)
	}
	return nil, r, nil
}

func pack(m any) ([]byte, error) {
	switch m.(type) {
	case *Message, *Reply:
	default:
		return nil, fmt.Errorf("carrier: Pack takes a *Message or a *Reply, not %T", m)
	}
	b, err := sig.JSON{}.Marshal(m)
	if err != nil {
		return nil, errors.Join(sig.ErrMalformed, err)
	}
	return b, nil
}
