package pty

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open makes a pseudo terminal and returns its master end and the path of its slave
// end, which behaves as a serial port does. The slave passes every byte through
// unchanged from the start. Deadlines work on master; closing it is what unplugging
// is to a serial port.
//
// Reading master fails with EIO while nobody has the slave open.
func Open() (master *os.File, slavePath string, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", fmt.Errorf("no pseudo terminal to be had: %w", err)
	}
	n, err := prepare(master)
	if err != nil {
		master.Close()
		return nil, "", fmt.Errorf("no pseudo terminal to be had: %w", err)
	}
	return master, "/dev/pts/" + strconv.Itoa(n), nil
}

// prepare unlocks the slave, makes the pair raw and returns its number.
func prepare(master *os.File) (n int, err error) {
	raw, err := master.SyscallConn() // Fd would put the file into blocking mode
	if err != nil {
		return 0, err
	}
	ctl := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
			return
		}
		if n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); err != nil {
			return
		}
		err = makeRaw(int(fd))
	})
	if ctl != nil {
		return 0, ctl
	}
	return n, err
}

// makeRaw turns off echo, line editing and translation, so that what is written before
// anybody opens the slave is not answered by the terminal itself.
func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
