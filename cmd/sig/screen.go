package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// A screen is a terminal that a command has to itself: keys come one by one, and what it
// shows are whole pictures.
type screen struct {
	in, out *os.File
	old     *term.State
	keys    chan key
	resized chan os.Signal

	width, height int
	shown         []string // lines as they were written last; nil: nothing is known
}

// openScreen takes the terminal. It has to be closed, whatever happens.
func openScreen(in, out *os.File) (*screen, error) {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("cannot use the terminal: %w", err)
	}
	s := &screen{in: in, out: out, old: old, keys: make(chan key, 16), resized: make(chan os.Signal, 1)}
	notifyResize(s.resized)
	s.measure()
	// Another screen, no cursor, and lines that do not go on in the next: what is wider
	// than anybody thought ends at the edge.
	_, _ = io.WriteString(out, "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J") // draw fails too, and says so
	go s.readKeys()
	return s, nil
}

// close gives the terminal back as it was. The goroutine that reads keys is left behind: no
// read of a terminal can be ended.
func (s *screen) close() {
	stopResize(s.resized)
	_, _ = io.WriteString(s.out, "\x1b[?7h\x1b[?25h\x1b[?1049l")
	_ = term.Restore(int(s.in.Fd()), s.old) // it was there a moment ago
}

// measure finds out how large the screen is, and forgets what it shows.
func (s *screen) measure() {
	w, h, err := term.GetSize(int(s.out.Fd()))
	if err != nil || w < 1 || h < 1 {
		w, h = 80, 24
	}
	s.width, s.height, s.shown = w, h, nil
}

// draw shows the lines, of which it writes those that are not there already.
func (s *screen) draw(lines []string) error {
	lines = lines[:min(len(lines), s.height)]
	var b strings.Builder
	if s.shown == nil {
		b.WriteString("\x1b[2J")
		s.shown = make([]string, s.height)
	}
	for y := range s.shown {
		line := ""
		if y < len(lines) {
			line = lines[y]
		}
		if line != s.shown[y] {
			fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K%s", y+1, line)
			s.shown[y] = line
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if _, err := io.WriteString(s.out, b.String()); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	return nil
}

// A key is what somebody pressed: a character, or one of these.
type key rune

const (
	keyUp key = -1 - iota
	keyDown
	keyLeft
	keyRight
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyEscape
	keyEnter
	keyDelete
	keyInterrupt
	keyEOF
	keyNone
)

const keyRedraw = 'L' - '@' // Ctrl-L, when something else wrote to the terminal

// readKeys reads keys until the terminal has gone.
func (s *screen) readKeys() {
	buf := make([]byte, 256)
	var rest []byte
	for {
		n, err := s.in.Read(buf)
		rest = append(rest, buf[:n]...)
		for len(rest) > 0 {
			k, used := parseKey(rest)
			if used == 0 {
				break // the rest is on its way
			}
			rest = rest[used:]
			if k != keyNone {
				s.keys <- k
			}
		}
		if len(rest) > 64 {
			rest = nil
		}
		if err != nil {
			s.keys <- keyEOF
			return
		}
	}
}

// escapes are what terminals send for keys that are no characters.
var escapes = map[string]key{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft,
	"[5~": keyPageUp, "[6~": keyPageDown, "[H": keyHome, "[F": keyEnd, "OH": keyHome, "OF": keyEnd,
	"[1~": keyHome, "[4~": keyEnd, "[7~": keyHome, "[8~": keyEnd, "[3~": keyDelete,
}

// parseKey returns the first key of what a terminal has sent, and how many bytes it takes; 0
// when there is more to come.
func parseKey(b []byte) (key, int) {
	switch b[0] {
	case 3:
		return keyInterrupt, 1
	case '\r', '\n':
		return keyEnter, 1
	case 8, 127:
		return keyDelete, 1
	case '\t', keyRedraw:
		return key(b[0]), 1
	case 27:
		return parseEscape(b)
	}
	if b[0] < ' ' {
		return keyNone, 1
	}
	return parseRune(b)
}

func parseRune(b []byte) (key, int) {
	r, n := utf8.DecodeRune(b)
	switch {
	case r != utf8.RuneError:
		return key(r), n
	case !utf8.FullRune(b):
		return keyNone, 0
	}
	return keyNone, 1
}

func parseEscape(b []byte) (key, int) {
	if len(b) == 1 {
		return keyEscape, 1
	}
	if b[1] != '[' && b[1] != 'O' {
		return keyEscape, 1
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			if k, ok := escapes[string(b[1:i+1])]; ok {
				return k, i + 1
			}
			return keyNone, i + 1
		}
	}
	return keyNone, 0
}
