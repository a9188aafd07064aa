package wire

// maxDepth is the deepest nesting the scanner can be told to accept.
const maxDepth = 1024

// A scanner walks over JSON text and checks it. Positions are indices of b; a
// negative position means that the scanner stopped, and why is in bad.
type scanner struct {
	b     []byte
	depth int // how deep a value may nest

	// What was met on the way. Who wants to know of one value resets it before.
	values int  // scalars and containers
	breaks bool // a line break between the tokens of a value
	lone   bool // a \u escape of half a surrogate pair
	esc    bool // a backslash in a string

	bad  fault
	at   int    // where, unless bad is short
	want string // what should have been there, when bad is faultChar

	stack   [maxDepth / 64]uint64 // kinds of containers beyond the 64 innermost
	nameBuf [96]byte
}

// begin makes the scanner ready for a message.
func (s *scanner) begin(b []byte, lim *Limits) {
	s.b, s.depth, s.values, s.lone, s.bad = b, lim.depth(), 0, false, 0
}

// A fault says why the scanner stopped.
type fault uint8

const (
	faultShort   fault = iota + 1 // the text ends too early
	faultChar                     // a byte that cannot stand there
	faultControl                  // a raw control character in a string
	faultUTF8
	faultEscape
	faultNaN
	faultInfinity
	faultDepth
)

func (s *scanner) short() int {
	s.bad = faultShort
	return -1
}

func (s *scanner) fail(f fault, at int) int {
	s.bad, s.at = f, at
	return -1
}

func (s *scanner) unexpected(at int, want string) int {
	if at >= len(s.b) {
		return s.short()
	}
	s.bad, s.at, s.want = faultChar, at, want
	return -1
}

// space returns the position of the first byte from i on that is not white space.
func (s *scanner) space(i int) int {
	for ; i < len(s.b); i++ {
		switch s.b[i] {
		case ' ', '\t':
		case '\n', '\r':
			s.breaks = true
		default:
			return i
		}
	}
	return i
}

// name reads a member's name, the colon and the white space after it. The name is
// b[from:to], escapes untouched; whether it has some is in esc. The value begins at
// next.
func (s *scanner) name(i int) (from, to, next int) {
	b := s.b
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != '"' {
		return 0, 0, s.unexpected(i, "a member's name in quotes")
	}
	from = i + 1
	s.esc = false
	if i = s.str(from); i < 0 {
		return 0, 0, i
	}
	to = i - 1
	if i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) || b[i] != ':' {
		return 0, 0, s.unexpected(i, "':'")
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(b) {
		return 0, 0, s.short()
	}
	return from, to, i
}

// open returns the position of the first member's name of the object whose brace is
// at i, or done and the position after the object when it is empty.
func (s *scanner) open(i int) (next int, done bool) {
	i = s.space(i + 1)
	if i >= len(s.b) {
		return s.short(), true
	}
	if s.b[i] == '}' {
		return i + 1, true
	}
	return i, false
}

// more is called after a member's value and returns the position of the next
// member's name, or done and the position after the object.
func (s *scanner) more(i int) (next int, done bool) {
	if i < len(s.b) && s.b[i] <= ' ' {
		i = s.space(i)
	}
	switch {
	case i >= len(s.b):
		return s.short(), true
	case s.b[i] == ',':
		return i + 1, false
	case s.b[i] == '}':
		return i + 1, true
	}
	return s.unexpected(i, "',' or '}'"), true
}
