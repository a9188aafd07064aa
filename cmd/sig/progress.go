package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A progress is a line on a terminal that says how far a command is. What is noted meanwhile
// goes above it. Where no person is looking it shows nothing.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	tty   *os.File // nil: nobody looks
	shown string
}

// progress returns a progress, and an app that notes through it.
func (a *app) progress() (*progress, *app) {
	p := &progress{w: a.err}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb" {
		p.tty = f
	}
	noting := *a
	noting.err = p
	return p, &noting
}

// show replaces the line.
func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tty == nil {
		return
	}
	w, _, err := term.GetSize(int(p.tty.Fd()))
	if err != nil || w < 1 {
		w = 80
	}
	text = fit(text, w-len("^C")-1) // which terminals show behind it
	if text != p.shown {
		_, _ = io.WriteString(p.w, "\r\x1b[K"+text) // who cannot be told need not be told so
		p.shown = text
	}
}

// clear takes the line away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// wipe is clear with the lock held.
func (p *progress) wipe() {
	if p.shown != "" {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.shown = ""
	}
}

// Write writes a note, in whose place the line comes back when it is shown next.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	return p.w.Write(b)
}
