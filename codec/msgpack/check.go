package msgpack

import "unicode/utf8"

// Bytes of JSON for what would have to be written to know, at most.
const (
	sizeFloat = 26
	sizeTime  = 34
)

// check checks a whole value, and returns how long it is as JSON at most.
func (r *reader) check(maxDepth int) (size int, ok bool) {
	r.depth = maxDepth
	return r.checkValue(maxDepth)
}

func (r *reader) checkValue(left int) (size int, ok bool) {
	switch k := r.next(); k {
	case kindNil, kindTrue:
		return 4, true
	case kindFalse:
		return 5, true
	case kindUint:
		return digits(r.num), true
	case kindInt:
		return 1 + digits(-r.num), true
	case kindFloat32, kindFloat64:
		return sizeFloat, r.finite()
	case kindString:
		return r.checkString()
	case kindBinary:
		return 2 + (len(r.text)+2)/3*4, true
	case kindTime:
		_, ok := r.time()
		return sizeTime, ok
	case kindArray:
		return r.checkArray(left)
	case kindMap:
		return r.checkMap(left)
	}
	return 0, false
}

func (r *reader) checkString() (size int, ok bool) {
	if !utf8.Valid(r.text) {
		r.fail(faultUTF8)
		return 0, false
	}
	return quotedSize(r.text), true
}

func (r *reader) checkArray(left int) (size int, ok bool) {
	n := r.n
	if !r.enter(left) {
		return 0, false
	}
	size = 2 + max(n-1, 0)
	for range n {
		s, ok := r.checkValue(left - 1)
		if !ok {
			return 0, false
		}
		size += s
	}
	return size, true
}

func (r *reader) checkMap(left int) (size int, ok bool) {
	n := r.n
	if !r.enter(left) {
		return 0, false
	}
	size = 2 + 2*n
	for range n {
		switch r.key() {
		case kindString:
			size += quotedSize(r.text)
		case kindUint, kindInt:
			size += 22
		default:
			return 0, false
		}
		s, ok := r.checkValue(left - 1)
		if !ok {
			return 0, false
		}
		size += s
	}
	return size, true
}

// digits returns how many decimal digits n has.
func digits(n uint64) int {
	d := 1
	for ; n >= 1000; n /= 1000 {
		d += 3
	}
	switch {
	case n >= 100:
		return d + 2
	case n >= 10:
		return d + 1
	}
	return d
}

// quotedSize returns how long a string is as JSON.
func quotedSize(text []byte) int {
	size := 2 + len(text)
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			size += len(escapeOf(c)) - 1
		}
	}
	return size
}
