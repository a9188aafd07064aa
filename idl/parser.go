package idl

import (
	"fmt"
	"slices"
	"strings"
	"time"
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
		p.skipLine()
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

// params reads "(name: type, ...)", which may go over several lines. It reports
// whether it came to the closing bracket.
func (p *parser) params() (fields []*Field, ok bool) {
	if _, ok := p.expect('(', "'('", "the parameters stand in ( and ), also when there are none"); !ok {
		return nil, false
	}
	for p.skipNewlines(); p.tok.kind != ')'; p.skipNewlines() {
		f := p.field("the name of a parameter")
		if f == nil {
			return fields, false
		}
		fields = append(fields, f)
		p.skipNewlines()
		if p.tok.kind == ')' {
			break
		}
		if _, ok := p.expect(',', "',' or ')'", ""); !ok {
			return fields, false
		}
	}
	p.next()
	return fields, true
}

// skipParams goes to the end of the line with the closing bracket, or to the next
// declaration if there is none before.
func (p *parser) skipParams() {
	for p.tok.kind != end && !(p.tok.first && slices.Contains(keywords, p.tok.text)) {
		if p.next().kind == ')' {
			p.skipLine()
			return
		}
	}
}

func (p *parser) method(t token) {
	p.next()
	m := &Method{Doc: t.doc}
	m.Pos, m.Name = p.declaredName("method")
	p.file.Methods = append(p.file.Methods, m)
	var ok bool
	if m.Params, ok = p.params(); !ok {
		p.skipParams()
		return
	}
	if p.tok.kind == ':' {
		p.next()
		if m.Result = p.typ("the type of the result"); m.Result == nil {
			p.skipLine()
			return
		}
	}
	if p.tok.kind == ident && p.tok.text == "timeout" {
		p.next()
		m.Timeout = p.timeout()
	}
	p.endOfLine("the method")
}

func (p *parser) timeout() time.Duration {
	const hint = "a timeout looks like 500ms, 5s or 2m"
	t := p.tok
	if t.kind != span && t.kind != number {
		p.expect(span, "a length of time", hint)
		return 0
	}
	p.next()
	d, err := time.ParseDuration(t.text)
	if err != nil || d < time.Millisecond {
		p.errorf(t.pos, hint, "'%s' is no length of time", t.text)
	}
	return d
}

func (p *parser) event(t token) {
	e := &Event{Doc: t.doc}
	for p.tok.kind == ident && p.tok.text != "event" {
		flag := &e.Retained
		switch p.tok.text {
		case "channel":
			flag = &e.Channel
		case "retained":
		default:
			p.errorf(p.tok.pos, "", "expected event, found '%s'", p.tok.text)
			p.skipLine()
			return
		}
		if *flag {
			p.errorf(p.tok.pos, "keep one of them", "%s is given more than once", p.tok.text)
		}
		*flag = true
		p.next()
	}
	if _, ok := p.expect(ident, "event", ""); !ok {
		p.skipLine()
		return
	}
	e.Pos, e.Name = p.declaredName("event")
	p.file.Events = append(p.file.Events, e)
	var ok bool
	if e.Params, ok = p.params(); !ok {
		p.skipParams()
		return
	}
	p.endOfLine("the event")
}

func (p *parser) exception(t token) {
	p.next()
	x := &Exception{Doc: t.doc}
	x.Pos, x.Name = p.declaredName("exception")
	p.file.Exceptions = append(p.file.Exceptions, x)
	if p.tok.kind == '{' {
		x.Fields = p.members(x.Name)
		return
	}
	p.endOfLine("the exception")
}

// enum reads names divided by commas or ends of lines.
func (p *parser) enum(t token) {
	p.next()
	e := &Enum{Doc: t.doc}
	e.Pos, e.Name = p.declaredName("enum")
	p.file.Enums = append(p.file.Enums, e)
	if _, ok := p.expect('{', "'{'", "the values stand in { and }"); !ok {
		p.markBroken(e.Name)
		p.skipLine()
		return
	}
	divider := func() bool { return p.tok.kind == newline || p.tok.kind == ',' }
	for {
		for divider() {
			p.next()
		}
		if p.tok.kind == '}' {
			break
		}
		v := &Value{Doc: p.tok.doc}
		var ok bool
		if v.Pos, v.Name, ok = p.name("a value"); !ok {
			p.markBroken(e.Name)
			p.skipMember()
			if p.tok.kind == end {
				return
			}
			continue
		}
		e.Values = append(e.Values, v)
		if !divider() && p.tok.kind != '}' {
			p.expect(',', "',' or '}'", "")
			p.markBroken(e.Name)
			p.skipMember()
		}
	}
	p.next()
	p.endOfLine("'}'")
}

// closest returns the candidate most like the word, or "" when none is.
func closest(word string, candidates []string) string {
	best, at := "", 3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < at && d < max(len(word), len(c))/2+1 {
			best, at = c, d
		}
	}
	return best
}

// distance is how many characters have to change to make b of a.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
