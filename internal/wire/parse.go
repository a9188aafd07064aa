package wire

import "bytes"

// Parse reads the message that buf begins with, white space before it skipped, and
// returns how many bytes it used up: the message and, after a JSON object, the white
// space that follows up to and including the first line break. A nil lim means the defaults.
//
// It fails with ErrShort while buf holds only the beginning of a message; n is then
// the length of the white space before it. Whatever cannot become a JSON object or a
// binary frame any more fails at once, however little of it there is.
//
// Any other error is an *Error. When n is 0 the bytes are not a message at all or
// too much of one, and nothing can be said of what follows them. When n is greater, a whole object was
// read that the protocol refuses, an id of a wrong type for instance: what follows is
// sound. Kind, ID and N of m then hold what could be made out, so that a refused
// reply is not itself answered.
func Parse(buf []byte, lim *Limits, m *Msg) (n int, err error) {
	if lim == nil {
		lim = &Limits{}
	}
	m.reset()
	start := skipSpace(buf, 0)
	if start == len(buf) {
		return start, ErrShort
	}
	b := buf[start:]
	most := lim.message()
	if len(b) > most {
		b = b[:most]
	}
	switch c := b[0]; {
	case c == '{':
		n, err = m.parseText(b, lim)
	case c >= binFirst && c <= binLast:
		n, err = m.parseBinary(b, lim)
	default:
		return 0, notMessage(b)
	}
	if err == ErrShort {
		if start+most >= len(buf) {
			return start, err
		}
		return 0, m.withID(overLimit("MaxMessage", "message longer than %d bytes", most))
	}
	switch {
	case n == 0:
		return 0, err
	case m.Binary:
		return start + n, err
	}
	return m.lineEnd(buf, start+n), err
}

// lineEnd passes over the white space after a message up to the first line break.
func (m *Msg) lineEnd(buf []byte, i int) int {
	for i < len(buf) && isSpace(buf[i]) {
		i++
		if buf[i-1] == '\n' {
			m.Newline = true
			break
		}
	}
	return i
}

// parseText reads a JSON object: the way it is usually written first, then any way.
func (m *Msg) parseText(b []byte, lim *Limits) (int, error) {
	if n := m.parseCanonical(b, lim); n > 0 {
		return n, nil
	}
	return m.parseAny(b, lim)
}

// withID adds what is known of the id to an error.
func (m *Msg) withID(e *Error) *Error {
	if m.ID != nil {
		e.ID = bytes.Clone(m.ID)
	} else if m.HasNum {
		e.ID = AppendID(nil, m.Num)
	}
	return e
}
