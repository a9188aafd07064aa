package router

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// protocolVersion is the version of docs/protocol.md.
const protocolVersion = 1

// classicVersion is what get_version answers: pysig's own.
const classicVersion = "1.01"

// Names of the two envelopes.
const (
	envelopeJSON  = "json"
	envelopeFrame = "frame"
)

// helloParams are the params of hello.
type helloParams struct {
	Version     int          `json:"version"`
	Name        string       `json:"name,omitempty"`
	Envelope    string       `json:"envelope,omitempty"`
	Codecs      []string     `json:"codecs,omitempty"`
	Token       string       `json:"token,omitempty"`
	Resume      *resumeParam `json:"resume,omitempty"`
	Window      int          `json:"window,omitempty"`
	WindowBytes int          `json:"window_bytes,omitempty"`
	MaxMessage  int          `json:"max_message,omitempty"`
}

type resumeParam struct {
	Session string `json:"session"`
	Epoch   string `json:"epoch"`
	Last    uint64 `json:"last"`
}

// helloReply is the response.
type helloReply struct {
	Version  int    `json:"version"`
	Name     string `json:"name"`
	Envelope string `json:"envelope"`
	Codec    string `json:"codec"`
	Session  string `json:"session"`
	Epoch    string `json:"epoch"`
	Last     uint64 `json:"last"`
	Resumed  bool   `json:"resumed"`
	// Dispatched is the number of the last signal that was dispatched in the session that
	// could not be resumed, if that is known.
	Dispatched *uint64 `json:"dispatched,omitempty"`
	// Refused are the numbers of those among them that were refused instead, as far as the
	// client may not have been told.
	Refused     []uint64 `json:"refused,omitempty"`
	Window      int      `json:"window"`
	WindowBytes int      `json:"window_bytes"`
	MaxMessage  int      `json:"max_message"`
	PingMS      int64    `json:"ping_ms"`
	DeadMS      int64    `json:"dead_ms"`
	OneLine     bool     `json:"one_line"`
}

// senderParams are the params of add_sender.
type senderParams struct {
	Sender   string    `json:"sender"`
	Events   nameList  `json:"events,omitempty"`
	Requests []*string `json:"requests,omitempty"`
	Retain   nameList  `json:"retain,omitempty"`
	GraceMS  int64     `json:"grace_ms,omitempty"`
}

// A nameList is a list of names, or one name on its own.
type nameList []string

func (n *nameList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil && string(b) != "null" {
		*n = nameList{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return sig.Errorf(sig.ErrInvalid, "events must be one name or a list of names")
	}
	if slices.Contains(list, "") {
		return sig.Errorf(sig.ErrInvalid, "events has a name that is empty or null")
	}
	*n = list
	return nil
}

// listenerParams are the params of add_listener.
type listenerParams struct {
	Sender       *string `json:"sender"`
	Event        *string `json:"event"`
	Below        bool    `json:"below,omitempty"`
	Policy       string  `json:"policy,omitempty"`
	Queue        int     `json:"queue,omitempty"`
	SkipRetained bool    `json:"skip_retained,omitempty"`
}

type listenerReply struct {
	ID json.RawMessage `json:"listener_id"`
}

// nullable is a name on the wire, where any is null.
func nullable(name string) *string {
	if name == sig.Any {
		return nil
	}
	return &name
}

func fromNullable(name *string) string {
	if name == nil {
		return sig.Any
	}
	return *name
}

// Names of policies on the wire.
func policyName(p sig.Policy) string {
	switch p {
	case sig.DropOldest:
		return "drop_oldest"
	case sig.DropNewest:
		return "drop_newest"
	case sig.Latest:
		return "latest"
	}
	return ""
}

func policyOf(name string) (sig.Policy, error) {
	switch name {
	case "", "close":
		return sig.PolicyDefault, nil
	case "drop_oldest":
		return sig.DropOldest, nil
	case "drop_newest":
		return sig.DropNewest, nil
	case "latest":
		return sig.Latest, nil
	}
	return 0, sig.Errorf(sig.ErrInvalid, "unknown policy %q; known are close, drop_oldest, drop_newest, latest", name)
}

// listedSender is an element of the response of list_senders.
type listedSender struct {
	Sender    *string       `json:"sender"`
	Connected bool          `json:"connected"`
	Events    []listedEvent `json:"events,omitempty"`
}

type listedEvent struct {
	Event *string `json:"event"`
}

// decodeParams reads the params of a method. Members that are not known are ignored;
// those that are must have the right type.
func decodeParams(raw []byte, v any) error {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	if err := json.Unmarshal(raw, v); err != nil {
		if e := sig.AsError(err); e.Code != "" {
			return e
		}
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return sig.Errorf(sig.ErrInvalid, "invalid params: %s has to be %s; it came as %s", cmp.Or(e.Field, "all"), wanted(e.Type), e.Value)
		}
		return sig.Errorf(sig.ErrInvalid, "invalid params: %v", err)
	}
	return nil
}

// wanted is what JSON calls a type, for who does not write Go.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number without a fraction that is not too large"
}
