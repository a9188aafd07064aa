package schema

import (
	"fmt"
	"strings"
)

// A Kind is the general nature of a value.
type Kind string

// Kinds of values.
const (
	Boolean Kind = "boolean"
	Integer Kind = "integer"
	Number  Kind = "number"
	String  Kind = "string"
	Binary  Kind = "binary" // in JSON a string of base64
	List    Kind = "list"
	Map     Kind = "map" // an object whose members have any names
	Object  Kind = "object"
	Any     Kind = "any"
)

// A Type says what values there may be in one place of a payload.
type Type struct {
	Kind Kind `json:"kind"`
	// Name is the exact type of an Integer ("int8" to "int64", "uint8" to "uint64") and
	// of a Number ("float", "double"); for an Object the name under which its members are
	// listed; for a String that has a form of its own what that is, for instance "time".
	Name string `json:"name,omitempty"`
	// Elem is the type of the elements of a List and of the values of a Map.
	Elem *Type `json:"elem,omitempty"`
	// Len is the number of elements of a List that always has the same; else 0.
	Len int `json:"len,omitempty"`
	// Null reports whether null is accepted too.
	Null bool `json:"null,omitempty"`
	// Choices are the only strings accepted; nil: all are.
	Choices []string `json:"choices,omitempty"`
}

// String returns the type as interface files write it: "uint8", "*string" for a list.
func (t Type) String() string {
	switch t.Kind {
	case List:
		return "*" + t.Elem.String()
	case Map:
		return "map of " + t.Elem.String()
	case Integer, Number, Object:
		return t.Name
	case String:
		if t.Name != "" {
			return t.Name
		}
	}
	return string(t.Kind)
}

// expected is the type as an error names it.
func (t Type) expected() string {
	switch {
	case len(t.Choices) > 0:
		return "one of " + strings.Join(t.Choices, ", ")
	case t.Kind == List && t.Len > 0:
		return fmt.Sprintf("list of %d %s", t.Len, t.Elem)
	case t.Kind == List:
		return "list of " + t.Elem.String()
	case t.Kind == Object:
		return "object " + t.Name
	}
	if r, ok := integerRange[t.Name]; ok && t.Kind == Integer {
		return t.Name + ", " + r
	}
	return t.String()
}

// integerRange spells out the ranges people know by heart or not; those of 64 bits only
// make a text longer.
var integerRange = map[string]string{
	"int8": "-128 to 127", "uint8": "0 to 255",
	"int16": "-32768 to 32767", "uint16": "0 to 65535",
	"int32": "-2147483648 to 2147483647", "uint32": "0 to 4294967295",
}

// A Field is a member of an object, or a parameter of a method.
type Field struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
	Type Type   `json:"type"`
	// Optional reports whether it may be left out.
	Optional bool `json:"optional,omitempty"`
	// Default is the value it has when left out; nil when that is the zero value.
	Default any `json:"default,omitempty"`
	// Choices are the only values accepted; nil: all are.
	Choices []string `json:"choices,omitempty"`
	// Min and Max bound a number; nil: its type does alone.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// An ObjectType lists the members of an Object.
type ObjectType struct {
	Doc    string  `json:"doc,omitempty"`
	Fields []Field `json:"fields"`
}
