package schema

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Codes of a Problem.
const (
	Missing   = "missing"   // a value that must be there is not
	Unknown   = "unknown"   // there is nothing of that name
	Twice     = "twice"     // a member is there more than once
	WrongType = "type"      // it is something else
	Range     = "range"     // its type or its bounds exclude the value
	Choice    = "choice"    // it is none of the choices
	Count     = "count"     // too many or too few
	Malformed = "malformed" // it is not valid in its encoding
)

// A Problem says why a payload was refused.
type Problem struct {
	Code string `json:"problem"`
	// Path leads to the place: "age", "info.age", "items[2].name"; empty for the whole.
	Path     string `json:"path,omitempty"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"` // the beginning of it, as JSON
}

// Error says it in one line.
func (p *Problem) Error() string {
	at := ""
	if p.Path != "" {
		at = p.Path + ": "
	}
	switch p.Code {
	case Missing:
		return at + "missing; expected " + p.Expected
	case Unknown:
		return at + "unknown; there is " + p.Expected
	case Twice:
		return at + "given more than once"
	case Count:
		return fmt.Sprintf("%sexpected %s, got %s", at, p.Expected, p.Got)
	case Range:
		return fmt.Sprintf("%s%s is out of range; expected %s", at, p.Got, p.Expected)
	case Malformed:
		return at + "malformed JSON: " + p.Got
	}
	return fmt.Sprintf("%s%s does not fit; expected %s", at, p.Got, p.Expected)
}

// under puts the problem below a member or an element.
func (p *Problem) under(name string) *Problem {
	switch {
	case p.Path == "" || p.Path[0] == '[':
		p.Path = name + p.Path
	default:
		p.Path = name + "." + p.Path
	}
	return p
}

func (p *Problem) underIndex(i int) *Problem { return p.under("[" + strconv.Itoa(i) + "]") }

func mismatch(t Type, got []byte) *Problem {
	return &Problem{Code: WrongType, Expected: t.expected(), Got: snippet(got)}
}

// snippet shows foreign text on one short line.
func snippet(b []byte) string {
	const most = 40
	s := strings.ToValidUTF8(string(b[:min(len(b), most+utf8.UTFMax)]), "?")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// list joins names as a sentence does.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
