package carriertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/carrier/tcp"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// What a connection has to be it is with faults too, as long as they lose nothing.
func TestFaultyConnIsAConn(t *testing.T) {
	for name, f := range map[string]carriertest.Faults{
		"none":    {},
		"latency": {Latency: time.Millisecond, Jitter: time.Millisecond},
		"stalls":  {StallAfter: 10_000, StallFor: 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
				in := carriertest.NewInjector(f)
				t.Cleanup(func() { in.Close() })
				a, b = local.Pair()
				return in.Conn(a), in.Conn(b)
			})
		})
	}
}

// The same over TCP, where bytes and not frames are hit.
func TestFaultyStreamIsAStream(t *testing.T) {
	for name, f := range map[string]carriertest.Faults{
		"none":    {},
		"slices":  {Slice: 1000},
		"latency": {Latency: time.Millisecond, Jitter: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
				in := carriertest.NewInjector(f)
				t.Cleanup(func() { in.Close() })
				x, y := sockets(t)
				return carrier.NewStream(in.Stream(x), tcp.Info("tcp", x)), carrier.NewStream(in.Stream(y), tcp.Info("tcp", y))
			})
		})
	}
}

// sockets returns the ends of a TCP connection.
func sockets(t *testing.T) (a, b net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	b, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestFaultyLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := local.Pair()
		a, _ = carriertest.Faulty(a, carriertest.Faults{Latency: 100 * time.Millisecond, Jitter: 50 * time.Millisecond, Seed: 1})
		start := time.Now()
		for i := range 100 {
			require.NoError(t, a.Send(fmt.Appendf(nil, `{"n":%d}`, i)))
		}
		require.Zero(t, time.Since(start), "Send does not wait for the line")
		for i := range 100 {
			frame, err := b.Recv()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf(`{"n":%d}`, i), string(frame))
			took := time.Since(start)
			require.True(t, took >= 100*time.Millisecond && took <= 150*time.Millisecond, took)
		}
		a.Close()
		b.Close()
	})
}

func TestFaultyRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := local.Pair()
		a, _ = carriertest.Faulty(a, carriertest.Faults{Rate: 1000})
		start := time.Now()
		for range 10 {
			require.NoError(t, a.Send(fmt.Appendf(nil, `{"p":"%92s"}`, "")))
		}
		for i := range 10 {
			_, err := b.Recv()
			require.NoError(t, err)
			require.Equal(t, time.Duration(i+1)*100*time.Millisecond, time.Since(start))
		}
		a.Close()
		b.Close()
	})
}

func TestFaultyStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := local.Pair()
		a, in := carriertest.Faulty(a, carriertest.Faults{})
		in.Stall()
		got := make(chan time.Duration, 10)
		start := time.Now()
		go func() {
			for {
				if _, err := b.Recv(); err != nil {
					return
				}
				got <- time.Since(start)
			}
		}()
		require.NoError(t, a.Send([]byte(`{}`)))
		time.Sleep(time.Hour)
		require.Empty(t, got)
		w := a.(carrier.WriteDeadliner)
		require.NoError(t, w.SetWriteDeadline(time.Now().Add(time.Second)))
		var err error
		for err == nil { // until the buffer is full
			err = a.Send(make([]byte, 10_000))
		}
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		in.Heal()
		require.Equal(t, time.Hour+time.Second, <-got)
		a.Close()
		b.Close()
	})
}

// A cut line is silent: nothing passes, and neither end is told, not even of a Close.
func TestFaultyCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := local.Pair()
		a, in := carriertest.Faulty(a, carriertest.Faults{})
		require.NoError(t, a.Send([]byte(`{"n":1}`)))
		_, err := b.Recv()
		require.NoError(t, err)
		in.Cut()
		require.NoError(t, a.Send([]byte(`{"n":2}`)))
		require.NoError(t, b.Send([]byte(`{"n":3}`)))
		over := make(chan error, 2)
		go func() {
			_, err := b.Recv()
			over <- err
		}()
		go func() {
			_, err := a.Recv()
			over <- err
		}()
		time.Sleep(time.Hour)
		require.Empty(t, over)
		require.NoError(t, a.Close())
		require.ErrorIs(t, <-over, carrier.ErrClosed)
		time.Sleep(time.Hour)
		require.Empty(t, over, "the other end must not be told")
		require.NoError(t, b.Close())
		require.ErrorIs(t, <-over, carrier.ErrClosed)
		synctest.Wait()
		require.Zero(t, in.Conns())
	})
}

func TestFaultyReset(t *testing.T) {
	x, y := sockets(t)
	f, in := carriertest.FaultyStream(x, carriertest.Faults{Latency: time.Minute})
	_, err := f.Write([]byte("on its way for a minute"))
	require.NoError(t, err)
	in.Reset()
	_, err = f.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = f.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = y.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, in.Close())
}

