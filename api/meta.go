package api

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// An Envelope carries facts about a call beside its parameters: a key, who calls. In JSON
// it is {"#meta":{…},"#params":…}, in this order. Exposed methods take it off before they
// look at the parameters.
type Envelope struct {
	Meta   map[string]string `json:"#meta"`
	Params any               `json:"#params"`

	head []byte // the JSON up to the parameters, if known
}

// AppendJSON appends the envelope as JSON.
func (e *Envelope) AppendJSON(dst []byte) ([]byte, error) {
	params, err := sig.JSON{}.Marshal(e.Params)
	if err != nil {
		return nil, err
	}
	head := e.head
	if head == nil {
		if head, err = envelopeHead(e.Meta); err != nil {
			return nil, err
		}
	}
	dst = slices.Grow(dst, len(head)+len(params)+1)
	dst = append(dst, head...)
	dst = append(dst, params...)
	return append(dst, '}'), nil
}

func envelopeHead(meta map[string]string) ([]byte, error) {
	facts, err := sig.JSON{}.Marshal(meta)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(`{"#meta":`), facts, []byte(`,"#params":`)), nil
}

// WithMeta adds a fact to each call.
func WithMeta(key, value string) CallOption {
	return callFunc(func(c *callConfig) {
		if c.meta == nil {
			c.meta = map[string]string{}
		}
		c.meta[key] = value
	})
}

// AddMeta returns the parameters of a request with a fact beside them, for middleware
// on the calling side.
func AddMeta(params any, key, value string) any {
	e, ok := params.(*Envelope)
	if !ok {
		return &Envelope{Meta: map[string]string{key: value}, Params: params}
	}
	meta := maps.Clone(e.Meta)
	meta[key] = value
	return &Envelope{Meta: meta, Params: e.Params}
}

type metaKey struct{}

// A metaContext is the context of a method that was called with an envelope, or inside
// one that was. It is a context, and not only in one, to be made in one piece.
type metaContext struct {
	context.Context
	bus   sig.Bus // where the method was exposed
	facts map[string]string
	head  []byte // the facts as JSON, as long as nobody asked
}

// Value returns the context itself for metaKey.
func (m *metaContext) Value(key any) any {
	if key == (metaKey{}) {
		return m
	}
	return m.Context.Value(key)
}

// MetaFrom returns the facts that came with the call, for methods and for middleware on
// the exposing side. Do not change the map; it is nil when there are none.
func MetaFrom(ctx context.Context) map[string]string {
	m, _ := ctx.Value(metaKey{}).(*metaContext)
	switch {
	case m == nil:
		return nil
	case m.head != nil:
		return readFacts(m.head)
	}
	return m.facts
}

// openEnvelope takes the envelope off, if there is one. What an earlier call brought, in
// whose method this one is made, does not count for this one.
func (c *exposeConfig) openEnvelope(ctx context.Context, params any) (context.Context, any, error) {
	switch p := params.(type) {
	case *Envelope:
		return &metaContext{ctx, c.bus, p.Meta, nil}, p.Params, nil
	case *sig.Raw:
		text, err := p.MarshalJSON()
		if err != nil {
			return ctx, nil, sig.Errorf(sig.ErrMalformed, "parameters: %v", err)
		}
		if _, ok := p.Codec.(sig.JSON); !ok {
			params = &sig.Raw{Codec: sig.JSON{}, Bytes: text}
		}
		if beginsEnvelope(text) {
			return c.openRaw(ctx, text)
		}
	}
	if ctx.Value(metaKey{}) != nil {
		ctx = &metaContext{ctx, c.bus, nil, nil}
	}
	return ctx, params, nil
}

// beginsEnvelope is a quick look, for most parameters have none.
func beginsEnvelope(text []byte) bool {
	text, ok := bytes.CutPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
	text = bytes.TrimLeft(text, " \t\r\n")
	return ok && (bytes.HasPrefix(text, []byte(`"#meta"`)) || bytes.HasPrefix(text, []byte(`"#params"`)))
}

func (c *exposeConfig) openRaw(ctx context.Context, text []byte) (context.Context, any, error) {
	head, params, ok := splitEnvelope(text)
	meta := &metaContext{ctx, c.bus, nil, head}
	if !ok {
		var e struct {
			Meta   map[string]string `json:"#meta"`
			Params json.RawMessage   `json:"#params"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			return ctx, nil, sig.Errorf(sig.ErrMalformed, "parameters with #meta: %v", err)
		}
		params, meta.facts, meta.head = e.Params, e.Meta, nil
	}
	if params == nil || string(params) == "null" {
		return meta, nil, nil
	}
	return meta, &sig.Raw{Codec: sig.JSON{}, Bytes: params}, nil
}

// splitEnvelope takes apart an envelope written as AppendJSON does, with facts in plain
// ASCII: head is the object with the facts. It reports false for any other, which is not
// to say that it is none.
func splitEnvelope(text []byte) (head, params []byte, ok bool) {
	const begin = `{"#meta":`
	rest, ok := bytes.CutPrefix(text, []byte(begin+"{"))
	if !ok {
		return nil, nil, false
	}
	for {
		if _, rest, ok = plainText(rest, ":"); !ok {
			return nil, nil, false
		}
		if _, rest, ok = plainText(rest, ""); !ok || len(rest) == 0 {
			return nil, nil, false
		}
		if rest[0] != ',' {
			break
		}
		rest = rest[1:]
	}
	params, ok = bytes.CutPrefix(rest, []byte(`},"#params":`))
	if !ok || bytes.Contains(params, []byte(`"#`)) { // perhaps another member of ours
		return nil, nil, false
	}
	head = text[len(begin) : len(text)-len(rest)+1]
	params, ok = bytes.CutSuffix(params, []byte("}"))
	return head, params, ok
}

// readFacts reads the head that splitEnvelope found.
func readFacts(head []byte) map[string]string {
	facts := map[string]string{}
	for rest := head[1:]; len(rest) > 1; rest = rest[1:] {
		var key, value []byte
		key, rest, _ = plainText(rest, ":")
		value, rest, _ = plainText(rest, "")
		facts[string(key)] = string(value)
		if len(rest) == 0 {
			break
		}
	}
	return facts
}

// plainText takes a JSON string without escapes, and what follows it, off the text.
func plainText(text []byte, follows string) (s, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	for i, b := range text[1:] {
		if b == '"' {
			rest, ok = bytes.CutPrefix(text[i+2:], []byte(follows))
			return text[1 : i+1], rest, ok
		}
		if b == '\\' || b < ' ' || b >= 0x7f {
			break
		}
	}
	return nil, nil, false
}
