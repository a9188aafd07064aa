package ws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// bothWays runs a test with the client as sender, then with the server.
func bothWays(t *testing.T, o Options, test func(t *testing.T, from, to carrier.Conn)) {
	t.Run("client sends", func(t *testing.T) {
		client, server := pair(t, o)
		test(t, client, server)
	})
	t.Run("server sends", func(t *testing.T) {
		client, server := pair(t, o)
		test(t, server, client)
	})
}

func TestSendRecv(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, from, to carrier.Conn) {
		frames := []string{"", "{}", binaryFrame(""), binaryFrame("\x00\xff"), `{"a":"µ"}`}
		for _, n := range []int{100, 125, 126, 127, 200, 256, 1000, 4096, 65535, 65536, 1<<20 - 5, 7, 1} {
			frames = append(frames, strings.Repeat("x", n), binaryFrame(strings.Repeat("\xff", n)))
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for _, f := range frames {
				if err := from.Send([]byte(f)); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
			_ = from.Close()
		})
		for _, want := range frames {
			frame, err := to.Recv()
			require.NoError(t, err)
			require.True(t, want == string(frame), "frame of %d bytes came as %d bytes", len(want), len(frame))
		}
		_, err := to.Recv()
		require.ErrorIs(t, err, io.EOF)
		_, again := to.Recv()
		require.Equal(t, err, again)
	})
}

// TestBatches sends batches of frames of all sizes, and takes them out again.
func TestBatches(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, from, to carrier.Conn) {
		rnd := rand.New(rand.NewPCG(1, 2))
		var all [][]byte
		var batches [][]byte
		for range 200 {
			var batch []byte
			for range rnd.IntN(40) {
				head := []byte(fmt.Sprintf(`{"n":%d,`, len(all)))
				body := bytes.Repeat([]byte("y"), rnd.IntN(1<<rnd.IntN(14)))
				batch = from.(carrier.BatchSender).AppendFrame(batch, head, body)
				all = append(all, append(head, body...))
			}
			batches = append(batches, batch)
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for _, b := range batches {
				n, err := from.(carrier.TrySender).TrySendBatch(b)
				if err == nil && n < len(b) {
					err = from.(carrier.BatchSender).SendBatch(b[n:])
				}
				if err != nil {
					t.Errorf("sending: %v", err)
				}
			}
		})
		ready := 0
		for i, want := range all {
			frame, err := to.Recv()
			require.NoError(t, err)
			require.Equal(t, string(want), string(frame), "frame %d", i)
			if to.(carrier.Buffered).Buffered() {
				ready++
			}
		}
		require.Greater(t, ready, len(all)/2, "most frames come together")
		require.False(t, to.(carrier.Buffered).Buffered())
	})
}

// TestBuffered checks that Buffered never promises a message that then has to be waited
// for, whatever part of it has come.
func TestBuffered(t *testing.T) {
	l := listen(t, Scheme{Options: Options{MaxPings: 1000}}, "ws://127.0.0.1:0/")
	r := dialRaw(t, l.URL())
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	b := c.(carrier.Buffered)
	require.False(t, b.Buffered())
	first := text("{}").bytes()
	next := append(textPart(strings.Repeat("a", 200)).bytes(), append(ping("p").bytes(), lastCont("bc").bytes()...)...)
	for n := range next {
		r.send(append(first, next[:n]...))
		_, err := c.Recv()
		require.NoError(t, err)
		require.False(t, b.Buffered(), "with %d bytes of the next message", n)
		r.send(next[n:])
		frame, err := c.Recv()
		require.NoError(t, err)
		require.Len(t, frame, 202)
	}
}

// TestPongsBetweenPartialWrites floods a peer that pings and reads slowly, with writes
// that do not block, and checks that no pong is found inside a frame.
func TestPongsBetweenPartialWrites(t *testing.T) {
	l := listen(t, Scheme{Options: Options{MaxPings: 1 << 20}}, "ws://127.0.0.1:0/")
	r := dialRaw(t, l.URL())
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer r.Close()
	wg.Go(func() { // answers pings
		for {
			if _, err := c.Recv(); err != nil {
				return
			}
		}
	})
	const rounds = 300
	wg.Go(func() {
		for i := range rounds {
			var buf []byte
			for range 20 {
				buf = c.(carrier.BatchSender).AppendFrame(buf, []byte(fmt.Sprintf("{%d", i)), bytes.Repeat([]byte("z"), 5000))
			}
			n, err := c.(carrier.TrySender).TrySendBatch(buf)
			if err == nil && n < len(buf) {
				err = c.(carrier.BatchSender).SendBatch(buf[n:])
			}
			if err != nil {
				t.Errorf("round %d: %v", i, err)
				return
			}
		}
	})
	wg.Go(func() {
		p := ping("ping").bytes()
		for range 20 * rounds {
			if _, err := r.Write(p); err != nil {
				return
			}
		}
	})
	pongs := 0
	for i := 0; i < 20*rounds; {
		f, err := r.frame()
		require.NoError(t, err)
		if f.op == opPong {
			require.Equal(t, "ping", f.payload)
			pongs++
			continue
		}
		want := fmt.Sprintf("{%d", i/20) + strings.Repeat("z", 5000)
		require.True(t, want == f.payload, "frame %d is damaged", i)
		i++
	}
	require.Positive(t, pongs)
}

