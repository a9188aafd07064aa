package carriertest

import (
	"errors"
	"sync"
	"testing"

	"github.com/sigrouter/sigrouter/carrier"
)

// unmetered is how much a Metered Conn may keep without a word.
const unmetered = 64 << 10

// meter checks that what is kept is told before a long frame is there, and again when it
// has gone.
func meter(t *testing.T, a, b carrier.Conn) {
	m, ok := b.(carrier.Metered)
	if !ok {
		return
	}
	kept, most := 0, 0
	m.SetMeter(func(bytes int) bool {
		kept, most = bytes, max(most, bytes)
		return true
	})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for _, n := range []int{100, 200 << 10, 100} {
			if err := a.Send(text(1, n)); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
	})
	for i, atLeast := range []int{0, 200 << 10, 200 << 10} {
		if _, err := b.Recv(); err != nil {
			t.Fatalf("Recv: %v", err)
		}
		if most < atLeast {
			t.Fatalf("after frame %d the meter had at most %d bytes, want %d", i, most, atLeast)
		}
	}
	wg.Go(func() { _ = a.Close() })
	for {
		if _, err := b.Recv(); err != nil {
			break
		}
	}
	if kept > unmetered {
		t.Fatalf("%d bytes are kept between messages", kept)
	}
}

// meterRefuses checks that Recv does without what it must not keep.
func meterRefuses(t *testing.T, a, b carrier.Conn) {
	m, ok := b.(carrier.Metered)
	if !ok {
		return
	}
	kept := 0
	m.SetMeter(func(bytes int) bool {
		kept = bytes
		return bytes <= 128<<10
	})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _ = a.Send(text(1, 500<<10)) })
	defer b.Close()
	if _, err := b.Recv(); !errors.Is(err, carrier.ErrClosed) {
		t.Fatalf("Recv: %v, want carrier.ErrClosed", err)
	}
	if kept > unmetered {
		t.Fatalf("%d bytes are kept after the end", kept)
	}
}

// stopRecv checks that the other end can still be told something.
func stopRecv(t *testing.T, a, b carrier.Conn) {
	m, ok := b.(carrier.Metered)
	if !ok {
		return
	}
	m.StopRecv()
	if _, err := b.Recv(); !errors.Is(err, carrier.ErrClosed) {
		t.Fatalf("Recv: %v, want carrier.ErrClosed", err)
	}
	if err := b.Send(text(7, 100)); err != nil {
		t.Fatalf("Send: %v", err)
	}
	if got, err := a.Recv(); err != nil || string(got) != string(text(7, 100)) {
		t.Fatalf("Recv at the other end: %q, %v", got, err)
	}
}
