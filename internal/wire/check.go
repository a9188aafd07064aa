package wire

import "bytes"

// CheckJSON checks that data is one JSON value, white space around it allowed, nested
// at most maxDepth deep; below 1 means 64. It fails with an *Error.
func CheckJSON(data []byte, maxDepth int) error {
	var s scanner
	s.begin(data, &Limits{MaxDepth: maxDepth})
	end := s.value(0)
	if end < 0 {
		return wholeErr(&s)
	}
	if end = s.space(end); end < len(data) {
		return malformed("not JSON: byte %d is %s, after the end of the value", end, describe(data[end:]))
	}
	return nil
}

// wholeErr is err for text that nothing will be added to.
func wholeErr(s *scanner) error {
	err := s.err()
	if err == ErrShort {
		return malformed("not JSON: it ends too early, after %d bytes", len(s.b))
	}
	return err
}

// CompactNewlines appends data, which must be sound JSON, without the line breaks
// between its tokens. When there are none and dst is empty it returns data itself.
func CompactNewlines(dst, data []byte) []byte {
	if len(dst) == 0 && !isBreak(data) {
		return data
	}
	for {
		i := bytes.IndexAny(data, "\n\r")
		if i < 0 {
			return append(dst, data...)
		}
		dst = append(dst, data[:i]...)
		data = data[i+1:]
	}
}

func isBreak(data []byte) bool {
	return bytes.IndexByte(data, '\n') >= 0 || bytes.IndexByte(data, '\r') >= 0
}
