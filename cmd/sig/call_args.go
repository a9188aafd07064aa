package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
)

// params makes the arguments of a call from words of a command line. Without a description
// of the method each word is JSON, or else text, and names are taken as they come.
func (c caller) params(m *api.MethodInfo, words []string) ([]any, error) {
	l := argList{caller: c, method: m, named: api.Named{}}
	for len(words) > 0 {
		used, err := l.take(words)
		if err != nil {
			return nil, err
		}
		words = words[used:]
	}
	if m != nil {
		if err := l.missing(); err != nil {
			return nil, err
		}
	}
	if len(l.named) > 0 {
		return l.byName()
	}
	return l.placed, nil
}

// An argList collects the arguments of a call.
type argList struct {
	caller
	method *api.MethodInfo // nil: not known
	placed []any           // by position
	named  api.Named
	plain  bool // after "--" nothing is a name
}

// take takes one argument, and returns how many words that was.
func (l *argList) take(words []string) (int, error) {
	word := words[0]
	switch {
	case l.plain, !strings.HasPrefix(word, "-"), word == "-", isNumber(word):
		return 1, l.place(word)
	case word == "--":
		l.plain = true
		return 1, nil
	case !strings.HasPrefix(word, "--"):
		return 0, usagef("%s: parameters are named with two dashes; put -- before what begins with one and is no name", word)
	}
	name, value, given := strings.Cut(word[2:], "=")
	f, negated, err := l.find(name)
	switch {
	case err != nil:
		return 0, err
	case negated && given:
		return 0, usagef("--%s takes no value", name)
	case negated:
		return 1, l.set(f, false)
	case given:
		return 1, l.read(f, value)
	case f.Type.Kind == schema.Boolean && (len(words) == 1 || !isBool(words[1])):
		return 1, l.set(f, true)
	case len(words) == 1:
		return 0, usagef("--%s needs a value: %s", name, f.Type)
	}
	return 2, l.read(f, words[1])
}

// isNumber tells a negative number from the name of a parameter.
func isNumber(word string) bool {
	_, err := strconv.ParseFloat(word, 64)
	return err == nil
}

func isBool(word string) bool { return word == "true" || word == "false" }

// find finds the parameter of a name; negated says that it was named --no-PARAMETER. Words of
// a name may be joined by dashes too.
func (l *argList) find(name string) (f schema.Field, negated bool, err error) {
	if l.method == nil {
		return schema.Field{Name: name, Type: schema.Type{Kind: schema.Any}}, false, nil
	}
	of := func(name string) (schema.Field, bool) {
		for _, f := range l.method.Params {
			if f.Name == name || f.Name == strings.ReplaceAll(name, "-", "_") {
				return f, true
			}
		}
		return schema.Field{}, false
	}
	if f, ok := of(name); ok {
		return f, false, nil
	}
	if rest, ok := strings.CutPrefix(name, "no-"); ok {
		if f, ok := of(rest); ok && f.Type.Kind == schema.Boolean {
			return f, true, nil
		}
	}
	return schema.Field{}, false, usagef("%s has no parameter %s; call it as %s", l.method.Name, visible(name), l.method.Usage())
}

// read takes the value of a named parameter.
func (l *argList) read(f schema.Field, word string) error {
	v, err := l.value(f.Type, word)
	if err != nil {
		return fmt.Errorf("--%s: %w", f.Name, err)
	}
	return l.set(f, v)
}

func (l *argList) set(f schema.Field, v any) error {
	if _, twice := l.named[f.Name]; twice {
		return usagef("--%s is given twice", f.Name)
	}
	l.named[f.Name] = v
	return nil
}

// place takes the value of the next parameter in order.
func (l *argList) place(word string) error {
	f, err := l.next()
	if err != nil {
		return err
	}
	v, err := l.value(f.Type, word)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	l.placed = append(l.placed, v)
	return nil
}

