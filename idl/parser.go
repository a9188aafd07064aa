package idl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads an interface file. name stands in positions. When anything is wrong the
// file is nil and the errors are all there are.
func Parse(name string, src []byte) (*File, Errors) {
	var errs Errors
	p := &parser{errs: &errs, file: &File{Name: name}}
	p.lex = lexer{src: strings.TrimPrefix(string(src), "\uFEFF"), pos: Pos{name, 1, 1}, errs: &errs}
	p.next()
	p.parseFile()
	p.check()
	if errs = errs.sort(); len(errs) > 0 {
		return nil, errs
	}
	return p.file, nil
}

// A parser reads declarations. On an error it goes on with the next line.
type parser struct {
	lex  lexer
	tok  token // not yet consumed
	errs *Errors
	file *File
	// broken holds names whose declarations have errors, so that their uses are not
	// reported as well.
	broken map[string]bool
}

func (p *parser) next() token {
	t := p.tok
	p.tok = p.lex.next()
	return t
}

func (p *parser) errorf(pos Pos, hint, format string, args ...any) {
	*p.errs = append(*p.errs, &Error{pos, fmt.Sprintf(format, args...), hint})
}

// skipLine goes to the end of the line.
func (p *parser) skipLine() {
	for p.tok.kind != newline && p.tok.kind != end {
		p.next()
	}
}

// skipNewlines steps over ends of lines, where they have no meaning.
func (p *parser) skipNewlines() {
	for p.tok.kind == newline {
		p.next()
	}
}

// expect consumes a token of a kind. If there is another, it reports that and consumes
// nothing.
func (p *parser) expect(k kind, what, hint string) (token, bool) {
	if p.tok.kind == k {
		return p.next(), true
	}
	if p.tok.kind != bad { // which was reported
		p.errorf(p.tok.pos, hint, "expected %s, found %s", what, p.tok.what())
	}
	return p.tok, false
}

// endOfLine consumes the end of a declaration.
func (p *parser) endOfLine(after string) {
	if p.tok.kind == newline || p.tok.kind == end {
		p.next()
		return
	}
	if p.tok.kind != bad {
		p.errorf(p.tok.pos, "one declaration stands on each line", "expected the end of the line after %s, found %s", after, p.tok.what())
	}
	p.skipLine()
}

var keywords = []string{"namespace", "class", "socket", "model", "enum", "exception", "method", "event", "retained", "channel"}

func (p *parser) parseFile() {
	for p.skipNewlines(); p.tok.kind != end; p.skipNewlines() {
		t := p.tok
		if t.kind != ident {
			if t.kind != bad {
				p.errorf(t.pos, "a declaration begins with one of "+strings.Join(keywords, ", "), "expected a declaration, found %s", t.what())
			}
			p.skipLine()
			continue
		}
		p.declaration(t)
	}
}

func (p *parser) declaration(t token) {
	switch t.text {
	case "namespace":
		p.header(t, &p.file.Namespace, p.checkNamespace)
	case "class":
		p.header(t, &p.file.Class, p.checkClass)
	case "socket":
		p.header(t, &p.file.Socket, nil)
	case "model":
		p.next()
		m := &Model{Doc: t.doc}
		m.Pos, m.Name = p.declaredName("model")
		m.Fields = p.members(m.Name)
		p.file.Models = append(p.file.Models, m)
	case "enum":
		p.enum(t)
	case "exception":
		p.exception(t)
	case "method":
		p.method(t)
	case "event", "retained", "channel":
		p.event(t)
	default:
		hint := "a declaration begins with one of " + strings.Join(keywords, ", ")
		if like := closest(t.text, keywords); like != "" {
			hint = "did you mean " + like + "?"
		}
		p.errorf(t.pos, hint, "unknown declaration '%s'", t.text)
		p.lex.restOfLine(true) // whatever stands there
		p.next()
	}
}

// header reads a line that sets something of the file, at most once.
func (p *parser) header(t token, to *string, check func(Pos, string)) {
	value, at := p.lex.restOfLine(t.text == "socket")
	p.next() // on to the end of the line
	p.file.Doc = strings.Trim(p.file.Doc+"\n"+t.doc, "\n")
	switch {
	case *to != "":
		p.errorf(t.pos, "keep one of them", "%s is given more than once", t.text)
	case value == "":
		p.errorf(at, "", "expected a value after %s", t.text)
		*to = "?"
	case !utf8.ValidString(value):
		p.errorf(at, "save the file as UTF-8", "this is not UTF-8")
		*to = "?"
	default:
		*to = value
		if check != nil {
			check(at, value)
		}
	}
}

