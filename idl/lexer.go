package idl

import (
	"strings"
	"unicode/utf8"
)

// A kind is the kind of a token. Punctuation is its own kind.
type kind rune

const (
	end     kind = -iota - 1 // of the file
	newline                  // end of a line
	ident                    // a name or a keyword
	number                   // digits, with sign, point and exponent
	text                     // a string, in quotes
	span                     // a length of time: 5s
	bad                      // what cannot be; it was reported
)

// A token is a word of a file.
type token struct {
	kind kind
	text string
	doc  string // the doc comment above it
	pos  Pos
	// first is set for the first of its line.
	first bool
}

// what names the token in an error.
func (t token) what() string {
	switch t.kind {
	case end:
		return "the end of the file"
	case newline:
		return "the end of the line"
	case text:
		return "a string"
	}
	return "'" + t.text + "'"
}

// A lexer divides a file into tokens.
type lexer struct {
	src  string
	off  int
	pos  Pos
	errs *Errors
	doc  []string // lines of the doc comment so far
	// inLine is set when the line had a token before. Behind one, no comment documents.
	inLine bool
}

func (l *lexer) errorAt(pos Pos, message, hint string) {
	*l.errs = append(*l.errs, &Error{pos, message, hint})
}

// peek returns the character at the offset, 0 at the end.
func (l *lexer) peek() rune {
	if l.off >= len(l.src) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.off:])
	return r
}

// take steps over a character.
func (l *lexer) take() {
	r, n := utf8.DecodeRuneInString(l.src[l.off:])
	l.off += n
	l.pos.Column++
	if r == '\n' {
		l.pos.Line, l.pos.Column = l.pos.Line+1, 1
	}
}

// takeWhile steps over characters and returns them.
func (l *lexer) takeWhile(ok func(rune) bool) string {
	start := l.off
	for l.off < len(l.src) && ok(l.peek()) {
		l.take()
	}
	return l.src[start:l.off]
}

func isSpace(r rune) bool  { return r == ' ' || r == '\t' || r == '\r' || r == '\v' || r == '\f' }
func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' }
func inLine(r rune) bool   { return r != '\n' }

// next returns the next token. A doc comment goes to the first token after it.
func (l *lexer) next() token {
	l.blanks()
	t := token{pos: l.pos}
	switch r := l.peek(); {
	case l.off >= len(l.src):
		t.kind = end
	case r == '\n':
		t.kind, l.inLine = newline, false
		l.take()
		return t // the doc comment is for what follows
	case isLetter(r):
		t.kind, t.text = ident, l.takeWhile(func(r rune) bool { return isLetter(r) || isDigit(r) })
	case isDigit(r) || r == '-' || r == '+':
		t.kind, t.text = l.number()
	case r == '"':
		t.kind, t.text = l.string()
	case strings.ContainsRune("(){}:,*?=", r):
		t.kind, t.text = kind(r), string(r)
		l.take()
	default:
		t.kind = bad
		l.unexpected(r)
	}
	t.first, l.inLine = !l.inLine, true
	t.doc = strings.Join(l.doc, "\n")
	l.doc = nil
	return t
}

// blanks steps over white space and comments, and collects doc comments.
func (l *lexer) blanks() {
	for {
		l.takeWhile(isSpace)
		rest := l.src[l.off:]
		if !strings.HasPrefix(rest, "//") {
			return
		}
		line := strings.TrimRight(l.takeWhile(inLine), " \t\r")
		doc, isDoc := strings.CutPrefix(line, "///")
		if isDoc && !l.inLine && !strings.HasPrefix(doc, "/") {
			l.doc = append(l.doc, l.docLine(doc))
		}
	}
}

// docLine takes what a comment's author put between the slashes and the text.
func (l *lexer) docLine(s string) string {
	return strings.ToValidUTF8(strings.TrimPrefix(s, " "), "\uFFFD")
}

// unexpected reports a character and steps over it and those like it.
func (l *lexer) unexpected(r rune) {
	at := l.pos
	switch {
	case r == utf8.RuneError:
		l.errorAt(at, "this is not UTF-8", "save the file as UTF-8")
	case r == '/':
		l.errorAt(at, "unexpected '/'", "a comment begins with //, or /// for one that documents")
	case r == '[' || r == ']':
		l.errorAt(at, "unexpected '"+string(r)+"'", "a list of T is written *T")
	case r == '\'':
		l.errorAt(at, "unexpected \"'\"", "strings stand in double quotes")
	case r == ';':
		l.errorAt(at, "unexpected ';'", "a line ends without one")
	case r < ' ' || r == 0x7f:
		l.errorAt(at, "unexpected control character", "")
	default:
		l.errorAt(at, "unexpected '"+string(r)+"'", "names are made of letters, digits and _")
	}
	l.takeWhile(func(n rune) bool { return n == r })
}

// number reads a number, or a length of time, which begins like one.
func (l *lexer) number() (kind, string) {
	start := l.off
	l.take()
	l.takeWhile(func(r rune) bool { return isDigit(r) || r == '.' })
	if r := l.peek(); r == 'e' || r == 'E' {
		l.take()
		if r := l.peek(); r == '-' || r == '+' {
			l.take()
		}
		l.takeWhile(isDigit)
	}
	k := number
	if isLetter(l.peek()) || l.peek() == 'µ' {
		k = span
		l.takeWhile(func(r rune) bool { return isLetter(r) || isDigit(r) || r == '.' || r == 'µ' })
	}
	return k, l.src[start:l.off]
}

// string reads a string and resolves its escapes.
func (l *lexer) string() (kind, string) {
	at := l.pos
	var b strings.Builder
	for l.take(); l.off < len(l.src) && l.peek() != '\n'; l.take() {
		switch r := l.peek(); r {
		case '"':
			l.take()
			return text, b.String()
		case utf8.RuneError:
			l.errorAt(l.pos, "this is not UTF-8", "save the file as UTF-8")
		case '\\':
			escape := l.pos
			if !strings.HasPrefix(l.src[l.off+1:], "\n") && l.off+1 < len(l.src) {
				l.take()
				b.WriteRune(l.escape(escape))
			}
		default:
			b.WriteRune(r)
		}
	}
	l.errorAt(at, "the string does not end in its line", "close it with \"; write a line break as \\n")
	return bad, ""
}

// escape returns what the character after a backslash stands for.
func (l *lexer) escape(at Pos) rune {
	switch r := l.peek(); r {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case '"', '\\':
		return r
	}
	l.errorAt(at, "unknown escape", `there are \n, \t, \" and \\`)
	return ' '
}

// restOfLine returns what is left of the line, without a comment behind it. In a path a
// comment needs a space before it.
func (l *lexer) restOfLine(path bool) (string, Pos) {
	l.takeWhile(isSpace)
	at := l.pos
	line := l.takeWhile(inLine)
	for i := 0; i < len(line); i++ {
		if strings.HasPrefix(line[i:], "//") && (!path || i == 0 || isSpace(rune(line[i-1]))) {
			line = line[:i]
		}
	}
	return strings.TrimRight(line, " \t\r\v\f"), at
}
