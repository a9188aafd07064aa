package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds recursion. Carriers allow 64.
const maxDepth = 200

// A cursor walks over JSON. Payloads were checked when they arrived, so it looks only
// at what it needs to tell values apart; what it cannot make sense of is Malformed.
type cursor struct {
	data  []byte
	pos   int
	depth int
}

func (c *cursor) malformed(what string) *Problem {
	return &Problem{Code: Malformed, Got: what + " at byte " + strconv.Itoa(c.pos)}
}

// next skips white space and returns the byte that follows, 0 at the end.
func (c *cursor) next() byte {
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; b {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return b
		}
	}
	return 0
}

// end reports a problem when anything but white space follows.
func (c *cursor) end() *Problem {
	if c.next() != 0 || c.pos < len(c.data) {
		return c.malformed("more than one value")
	}
	return nil
}

// null steps over null, if that is next.
func (c *cursor) null() bool {
	if c.next() == 'n' && bytes.HasPrefix(c.data[c.pos:], []byte("null")) {
		c.pos += 4
		return true
	}
	return false
}

// open steps over the bracket that begins a list or an object, and reports whether it
// is empty; then close has been stepped over too.
func (c *cursor) open(shut byte) (empty bool, p *Problem) {
	if c.depth++; c.depth > maxDepth {
		return false, c.malformed("nested too deep")
	}
	c.pos++
	if c.next() != shut {
		return false, nil
	}
	c.pos++
	c.depth--
	return true, nil
}

// more steps over what follows an element: a comma, then it reports true, or the
// closing bracket.
func (c *cursor) more(shut byte) (bool, *Problem) {
	switch c.next() {
	case ',':
		c.pos++
		return true, nil
	case shut:
		c.pos++
		c.depth--
		return false, nil
	}
	return false, c.malformed("expected a comma or a closing bracket")
}

// key reads a member's name and the colon after it. The result is valid until the data
// change.
func (c *cursor) key() ([]byte, *Problem) {
	if c.next() != '"' {
		return nil, c.malformed("expected a member")
	}
	k, p := c.text()
	if p != nil {
		return nil, p
	}
	if c.next() != ':' {
		return nil, c.malformed("expected a colon")
	}
	c.pos++
	return k, nil
}

// text reads a string, without its quotes and with its escapes resolved. It is part of
// the data when there are none.
func (c *cursor) text() ([]byte, *Problem) {
	start := c.pos + 1
	plain, ascii := true, true
	for i := start; i < len(c.data); i++ {
		switch b := c.data[i]; {
		case b == '"':
			quoted := c.data[c.pos : i+1]
			c.pos = i + 1
			if plain && (ascii || utf8.Valid(c.data[start:i])) {
				return c.data[start:i], nil
			}
			return unquote(c, quoted)
		case b == '\\':
			plain = false
			i++
		case b < ' ':
			plain = false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, c.malformed("a string that does not end")
}

func unquote(c *cursor, quoted []byte) ([]byte, *Problem) {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, c.malformed("a string that is not valid")
	}
	return []byte(s), nil
}

// number reads a number's text.
func (c *cursor) number() []byte {
	start := c.pos
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; {
		case b >= '0' && b <= '9', b == '-', b == '+', b == '.', b == 'e', b == 'E':
			c.pos++
		default:
			return c.data[start:c.pos]
		}
	}
	return c.data[start:c.pos]
}

// value steps over any value and returns its text.
func (c *cursor) value() ([]byte, *Problem) {
	b := c.next()
	start := c.pos
	switch {
	case b == '"':
		if p := c.skipText(); p != nil {
			return nil, p
		}
	case b == '{' || b == '[':
		if p := c.skipBrackets(); p != nil {
			return nil, p
		}
	case b == '-' || b >= '0' && b <= '9':
		c.number()
	default:
		for c.pos < len(c.data) && c.data[c.pos] >= 'a' && c.data[c.pos] <= 'z' {
			c.pos++
		}
	}
	if c.pos == start {
		return nil, c.malformed("expected a value")
	}
	return c.data[start:c.pos], nil
}

func (c *cursor) skipText() *Problem {
	for i := c.pos + 1; i < len(c.data); i++ {
		switch c.data[i] {
		case '\\':
			i++
		case '"':
			c.pos = i + 1
			return nil
		}
	}
	return c.malformed("a string that does not end")
}

func (c *cursor) skipBrackets() *Problem {
	depth := 0
	for c.pos < len(c.data) {
		switch c.data[c.pos] {
		case '"':
			if p := c.skipText(); p != nil {
				return p
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				c.pos++
				return nil
			}
		}
		c.pos++
	}
	return c.malformed("a bracket that is not closed")
}
