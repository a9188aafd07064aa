package pty

import (
	"os"
	"sync"
)

// A Cable joins two pseudo terminals, as a null modem joins two serial ports.
type Cable struct {
	A, B  string // paths of its ends
	files []*os.File
	wg    sync.WaitGroup
}

// NewCable makes a cable. Of what goes over it to an end, that end gets what the function
// returns: it may change and shorten what it is given, and take its time; nil is all as it is.
func NewCable(toA, toB func([]byte) []byte) (*Cable, error) {
	c := &Cable{}
	a, err := c.end(&c.A)
	if err == nil {
		var b *os.File
		if b, err = c.end(&c.B); err == nil {
			c.wg.Go(func() { carry(a, b, toA) })
			c.wg.Go(func() { carry(b, a, toB) })
			return c, nil
		}
	}
	c.Close()
	return nil, err
}

// end makes the terminal of one end.
func (c *Cable) end(path *string) (master *os.File, err error) {
	if master, *path, err = Open(); err != nil {
		return nil, err
	}
	c.files = append(c.files, master)
	// A terminal that nobody has open cannot be read from its other end.
	keep, err := os.OpenFile(*path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	c.files = append(c.files, keep)
	return master, nil
}

// carry ends when the cable is closed.
func carry(to, from *os.File, treat func([]byte) []byte) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		out := buf[:n]
		if treat != nil {
			out = treat(out)
		}
		if _, err := to.Write(out); err != nil {
			return
		}
	}
}

// Close pulls the cable out at both ends.
func (c *Cable) Close() {
	for _, f := range c.files {
		_ = f.Close()
	}
	c.wg.Wait()
}
