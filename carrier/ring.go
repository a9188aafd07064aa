package carrier

// A ring is a queue whose items keep their position, counted from the first ever
// pushed. Its memory grows with what it holds; trim gives it back.
type ring[T any] struct {
	buf  []T // length a power of two
	head uint64
	tail uint64
}

const ringKeep = 64 // a trimmed ring keeps at most this much

func (r *ring[T]) len() int { return int(r.tail - r.head) }

func (r *ring[T]) at(pos uint64) *T { return &r.buf[pos&uint64(len(r.buf)-1)] }

func (r *ring[T]) push(v *T) {
	if r.len() == len(r.buf) {
		r.grow()
	}
	*r.at(r.tail) = *v
	r.tail++
}

func (r *ring[T]) grow() {
	next := make([]T, max(2*len(r.buf), 4))
	for pos := r.head; pos < r.tail; pos++ {
		next[pos&uint64(len(next)-1)] = *r.at(pos)
	}
	r.buf = next
}

// pop drops the first item.
func (r *ring[T]) pop() {
	var none T
	*r.at(r.head) = none
	r.head++
}

// trim gives the memory of an empty ring back.
func (r *ring[T]) trim() {
	if r.head == r.tail && len(r.buf) > ringKeep {
		r.buf = nil
	}
}
