package main

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/internal/pty"
)

// A cable is a serial line. While it is bad, bytes get lost and bits flip.
type cable struct {
	*pty.Cable
	bad atomic.Bool
}

func newCable(seed uint64) (c *cable, err error) {
	c = &cable{}
	c.Cable, err = pty.NewCable(c.damage(seed, 101), c.damage(seed, 100))
	return c, err
}

// damage returns what becomes of the bytes in one direction.
func (c *cable) damage(seed, direction uint64) func([]byte) []byte {
	rng := rand.New(rand.NewPCG(seed, direction))
	return func(in []byte) []byte {
		if !c.bad.Load() {
			return in
		}
		out := in[:0]
		for _, b := range in {
			switch rng.IntN(4000) {
			case 0:
				continue
			case 1:
				b ^= 1 << rng.IntN(8)
			}
			out = append(out, b)
		}
		if rng.IntN(500) == 0 {
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		}
		return out
	}
}
