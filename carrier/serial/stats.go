package serial

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// A Reason says why something that came over the line was passed over.
type Reason string

// Reasons.
const (
	Noise    Reason = "noise"    // frame=lines: no JSON object, or what stood before one in its line
	Damaged  Reason = "damaged"  // frame=cobs: the checksum does not fit
	TooLong  Reason = "too long" // longer than the longest message
	Partial  Reason = "partial"  // plain: a line whose beginning may have come before the port was open
	Overflow Reason = "overflow" // plain: a line for which there was no room, as the router is slow
	more     Reason = "more"     // of what was too long
)

// A Skip tells of something that came over the line and was passed over.
type Skip struct {
	Port   string // its name
	Reason Reason
	Bytes  int    // how many; of what was too long, those read so far
	Sample []byte // the first of them, 64 at most; valid during the call
}

// Stats counts what happened on a connection since it began. On a Listener's connection
// it does not count what was before.
type Stats struct {
	Frames       uint64 // good frames received; plain: lines
	Noise        uint64 // pieces of noise
	Damaged      uint64 // damaged frames
	TooLong      uint64 // frames that were too long
	Partial      uint64 // plain: lines passed over because they may have been cut
	Overflow     uint64 // plain: lines dropped because the router was slow
	Refused      uint64 // plain: lines whose event the router refused
	Repaired     uint64 // plain: lines in which bytes that are no UTF-8 were replaced by U+FFFD
	SkippedBytes uint64 // length of all that was passed over
}

// counters are Stats while they change.
type counters struct {
	frames, noise, damaged, tooLong, partial, overflow, refused, repaired, skipped atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Frames: c.frames.Load(), Noise: c.noise.Load(), Damaged: c.damaged.Load(), TooLong: c.tooLong.Load(),
		Partial: c.partial.Load(), Overflow: c.overflow.Load(), Refused: c.refused.Load(), Repaired: c.repaired.Load(),
		SkippedBytes: c.skipped.Load(),
	}
}

// Map returns the counts by stable names, for metrics.
func (s Stats) Map() map[string]uint64 {
	return map[string]uint64{
		"frames": s.Frames, "noise": s.Noise, "damaged": s.Damaged, "too_long": s.TooLong, "partial": s.Partial,
		"overflow": s.Overflow, "refused": s.Refused, "repaired": s.Repaired, "skipped_bytes": s.SkippedBytes,
	}
}

// since returns what was counted after base.
func (s Stats) since(base Stats) Stats {
	return Stats{
		Frames: s.Frames - base.Frames, Noise: s.Noise - base.Noise, Damaged: s.Damaged - base.Damaged,
		TooLong: s.TooLong - base.TooLong, Partial: s.Partial - base.Partial, Overflow: s.Overflow - base.Overflow,
		Refused: s.Refused - base.Refused, Repaired: s.Repaired - base.Repaired, SkippedBytes: s.SkippedBytes - base.SkippedBytes,
	}
}

func (c *counters) of(reason Reason) *atomic.Uint64 {
	switch reason {
	case Noise:
		return &c.noise
	case Damaged:
		return &c.damaged
	case TooLong:
		return &c.tooLong
	case Partial:
		return &c.partial
	case Overflow:
		return &c.overflow
	}
	return nil
}

const (
	sampleSize = 64
	logEvery   = 10 * time.Second
)

// A reporter counts what is skipped, tells the hook each time, and the log at first and
// then every ten seconds at most: a line at the wrong speed is noise without end.
type reporter struct {
	counters
	port string
	log  *slog.Logger
	hook func(Skip)
	next atomic.Int64 // no log line before this, in nanoseconds since 1970
	last atomic.Pointer[received]
}

// A received frame is what came over the line last.
type received struct {
	text string // cut to sampleSize
	at   time.Time
}

// good counts a good frame.
func (r *reporter) good(frame []byte) {
	r.frames.Add(1)
	text := strings.ToValidUTF8(string(frame[:min(len(frame), sampleSize)]), "\uFFFD")
	r.last.Store(&received{text, time.Now()})
}

func (r *reporter) skip(reason Reason, b []byte) {
	r.skipped.Add(uint64(len(b)))
	n := r.of(reason)
	if n == nil {
		return
	}
	n.Add(1)
	s := Skip{Port: r.port, Reason: reason, Bytes: len(b), Sample: b[:min(len(b), sampleSize)]}
	if r.hook != nil {
		r.hook(s)
	}
	if r.mayLog() {
		r.log.Warn("serial: skipped input", "port", r.port, "reason", string(reason), "bytes", len(b),
			"begins", string(s.Sample), "skipped", r.stats())
	}
}

// refuse counts a line whose event the router refused.
func (r *reporter) refuse(why string) {
	r.refused.Add(1)
	if r.mayLog() {
		r.log.Warn("serial: the router refused an event of a plain device", "port", r.port, "err", why, "refused", r.refused.Load())
	}
}

func (r *reporter) mayLog() bool {
	now, next := time.Now(), r.next.Load()
	return now.UnixNano() >= next && r.next.CompareAndSwap(next, now.Add(logEvery).UnixNano())
}