// next returns the parameter that the next word in order is for.
func (l *argList) next() (schema.Field, error) {
	n := len(l.placed)
	if l.method == nil {
		return schema.Field{Name: fmt.Sprintf("argument %d", n+1), Type: schema.Type{Kind: schema.Any}}, nil
	}
	last := len(l.method.Params) - 1
	switch {
	case n < last || n == last && !l.method.Rest:
		return l.method.Params[n], nil
	case l.method.Rest:
		f := l.method.Params[last]
		f.Type = *f.Type.Elem
		return f, nil
	}
	return schema.Field{}, usagef("%d arguments are too many; call it as %s", n+1, l.method.Usage())
}

// missing says which parameters have to be given and were not.
func (l *argList) missing() error {
	var names []string
	for i, f := range l.method.Params {
		rest := l.method.Rest && i == len(l.method.Params)-1
		if _, named := l.named[f.Name]; i >= len(l.placed) && !named && !f.Optional && !rest {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return usagef("%s is missing; call it as %s", strings.Join(names, ", "), l.method.Usage())
}

// byName turns all arguments into named ones.
func (l *argList) byName() ([]any, error) {
	if l.method == nil {
		if len(l.placed) > 0 {
			return nil, usagef("the sender does not describe its methods; give arguments in order, or all by name")
		}
		return []any{l.named}, nil
	}
	for i, v := range l.placed {
		last := len(l.method.Params) - 1
		if l.method.Rest && i >= last {
			if err := l.set(l.method.Params[last], l.placed[last:]); err != nil {
				return nil, err
			}
			break
		}
		if err := l.set(l.method.Params[i], v); err != nil {
			return nil, usagef("%s is given both in order and as --%s", l.method.Params[i].Name, l.method.Params[i].Name)
		}
	}
	return []any{l.named}, nil
}

// value reads a word as a value of a type. Ranges and choices are the callee's to check.
func (c caller) value(t schema.Type, word string) (any, error) {
	text, file, err := c.text(word)
	if err != nil {
		return nil, err
	}
	if t.Null && string(text) == "null" {
		return nil, nil
	}
	switch t.Kind {
	case schema.String:
		return string(text), nil
	case schema.Binary:
		if file {
			return base64.StdEncoding.EncodeToString(text), nil
		}
		return word, nil
	case schema.Any:
		if json.Valid(text) {
			return json.RawMessage(text), nil
		}
		return string(text), nil
	}
	if !json.Valid(text) || !fits(t.Kind, text) {
		return nil, usagef("%q is not %s", shorten(string(text)), wanted(t))
	}
	return json.RawMessage(text), nil
}

// fits reports whether JSON text is of the general nature of a type.
func fits(k schema.Kind, text []byte) bool {
	first := strings.TrimSpace(string(text))[0]
	switch k {
	case schema.Boolean:
		return first == 't' || first == 'f'
	case schema.Integer, schema.Number:
		return first == '-' || first >= '0' && first <= '9'
	case schema.List:
		return first == '['
	case schema.Map, schema.Object:
		return first == '{'
	}
	return true
}

// wanted says how a value of a type is written.
func wanted(t schema.Type) string {
	switch t.Kind {
	case schema.Boolean:
		return "true or false"
	case schema.Integer:
		return "a whole number"
	case schema.Number:
		return "a number"
	case schema.List:
		return "a JSON list such as [1, 2]"
	case schema.Map, schema.Object:
		return `a JSON object such as {"a": 1}`
	}
	return t.String()
}

// text returns what a word stands for: itself, or the content of a file or of standard
// input.
func (c caller) text(word string) (text []byte, file bool, err error) {
	switch {
	case word == "-":
		text, err = readAll(c.app.in)
	case strings.HasPrefix(word, "@") && len(word) > 1:
		var f *os.File
		if f, err = openInput(word); err != nil {
			return nil, false, err
		}
		defer f.Close()
		text, err = readAll(f)
	default:
		return []byte(word), false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s: %w", strings.TrimPrefix(word, "@"), err)
	}
	return slices.Clip(text), true, nil
}
