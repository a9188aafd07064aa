//go:build unix

package network

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// counters is a file, mapped into the memory of two processes, of how many events each
// subscriber has had: the subscribers write, the publisher reads. It is the same
// cheap flow control for all peers.
type counters struct {
	mem []byte
	n   int
}

const stride = 64 // a cache line each

// newCounters makes counters for this process alone.
func newCounters(n int) *counters { return &counters{make([]byte, n*stride), n} }

func openCounters(path string, n int) (*counters, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(int64(n) * stride); err != nil {
		return nil, err
	}
	mem, err := syscall.Mmap(int(f.Fd()), 0, n*stride, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return &counters{mem, n}, err
}

func (c *counters) at(i int) *atomic.Int64 {
	return (*atomic.Int64)(unsafe.Pointer(&c.mem[i*stride]))
}

func (c *counters) min() int64 {
	least := c.at(0).Load()
	for i := range c.n {
		least = min(least, c.at(i).Load())
	}
	return least
}

func (c *counters) sum() (sum int64) {
	for i := range c.n {
		sum += c.at(i).Load()
	}
	return sum
}
