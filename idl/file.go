package idl

import (
	"fmt"
	"strings"
	"time"
)

// A Pos is a place in a file. Lines and columns count from 1, columns in characters.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String returns "file:line:column".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A File is an interface file, checked: every name is defined once, every type known,
// every default fits. Its lists are in the order of the file.
type File struct {
	Name      string // as given to Parse
	Namespace string // dotted
	Class     string
	Socket    string // the directory of LibMedium's sockets; "" for the usual one
	Doc       string // from above namespace and class

	Models     []*Model
	Enums      []*Enum
	Exceptions []*Exception
	Methods    []*Method
	Events     []*Event
}

// A Model is a record.
type Model struct {
	Pos    Pos
	Name   string
	Doc    string
	Fields []*Field
}

// An Enum is a choice of names.
type Enum struct {
	Pos    Pos
	Name   string
	Doc    string
	Values []*Value
}

// A Value is one of the names of an Enum.
type Value struct {
	Pos  Pos
	Name string
	Doc  string
}

// An Exception is an error that a method may fail with.
type Exception struct {
	Pos    Pos
	Name   string
	Doc    string
	Fields []*Field // nil for the message alone
}

// A Method is something an application may ask of the daemon.
type Method struct {
	Pos     Pos
	Name    string
	Doc     string
	Params  []*Field
	Result  *Type         // nil for none
	Timeout time.Duration // 0 for none
}

// An Event is something the daemon tells applications.
type Event struct {
	Pos      Pos
	Name     string
	Doc      string
	Params   []*Field
	Retained bool // the last one is kept for applications that come later
	Channel  bool // other daemons trigger it too, and applications hear all of them
}

// A Field is a member of a model or an exception, or a parameter.
type Field struct {
	Pos      Pos
	Name     string
	Doc      string
	Type     *Type
	Optional bool // it may be left out; so may one with a default
	Default  *Literal
}

// A Type is a primitive, a model or an enum, or a list of them.
type Type struct {
	Pos   Pos
	Lists int    // how many lists are around the base: 2 for **T
	Base  string // a primitive's name, or that of Model or Enum
	Model *Model // if the base is one
	Enum  *Enum  // if the base is one
}

// String returns the type as a file has it.
func (t *Type) String() string { return strings.Repeat("*", t.Lists) + t.Base }

// A Literal is the value of a default.
type Literal struct {
	Pos  Pos
	Kind LiteralKind
	Text string // the digits, the string without its quotes, the word
}

// A LiteralKind is how a Literal is written.
type LiteralKind int

// Kinds of literals.
const (
	Number LiteralKind = iota + 1
	String
	Word // true, false, or a value of an enum
)

// Primitives are the names of the types that need no definition.
func Primitives() []string {
	return []string{"boolean", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
		"float", "double", "string", "binary"}
}
