package carriertest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// Faults says what goes wrong on a connection, in each of its directions. The zero value
// is a connection without faults. What happens depends on Seed and on what is sent, not
// on when: a run with the same seed has the same faults.
type Faults struct {
	// Seed chooses the faults. Connections made one after the other under one Injector
	// have different ones.
	Seed uint64
	// Latency is how much later everything arrives. Jitter is how much more that may be;
	// order is kept.
	Latency, Jitter time.Duration
	// Rate is how many bytes pass a second; 0: as many as come.
	Rate int
	// Slice is how many bytes of a byte stream arrive at a time at most, at least one;
	// 0: as they were written. Frames are not divided.
	Slice int
	// Loss is the chance of each byte of a byte stream, or of each frame, to vanish.
	Loss float64
	// Corrupt is the chance of each byte to arrive with one bit flipped.
	Corrupt float64
	// StallAfter lets nothing pass for StallFor after so many bytes, and again after as
	// many; 0: never.
	StallAfter int
	StallFor   time.Duration
	// ResetAfter and CutAfter end the connection, as Injector.Reset and Injector.Cut do,
	// after so many bytes or up to twice as many; 0: never.
	ResetAfter, CutAfter int
}

// Faulty gives a connection faults. The Injector makes more of them at will; close it
// when the conn was cut or stalled and nobody else will end it.
func Faulty(c carrier.Conn, f Faults) (carrier.Conn, *Injector) {
	in := NewInjector(f)
	return in.Conn(c), in
}

// An Injector gives faults to connections: to those it wraps, those of a Scheme, and
// those that pass a Proxy. Its methods may be called from several goroutines at once.
//
// A connection with faults has a buffer of 64 KiB in each direction, as a socket has:
// who sends more than passes must wait.
type Injector struct {
	wg sync.WaitGroup

	mu      sync.Mutex
	faults  Faults
	made    uint64
	stalled bool
	closed  bool
	links   map[*link]struct{}
}

// NewInjector makes an injector.
func NewInjector(f Faults) *Injector {
	return &Injector{faults: f, links: map[*link]struct{}{}}
}

// Set changes the faults, for connections that are made from now on.
func (in *Injector) Set(f Faults) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = f
}

// Stall lets nothing pass on any connection, until Heal. Nothing is lost and nothing is
// closed.
func (in *Injector) Stall() { in.setStalled(true) }

// Heal ends Stall.
func (in *Injector) Heal() { in.setStalled(false) }

func (in *Injector) setStalled(yes bool) {
	in.mu.Lock()
	in.stalled = yes
	in.mu.Unlock()
	for _, l := range in.all() {
		l.stall(yes)
	}
}

// Cut cuts the connections there are now, as an unplugged cable does: what is on its way
// is lost, nothing passes any more, and neither end is told. New connections work.
func (in *Injector) Cut() {
	for _, l := range in.all() {
		l.cut()
	}
}

// Reset ends the connections there are now: both ends see them fail at once, and what is
// on its way is lost.
func (in *Injector) Reset() {
	for _, l := range in.all() {
		l.reset()
	}
}

// Conns returns how many connections there are now.
func (in *Injector) Conns() int { return len(in.all()) }

// Close resets all connections, and returns when the injector's goroutines have ended.
// What is wrapped from then on fails at once.
func (in *Injector) Close() error {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	in.Reset()
	in.wg.Wait()
	return nil
}

func (in *Injector) all() []*link {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := make([]*link, 0, len(in.links))
	for l := range in.links {
		all = append(all, l)
	}
	return all
}

// An end is what the injector stands before: frames or bytes.
type end interface {
	send(b []byte) error
	recv() ([]byte, error) // valid until the next
	close() error
	abort() // closes so that the other end sees a failure, where that can be
}

// link is one connection with faults: a lane for each direction, and a goroutine for
// each that moves what the lane lets pass.
type link struct {
	in    *Injector
	inner end
	out   *lane // from the wrapped end to inner
	back  *lane // from inner to the wrapped end
	once  sync.Once
}

func (in *Injector) join(inner end, frames bool) *link {
	in.mu.Lock()
	f, n := in.faults, in.made
	in.made++
	l := &link{in: in, inner: inner}
	l.out = newLane(f, frames, 2*n, l)
	l.back = newLane(f, frames, 2*n+1, l)
	l.stall(in.stalled)
	in.links[l] = struct{}{}
	closed := in.closed
	var pumps sync.WaitGroup
	pumps.Add(2)
	in.wg.Go(func() { defer pumps.Done(); l.send() })
	in.wg.Go(func() { defer pumps.Done(); l.receive() })
	in.wg.Go(func() {
		pumps.Wait()
		in.mu.Lock()
		delete(in.links, l)
		in.mu.Unlock()
	})
	in.mu.Unlock()
	if closed {
		l.reset()
	}
	return l
}

// send moves what the wrapped end sends. It ends when the connection does.
func (l *link) send() {
	for {
		b, err := l.out.take()
		if err == nil {
			if err = l.inner.send(b); err == nil {
				continue
			}
		}
		if !errors.Is(err, errReset) {
			_ = l.inner.close()
		}
		l.out.kill(err)
		return
	}
}

// receive moves what the other end sends.
func (l *link) receive() {
	for {
		b, err := l.inner.recv()
		if errors.Is(err, carrier.ErrClosed) || errors.Is(err, net.ErrClosed) {
			err = errReset // the wrapped end did not close: it failed
		}
		if err != nil {
			l.back.finish(err)
			if l.back.isDiscarding() || !errors.Is(err, io.EOF) {
				l.out.kill(err) // nobody can be sent to: do not wait for a way to
			}
			return
		}
		if l.back.put(b, nil) != nil {
			return
		}
	}
}

// close is what the wrapped end's Close does: what it sent still arrives.
func (l *link) close() {
	l.back.discard(carrier.ErrClosed)
	l.out.finish(carrier.ErrClosed)
}

func (l *link) stall(yes bool) {
	l.out.stall(yes)
	l.back.stall(yes)
}

func (l *link) cut() {
	l.out.cut()
	l.back.cut()
}

func (l *link) reset() {
	l.once.Do(func() {
		l.out.kill(errReset)
		l.back.kill(errReset)
		l.inner.abort()
	})
}

// FaultyStream gives faults to a byte stream, a TCP connection for instance. See Faulty.
func FaultyStream(c net.Conn, f Faults) (net.Conn, *Injector) {
	in := NewInjector(f)
	return in.Stream(c), in
}
