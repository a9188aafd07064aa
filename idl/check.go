package idl

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A checker looks at a file as a whole.
type checker struct {
	*parser
	defined map[string]Pos
	models  map[string]*Model
	enums   map[string]*Enum
}

func (p *parser) check() {
	c := &checker{parser: p, defined: map[string]Pos{}, models: map[string]*Model{}, enums: map[string]*Enum{}}
	f := p.file
	start := Pos{f.Name, 1, 1}
	if f.Namespace == "" {
		c.errorf(start, "add a line such as: namespace com.example.thing", "the file has no namespace")
	}
	if f.Class == "" {
		c.errorf(start, "add a line such as: class Thing", "the file has no class")
	}
	c.collect()
	for _, m := range f.Models {
		c.fields(m.Fields, "member")
	}
	for _, x := range f.Exceptions {
		c.fields(x.Fields, "member")
	}
	for _, m := range f.Methods {
		c.fields(m.Params, "parameter")
		c.resolve(m.Result)
	}
	for _, e := range f.Events {
		c.fields(e.Params, "parameter")
	}
	c.checkNesting()
}

// collect registers the names of everything defined.
func (c *checker) collect() {
	f := c.file
	for _, m := range f.Models {
		if c.defineType(m.Pos, m.Name) {
			c.models[m.Name] = m
		}
	}
	for _, e := range f.Enums {
		if c.defineType(e.Pos, e.Name) {
			c.enums[e.Name] = e
		}
		c.values(e)
	}
	for _, x := range f.Exceptions {
		c.define(x.Pos, x.Name)
	}
	for _, m := range f.Methods {
		c.define(m.Pos, m.Name)
	}
	for _, e := range f.Events {
		c.define(e.Pos, e.Name)
	}
}

func (c *checker) define(pos Pos, name string) bool {
	if name == "" { // which was reported
		return false
	}
	if first, taken := c.defined[name]; taken {
		c.errorf(pos, "names are shared by models, enums, exceptions, methods and events",
			"'%s' is defined already, at line %d", name, first.Line)
		return false
	}
	c.defined[name] = pos
	return true
}

// defineType is define for what can stand where a type does.
func (c *checker) defineType(pos Pos, name string) bool {
	if slices.Contains(Primitives(), name) {
		c.errorf(pos, "choose another name", "'%s' is the name of a primitive type", name)
		return false
	}
	return c.define(pos, name)
}

func (c *checker) values(e *Enum) {
	seen := map[string]bool{}
	for _, v := range e.Values {
		if seen[v.Name] {
			c.errorf(v.Pos, "", "'%s' is a value of %s already", v.Name, e.Name)
		}
		seen[v.Name] = true
	}
	if len(e.Values) == 0 && !c.broken[e.Name] {
		c.errorf(e.Pos, "add values, divided by commas or line breaks", "enum %s has no values", e.Name)
	}
}

func (c *checker) fields(fields []*Field, what string) {
	seen := map[string]bool{}
	optional := ""
	for _, f := range fields {
		if seen[f.Name] {
			c.errorf(f.Pos, "", "there is a %s %s already", what, f.Name)
		}
		seen[f.Name] = true
		if !c.resolve(f.Type) {
			continue
		}
		if f.Default != nil {
			c.fits(f)
		}
		switch leaveOut := f.Optional || f.Default != nil; {
		case f.Optional && f.Default != nil:
			c.errorf(f.Pos, "drop the ? or the default", "%s has a default, and so may be left out anyway", f.Name)
		case leaveOut:
			optional = f.Name
		case optional != "" && what == "parameter":
			c.errorf(f.Pos, "put those that may be left out last", "%s must be given, but %s before it may be left out", f.Name, optional)
		}
	}
}

// resolve finds what a type refers to.
func (c *checker) resolve(t *Type) bool {
	if t == nil {
		return true
	}
	if slices.Contains(Primitives(), t.Base) {
		return true
	}
	t.Model, t.Enum = c.models[t.Base], c.enums[t.Base]
	if t.Model != nil || t.Enum != nil {
		return true
	}
	if c.broken[t.Base] {
		return false
	}
	if at, ok := c.defined[t.Base]; ok {
		c.errorf(t.Pos, "a type is a primitive, a model or an enum", "'%s', defined at line %d, is no type", t.Base, at.Line)
		return false
	}
	c.errorf(t.Pos, c.typeHint(t.Base), "unknown type '%s'", t.Base)
	return false
}

