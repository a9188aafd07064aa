package serial

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

func TestWhatAConnIs(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url()+"?frame=cobs")
	require.False(t, c.(carrier.TextOnly).TextOnly())
	require.True(t, c.(carrier.Lossy).Lossy())
	require.NoError(t, c.Close())
	c = dial(t, b.url())
	require.True(t, c.(carrier.TextOnly).TextOnly())
	require.True(t, c.(carrier.Lossy).Lossy())
	require.Equal(t, carrier.Info{Carrier: "serial", Local: b.path, Remote: b.path}, c.(carrier.Describer).Info())
	require.ErrorContains(t, c.Send([]byte{0x83, 0, 0, 0, 0}), "JSON objects")
}

// TestSkippedIsReported checks the hook, the counters, and that counting begins anew
// with each connection.
func TestSkippedIsReported(t *testing.T) {
	b := newBoard(t)
	var skips []Skip
	s := Scheme{OnSkip: func(s Skip) { s.Sample = append([]byte(nil), s.Sample...); skips = append(skips, s) }}
	l := listenAt(t, s, b.url())
	c := accept(t, l)
	b.print(t, "boot...\n{\"id\":1,\"method\":\"hello\"}\n{\"id\":2}\nx{\"id\":1,\"method\":\"hello\"}\n")
	require.Equal(t, `{"id":1,"method":"hello"}`, recv(t, c))
	require.Equal(t, `{"id":2}`, recv(t, c))
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.Equal(t, []Skip{{b.path, Noise, 7, []byte("boot...")}, {b.path, Noise, 1, []byte("x")}}, skips)
	require.Equal(t, Stats{Frames: 3, Noise: 2, SkippedBytes: 8}, c.(*conn).Stats())
	require.EqualValues(t, 2, c.(carrier.Counter).Counters()["noise"])
	require.NoError(t, c.Close())
	c = accept(t, l)
	require.Equal(t, Stats{}, c.(*conn).Stats())
}

// A heldDevice takes writes, and gives what is put into it.
type heldDevice struct {
	in     chan string
	out    chan string
	closed chan struct{}
}

func newHeldDevice() *heldDevice {
	return &heldDevice{make(chan string, 16), make(chan string, 16), make(chan struct{})}
}

func (d *heldDevice) Read(p []byte) (int, error) {
	select {
	case s, ok := <-d.in:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, s), nil
	case <-d.closed:
		return 0, os.ErrClosed
	}
}

func (d *heldDevice) Write(p []byte) (int, error) {
	d.out <- string(p)
	return len(p), nil
}

func (d *heldDevice) SetWriteDeadline(time.Time) error { return nil }
func (d *heldDevice) Close() error                     { close(d.closed); return nil }

// TestSettle checks that frames wait for a board which opening has reset, and no longer
// than that.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name, query, input string
		after, want        time.Duration
	}{
		{"silent board", "", "", 0, 2 * time.Second},
		{"board that speaks", "", "{\"id\":1}\n", 300 * time.Millisecond, 300 * time.Millisecond},
		{"rubbish is not speaking", "", "ets Jan 8 2013\n", 300 * time.Millisecond, 2 * time.Second},
		{"as asked", "settle=700ms", "", 0, 700 * time.Millisecond},
		{"not at all", "settle=0s", "", 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg, err := parse(mustParse(t, "serial:///dev/x?"+c.query))
			require.NoError(t, err)
			d := newHeldDevice()
			p := newPort("/dev/x", cfg, &Scheme{Log: quiet()}, d, cfg.settleTime(true))
			conn := newConn(p, false, func(*port) {})
			defer conn.Close()
			p.announce()
			require.Equal(t, "\n#start\n", <-d.out)
			begin := time.Now()
			go conn.Recv()
			go conn.Send([]byte("{}"))
			if c.input != "" {
				time.Sleep(c.after)
				d.in <- c.input
			}
			require.Equal(t, "{}\n", <-d.out)
			require.Equal(t, c.want, time.Since(begin), c.name)
		})
	}
}

func TestCloseEndsSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := parse(mustParse(t, "serial:///dev/x"))
		require.NoError(t, err)
		p := newPort("/dev/x", cfg, &Scheme{Log: quiet()}, newHeldDevice(), time.Minute)
		c := newConn(p, false, func(*port) {})
		failed := make(chan error)
		go func() { failed <- c.Send([]byte("{}")) }()
		synctest.Wait()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-failed, carrier.ErrClosed)
	})
}

// TestWriteDeadline checks that a stalled port does not hold Send for ever, and that
// the next frame stands apart from the one that was cut off.
func TestWriteDeadline(t *testing.T) {
	b := newBoard(t)
	c := dial(t, b.url()+"?baud=20000000")
	require.NoError(t, c.(carrier.WriteDeadliner).SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	within(t, "Send", func() error {
		require.ErrorIs(t, c.Send(bigFrame()), os.ErrDeadlineExceeded)
		return nil
	})
	require.NoError(t, c.(carrier.WriteDeadliner).SetWriteDeadline(time.Time{}))
	sent := make(chan error, 1)
	go func() { sent <- c.Send([]byte(`{"next":1}`)) }()
	for b.line(t) != `{"next":1}` {
	}
	require.NoError(t, <-sent)
}

// TestWireTime checks the allowance for slow lines: 9,600 baud take 10 s for 8.7 kB.
func TestWireTime(t *testing.T) {
	cfg, err := parse(mustParse(t, "serial:///dev/x?baud=9600"))
	require.NoError(t, err)
	p := newPort("/dev/x", cfg, &Scheme{Log: quiet()}, shortDevice{}, 0)
	require.Equal(t, 11*time.Second, p.wireTime(9600))
	require.InDelta(t, time.Hour, p.wireTime(9600*3600/11), float64(time.Second), "and no overflow")
}

// A shortDevice takes less than all and says nothing.
type shortDevice struct{ device }

func (shortDevice) Write(b []byte) (int, error)      { return len(b) / 2, nil }
func (shortDevice) SetWriteDeadline(time.Time) error { return nil }
func (shortDevice) Close() error                     { return nil }

func bigFrame() []byte { return fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("y", 1<<20)) }