func (p *parser) checkNamespace(at Pos, s string) {
	const most = 200 // a name may have 255 bytes, and others are made of this one
	if len(s) > most {
		p.errorf(at, "", "the namespace has %d characters; %d are the most", len(s), most)
		return
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return !isLetter(r) && !isDigit(r) && r != '-' }) {
			p.errorf(at, "a namespace looks like com.example.thing", "'%s' is no namespace", s)
			return
		}
	}
}

func (p *parser) checkClass(at Pos, s string) {
	if !isName(s) {
		p.errorf(at, "a class name is made of letters, digits and _, and begins with a letter", "'%s' is no class name", s)
		return
	}
	p.checkLength(at, s)
}

func isName(s string) bool {
	for i, r := range s {
		if !isLetter(r) && (i == 0 || !isDigit(r)) {
			return false
		}
	}
	return strings.Trim(s, "_") != ""
}

func (p *parser) checkLength(at Pos, name string) {
	const most = 100
	if len(name) > most {
		p.errorf(at, "", "the name has %d characters; %d are the most", len(name), most)
	}
}

// name reads a name.
func (p *parser) name(what string) (Pos, string, bool) {
	t, ok := p.expect(ident, what, "")
	if !ok {
		return t.pos, "", false
	}
	if !isName(t.text) {
		p.errorf(t.pos, "a name has at least one letter or digit", "'%s' is no name", t.text)
	}
	p.checkLength(t.pos, t.text)
	return t.pos, t.text, true
}

func (p *parser) declaredName(what string) (Pos, string) {
	pos, name, _ := p.name("the name of the " + what)
	return pos, name
}

// markBroken remembers that a declaration has errors.
func (p *parser) markBroken(name string) {
	if p.broken == nil {
		p.broken = map[string]bool{}
	}
	p.broken[name] = true
}

// members reads the body of a model or of an exception.
func (p *parser) members(owner string) []*Field {
	before := len(*p.errs)
	if _, ok := p.expect('{', "'{'", "the members stand in { and }"); !ok {
		p.markBroken(owner)
		p.skipLine()
		return nil
	}
	fields := []*Field{}
	for p.skipNewlines(); p.tok.kind != '}'; p.skipNewlines() {
		if p.tok.kind == end {
			p.errorf(p.tok.pos, "close it with }", "the file ends inside of %s", owner)
			return fields
		}
		if f := p.field("the name of a member"); f != nil {
			fields = append(fields, f)
		} else {
			p.skipMember()
		}
		if p.tok.kind != '}' {
			p.endOfLine("the member")
		}
	}
	p.next()
	p.endOfLine("'}'")
	if len(*p.errs) > before {
		p.markBroken(owner)
	}
	return fields
}

// skipMember goes to the end of a member.
func (p *parser) skipMember() {
	for p.tok.kind != newline && p.tok.kind != end && p.tok.kind != '}' {
		p.next()
	}
}

// field reads "name: type", perhaps with "?" and a default. It returns nil when that is
// not what there is.
func (p *parser) field(what string) *Field {
	f := &Field{Doc: p.tok.doc}
	var ok bool
	if f.Pos, f.Name, ok = p.name(what); !ok {
		return nil
	}
	if p.tok.kind == '?' {
		p.next()
		f.Optional = true
	}
	if _, ok = p.expect(':', "':' and the type of "+f.Name, ""); !ok {
		return nil
	}
	if f.Type = p.typ("the type of " + f.Name); f.Type == nil {
		return nil
	}
	if p.tok.kind == '=' {
		p.next()
		f.Default = p.literal()
	}
	return f
}

const maxLists = 8

func (p *parser) typ(what string) *Type {
	t := &Type{Pos: p.tok.pos}
	for p.tok.kind == '*' {
		p.next()
		t.Lists++
	}
	if t.Lists > maxLists {
		p.errorf(t.Pos, "put a model between them", "%d lists inside each other; %d are the most", t.Lists, maxLists)
	}
	base, ok := p.expect(ident, what, "")
	if !ok {
		return nil
	}
	t.Base = base.text
	return t
}

func (p *parser) literal() *Literal {
	l := &Literal{Pos: p.tok.pos, Text: p.tok.text}
	switch p.tok.kind {
	case number:
		l.Kind = Number
	case text:
		l.Kind = String
	case ident:
		l.Kind = Word
	case bad:
		p.next()
		return nil
	default:
		p.errorf(p.tok.pos, "a default is a number, a string, true, false or a value of an enum", "expected a default, found %s", p.tok.what())
		return nil
	}
	p.next()
	return l
}
