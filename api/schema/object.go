package schema

import (
	"reflect"
	"slices"
	"strconv"
)

// A place is where the fields of an object go: into those of a struct, or each into a
// variable of its own.
type place struct {
	base reflect.Value
	vars []reflect.Value
}

// at returns the variable of a field, making the embedded structs on the way to it.
func (t place) at(f *field, i int) reflect.Value {
	if t.vars != nil {
		return t.vars[i]
	}
	v := t.base
	for n, x := range f.index {
		if n > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// A seenSet remembers which fields an object had.
type seenSet struct {
	few  uint64
	many []bool
}

func (s *seenSet) has(i int) bool {
	if i < 64 {
		return s.few&(1<<i) != 0
	}
	return i-64 < len(s.many) && s.many[i-64]
}

func (s *seenSet) add(i int) {
	if i < 64 {
		s.few |= 1 << i
		return
	}
	for i-64 >= len(s.many) {
		s.many = append(s.many, false)
	}
	s.many[i-64] = true
}

// readObject reads the members of an object. Members it does not know are skipped in a
// struct, so that those who send may know more than those who receive; among parameters
// they are a problem.
func (l *fieldList) readObject(c *cursor, to place) *Problem {
	return l.object(c, to, false)
}

func (l *fieldList) object(c *cursor, to place, strict bool) *Problem {
	empty, p := c.open('}')
	if p != nil {
		return p
	}
	var seen seenSet
	hint := 0
	for more := !empty; more; {
		name, p := c.key()
		if p != nil {
			return p
		}
		switch i := l.find(name, hint); {
		case i < 0 && strict:
			return (&Problem{Code: Unknown, Expected: list(l.names())}).under(snippet(name))
		case i < 0:
			if _, p := c.value(); p != nil {
				return p
			}
		case seen.has(i):
			return (&Problem{Code: Twice}).under(l.list[i].Name)
		default:
			if p := l.readField(c, to, i, &seen); p != nil {
				return p
			}
			hint = i + 1
		}
		if more, p = c.more('}'); p != nil {
			return p
		}
	}
	return l.complete(to, &seen)
}

// array reads the fields in their order. The last takes all that is left when rest is
// set.
func (l *fieldList) array(c *cursor, to place, rest bool) *Problem {
	start := c.pos
	empty, p := c.open(']')
	if p != nil {
		return p
	}
	var seen seenSet
	n := 0
	for more := !empty; more; n++ {
		switch {
		case rest && n >= len(l.list)-1:
			last := len(l.list) - 1
			list := to.at(&l.list[last], last)
			list.Grow(1)
			list.SetLen(list.Len() + 1)
			if p := l.list[last].schema.elem.read(c, list.Index(list.Len()-1)); p != nil {
				return p.underIndex(n - last).under(l.list[last].Name)
			}
			seen.add(last)
		case n < len(l.list):
			if p := l.readField(c, to, n, &seen); p != nil {
				return p
			}
		default:
			return l.countProblem(c, start)
		}
		if more, p = c.more(']'); p != nil {
			return p
		}
	}
	return l.complete(to, &seen)
}

// countProblem says how many values were expected and how many there are.
func (l *fieldList) countProblem(c *cursor, start int) *Problem {
	all := cursor{data: c.data, pos: start}
	n := 0
	_, p := all.open(']')
	for more := true; more && p == nil; n++ {
		if _, p = all.value(); p == nil {
			more, p = all.more(']')
		}
	}
	if p != nil {
		return p
	}
	return &Problem{Code: Count, Expected: l.count(), Got: strconv.Itoa(n)}
}

// count says how many values the list takes.
func (l *fieldList) count() string {
	least := slices.IndexFunc(l.list, func(f field) bool { return f.Optional })
	if least < 0 {
		least = len(l.list)
	}
	n := strconv.Itoa(len(l.list))
	if least != len(l.list) {
		n = strconv.Itoa(least) + " to " + n
	}
	switch {
	case len(l.list) == 0:
		return "no parameters"
	case n == "1":
		return "1 parameter (" + l.list[0].Name + ")"
	}
	return n + " parameters (" + list(l.names()) + ")"
}

// readField reads one value. Null for one that may be left out leaves it out.
func (l *fieldList) readField(c *cursor, to place, i int, seen *seenSet) *Problem {
	f := &l.list[i]
	if f.Optional && !f.Type.Null && c.null() {
		return nil
	}
	if p := f.read(c, to.at(f, i)); p != nil {
		return p.under(f.Name)
	}
	seen.add(i)
	return nil
}

// read reads one value and checks it against the field's own limits.
func (f *field) read(c *cursor, v reflect.Value) *Problem {
	if p := f.schema.read(c, v); p != nil {
		return p
	}
	return f.check(v)
}

// complete gives the fields that were not there their defaults.
func (l *fieldList) complete(to place, seen *seenSet) *Problem {
	for i := range l.list {
		f := &l.list[i]
		switch {
		case seen.has(i):
		case f.preset != nil:
			if p := f.schema.read(&cursor{data: f.preset}, to.at(f, i)); p != nil {
				return p.under(f.Name)
			}
		case !f.Optional:
			return (&Problem{Code: Missing, Expected: f.Type.expected()}).under(f.Name)
		}
	}
	return nil
}
