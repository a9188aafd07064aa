package carrier

import (
	"bytes"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

type frameKind uint8

const (
	frameReply frameKind = iota // nothing comes back
	frameCall                   // its reply comes back
)

// maxClassic is how much a classic peer reads at a time, and so its longest message.
const maxClassic = 4096

// classicWriter sends to a classic peer, which takes each of its reads for one whole
// message: one frame a write, a pause between two, one call at a time, and while a
// call is unanswered one reply at most, since the peer may be busy with the call and
// would read two together.
//
// On this machine a better way is open: a message filled up with blanks to the length of
// such a read is read alone, however many wait. Elsewhere it would be cut into packets
// that are read one by one, so there the pause has to do.
type classicWriter struct {
	peer *Peer

	mu      sync.Mutex
	replies [][]byte
	calls   []classicCall
	waiting uint64 // id of the call that is not answered; 0: none
	since   int    // replies written since that call
	running bool
	bell    chan struct{} // rings when there may be something to do
	stopped bool
	idle    chan struct{} // closed when the goroutine ends; nil while nobody waits for that
	bytes   int
	out     uint64 // signals
}

type classicCall struct {
	frame []byte
	id    uint64
}

// add queues a frame.
func (c *classicWriter) add(frame []byte, kind frameKind, id uint64) {
	c.mu.Lock()
	if kind == frameReply {
		if len(frame) > maxClassic {
			frame = c.tooLong(frame)
		}
		c.replies = append(c.replies, frame)
	} else {
		c.calls = append(c.calls, classicCall{frame, id})
	}
	c.bytes += len(frame)
	full := c.bytes > c.peer.engine.lim.QueueBytes
	c.mu.Unlock()
	if full {
		c.peer.TooSlow("more waits for a classic peer than QueueBytes allows")
		return
	}
	c.wake()
}

// tooLong makes a failure of a reply that the peer could not read.
func (c *classicWriter) tooLong(frame []byte) []byte {
	return replaceReply(frame, sig.Errorf(sig.ErrLimit, "the response of %d bytes is longer than the %d that a classic peer reads; say hello to get it", len(frame), maxClassic))
}

// wake makes the goroutine look, starting it if need be.
func (c *classicWriter) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped:
	case c.running:
		select {
		case c.bell <- struct{}{}:
		default:
		}
	case c.hasWork():
		c.running = true
		if c.bell == nil {
			c.bell = make(chan struct{}, 1)
		}
		c.peer.engine.wg.Go(c.run)
	}
}

func (c *classicWriter) hasWork() bool {
	return len(c.replies) > 0 || len(c.calls) > 0 || !c.peer.held.Load() && c.peer.out().waits()
}

// waits reports whether anything is unsent.
func (c *classicWriter) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.replies) > 0 || len(c.calls) > 0
}

// run writes until there is nothing to do.
func (c *classicWriter) run() {
	gap := c.peer.engine.lim.ClassicGap
	for {
		frame := c.next()
		if frame == nil {
			if !c.rest() {
				return
			}
			continue
		}
		if err := c.peer.sendAll(c.framed(frame)); err != nil {
			c.peer.Close(err)
			c.stop()
			continue
		}
		c.peer.Stats.BytesOut.Add(uint64(len(frame)))
		if !c.filled() {
			time.Sleep(gap)
		}
	}
}

// filled reports whether messages are filled up with blanks.
func (c *classicWriter) filled() bool { return c.peer.info.Loopback }

// framed is the frame as SendBatch takes it. A stream gets no line break: the bytes of
// a message are all that the peer may read.
func (c *classicWriter) framed(frame []byte) []byte {
	if c.peer.stream != nil && c.filled() {
		return append(frame, bytes.Repeat([]byte{' '}, maxClassic-len(frame))...)
	}
	if c.peer.stream != nil {
		return frame
	}
	return c.peer.appendFramed(nil, frame)
}

// rest waits for something to do; false: the goroutine ends.
func (c *classicWriter) rest() bool {
	c.mu.Lock()
	if c.stopped || !c.hasWork() {
		c.running = false
		if c.idle != nil {
			close(c.idle)
			c.idle = nil
		}
		c.mu.Unlock()
		return false
	}
	c.mu.Unlock()
	<-c.bell
	return true
}

// next returns the frame to send now; nil: none may be sent.
func (c *classicWriter) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped:
		return nil
	case len(c.replies) > 0 && (c.waiting == 0 || c.since == 0 || c.filled()):
		frame := c.replies[0]
		c.replies = c.replies[1:]
		c.bytes -= len(frame)
		if c.waiting != 0 {
			c.since++
		}
		return frame
	case c.waiting != 0:
		return nil
	case len(c.calls) > 0:
		call := c.calls[0]
		c.calls = c.calls[1:]
		c.bytes -= len(call.frame)
		c.waiting, c.since = call.id, 0
		return call.frame
	}
	return c.nextSignal()
}

// nextSignal takes a signal out of the queue.
func (c *classicWriter) nextSignal() []byte {
	if c.peer.held.Load() {
		return nil
	}
	for {
		frame, id, more := c.takeSignal()
		if frame != nil {
			c.out++
			c.waiting, c.since = id, 0
		}
		if !more {
			return frame
		}
	}
}

// takeSignal takes one signal out of the queue. It reports more when that one was not to
// be sent.
func (c *classicWriter) takeSignal() (frame []byte, id uint64, more bool) {
	q := c.peer.out()
	q.mu.Lock()
	defer q.mu.Unlock()
	it, n := q.take()
	switch {
	case it == nil:
		return nil, 0, false
	case it.gap > 0:
		q.ackLocked(n) // a classic peer knows no such notice; it is in the counters
		return nil, 0, true
	}
	id, _, err := c.peer.calls.add(&pending{signal: n})
	if err != nil {
		return nil, 0, false
	}
	frame = appendClassicSignal(nil, it, id)
	if len(frame) <= maxClassic {
		return frame, id, false
	}
	c.peer.engine.log.Warn("event dropped: longer than a classic peer reads", "peer", c.peer.String(), "sender", it.route.Sender, "event", it.route.Event, "bytes", len(frame))
	c.peer.calls.take(id)
	q.loseLocked(n)
	return nil, 0, true
}

// answered notes that a call was answered, or has taken too long.
func (c *classicWriter) answered(id uint64) {
	c.mu.Lock()
	if c.waiting == id {
		c.waiting = 0
	}
	running := c.running
	c.mu.Unlock()
	if running {
		c.wake()
	}
}

// stop ends the goroutine.
func (c *classicWriter) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.running {
		select {
		case c.bell <- struct{}{}:
		default:
		}
	}
}
