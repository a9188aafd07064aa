package serial

import (
	"bytes"
	"io"
	"sync/atomic"
)

const (
	defaultMaxFrame = 1 << 20
	firstBuffer     = 4 << 10
	keepBuffer      = 64 << 10 // a larger buffer is let go once it is empty
)

// A receiver cuts what a reader brings into frames. All of it but max belongs to the
// goroutine that receives.
type receiver struct {
	from    io.Reader
	framing framing
	skip    func(reason Reason, bytes []byte) // told of all that is no frame; may be called with part of a long one
	max     atomic.Int64                      // length of the longest frame

	buf        []byte
	start, end int  // of what has been read and not been used
	scanned    int  // no delimiter before this
	dropping   bool // inside a frame that is too long, up to the next delimiter

	ready   []byte // found by peek
	verdict verdict
}

func newReceiver(from io.Reader, f framing, skip func(Reason, []byte)) *receiver {
	r := &receiver{from: from, framing: f, skip: skip, buf: make([]byte, firstBuffer)}
	r.max.Store(defaultMaxFrame)
	return r
}

// recv returns the next frame, or a mark. The frame is valid until the next recv.
func (r *receiver) recv() ([]byte, verdict, error) {
	for !r.peek() {
		if err := r.fill(); err != nil {
			r.cut()
			return nil, bad, err
		}
	}
	frame, v := r.ready, r.verdict
	r.ready, r.verdict = nil, blank
	return frame, v, nil
}

// unread makes frame, which recv returned last, what it returns next.
func (r *receiver) unread(frame []byte) { r.ready, r.verdict = frame, good }

// peek reports whether recv would return at once. It moves nothing that recv returned
// before.
func (r *receiver) peek() bool {
	for r.verdict == blank {
		seg, ok := r.segment()
		if !ok {
			return false
		}
		size := len(seg)
		frame, v := r.framing.decode(seg)
		switch v {
		case salvaged:
			r.skip(Noise, seg[:size-len(frame)])
			r.ready, r.verdict = frame, good
		case good, mark:
			r.ready, r.verdict = frame, v
		case bad:
			r.skip(badReason(r.framing), seg)
		}
	}
	return true
}

func badReason(f framing) Reason {
	if f.textOnly() {
		return Noise
	}
	return Damaged
}

// segment takes what stands before the next delimiter, if all of it has been read and
// it is not too long.
func (r *receiver) segment() ([]byte, bool) {
	limit := r.framing.room(int(r.max.Load()))
	for {
		i := bytes.IndexByte(r.buf[r.scanned:r.end], r.framing.delimiter())
		if i < 0 {
			r.scanned = r.end
			if r.end-r.start > limit || r.dropping {
				r.drop(r.end)
				r.dropping = true
			}
			return nil, false
		}
		at := r.scanned + i
		if r.dropping || at-r.start > limit {
			r.drop(at)
			r.start, r.scanned, r.dropping = at+1, at+1, false
			continue
		}
		seg := r.buf[r.start:at:at]
		r.start, r.scanned = at+1, at+1
		return seg, true
	}
}

// drop lets go of what stands before the index, as a part of a frame that is too long.
// The frame is counted once, when its first part is dropped.
func (r *receiver) drop(upTo int) {
	if part := r.buf[r.start:upTo]; r.dropping {
		r.skip(more, part)
	} else {
		r.skip(TooLong, part)
	}
	r.start = upTo
}

// cut reports a frame whose end never came.
func (r *receiver) cut() {
	if r.end > r.start && !r.dropping {
		r.skip(badReason(r.framing), r.buf[r.start:r.end])
	}
	r.start, r.end, r.scanned, r.dropping = 0, 0, 0, false
}

// fill reads once, having made room.
func (r *receiver) fill() error {
	switch {
	case r.start == r.end:
		r.start, r.end, r.scanned = 0, 0, 0
		if len(r.buf) > keepBuffer {
			r.buf = make([]byte, firstBuffer)
		}
	case r.end == len(r.buf) && r.start > 0:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.scanned -= r.start
		r.start = 0
	case r.end == len(r.buf):
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	n, err := r.from.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}
