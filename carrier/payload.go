package carrier

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// A Payload is the data of a signal on its way. Data must not change; it is valid while
// somebody holds it, see Hold.
type Payload struct {
	Data  []byte
	chunk *chunk // what Data is a part of; nil when the garbage collector sees to it
	forms *forms // see Several; nil: it is JSON, and nobody wants anything else
}

// Hold notes that n queues will have the payload. Each that does not take it is followed
// by a Release.
func (p Payload) Hold(n int) {
	if p.chunk != nil {
		p.chunk.refs.Add(int32(n))
	}
}

// Release takes one Hold back.
func (p Payload) Release() {
	if p.chunk != nil {
		p.chunk.release(1)
	}
}

// A chunk holds payloads that came one after the other. It is used again when the last
// of them has reached everybody: at a million events a second, memory for each would
// keep the garbage collector busy.
type chunk struct {
	buf  []byte
	refs atomic.Int32
	pool *sync.Pool
}

const chunkSize = 16 << 10

func (c *chunk) release(n int32) {
	if c.refs.Add(-n) == 0 {
		c.buf = c.buf[:0]
		c.pool.Put(c)
	}
}

// A Copier copies payloads out of a read buffer. It is used by one goroutine, and Close
// ends it.
type Copier struct {
	pool *sync.Pool
	cur  *chunk // held
}

// NewCopier makes a copier that shares its memory with all others of the engine.
func (e *Engine) NewCopier() *Copier { return &Copier{pool: &e.chunks} }

// Copy copies a payload. It is valid until the next Copy, and then for as long as it is
// held.
func (c *Copier) Copy(data []byte) Payload {
	if len(data) == 0 {
		return Payload{}
	}
	if len(data) > chunkSize/4 {
		return Payload{Data: bytes.Clone(data)}
	}
	if c.cur == nil || len(data) > chunkSize-len(c.cur.buf) {
		c.next()
	}
	n := len(c.cur.buf)
	c.cur.buf = append(c.cur.buf, data...)
	return Payload{Data: c.cur.buf[n:len(c.cur.buf):len(c.cur.buf)], chunk: c.cur}
}

func (c *Copier) next() {
	c.Close()
	k, ok := c.pool.Get().(*chunk)
	if !ok {
		k = &chunk{buf: make([]byte, 0, chunkSize), pool: c.pool}
	}
	k.refs.Store(1)
	c.cur = k
}

// Close lets the memory go.
func (c *Copier) Close() {
	if c.cur != nil {
		c.cur.release(1)
		c.cur = nil
	}
}
