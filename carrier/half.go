package carrier

import (
	"sync/atomic"
	"time"
)

// half is what a Stream knows of the message that is half here. The goroutine that reads
// notes it, another one looks.
type half struct {
	born  time.Time
	begun atomic.Int64 // when, since born; 0: no message is half here
	size  atomic.Int64 // bytes of it
	at    uint64       // place in the stream where it begins
}

// note is called before each read: of the total bytes of the stream so far, the last ones
// belong to a message that is not whole.
func (h *half) note(total uint64, last int) {
	at := total - uint64(last)
	switch {
	case last == 0:
		if h.begun.Load() != 0 {
			h.begun.Store(0)
		}
		return
	case h.begun.Load() == 0, at != h.at:
		h.at = at
		h.begun.Store(int64(max(time.Since(h.born), 1)))
	}
	h.size.Store(int64(last))
}

// late reports whether the message takes longer than a limit, and comes with fewer bytes a
// second than are asked for from then on.
func (h *half) late(limit time.Duration, perSecond int) bool {
	begun := time.Duration(h.begun.Load())
	if begun == 0 {
		return false
	}
	took := time.Since(h.born) - begun
	return took > limit && float64(h.size.Load()) < float64(perSecond)*took.Seconds()
}
