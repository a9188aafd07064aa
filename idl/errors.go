package idl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An Error is something wrong in a file.
type Error struct {
	Pos     Pos
	Message string
	Hint    string // what to do about it; may be empty
}

// Error returns "file:line:column: message", and the hint in parentheses.
func (e *Error) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%s: %s", e.Pos, e.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Pos, e.Message, e.Hint)
}

// Errors is everything wrong in a file, in the order of the file.
type Errors []*Error

// Error returns one line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the errors as an error; nil when there are none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// sort puts the errors in order and leaves one of several for the same place.
func (es Errors) sort() Errors {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return slices.CompactFunc(es, func(a, b *Error) bool { return a.Pos == b.Pos })
}
