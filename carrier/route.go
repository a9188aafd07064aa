package carrier

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A Route is what all events of one signal have in common on the wire, encoded once.
type Route struct {
	Sender, Event string

	text, textRetained []byte // value of "info"
	binary             []byte // sender and event with their lengths

	of *Route // of events that have a cause: the route of those that do not
}

// NewRoute encodes the names of a signal.
func NewRoute(sender, event string) *Route {
	return &Route{
		Sender:       sender,
		Event:        event,
		text:         wire.AppendSignalInfo(nil, sender, event, false),
		textRetained: wire.AppendSignalInfo(nil, sender, event, true),
		binary:       wire.AppendBinaryInfo(nil, sender, event),
	}
}

// maxTraceparent is the length of the longest traceparent that is passed on.
const maxTraceparent = 256

// Caused returns the route of events that have a cause, without a traceparent that is too long
// to be one. It goes where info does, so that nothing costs more for events without. Binary
// frames have no place for it: such events travel as text, and classic peers are not told.
func (r *Route) Caused(c wire.Cause) *Route {
	if len(c.Traceparent) > maxTraceparent {
		c.Traceparent = nil
	}
	if c.None() {
		return r
	}
	plain := r.plain()
	return &Route{
		Sender: r.Sender, Event: r.Event, of: plain,
		text:         c.Append(bytes.Clone(plain.text)),
		textRetained: c.Append(bytes.Clone(plain.textRetained)),
	}
}

// plain returns the route without a cause, by which the events of one signal are
// told from others.
func (r *Route) plain() *Route {
	if r != nil && r.of != nil {
		return r.of
	}
	return r
}

func (r *Route) info(retained bool) []byte {
	if retained {
		return r.textRetained
	}
	return r.text
}

// A Target is the listeners at one peer that events go to: those of one peer that
// match the same signal and share a policy. Its fields are fixed when it is made.
type Target struct {
	IDs []uint32

	line   *Line  // bound and policy; nil: PolicyDefault
	text   []byte // "listeners":[3,5],
	binary []byte // count and ids
}

// NewTarget encodes the ids of listeners. Line, which may be nil, holds their bound
// and policy.
func NewTarget(ids []uint32, line *Line) *Target {
	t := &Target{IDs: ids, line: line}
	t.text = append(t.text, `"listeners":[`...)
	t.binary = binary.BigEndian.AppendUint16(t.binary, uint16(len(ids)))
	for i, id := range ids {
		if i > 0 {
			t.text = append(t.text, ',')
		}
		t.text = strconv.AppendUint(t.text, uint64(id), 10)
		t.binary = binary.BigEndian.AppendUint32(t.binary, id)
	}
	t.text = append(t.text, "],"...)
	return t
}

// A Line is the part of a peer's queue that one subscription with a policy of its own
// may fill.
type Line struct {
	Policy sig.Policy // DropOldest, DropNewest or Latest
	Size   int        // events that may wait

	// Guarded by the queue's lock.
	waiting int
	bytes   int               // of these
	oldest  uint64            // no item of this line waits before this position
	last    map[*Route]uint64 // Latest: position of the event that waits
	gap     uint64            // position+1 of a gap that still waits; 0: none
	Dropped uint64
}
