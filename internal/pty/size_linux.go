package pty

import (
	"os"

	"golang.org/x/sys/unix"
)

// Resize gives a terminal a size, as somebody does who pulls at the corner of its window.
// The programs in the foreground on it are told.
func Resize(master *os.File, columns, rows int) error {
	return control(master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
	})
}

// Cook makes the terminal behave as shells leave it: it echoes, hands over whole lines,
// makes signals of Ctrl-C and its like, and begins a new line at the left.
func Cook(master *os.File) error {
	return control(master, func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		t.Iflag |= unix.BRKINT | unix.ICRNL | unix.IXON
		t.Oflag |= unix.OPOST | unix.ONLCR
		t.Lflag |= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
}

// Cooked reports whether the terminal is as Cook makes it.
func Cooked(master *os.File) (cooked bool, err error) {
	err = control(master, func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			cooked = t.Lflag&unix.ICANON != 0 && t.Lflag&unix.ISIG != 0 && t.Oflag&unix.OPOST != 0
		}
		return err
	})
	return cooked, err
}

// control calls fn with the descriptor, which stays in the poller: Fd would take it out.
func control(f *os.File, fn func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	ctl := raw.Control(func(fd uintptr) { err = fn(int(fd)) })
	if ctl != nil {
		return ctl
	}
	return err
}
