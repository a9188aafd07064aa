//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/pty"
)

// An emulator shows what a terminal shows to who looks at it: as much of one as sig uses, and
// it complains of the rest.
type emulator struct {
	mu       sync.Mutex
	w, h     int
	cells    [][]string // "" behind a wide character
	x, y     int
	pending  []byte
	all      []byte // that was ever written
	noWrap   bool
	hidden   bool // the cursor
	alt      bool // the other screen is shown
	styled   bool // something was, at some time
	resized  bool // and what was on its way may be too wide
	overflow []string
	unknown  []string
	fed      chan struct{} // holds one when something came
}

func newEmulator(w, h int) *emulator {
	e := &emulator{fed: make(chan struct{}, 1)}
	e.size(w, h)
	return e
}

// size gives the screen another size; what was shown is kept where it fits.
func (e *emulator) size(w, h int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	cells := make([][]string, h)
	for y := range cells {
		cells[y] = make([]string, w)
		for x := range cells[y] {
			cells[y][x] = " "
			if y < e.h && x < e.w {
				cells[y][x] = e.cells[y][x]
			}
		}
	}
	e.w, e.h, e.cells = w, h, cells
	e.x, e.y = min(e.x, w-1), min(e.y, h-1)
}

// Write takes what a program writes to the terminal.
func (e *emulator) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = append(e.pending, b...)
	e.all = append(e.all, b...)
	for len(e.pending) > 0 {
		n := e.step(e.pending)
		if n == 0 {
			break
		}
		e.pending = e.pending[n:]
	}
	select {
	case e.fed <- struct{}{}:
	default:
	}
	return len(b), nil
}

// step does the first thing of b and returns how many bytes that is; 0: there is more to come.
func (e *emulator) step(b []byte) int {
	switch b[0] {
	case '\r':
		e.x = 0
	case '\n':
		e.down()
	case '\b':
		e.x = max(0, e.x-1)
	case 7: // bell
	case 27:
		return e.escape(b)
	default:
		if !utf8.FullRune(b) {
			return 0
		}
		r, n := utf8.DecodeRune(b)
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			e.unknown = append(e.unknown, fmt.Sprintf("control %U", r))
		} else {
			e.put(r)
		}
		return n
	}
	return 1
}

func (e *emulator) down() {
	if e.y++; e.y == e.h {
		e.y = e.h - 1
		copy(e.cells, e.cells[1:])
		e.cells[e.h-1] = make([]string, e.w)
		e.blank(e.h-1, 0)
	}
}

func (e *emulator) blank(y, from int) {
	for x := from; x < e.w; x++ {
		e.cells[y][x] = " "
	}
}

// widthHere is what this terminal thinks of characters: apart from the program's own table.
func widthHere(r rune) int {
	switch {
	case r >= 0x300 && r < 0x370, r >= 0x200b && r <= 0x200f, r >= 0xfe00 && r <= 0xfe0f:
		return 0
	case r >= 0x1100 && r < 0x1160, r >= 0x2e80 && r < 0xa4d0, r >= 0xac00 && r < 0xd7a4, r >= 0xf900 && r < 0xfb00,
		r >= 0xff00 && r < 0xff61, r >= 0x1f300 && r < 0x1f650, r >= 0x1f900 && r < 0x1fa00:
		return 2
	}
	return 1
}

func (e *emulator) put(r rune) {
	w := widthHere(r)
	if w == 0 {
		if x := min(e.x, e.w) - 1; x >= 0 {
			e.cells[e.y][x] += string(r)
		}
		return
	}
	if e.x+w > e.w {
		e.overflow = append(e.overflow, fmt.Sprintf("%q at line %d behind %q", r, e.y+1, strings.Join(e.cells[e.y], "")))
		if e.noWrap {
			e.x = e.w - w
		} else {
			e.x = 0
			e.down()
		}
	}
	e.cells[e.y][e.x] = string(r)
	if w == 2 {
		e.cells[e.y][e.x+1] = ""
	}
	e.x += w
}

// escape does an escape sequence.
func (e *emulator) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != '[' {
		e.unknown = append(e.unknown, fmt.Sprintf("escape %q", b[:2]))
		return 2
	}
	end := 2
	for end < len(b) && (b[end] < 0x40 || b[end] > 0x7e) {
		end++
	}
	if end == len(b) {
		return 0
	}
	e.control(string(b[2:end]), b[end])
	return end + 1
}