func TestLimit(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, from, to carrier.Conn) {
		to.(carrier.Limiter).SetMaxFrame(10)
		require.NoError(t, from.Send([]byte("1234567890")))
		frame, err := to.Recv()
		require.NoError(t, err)
		require.Equal(t, "1234567890", string(frame))
		require.NoError(t, from.Send([]byte("12345678901")))
		_, err = to.Recv()
		require.ErrorIs(t, err, sig.ErrLimit)
		require.ErrorContains(t, err, "10")

		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { _ = to.(carrier.ReasonCloser).CloseReason(1000, "not this one") })
		_, err = from.Recv()
		closed, ok := errors.AsType[*CloseError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, closeTooBig, closed.Code)
		require.Contains(t, closed.Reason, "MaxMessage")
		_ = from.Close()
	})
}

func TestCloseReason(t *testing.T) {
	for _, c := range []struct {
		code         int
		reason       string
		wantCode     int
		wantedReason string
	}{
		{1001, "going away", 1001, "going away"},
		{1008, "too slow", 1008, "too slow"},
		{1013, "", 1013, ""},
		{1006, "cannot be sent", 1000, "cannot be sent"},
		{0, "", 1000, ""},
		{4000, strings.Repeat("ä", 100), 4000, strings.Repeat("ä", 61)},
		{1000, "a\xffb", 1000, "a\uFFFDb"},
		{closeNoStatus, "", closeNoStatus, ""},
	} {
		t.Run(fmt.Sprint(c.code, c.reason), func(t *testing.T) {
			bothWays(t, Options{}, func(t *testing.T, from, to carrier.Conn) {
				require.NoError(t, from.Send([]byte("{}")))
				done := make(chan struct{})
				go func() {
					defer close(done)
					if err := from.(carrier.ReasonCloser).CloseReason(c.code, c.reason); err != nil {
						t.Errorf("CloseReason: %v", err)
					}
				}()
				frame, err := to.Recv()
				require.NoError(t, err)
				require.Equal(t, "{}", string(frame))
				_, err = to.Recv()
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, &CloseError{Code: c.wantCode, Reason: c.wantedReason}, err)
				require.NoError(t, to.Close())
				<-done
				_, err = from.Recv()
				require.ErrorIs(t, err, carrier.ErrClosed)
				require.ErrorIs(t, from.Send([]byte("{}")), carrier.ErrClosed)
			})
		})
	}
}

// TestCloseReasonWhileReading checks the ordinary case: a goroutine sits in Recv, and the
// other end goes on sending until it has seen the close frame.
func TestCloseReasonWhileReading(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, from, to carrier.Conn) {
		var wg sync.WaitGroup
		defer wg.Wait()
		started := make(chan struct{})
		wg.Go(func() {
			var once sync.Once
			for {
				_, err := from.Recv()
				if err != nil {
					if !errors.Is(err, carrier.ErrClosed) {
						t.Errorf("Recv: %v", err)
					}
					return
				}
				once.Do(func() { close(started) })
			}
		})
		wg.Go(func() {
			for to.Send([]byte(strings.Repeat("x", 10_000))) == nil {
			}
		})
		<-started
		wg.Go(func() { _ = from.(carrier.ReasonCloser).CloseReason(1001, "enough") })
		_, err := to.Recv()
		require.Equal(t, &CloseError{Code: 1001, Reason: "enough"}, err)
		require.NoError(t, to.Close())
	})
}

// TestCloseReasonBounded checks that a peer that neither reads nor answers cannot keep
// CloseReason, nor a Send that is stuck.
func TestCloseReasonBounded(t *testing.T) {
	o := Options{CloseTimeout: 50 * time.Millisecond}
	for _, stuck := range []bool{false, true} {
		l := listen(t, Scheme{Options: o}, "ws://127.0.0.1:0/")
		r := dialRaw(t, l.URL())
		c, err := l.Accept()
		require.NoError(t, err)
		var wg sync.WaitGroup
		if stuck {
			full := make(chan struct{})
			wg.Go(func() {
				big := c.(carrier.BatchSender).AppendFrame(nil, bytes.Repeat([]byte("x"), 1<<20), nil)
				for {
					n, err := c.(carrier.TrySender).TrySendBatch(big)
					if err != nil {
						t.Errorf("TrySendBatch: %v", err)
					}
					if n < len(big) {
						close(full)
						_ = c.(carrier.BatchSender).SendBatch(big[n:])
						return
					}
				}
			})
			<-full
		}
		start := time.Now()
		require.NoError(t, c.(carrier.ReasonCloser).CloseReason(1001, "bye"))
		require.Less(t, time.Since(start), soon/2)
		wg.Wait()
		_ = r.Close()
	}
}

