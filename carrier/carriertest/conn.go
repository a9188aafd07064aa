// Package carriertest proves that a carrier keeps its promises, yours as well as those
// of this module:
//
//	func TestConn(t *testing.T) {
//		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) { return local.Pair() })
//	}
package carriertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A Pair makes two joined ends of a connection. Run closes them.
type Pair func(t *testing.T) (a, b carrier.Conn)

// patience is how long anything may take before the carrier counts as stuck.
const patience = 10 * time.Second

// Run checks every promise of carrier.Conn, and of the optional interfaces that the
// Conns have, each in a subtest with a pair of its own.
func Run(t *testing.T, pair Pair) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, carrier.Conn, carrier.Conn)
	}{
		{"frames arrive whole and in order", inOrder},
		{"both directions at once", bothWays},
		{"frames from 2 bytes to 256 KiB", sizes},
		{"binary frames", binaryFrames},
		{"Send does not keep the frame", sendKeepsNothing},
		{"Close ends a blocked Recv", closeEndsRecv},
		{"Close ends a blocked Send", closeEndsSend},
		{"Close twice", closeTwice},
		{"after Close everything fails with carrier.ErrClosed", afterClose},
		{"the other end's Close gives io.EOF after its last frame", eofAfterLast},
		{"a batch is received as its frames", batches},
		{"TrySendBatch never blocks", tryNeverBlocks},
		{"SetMaxFrame refuses longer frames", maxFrame},
		{"a meter knows what is kept of a message", meter},
		{"a meter that refuses ends Recv", meterRefuses},
		{"StopRecv ends Recv and not Send", stopRecv},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := pair(t)
			defer a.Close()
			defer b.Close()
			within(t, c.name, func() { c.check(t, a, b) })
		})
	}
}

// within fails the test when fn does not return in time.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("%s: still not done after %v", what, patience)
	}
}

// text makes a JSON object of about n bytes.
func text(i, n int) []byte {
	s := fmt.Sprintf(`{"i":%d}`, i)
	if pad := n - len(s) - len(`,"p":""`); pad >= 0 {
		s = fmt.Sprintf(`{"i":%d,"p":"%s"}`, i, strings.Repeat("x", pad))
	}
	return []byte(s)
}

// frame makes a binary frame whose fields are n bytes.
func frame(i, n int) []byte {
	b := []byte{0x82, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	for j := range n {
		b = append(b, byte(i+j))
	}
	return b
}

func recv(t *testing.T, c carrier.Conn, want []byte) bool {
	t.Helper()
	got, err := c.Recv()
	if err != nil {
		t.Errorf("Recv: got error %v, want frame %.60q", err, want)
		return false
	}
	if !bytes.Equal(got, want) {
		t.Errorf("Recv: got %d bytes %.60q, want %d bytes %.60q", len(got), got, len(want), want)
		return false
	}
	return true
}

func send(t *testing.T, c carrier.Conn, frame []byte) bool {
	t.Helper()
	if err := c.Send(frame); err != nil {
		t.Errorf("Send(%.60q): %v", frame, err)
		return false
	}
	return true
}

func stream(t *testing.T, from, to carrier.Conn, n int) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i < n && send(t, from, text(i, 40)); i++ {
		}
	})
	wg.Go(func() {
		for i := 0; i < n && recv(t, to, text(i, 40)); i++ {
		}
	})
	wg.Wait()
}

func inOrder(t *testing.T, a, b carrier.Conn) { stream(t, a, b, 500) }

func bothWays(t *testing.T, a, b carrier.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { stream(t, a, b, 500) })
	wg.Go(func() { stream(t, b, a, 500) })
	wg.Wait()
}

func sizes(t *testing.T, a, b carrier.Conn) {
	frames := [][]byte{[]byte("{}")}
	for n := 16; n <= 256<<10; n *= 2 {
		frames = append(frames, text(n, n-1), text(n, n), text(n, n+1))
	}
	go func() {
		for _, f := range frames {
			if a.Send(f) != nil {
				return // the receiver says what is missing
			}
		}
	}()
	for _, f := range frames {
		if !recv(t, b, f) {
			return
		}
	}
}

func binaryFrames(t *testing.T, a, b carrier.Conn) {
	if c, ok := a.(carrier.TextOnly); ok && c.TextOnly() {
		return
	}
	go func() {
		for i := range 300 {
			if a.Send(frame(i, i)) != nil || a.Send(text(i, 30)) != nil {
				return
			}
		}
	}()
	for i := range 300 {
		if !recv(t, b, frame(i, i)) || !recv(t, b, text(i, 30)) {
			return
		}
	}
}