func (e *emulator) control(args string, what byte) {
	number := func(i, absent int) int {
		if parts := strings.Split(args, ";"); i < len(parts) && parts[i] != "" {
			n, _ := strconv.Atoi(parts[i]) // what is no number is not ours
			return n
		}
		return absent
	}
	switch {
	case what == 'm':
		e.styled = true
	case what == 'H':
		e.y, e.x = min(number(0, 1), e.h)-1, min(number(1, 1), e.w)-1
	case what == 'G':
		if number(0, 1) > e.w {
			e.overflow = append(e.overflow, fmt.Sprintf("column %d of %d", number(0, 1), e.w))
		}
		e.x = min(number(0, 1), e.w) - 1
	case what == 'A':
		e.y = max(e.y-number(0, 1), 0)
	case what == 'B':
		e.y = min(e.y+number(0, 1), e.h-1)
	case what == 'C':
		e.x = min(e.x+number(0, 1), e.w-1)
	case what == 'D':
		e.x = max(e.x-number(0, 1), 0)
	case what == 'K' && args == "":
		e.blank(e.y, min(e.x, e.w))
	case what == 'J' && args == "2":
		if e.resized {
			e.resized, e.overflow = false, nil
		}
		for y := range e.cells {
			e.blank(y, 0)
		}
	case args == "?7":
		e.noWrap = what == 'l'
	case args == "?25":
		e.hidden = what == 'l'
	case args == "?1049":
		e.alt = what == 'h'
		for y := range e.cells {
			e.blank(y, 0)
		}
	default:
		e.unknown = append(e.unknown, fmt.Sprintf("CSI %s%c", args, what))
	}
}

// text is what the screen shows, without blanks at the ends of lines and below.
func (e *emulator) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for _, row := range e.cells {
		lines = append(lines, strings.TrimRight(strings.Join(row, ""), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// everything is what was ever written, for what may have been there for a moment only.
func (e *emulator) everything() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.all)
}

// problems are what no screen should have been sent.
func (e *emulator) problems() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append(append([]string{}, e.overflow...), e.unknown...)
}

// A window is a terminal of some size in which a sig runs, as in a shell.
type window struct {
	*emulator
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	read   chan struct{} // closed when the program has let go of the terminal
	done   chan struct{} // closed when it has ended
}

// inWindow starts sig in a terminal of w columns and h lines.
func inWindow(t *testing.T, w, h int, args ...string) *window {
	t.Helper()
	return commandInWindow(t, w, h, command(t, args...))
}

func commandInWindow(t *testing.T, w, h int, cmd *exec.Cmd) *window {
	t.Helper()
	master, path := needs.Terminal(t)
	require.NoError(t, pty.Resize(master, w, h))
	require.NoError(t, pty.Cook(master))
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	x := &window{emulator: newEmulator(w, h), t: t, master: master, cmd: cmd, read: make(chan struct{}), done: make(chan struct{})}
	require.NoError(t, cmd.Start())
	go func() {
		defer close(x.read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = x.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	go func() {
		_ = cmd.Wait() // the state says it all
		close(x.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-x.done
		_ = slave.Close() // held open until here, so that nothing it wrote is lost
		<-x.read
		_ = master.Close()
		if t.Failed() {
			t.Logf("screen of %q:\n%s", cmd.Args[1:], x.text())
		}
	})
	return x
}

// await waits until the screen is as it should be.
func (x *window) await(what string, ok func(screen string) bool) string {
	x.t.Helper()
	timeout := time.After(testPatience)
	for {
		text := x.text()
		if ok(text) {
			return text
		}
		select {
		case <-x.fed:
		case <-timeout:
			require.FailNow(x.t, "never seen", "%s; the screen is\n%s", what, x.text())
		}
	}
}

// awaitText waits until all of the parts are on the screen.
func (x *window) awaitText(parts ...string) string {
	x.t.Helper()
	return x.await(fmt.Sprintf("%q", parts), func(s string) bool {
		for _, p := range parts {
			if !strings.Contains(s, p) {
				return false
			}
		}
		return true
	})
}

// press types on the terminal's keyboard.
func (x *window) press(keys string) {
	x.t.Helper()
	_, err := x.master.WriteString(keys)
	require.NoError(x.t, err)
}

// resize pulls at the corner of the window.
func (x *window) resize(w, h int) {
	x.t.Helper()
	x.mu.Lock()
	x.resized = true
	x.mu.Unlock()
	x.size(w, h)
	require.NoError(x.t, pty.Resize(x.master, w, h))
}

// wait waits for the end of the program and returns its exit code.
func (x *window) wait() int {
	x.t.Helper()
	select {
	case <-x.done:
	case <-time.After(testPatience):
		require.FailNow(x.t, "did not end", "%q\n%s", x.cmd.Args[1:], x.text())
	}
	return x.cmd.ProcessState.ExitCode()
}

// requireTidy checks that nothing went over the edge, that nothing was sent that terminals
// may take for something else, and that the terminal is as it was, once all that the program
// wrote before its end has come.
func (x *window) requireTidy() {
	x.t.Helper()
	x.await("the terminal given back", func(string) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return !x.noWrap && !x.hidden && !x.alt
	})
	require.Empty(x.t, x.problems())
	cooked, err := pty.Cooked(x.master)
	require.NoError(x.t, err)
	require.True(x.t, cooked, "the terminal was left raw")
}

// The emulator is right about what the tests rely on.
func TestEmulator(t *testing.T) {
	e := newEmulator(5, 2)
	fmt.Fprint(e, "ab\r\ncd\x1b[31me\x1b[0m\x1b[1;4Hx\xe4")
	fmt.Fprint(e, "\xb8\xad")
	require.Equal(t, "ab x\n中e", e.text())
	require.Len(t, e.problems(), 1, "a wide character beyond the edge: %q", e.problems())
}
