package wiretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// bindings holds the values that names like "$listener" stand for.
type bindings map[string]any

var placeholder = regexp.MustCompile(`"\$[a-z][a-z0-9_]*"`)

// fill puts the values of placeholders into a JSON text.
func (b bindings) fill(text []byte) ([]byte, error) {
	var missing error
	out := placeholder.ReplaceAllFunc(text, func(quoted []byte) []byte {
		v, ok := b[string(quoted[1:len(quoted)-1])]
		if !ok {
			missing = fmt.Errorf("%s is not bound", quoted)
			return quoted
		}
		raw, err := json.Marshal(v)
		if err != nil {
			missing = err
		}
		return raw
	})
	return out, missing
}

// anyOf finds the first pattern that a message fits and binds what it names.
func (b bindings) anyOf(patterns []json.RawMessage, message []byte) (int, error) {
	got, err := read(message)
	if err != nil {
		return 0, err
	}
	var why []string
	for i, raw := range patterns {
		want, err := read(raw)
		if err != nil {
			return 0, err
		}
		try := maps.Clone(b)
		if err := try.match("", want, got); err != nil {
			why = append(why, err.Error())
			continue
		}
		maps.Copy(b, try)
		return i, nil
	}
	return 0, fmt.Errorf("got %s\n%s", message, strings.Join(why, "\n"))
}

// read decodes JSON, numbers as their text.
func read(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	return v, nil
}

// absent is what a member that is not there has as its value.
type absent struct{}

// match compares a value with a pattern. The rules are in the README of the vectors.
func (b bindings) match(where string, want, got any) error {
	switch want := want.(type) {
	case string:
		return b.matchString(where, want, got)
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, expected an object", where, got)
		}
		for name, w := range want {
			g, ok := object[name]
			if !ok {
				g = absent{}
			}
			if err := b.match(where+"."+name, w, g); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok {
			return fmt.Errorf("%s is %v, expected a list", where, got)
		}
		if len(want) > 0 && want[0] == "$contains" {
			return b.contains(where, want[1:], list)
		}
		if len(want) != len(list) {
			return fmt.Errorf("%s has %d elements, expected %d", where, len(list), len(want))
		}
		for i := range want {
			if err := b.match(fmt.Sprintf("%s[%d]", where, i), want[i], list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if want != got {
		return fmt.Errorf("%s is %v, expected %v", where, got, want)
	}
	return nil
}

func (b bindings) matchString(where, want string, got any) error {
	_, gone := got.(absent)
	switch part, isPart := strings.CutPrefix(want, "$~"); {
	case want == "$none":
		if !gone {
			return fmt.Errorf("%s is %v, expected it to be absent", where, got)
		}
		return nil
	case gone:
		return fmt.Errorf("%s is absent", where)
	case want == "$_":
		return nil
	case isPart:
		if text, ok := got.(string); !ok || !strings.Contains(text, part) {
			return fmt.Errorf("%s is %v, expected a text with %q", where, got, part)
		}
		return nil
	case strings.HasPrefix(want, "$"):
		if bound, ok := b[want]; ok {
			if fmt.Sprint(bound) != fmt.Sprint(got) {
				return fmt.Errorf("%s is %v, expected %s, which is %v", where, got, want, bound)
			}
			return nil
		}
		b[want] = got
		return nil
	}
	if want != got {
		return fmt.Errorf("%s is %v, expected %q", where, got, want)
	}
	return nil
}

// contains checks that each pattern fits some element.
func (b bindings) contains(where string, want, list []any) error {
next:
	for _, w := range want {
		for _, g := range list {
			try := maps.Clone(b)
			if try.match("", w, g) == nil {
				maps.Copy(b, try)
				continue next
			}
		}
		return fmt.Errorf("%s is %v and has nothing like %v", where, list, w)
	}
	return nil
}
