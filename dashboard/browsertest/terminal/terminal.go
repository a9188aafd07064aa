// Package terminal runs a program in a pseudo terminal and shows the screen as a page, for a
// picture of it.
package terminal

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/sigrouter/sigrouter/internal/pty"
)

// A style is how a cell looks.
type style struct {
	fg, bg                 string // "" or a class
	bold, dim, under, flip bool
}

// A cell is one character of the screen.
type cell struct {
	text string
	style
}

// A Screen is what a terminal shows: as much of one as sig uses.
type Screen struct {
	mu      sync.Mutex
	w, h    int
	cells   [][]cell
	x, y    int
	now     style
	pending []byte
	frozen  bool
}

// New makes an empty screen.
func New(w, h int) *Screen {
	s := &Screen{w: w, h: h}
	for range h {
		s.cells = append(s.cells, make([]cell, w))
	}
	return s
}

// Run runs a program on the screen for a time, and then interrupts it.
func (s *Screen) Run(d time.Duration, env []string, program string, args ...string) error {
	master, path, err := pty.Open()
	if err != nil {
		return err
	}
	defer master.Close()
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	size := &unix.Winsize{Row: uint16(s.h), Col: uint16(s.w)}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, size); err != nil {
		return err
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR="), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = slave.Close()
	if err != nil {
		return err
	}
	var read sync.WaitGroup
	read.Go(func() {
		buf := make([]byte, 1<<14)
		for {
			n, err := master.Read(buf)
			s.write(buf[:n])
			if err != nil {
				return // the program has gone
			}
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(d):
		s.freeze()
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
	}
	_ = master.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	read.Wait()
	return err
}

// freeze keeps the screen as it is, whatever is written to it from now on.
func (s *Screen) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = true
}

// Print writes to the screen as a program does, for a prompt before it.
func (s *Screen) Print(text string) { s.write([]byte(text)) }

func (s *Screen) write(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen {
		return
	}
	s.pending = append(s.pending, b...)
	for len(s.pending) > 0 {
		n := s.step(s.pending)
		if n == 0 {
			return
		}
		s.pending = s.pending[n:]
	}
}

// step does the first thing of b and returns how many bytes that is; 0: there is more to
// come.
func (s *Screen) step(b []byte) int {
	switch {
	case b[0] == '\r':
		s.x = 0
	case b[0] == '\n':
		s.x = 0
		s.down()
	case b[0] == 27:
		return s.escape(b)
	case b[0] < ' ':
	default:
		if !utf8.FullRune(b) {
			return 0
		}
		r, n := utf8.DecodeRune(b)
		if s.x >= s.w {
			s.x = 0
			s.down()
		}
		s.cells[s.y][s.x] = cell{string(r), s.now}
		s.x++
		return n
	}
	return 1
}

func (s *Screen) down() {
	if s.y++; s.y == s.h {
		s.y--
		s.cells = append(s.cells[1:], make([]cell, s.w))
	}
}

func (s *Screen) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != '[' {
		return 2
	}
	for end := 2; end < len(b); end++ {
		if b[end] >= 0x40 && b[end] <= 0x7e {
			s.control(string(b[2:end]), b[end])
			return end + 1
		}
	}
	return 0
}

func (s *Screen) control(args string, what byte) {
	parts := strings.Split(args, ";")
	number := func(i, absent int) int {
		if i < len(parts) {
			if n, err := strconv.Atoi(parts[i]); err == nil {
				return n
			}
		}
		return absent
	}
	switch what {
	case 'm':
		s.paint(parts)
	case 'H':
		s.y, s.x = min(number(0, 1), s.h)-1, min(number(1, 1), s.w)-1
	case 'G':
		s.x = min(number(0, 1), s.w) - 1
	case 'A':
		s.y = max(s.y-number(0, 1), 0)
	case 'B':
		s.y = min(s.y+number(0, 1), s.h-1)
	case 'K':
		clear(s.cells[s.y][min(s.x, s.w):])
	case 'J':
		from := s.y + 1
		if number(0, 0) == 2 {
			from = 0
		} else {
			clear(s.cells[s.y][min(s.x, s.w):])
		}
		for y := from; y < s.h; y++ {
			clear(s.cells[y])
		}
	}
}

// paint does an SGR sequence.
func (s *Screen) paint(parts []string) {
	for i := 0; i < len(parts); i++ {
		n, _ := strconv.Atoi(parts[i])
		switch {
		case n == 0:
			s.now = style{}
		case n == 1:
			s.now.bold = true
		case n == 2:
			s.now.dim = true
		case n == 4:
			s.now.under = true
		case n == 7:
			s.now.flip = true
		case n == 22:
			s.now.bold, s.now.dim = false, false
		case n == 24:
			s.now.under = false
		case n == 27:
			s.now.flip = false
		case n >= 30 && n <= 37:
			s.now.fg = fmt.Sprint("c", n-30)
		case n >= 90 && n <= 97:
			s.now.fg = fmt.Sprint("c", n-82)
		case n == 39:
			s.now.fg = ""
		case n == 38 || n == 48:
			i += 2 // a palette of its own, which sig does not use
		}
	}
}

// HTML is the screen as part of a page, with the styles of CSS.
func (s *Screen) HTML() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString(`<pre class="screen">`)
	last := len(s.cells)
	for last > 0 && blank(s.cells[last-1]) {
		last--
	}
	for _, row := range s.cells[:last] {
		for x := 0; x < len(row); {
			end := x
			var text strings.Builder
			for ; end < len(row) && row[end].style == row[x].style; end++ {
				if row[end].text == "" {
					text.WriteByte(' ')
				}
				text.WriteString(row[end].text)
			}
			fmt.Fprintf(&b, `<span class="%s">%s</span>`, row[x].classes(), html.EscapeString(text.String()))
			x = end
		}
		b.WriteByte('\n')
	}
	b.WriteString("</pre>")
	return b.String()
}

func blank(row []cell) bool {
	for _, c := range row {
		if strings.TrimSpace(c.text) != "" || c.flip {
			return false
		}
	}
	return true
}

func (st style) classes() string {
	all := []string{st.fg}
	for name, on := range map[string]bool{"bold": st.bold, "dim": st.dim, "under": st.under, "flip": st.flip} {
		if on {
			all = append(all, name)
		}
	}
	return strings.TrimSpace(strings.Join(all, " "))
}

// CSS is for pages with screens.
const CSS = `
body { margin: 0; background: #0e1216; color: #d8e0e6; font: 15px/1.42 "JetBrains Mono", "DejaVu Sans Mono", monospace; padding: 20px; display: grid; gap: 16px; }
.window { background: #151b21; border: 1px solid #28323c; border-radius: 10px; overflow: hidden; }
.bar { padding: 7px 14px; border-bottom: 1px solid #28323c; color: #8796a3; font: 600 13px Inter, sans-serif; }
.screen { margin: 0; padding: 12px 16px; white-space: pre; font: inherit; }
.bold { font-weight: 700; color: #fff; } .dim { color: #8796a3; } .under { text-decoration: underline; } .flip { background: #d8e0e6; color: #151b21; }
.c0 { color: #5c6a76; } .c1, .c9 { color: #ff7a70; } .c2, .c10 { color: #5fd38a; } .c3, .c11 { color: #f2b552; }
.c4, .c12 { color: #8fabff; } .c5, .c13 { color: #d7a1ff; } .c6, .c14 { color: #43cdb6; } .c7, .c15 { color: #edf2f5; } .c8 { color: #8796a3; }
`
