package serial

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

// A harness collects the numbers of the frames that come from a listener, one
// connection after the other.
type harness struct {
	numbers  chan int
	accepted chan time.Time
	wrong    chan string
	done     chan struct{}
}

func harvest(l carrier.Listener) *harness {
	h := &harness{make(chan int, 1<<16), make(chan time.Time, 64), make(chan string, 1<<16), make(chan struct{})}
	go func() {
		defer close(h.done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.accepted <- time.Now()
			for {
				frame, err := c.Recv()
				if err != nil {
					break
				}
				if n := numberOf(frame); n >= 0 && bytes.Equal(frame, numbered(n)) {
					h.numbers <- n
				} else {
					h.wrong <- string(frame)
				}
			}
			c.Close()
		}
	}()
	return h
}

// upTo takes numbers until one is n.
func (h *harness) upTo(t *testing.T, n int, got map[int]bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case m := <-h.numbers:
			require.False(t, got[m], "frame %d came twice", m)
			got[m] = true
			if m == n {
				return
			}
		case <-late.C:
			t.Fatalf("frame %d never came; %d did", n, len(got))
		}
	}
}

// TestFaults is case X16: a device whose line is noisy, which restarts in mid-frame, and
// is unplugged and plugged in again. Frames with a line, or a COBS block, of their own all
// arrive; so do most of those that stand behind rubbish in one line; nothing else does; and
// the port is open again within three seconds.
func TestFaults(t *testing.T) {
	for name, f := range map[string]framing{"lines": lines{}, "cobs": cobs{}} {
		t.Run(name, func(t *testing.T) { testFaults(t, name, f) })
	}
}

func testFaults(t *testing.T, name string, f framing) {
	at := newSocket(t)
	l := listenAt(t, Scheme{}, "serial://"+string(at)+"?frame="+name)
	h := harvest(l)
	d := &faultyDevice{rand: rand.New(rand.NewPCG(*lossySeed, 7)), f: f, clean: true}
	got := map[int]bool{}
	var longest time.Duration
	for range 5 {
		plugged := time.Now()
		b := at.plug(t)
		d.w = b
		longest = max(longest, (<-h.accepted).Sub(plugged))
		for range 200 {
			d.misbehave(t)
			d.send(t)
		}
		d.write(t, []byte{f.delimiter()}, true)
		d.send(t)
		h.upTo(t, d.next-1, got)
		d.write(t, d.cutShort(), true) // what comes next comes from another device
		at.unplug(t, b)
	}
	require.NoError(t, l.Close())
	<-h.done
	arrived := func(sent []int) (n int) {
		for _, i := range sent {
			if got[i] {
				n++
			}
		}
		return n
	}
	whole, joined := arrived(d.whole), arrived(d.joined)
	t.Logf("arrived: %d of %d frames, %d of %d that stood behind rubbish; the longest wait for the port was %s",
		whole, len(d.whole), joined, len(d.joined), longest)
	require.Equal(t, len(d.whole), whole)
	require.GreaterOrEqual(t, joined, len(d.joined)*3/4)
	require.Empty(t, h.wrong)
	require.Less(t, longest, 3*time.Second)
}

// A faultyDevice sends numbered frames among rubbish.
type faultyDevice struct {
	w             io.Writer
	rand          *rand.Rand
	f             framing
	next          int
	clean         bool // what is sent now begins a line
	whole, joined []int
}

func (d *faultyDevice) write(t *testing.T, b []byte, clean bool) {
	t.Helper()
	_, err := d.w.Write(b)
	require.NoError(t, err)
	d.clean = clean
}

func (d *faultyDevice) send(t *testing.T) {
	t.Helper()
	if d.clean || !d.f.textOnly() { // a COBS frame brings its delimiter
		d.whole = append(d.whole, d.next)
	} else {
		d.joined = append(d.joined, d.next)
	}
	d.write(t, d.f.append(nil, numbered(d.next), nil), true)
	d.next++
}

func (d *faultyDevice) misbehave(t *testing.T) {
	t.Helper()
	switch d.rand.IntN(8) {
	case 0:
		b := make([]byte, 1+d.rand.IntN(60))
		for i := range b {
			b[i] = byte(d.rand.IntN(256))
		}
		d.write(t, b, false)
	case 1:
		d.write(t, d.cutShort(), false)
	case 2:
		d.write(t, append(d.cutShort(), d.f.delimiter()), true)
	}
}

// cutShort is the beginning of a frame that is never finished.
func (d *faultyDevice) cutShort() []byte {
	b := d.f.append(nil, numbered(d.next), nil)
	d.next++
	return b[:1+d.rand.IntN(len(b)-3)]
}
