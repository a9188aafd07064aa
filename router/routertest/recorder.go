package routertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Patience is how long a Recorder waits for an event. Inside of synctest it passes at
// once when nothing more can come.
const Patience = 10 * time.Second

// maxRecorded is how many events a Recorder keeps that nobody takes.
const maxRecorded = 100_000

// A Recorder keeps the events it hears, in order, for a test to take. It keeps at most
// 100,000; more fail the test. The methods may be called from several goroutines at
// once, those that take a testing.TB from the test's own.
type Recorder struct {
	mu     sync.Mutex
	events []sig.Event   // not yet taken
	more   chan struct{} // holds one when an event has come
	lost   int           // that did not fit
}

// NewRecorder returns a Recorder that listens to nothing: hand its Listen method to
// whatever adds listeners.
func NewRecorder() *Recorder { return &Recorder{more: make(chan struct{}, 1)} }

// Record returns a Recorder of the events at a Bus that match: sender and event are
// names, patterns, or sig.Any. It listens until the test ends, and fails it at once if
// the listener cannot be added.
func Record(t testing.TB, b sig.Bus, sender, event string, opts ...sig.ListenOption) *Recorder {
	t.Helper()
	r := NewRecorder()
	sub, err := b.AddListener(sender, event, r.Listen, opts...)
	if err != nil {
		t.Fatalf("routertest: Record(%q, %q): %v", sender, event, err)
	}
	t.Cleanup(sub.Remove)
	return r
}

// Listen is the listener.
func (r *Recorder) Listen(e sig.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == maxRecorded {
		r.lost++
		return
	}
	r.events = append(r.events, e)
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// Next returns the next event, and waits for it at most for Patience: then, or when the
// test's context ends, it fails the test.
func (r *Recorder) Next(t testing.TB) sig.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for {
		if e, ok := r.take(t); ok {
			return e
		}
		select {
		case <-r.more:
		case <-ctx.Done():
			t.Fatalf("routertest: no event came within %v", Patience)
		}
	}
}

// NextAs is Next that returns the event's data as a T. It fails the test when it is none.
func NextAs[T any](t testing.TB, r *Recorder) T {
	t.Helper()
	e := r.Next(t)
	v, err := sig.As[T](e.Data)
	if err != nil {
		t.Fatalf("routertest: the data of %s: %v", show(e), err)
	}
	return v
}

// Take returns the events that have come and were not taken, without waiting.
func (r *Recorder) Take(t testing.TB) []sig.Event {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checkLost(t)
	got := r.events
	r.events = nil
	return got
}

// Empty fails the test when events have come that were not taken. It does not wait:
// call synctest.Wait first, or know otherwise that everything has arrived.
func (r *Recorder) Empty(t testing.TB) {
	t.Helper()
	if got := r.Take(t); len(got) > 0 {
		lines := make([]string, len(got))
		for i, e := range got {
			lines[i] = show(e)
		}
		t.Errorf("routertest: %d events, want none:\n%s", len(got), strings.Join(lines, "\n"))
	}
}

func (r *Recorder) take(t testing.TB) (sig.Event, bool) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checkLost(t)
	if len(r.events) == 0 {
		return sig.Event{}, false
	}
	e := r.events[0]
	r.events = r.events[1:]
	return e, true
}

func (r *Recorder) checkLost(t testing.TB) {
	t.Helper()
	if r.lost > 0 {
		t.Errorf("routertest: %d events more than the %d a Recorder keeps", r.lost, maxRecorded)
		r.lost = 0
	}
}

func show(e sig.Event) string {
	s := fmt.Sprintf("%s %s %v", e.Sender, e.Name, e.Data)
	if e.Retained {
		s += " (retained)"
	}
	return s
}
