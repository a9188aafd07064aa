package main

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// Keys as a terminal sends them.
const (
	ctrlC = 3
	ctrlE = 5 // to the end of the line
	ctrlU = 21
)

// maxTypedAhead is how much may be typed while something runs; more is not heeded.
const maxTypedAhead = 64 << 10

// A keyboard reads what somebody types, also while nobody asks for it: Ctrl-C ends what
// runs, all else waits.
type keyboard struct {
	came chan struct{} // holds one when something was typed, or nothing more will be

	mu        sync.Mutex
	waiting   []byte // typed and not read
	ended     bool
	interrupt func() // nil while nothing runs
}

// newKeyboard begins to read. Its goroutine is left behind: no read of a terminal can be
// ended.
func newKeyboard(in *os.File) *keyboard {
	k := &keyboard{came: make(chan struct{}, 1)}
	go func() {
		b := make([]byte, 256)
		for {
			n, err := in.Read(b)
			k.typed(b[:n], err != nil)
			if err != nil {
				return
			}
		}
	}()
	return k
}

func (k *keyboard) typed(b []byte, end bool) {
	k.mu.Lock()
	if len(k.waiting) < maxTypedAhead {
		k.waiting = append(k.waiting, b...)
	}
	k.ended = end
	interrupt := k.interrupted()
	k.mu.Unlock()
	if interrupt != nil {
		interrupt()
	}
	select {
	case k.came <- struct{}{}:
	default:
	}
}

// interrupted returns what is to be called because Ctrl-C was pressed while something runs.
// What was typed before is forgotten then. Called with the lock held.
func (k *keyboard) interrupted() func() {
	i := bytes.LastIndexByte(k.waiting, ctrlC)
	if i < 0 || k.interrupt == nil {
		return nil
	}
	k.waiting = k.waiting[i+1:]
	return k.interrupt
}

// onInterrupt has fn called when Ctrl-C is pressed, until stop.
func (k *keyboard) onInterrupt(fn func()) (stop func()) {
	k.mu.Lock()
	k.interrupt = fn
	now := k.interrupted()
	k.mu.Unlock()
	if now != nil {
		now()
	}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.interrupt = nil
	}
}

// Read returns what was typed. At a prompt Ctrl-C empties the line.
func (k *keyboard) Read(p []byte) (int, error) {
	for {
		k.mu.Lock()
		k.waiting = bytes.ReplaceAll(k.waiting, []byte{ctrlC}, []byte{ctrlE, ctrlU})
		n := copy(p, k.waiting)
		k.waiting = k.waiting[n:]
		ended := k.ended
		k.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if ended {
			return 0, io.EOF
		}
		<-k.came
	}
}
