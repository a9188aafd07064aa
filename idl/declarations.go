package idl

import (
	"slices"
	"time"
)

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