func sendKeepsNothing(t *testing.T, a, b carrier.Conn) {
	buf := text(1, 40)
	want := bytes.Clone(buf)
	got := make(chan bool)
	go func() { got <- recv(t, b, want) }()
	send(t, a, buf)
	clear(buf)
	<-got
}

func closeEndsRecv(t *testing.T, a, _ carrier.Conn) {
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := a.Recv()
		done <- err
	}()
	<-started
	a.Close()
	if err := <-done; !errors.Is(err, carrier.ErrClosed) {
		t.Errorf("Recv during Close: got %v, want an error that matches carrier.ErrClosed", err)
	}
}

func closeEndsSend(t *testing.T, a, _ carrier.Conn) {
	done := make(chan error, 1)
	sent := make(chan struct{}, 1)
	go func() {
		for next := text(0, 20); ; next = text(0, 64<<10) {
			if err := a.Send(next); err != nil {
				done <- err
				return
			}
			select {
			case sent <- struct{}{}:
			default:
			}
		}
	}()
	<-sent
	a.Close()
	if err := <-done; err == nil {
		t.Error("Send after Close: no error")
	}
}

func closeTwice(t *testing.T, a, _ carrier.Conn) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { a.Close() })
	}
	wg.Wait()
	a.Close()
}

func afterClose(t *testing.T, a, _ carrier.Conn) {
	a.Close()
	if err := a.Send(text(1, 20)); !errors.Is(err, carrier.ErrClosed) {
		t.Errorf("Send after Close: got %v, want an error that matches carrier.ErrClosed", err)
	}
	if _, err := a.Recv(); !errors.Is(err, carrier.ErrClosed) {
		t.Errorf("Recv after Close: got %v, want an error that matches carrier.ErrClosed", err)
	}
}

func eofAfterLast(t *testing.T, a, b carrier.Conn) {
	for i := range 3 {
		send(t, a, text(i, 30))
	}
	a.Close()
	for i := range 3 {
		if !recv(t, b, text(i, 30)) {
			return
		}
	}
	if _, err := b.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv after the other end closed: got %v, want an error that matches io.EOF", err)
	}
}

func batches(t *testing.T, a, b carrier.Conn) {
	s, ok := a.(carrier.BatchSender)
	if !ok {
		return
	}
	var buf []byte
	for i := range 50 {
		f := text(i, 20+i)
		buf = s.AppendFrame(buf, f[:i%10], f[i%10:])
	}
	go func() {
		if err := s.SendBatch(buf); err != nil {
			t.Errorf("SendBatch: %v", err)
		}
	}()
	for i := range 50 {
		if !recv(t, b, text(i, 20+i)) {
			return
		}
	}
}

func tryNeverBlocks(t *testing.T, a, b carrier.Conn) {
	s, ok := a.(carrier.TrySender)
	if !ok {
		return
	}
	var buf []byte
	const frames = 200
	for i := range frames {
		buf = s.AppendFrame(buf, text(i, 32<<10), nil)
	}
	n, err := s.TrySendBatch(buf) // nobody reads: it cannot take all
	if err != nil || n == len(buf) {
		t.Errorf("TrySendBatch of %d bytes nobody reads: took %d, error %v", len(buf), n, err)
		return
	}
	go func() {
		if err := s.SendBatch(buf[n:]); err != nil {
			t.Errorf("SendBatch of the rest: %v", err)
		}
	}()
	for i := range frames {
		if !recv(t, b, text(i, 32<<10)) {
			return
		}
	}
}

func maxFrame(t *testing.T, a, b carrier.Conn) {
	l, ok := b.(carrier.Limiter)
	if !ok {
		return
	}
	l.SetMaxFrame(1000)
	go func() {
		_ = a.Send(text(1, 900))
		_ = a.Send(text(2, 5000)) // may fail: the other end closes
		_ = a.Send(text(3, 30))
	}()
	if !recv(t, b, text(1, 900)) {
		return
	}
	if lossy, ok := b.(carrier.Lossy); ok && lossy.Lossy() {
		recv(t, b, text(3, 30)) // the one between was dropped
		return
	}
	if _, err := b.Recv(); !errors.Is(err, sig.ErrLimit) {
		t.Errorf("Recv of a frame over the limit: got %v, want an error that matches sig.ErrLimit", err)
	}
}
