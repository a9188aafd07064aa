package ws

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/trywrite"
	"github.com/sigrouter/sigrouter/sig"
)

// errByeSent is why nothing can be sent after a close frame.
var errByeSent = fmt.Errorf("%w: a close frame was sent", carrier.ErrClosed)

// A writer brings frames to the socket: batches of the Conn's user, between them pongs,
// which come from the goroutine that reads, and at the end a close frame. It never puts a
// control frame inside a frame that is partly out.
type writer struct {
	nc  net.Conn
	try *trywrite.Writer // nil: every write may block

	mu   sync.Mutex // held by whoever writes
	torn bool       // under mu: a batch is partly out, the rest must follow
	half []byte     // under mu: the rest of a pong that is partly out
	err  error      // under mu: why nothing can be written any more

	waiting atomic.Bool // pong is set

	cmu    sync.Mutex // may be taken under mu, never the other way round
	pong   []byte     // under cmu: waits; a later one replaces it (RFC 6455, section 5.5.3)
	bye    []byte     // under cmu: the close frame for finish to send
	busy   bool       // under cmu: a goroutine is about to write the pong
	closed bool       // under cmu: start no more goroutines
	wg     sync.WaitGroup
}

// send writes a batch, and a pong that waits.
func (w *writer) send(buf []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.torn {
		if _, err := w.controls(true); err != nil {
			return err
		}
	}
	if w.err != nil {
		return w.err
	}
	if _, err := w.nc.Write(buf); err != nil {
		return w.fail(err)
	}
	w.torn = false
	_, err := w.controls(true)
	return err
}

// trySend writes what the socket takes of a batch at once. The rest of a batch that was
// taken in part has to be the next thing sent.
func (w *writer) trySend(buf []byte) (int, error) {
	if !w.mu.TryLock() {
		return 0, nil // somebody else is waiting for the socket
	}
	n, clear, err := w.trySendLocked(buf)
	w.mu.Unlock()
	if !clear && err == nil {
		w.flushLater()
	}
	return n, err
}

// trySendLocked also reports whether no pong was left to wait for the socket.
func (w *writer) trySendLocked(buf []byte) (n int, clear bool, err error) {
	if !w.torn {
		if clear, err = w.controls(false); !clear || err != nil {
			return 0, clear, err
		}
	}
	if w.err != nil {
		return 0, true, w.err
	}
	if n, err = w.try.TryWrite(buf); err != nil {
		return n, true, w.fail(err)
	}
	if n > 0 {
		w.torn = n < len(buf)
	}
	if w.torn {
		return n, true, nil // a pong follows the rest
	}
	clear, err = w.controls(false)
	return n, clear, err
}

// controls writes the pong that waits. It reports whether none is left, which is so unless
// it may not wait for the socket. Called with mu held, when no batch is partly out.
func (w *writer) controls(wait bool) (all bool, err error) {
	for {
		if len(w.half) == 0 && !w.takePong() {
			return true, nil
		}
		if w.err != nil {
			return true, w.err
		}
		var n int
		if wait || w.try == nil {
			n, err = w.nc.Write(w.half)
		} else {
			n, err = w.try.TryWrite(w.half)
		}
		w.half = w.half[n:]
		switch {
		case err != nil:
			return true, w.fail(err)
		case len(w.half) > 0:
			return false, nil
		}
	}
}

// takePong makes half the pong that waits.
func (w *writer) takePong() bool {
	if !w.waiting.Load() {
		return false
	}
	w.cmu.Lock()
	defer w.cmu.Unlock()
	w.half, w.pong = w.pong, nil
	w.waiting.Store(false)
	return len(w.half) > 0
}

// queuePong has a pong written soon. It does not block.
func (w *writer) queuePong(frame []byte) {
	w.cmu.Lock()
	w.pong = frame
	w.waiting.Store(true)
	w.cmu.Unlock()
	if w.try != nil && w.mu.TryLock() {
		done := w.torn // then whoever sends the rest brings it out
		if !done {
			done, _ = w.controls(false)
		}
		w.mu.Unlock()
		if done {
			return
		}
	}
	w.flushLater()
}

// holdBye keeps a close frame for finish, unless there is one.
func (w *writer) holdBye(frame []byte) {
	w.cmu.Lock()
	defer w.cmu.Unlock()
	if w.bye == nil {
		w.bye = frame
	}
}

// finish writes the close frame. The caller bounds how long it may take.
func (w *writer) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.torn || w.err != nil {
		return
	}
	if _, err := w.controls(true); err != nil {
		return
	}
	w.cmu.Lock()
	bye := w.bye
	w.cmu.Unlock()
	if _, err := w.nc.Write(bye); err != nil {
		_ = w.fail(err)
		return
	}
	w.err = errByeSent
}

// flushLater starts the goroutine that writes the pong that waits, unless it runs. It ends
// when that is written or the Conn is closed; stop waits for it.
func (w *writer) flushLater() {
	w.cmu.Lock()
	defer w.cmu.Unlock()
	if w.busy || w.closed {
		return
	}
	w.busy = true
	w.wg.Go(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cmu.Lock()
		w.busy = false // whoever comes from now on finds mu taken, and is seen below
		w.cmu.Unlock()
		if !w.torn {
			_, _ = w.controls(true)
		}
	})
}

// stop waits for the goroutine of flushLater. The socket must be closed.
func (w *writer) stop() {
	w.cmu.Lock()
	w.closed = true
	w.cmu.Unlock()
	w.wg.Wait()
}

// fail notes why writing ended. Part of a frame may be out, so nothing can follow.
func (w *writer) fail(err error) error {
	if w.err == nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = sig.Errorf(sig.ErrSlow, "the peer took nothing for too long: %v", err)
		}
		w.err = err
	}
	return w.err
}