func TestCloseEndsRecv(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, a, b carrier.Conn) {
		ended := make(chan error, 1)
		go func() {
			_, err := a.Recv()
			ended <- err
		}()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := a.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
		wg.Wait()
		require.ErrorIs(t, <-ended, carrier.ErrClosed)
		require.ErrorIs(t, a.Send([]byte("{}")), carrier.ErrClosed)
		_, err := a.Recv()
		require.ErrorIs(t, err, carrier.ErrClosed)
		_, err = b.Recv()
		require.Equal(t, &CloseError{Code: 1000}, err, "even Close says goodbye")
	})
}

func TestCloseEndsSend(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, a, _ carrier.Conn) {
		ended := make(chan error, 1)
		busy := make(chan struct{})
		go func() {
			big := a.(carrier.BatchSender).AppendFrame(nil, bytes.Repeat([]byte("x"), 1<<20), nil)
			for {
				n, err := a.(carrier.TrySender).TrySendBatch(big)
				if n < len(big) && err == nil {
					close(busy)
					err = a.(carrier.BatchSender).SendBatch(big[n:])
				}
				if err != nil {
					ended <- err
					return
				}
			}
		}()
		<-busy
		start := time.Now()
		require.NoError(t, a.Close())
		require.ErrorIs(t, <-ended, carrier.ErrClosed)
		require.Less(t, time.Since(start), time.Second)
	})
}

func TestWriteDeadline(t *testing.T) {
	bothWays(t, Options{}, func(t *testing.T, a, _ carrier.Conn) {
		require.NoError(t, a.(carrier.WriteDeadliner).SetWriteDeadline(time.Now().Add(30*time.Millisecond)))
		var err error
		for err == nil {
			err = a.Send(bytes.Repeat([]byte("x"), 1<<20))
		}
		require.ErrorIs(t, err, sig.ErrSlow)
		require.ErrorIs(t, a.Send([]byte("{}")), sig.ErrSlow, "half a frame is out, so it must stay at that")
	})
}

// TestMessageTimeout checks that whoever begins a message has to finish it.
func TestMessageTimeout(t *testing.T) {
	for name, begin := range map[string][]byte{
		"header":    {0x81},
		"payload":   wireFrame{b0: 0x81, payload: "x", length: 10}.bytes(),
		"large":     wireFrame{b0: 0x81, payload: strings.Repeat("x", 5000), length: 10000}.bytes(),
		"fragments": append(textPart("a").bytes(), cont("b").bytes()...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, Scheme{Options: Options{MessageTimeout: 100 * time.Millisecond}}, "ws://127.0.0.1:0/")
			ended := echo(t, l)
			r := dialRaw(t, l.URL())
			r.send(text("{}").bytes()) // a whole one first, which may take its time to be followed
			_, err := r.frame()
			require.NoError(t, err)
			stop := time.AfterFunc(200*time.Millisecond, func() { _, _ = r.Write(begin) })
			defer stop.Stop()
			_, code, reason := r.end()
			require.Equal(t, closePolicy, code)
			require.Contains(t, reason, "MessageTimeout")
			require.ErrorIs(t, <-ended, sig.ErrTimeout)
		})
	}
}

// TestCutOff checks what Recv says when the line ends without a close frame.
func TestCutOff(t *testing.T) {
	for _, c := range []struct {
		name string
		sent []byte
		want error
	}{
		{"between messages", text("{}").bytes(), io.EOF},
		{"in a header", append(text("{}").bytes(), 0x81), io.ErrUnexpectedEOF},
		{"in a payload", append(text("{}").bytes(), wireFrame{b0: 0x81, payload: "x", length: 10}.bytes()...), io.ErrUnexpectedEOF},
		{"between fragments", append(text("{}").bytes(), textPart("x").bytes()...), io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, Scheme{}, "ws://127.0.0.1:0/")
			ended := echo(t, l)
			r := dialRaw(t, l.URL())
			r.send(c.sent)
			require.NoError(t, r.Conn.(*net.TCPConn).CloseWrite())
			f, err := r.frame()
			require.NoError(t, err)
			require.Equal(t, "{}", f.payload)
			err = <-ended
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.want == io.EOF, errors.Is(err, io.EOF))
		})
	}
}

func TestInfo(t *testing.T) {
	client, server := pair(t, Options{})
	ci, si := client.(carrier.Describer).Info(), server.(carrier.Describer).Info()
	require.Equal(t, "ws", ci.Carrier)
	require.Equal(t, "ws", si.Carrier)
	require.Equal(t, ci.Local, si.Remote)
	require.Equal(t, ci.Remote, si.Local)
	require.True(t, ci.Loopback)
	require.True(t, si.Loopback)
	require.Empty(t, si.Identity)
}

// TestUTF8Split checks checkText against the standard library over all ways to divide a
// text.
func TestUTF8Split(t *testing.T) {
	for _, s := range []string{"a", "µ", "€", "😀", "aµ€😀b", "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "€\x82"} {
		for cut := range len(s) + 1 {
			n, ok := checkText([]byte(s[:cut]))
			whole := ok && n <= cut
			if whole {
				m, fine := checkText([]byte(s[n:]))
				whole = fine && n+m == len(s)
			}
			require.Equal(t, strings.ToValidUTF8(s, "") == s, whole, "%q cut at %d", s, cut)
		}
	}
}