// The same seed makes the same faults.
func TestFaultyIsRepeatable(t *testing.T) {
	run := func(f carriertest.Faults) []byte {
		x, y := sockets(t)
		c, in := carriertest.FaultyStream(x, f)
		defer in.Close()
		go func() {
			for range 100 {
				_, _ = c.Write(bytes.Repeat([]byte("0123456789"), 100))
			}
			c.Close()
		}()
		got, _ := io.ReadAll(y)
		return got
	}
	for _, f := range []carriertest.Faults{
		{Seed: 7, Loss: 0.001}, {Seed: 7, Corrupt: 0.001}, {Seed: 7, Loss: 0.01, Corrupt: 0.01, Slice: 7},
	} {
		one, two := run(f), run(f)
		require.Equal(t, one, two)
		f.Seed++
		require.NotEqual(t, one, run(f))
	}
	lost := 100_000 - len(run(carriertest.Faults{Loss: 0.01}))
	require.InDelta(t, 1000, lost, 200)
	flipped := 0
	for i, b := range run(carriertest.Faults{Corrupt: 0.01}) {
		if b != '0'+byte(i%10) {
			flipped++
		}
	}
	require.InDelta(t, 1000, flipped, 200)
}

func TestFaultyLosesFrames(t *testing.T) {
	a, b := local.Pair()
	a, _ = carriertest.Faulty(a, carriertest.Faults{Loss: 0.1, Seed: 3})
	go func() {
		for i := range 1000 {
			_ = a.Send(fmt.Appendf(nil, `{"n":%d}`, i))
		}
		a.Close()
	}()
	n := 0
	for {
		if _, err := b.Recv(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		n++
	}
	require.InDelta(t, 900, n, 50)
	b.Close()
}

func TestFaultyAfterBytes(t *testing.T) {
	for _, f := range []carriertest.Faults{{ResetAfter: 5000}, {CutAfter: 5000}} {
		a, b := local.Pair()
		a, in := carriertest.Faulty(a, f)
		sent := 0
		for ; sent < 20_000; sent += 100 {
			if err := a.Send(bytes.Repeat([]byte{' '}, 100)); err != nil {
				require.ErrorIs(t, err, syscall.ECONNRESET)
				break
			}
		}
		if f.ResetAfter > 0 {
			require.True(t, sent >= 5000 && sent <= 10_000, sent)
		} else {
			require.Equal(t, 20_000, sent)
		}
		require.NoError(t, in.Close())
		b.Close()
	}
}

func TestProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	in := carriertest.NewInjector(carriertest.Faults{Slice: 3})
	p, err := in.Proxy(l.Addr().String())
	require.NoError(t, err)
	echo := func() (net.Conn, error) {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			return nil, err
		}
		_, err = c.Write([]byte("hello there"))
		if err == nil {
			got := make([]byte, 11)
			if _, err = io.ReadFull(c, got); err == nil {
				require.Equal(t, "hello there", string(got))
			}
		}
		return c, err
	}
	c, err := echo()
	require.NoError(t, err)
	in.Reset()
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	c.Close()
	p.Refuse(true)
	_, err = echo()
	require.Error(t, err)
	p.Refuse(false)
	c, err = echo()
	require.NoError(t, err)
	c.Close()
	require.NoError(t, p.Close())
	require.NoError(t, in.Close())
}

// What a program does when its connection breaks. In a test, put this into
// synctest.Test: then nothing really waits.
func ExampleInjector() {
	in := carriertest.NewInjector(carriertest.Faults{Latency: 20 * time.Millisecond})
	defer in.Close()
	schemes := carrier.NewSchemes(in.Scheme(local.NewNetwork()))

	srv := router.ServerOptions{Schemes: schemes}.New()
	defer srv.Close()
	if _, err := srv.Listen(context.Background(), "local://router"); err != nil {
		fmt.Println(err)
		return
	}
	states := make(chan router.State, 10)
	c, err := router.ClientOptions{Schemes: schemes, OnState: func(s router.State) { states <- s }}.Dial(context.Background(), "local://router")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("connected:", (<-states).Connected)

	in.Reset()
	lost := <-states
	fmt.Println("connected:", lost.Connected, "because of a reset:", errors.Is(lost.Err, syscall.ECONNRESET))
	fmt.Println("resumed:", (<-states).Resumed)

	_, err = c.RemoteRequest(context.Background(), "nobody", "hello", nil)
	fmt.Println("no such sender:", errors.Is(err, sig.ErrNoSender))
	// Output:
	// connected: true
	// connected: false because of a reset: true
	// resumed: true
	// no such sender: true
}
