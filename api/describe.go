package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// DescribeMethod is the method that every exposed sender answers with its Description.
const DescribeMethod = "describe"

// A Description says what a sender offers. It is the answer to DescribeMethod.
type Description struct {
	Sender  string       `json:"sender"`
	Doc     string       `json:"doc,omitempty"`
	Methods []MethodInfo `json:"methods"` // in order of name
	Events  []EventInfo  `json:"events,omitempty"`
	Errors  []ErrorInfo  `json:"errors,omitempty"`
	// Types holds the object types that parameters, results and events are made of.
	Types map[string]schema.ObjectType `json:"types,omitempty"`
	// Instances is "shared" or "client" for a sender made by ExposeEach, whose methods
	// are called as "id.method"; else empty.
	Instances string `json:"instances,omitempty"`
}

// Method returns the description of one method.
func (d *Description) Method(name string) (MethodInfo, bool) {
	for _, m := range d.Methods {
		if m.Name == name {
			return m, true
		}
	}
	return MethodInfo{}, false
}

// A MethodInfo describes a method.
type MethodInfo struct {
	Name    string         `json:"name"`
	Doc     string         `json:"doc,omitempty"`
	Params  []schema.Field `json:"params"`
	Results []schema.Type  `json:"results"`
	// Rest reports whether the last parameter, a list, takes all arguments that are left.
	Rest bool `json:"rest,omitempty"`
	// TimeoutMS is how long callers should wait, in milliseconds; 0: as they like.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
}

// Usage is the method as one would declare it: "multiply(a: int64, b: int64 = 2): int64".
func (m MethodInfo) Usage() string {
	var b strings.Builder
	b.WriteString(m.Name)
	b.WriteByte('(')
	for i, p := range m.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		if m.Rest && i == len(m.Params)-1 {
			fmt.Fprintf(&b, "...%s: %s", p.Name, p.Type.Elem)
			break
		}
		b.WriteString(p.Name)
		if p.Optional && p.Default == nil {
			b.WriteByte('?')
		}
		fmt.Fprintf(&b, ": %s", p.Type)
		if p.Default != nil {
			fmt.Fprintf(&b, " = %v", p.Default)
		}
	}
	b.WriteByte(')')
	for i, r := range m.Results {
		b.WriteString([]string{": ", ", "}[min(i, 1)])
		b.WriteString(r.String())
	}
	return b.String()
}

// An EventInfo describes an event.
type EventInfo struct {
	Name string      `json:"name"`
	Doc  string      `json:"doc,omitempty"`
	Type schema.Type `json:"type"` // of its data
	// Retained reports whether the last value is kept for listeners that come later.
	Retained bool `json:"retained,omitempty"`
	// Channel reports whether other senders trigger it as well.
	Channel bool `json:"channel,omitempty"`
}

// An ErrorInfo describes an error that travels as itself.
type ErrorInfo struct {
	Code string `json:"code"`
	Doc  string `json:"doc,omitempty"`
}

// Describe asks a sender what it offers.
func Describe(ctx context.Context, b sig.Bus, sender string) (Description, error) {
	return Call[Description](ctx, b, sender, DescribeMethod)
}
