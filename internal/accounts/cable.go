package main

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/internal/pty"
)

// A cable joins two pseudo terminals as a cable joins two serial ports. While it is bad,
// bytes get lost and bits flip.
type cable struct {
	a, b  string // to be opened
	bad   atomic.Bool
	files []*os.File
	wg    sync.WaitGroup
}

func newCable(seed uint64) (*cable, error) {
	c := &cable{}
	var ends [2]*os.File
	for i, path := range []*string{&c.a, &c.b} {
		master, slave, err := pty.Open()
		if err != nil {
			c.close()
			return nil, err
		}
		c.files = append(c.files, master)
		// A terminal that nobody has open cannot be read from its other end.
		keep, err := os.OpenFile(slave, os.O_RDWR, 0)
		if err != nil {
			c.close()
			return nil, err
		}
		c.files = append(c.files, keep)
		ends[i], *path = master, slave
	}
	for i := range ends {
		rng := rand.New(rand.NewPCG(seed, uint64(100+i)))
		c.wg.Go(func() { c.carry(ends[1-i], ends[i], rng) })
	}
	return c, nil
}

func (c *cable) carry(to, from *os.File, rng *rand.Rand) {
	buf := make([]byte, 1024)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		out := buf[:0]
		for _, b := range buf[:n] {
			if c.bad.Load() {
				switch rng.IntN(4000) {
				case 0:
					continue
				case 1:
					b ^= 1 << rng.IntN(8)
				}
			}
			out = append(out, b)
		}
		if c.bad.Load() && rng.IntN(500) == 0 {
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		}
		if _, err := to.Write(out); err != nil {
			return
		}
	}
}

func (c *cable) close() {
	for _, f := range c.files {
		_ = f.Close()
	}
	c.wg.Wait()
}
