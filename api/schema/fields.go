package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A field is a member of a struct or a parameter, compiled.
type field struct {
	Field
	schema *Schema
	index  []int  // of a struct field, as reflect has it
	given  any    // the default as it was given; nil for none
	preset []byte // the same as JSON
}

func (f *field) limited() bool { return f.Choices != nil || f.Min != nil || f.Max != nil }

// A fieldList is what an object may hold.
type fieldList struct {
	list   []field
	byName map[string]int // where there are many
}

func (l *fieldList) describe() []Field {
	out := make([]Field, len(l.list))
	for i := range l.list {
		out[i] = l.list[i].Field
	}
	return out
}

func (l *fieldList) names() []string {
	var names []string
	for i := range l.list {
		names = append(names, l.list[i].Name)
	}
	return names
}

// manyFields is where a map begins to find a name sooner than a look at each.
const manyFields = 9

// add appends a field. It fails when the name is taken.
func (l *fieldList) add(f field) error {
	for i := range l.list {
		if l.list[i].Name == f.Name {
			return fmt.Errorf("two are called %q", f.Name)
		}
	}
	l.list = append(l.list, f)
	switch n := len(l.list); {
	case n == manyFields:
		l.byName = map[string]int{}
		for i := range l.list {
			l.byName[l.list[i].Name] = i
		}
	case n > manyFields:
		l.byName[f.Name] = n - 1
	}
	return nil
}

// find returns where the named field is, or -1. hint is where it is likely to be.
func (l *fieldList) find(name []byte, hint int) int {
	if hint < len(l.list) && l.list[hint].Name == string(name) {
		return hint
	}
	if l.byName != nil {
		if i, ok := l.byName[string(name)]; ok {
			return i
		}
	} else {
		for i := range l.list {
			if l.list[i].Name == string(name) {
				return i
			}
		}
	}
	return slices.IndexFunc(l.list, func(f field) bool { return strings.EqualFold(f.Name, string(name)) })
}

// compileStruct lists the fields of a struct as encoding/json does.
func (set *Set) compileStruct(t reflect.Type) (*fieldList, error) {
	l := &fieldList{}
	for _, sf := range reflect.VisibleFields(t) {
		name, skip, err := jsonName(t, sf)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
		if skip {
			continue
		}
		f := field{Field: Field{Name: name}, index: sf.Index}
		if f.schema, err = set.Of(sf.Type); err == nil {
			err = f.tags(sf)
		}
		if err == nil {
			err = l.add(f)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
	}
	return l, nil
}

// jsonName returns the name a field has in JSON, or skip for none of its own.
func jsonName(t reflect.Type, sf reflect.StructField) (name string, skip bool, err error) {
	tag, tagged := sf.Tag.Lookup("json")
	name, options, _ := strings.Cut(tag, ",")
	if tag == "-" || !sf.IsExported() {
		return "", true, nil
	}
	if slices.Contains(strings.Split(options, ","), "string") {
		return "", false, fmt.Errorf("the json option \"string\" is not supported")
	}
	if sf.Anonymous && (!tagged || name == "") && isStruct(sf.Type) {
		return "", true, nil // its own fields are among the visible ones
	}
	if hidden(t, sf.Index) {
		return "", true, nil
	}
	if name == "" {
		name = sf.Name
	}
	return name, false, nil
}

// hidden reports whether one of the embedded structs that lead to a field keeps
// encoding/json from it: one with a name of its own, or one it cannot make.
func hidden(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" || f.Type.Kind() == reflect.Pointer && !f.IsExported() {
			return true
		}
		t = f.Type
	}
	return false
}

func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != timeType && !reflect.PointerTo(t).Implements(jsonReader) &&
		!reflect.PointerTo(t).Implements(textReader)
}

// tags takes what the tags of a struct field say.
func (f *field) tags(sf reflect.StructField) error {
	f.Doc = sf.Tag.Get("doc")
	options := strings.Split(sf.Tag.Get("json"), ",")[1:]
	optional := sf.Type.Kind() == reflect.Pointer || slices.Contains(options, "omitempty") || slices.Contains(options, "omitzero")
	if c, ok := sf.Tag.Lookup("choices"); ok {
		f.Choices = strings.Split(c, ",")
	}
	f.Optional = optional
	if text, ok := sf.Tag.Lookup("default"); ok {
		f.given = presetText(text)
	}
	var err error
	if f.Min, err = bound(sf.Tag, "min"); err != nil {
		return err
	}
	f.Max, err = bound(sf.Tag, "max")
	return err
}

// A presetText is a default in a tag: the text itself for a string, else JSON.
type presetText string

func bound(tag reflect.StructTag, key string) (*float64, error) {
	text, ok := tag.Lookup(key)
	if !ok {
		return nil, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("tag %s: %q is no number", key, text)
	}
	return &x, nil
}

// settle completes a field whose schema is resolved.
func (f *field) settle() error {
	f.Type = f.schema.typ
	if f.given == nil {
		return nil
	}
	given := f.given
	if text, ok := given.(presetText); ok && f.Type.Kind == String {
		given = string(text)
	} else if ok {
		given = json.RawMessage(text)
	}
	b, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("default: %w", err)
	}
	v := reflect.New(f.schema.goType).Elem()
	c := cursor{data: b}
	p := f.read(&c, v)
	if p == nil {
		p = c.end()
	}
	if p != nil {
		return fmt.Errorf("default: %w", p)
	}
	f.preset, f.Default, f.Optional = b, v.Interface(), true
	return nil
}
