package carrier

import (
	"math/bits"
	"sync"
)

// longBuffers are read buffers that long messages have left, by length: maxReadBuffer and its
// doubles. A connection does not keep one, since the next long message may never come; and to
// make one for each would take more time than to read the message.
type longBuffers struct{ pools [8]sync.Pool }

// longClass returns the place of buffers for so many bytes, and how long these are.
func longClass(size int) (class, length int) {
	class = bits.Len(uint(max(size, 1)-1) / maxReadBuffer)
	return class, maxReadBuffer << class
}

// get returns a buffer of at least so many bytes.
func (l *longBuffers) get(size int) []byte {
	class, length := longClass(size)
	if l == nil || class >= len(l.pools) {
		return make([]byte, size)
	}
	if b, ok := l.pools[class].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, length)
}

// put takes a buffer that nobody uses.
func (l *longBuffers) put(b []byte) {
	class, length := longClass(len(b))
	if l != nil && len(b) == length && class < len(l.pools) {
		l.pools[class].Put(&b)
	}
}