// typeHint guesses what was meant.
func (c *checker) typeHint(name string) string {
	known := map[string]string{
		"int": "int32", "integer": "int32", "long": "int64", "short": "int16", "byte": "uint8", "char": "uint8", "uint": "uint32",
		"bool": "boolean", "str": "string", "text": "string", "bytes": "binary", "blob": "binary", "data": "binary",
		"float32": "float", "single": "float", "float64": "double", "real": "double", "number": "double",
	}
	if like, ok := known[strings.ToLower(name)]; ok {
		return "did you mean " + like + "?"
	}
	const enough = 100 // errors with a guess; guessing takes time in a large file
	if len(*c.errs) > enough {
		return ""
	}
	candidates := Primitives()
	for _, m := range c.file.Models {
		candidates = append(candidates, m.Name)
	}
	for _, e := range c.file.Enums {
		candidates = append(candidates, e.Name)
	}
	if like := closest(name, candidates); like != "" {
		return "did you mean " + like + "?"
	}
	return "define it with model or enum, or use one of " + strings.Join(Primitives(), ", ")
}

// fits checks a default against its type.
func (c *checker) fits(f *Field) {
	l, t := f.Default, f.Type
	complain := func(hint string) {
		c.errorf(l.Pos, hint, "the default of %s does not fit its type, %s", f.Name, t)
	}
	switch {
	case t.Lists > 0 || t.Model != nil || t.Base == "binary":
		c.errorf(l.Pos, "use "+f.Name+"? for one that may be left out", "%s can have no default, being a %s", f.Name, t)
	case t.Enum != nil:
		var names []string
		for _, v := range t.Enum.Values {
			names = append(names, v.Name)
			if l.Kind == Word && v.Name == l.Text {
				return
			}
		}
		if !c.broken[t.Base] {
			complain("it is one of " + strings.Join(names, ", "))
		}
	case t.Base == "boolean":
		if l.Kind != Word || l.Text != "true" && l.Text != "false" {
			complain("it is true or false")
		}
	case t.Base == "string":
		if l.Kind != String {
			complain("a string stands in double quotes")
		}
	default:
		if hint := numberFits(l, t.Base); hint != "" {
			complain(hint)
		}
	}
}

// numberFits returns what is wrong with a number of a type, or "".
func numberFits(l *Literal, base string) string {
	if l.Kind != Number || !jsonNumber(l.Text) {
		return "it is a number"
	}
	switch kind := strings.TrimRight(base, "0123456789"); kind {
	case "float", "double":
		bits := map[string]int{"float": 32, "double": 64}[kind]
		if _, err := strconv.ParseFloat(l.Text, bits); err != nil {
			return "it is too large"
		}
	case "int":
		low, high := IntRange(base)
		if i, err := strconv.ParseInt(l.Text, 10, 64); err != nil || i < low || uint64(max(i, 0)) > high {
			return wholeHint(base)
		}
	default:
		_, high := IntRange(base)
		if u, err := strconv.ParseUint(l.Text, 10, 64); err != nil || u > high {
			return wholeHint(base)
		}
	}
	return ""
}

// jsonNumber reports whether a number is written as JSON has it.
func jsonNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || !isDigit(rune(digits[0])) || len(digits) > 1 && digits[0] == '0' && isDigit(rune(digits[1])) {
		return false
	}
	if i := strings.IndexByte(digits, '.'); i >= 0 && (i+1 == len(digits) || !isDigit(rune(digits[i+1]))) {
		return false
	}
	return strings.Count(s, ".") < 2 && isDigit(rune(s[len(s)-1])) && !strings.HasSuffix(strings.ToLower(s), ".e")
}

func wholeHint(base string) string {
	low, high := IntRange(base)
	return "it is a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatUint(high, 10)
}

// IntRange returns the least and the largest value of a primitive that is a whole
// number, and zeros for any other name.
func IntRange(base string) (low int64, high uint64) {
	switch base {
	case "int8":
		return math.MinInt8, math.MaxInt8
	case "int16":
		return math.MinInt16, math.MaxInt16
	case "int32":
		return math.MinInt32, math.MaxInt32
	case "int64":
		return math.MinInt64, math.MaxInt64
	case "uint8":
		return 0, math.MaxUint8
	case "uint16":
		return 0, math.MaxUint16
	case "uint32":
		return 0, math.MaxUint32
	case "uint64":
		return 0, math.MaxUint64
	}
	return 0, 0
}

// checkNesting reports models that contain themselves, whole, and so have no end.
func (c *checker) checkNesting() {
	state := map[*Model]int{} // 1: being looked at, 2: done
	var visit func(m *Model) bool
	visit = func(m *Model) bool {
		switch state[m] {
		case 1:
			return true
		case 2:
			return false
		}
		state[m] = 1
		defer func() { state[m] = 2 }()
		for _, f := range m.Fields {
			if f.Type.Model != nil && f.Type.Lists == 0 && !f.Optional && visit(f.Type.Model) {
				c.errorf(f.Pos, "make it optional ("+f.Name+"?) or a list", "%s contains itself by way of %s", m.Name, f.Name)
				return false
			}
		}
		return false
	}
	for _, m := range c.file.Models {
		visit(m)
	}
}
