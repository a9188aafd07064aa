package api

import (
	"bytes"
	"context"
	"maps"

	"github.com/sigrouter/sigrouter/sig"
)

// An Envelope carries facts about a call beside its parameters: a key, who calls. In JSON
// it is {"#meta":{…},"#params":…}, in this order. Exposed methods take it off before they
// look at the parameters.
type Envelope struct {
	Meta   map[string]string `json:"#meta"`
	Params any               `json:"#params"`
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
		return &Envelope{map[string]string{key: value}, params}
	}
	meta := maps.Clone(e.Meta)
	meta[key] = value
	return &Envelope{meta, e.Params}
}

type metaKey struct{}

// callMeta is what a method's context holds.
type callMeta struct {
	facts map[string]string
	bus   sig.Bus // where the method was exposed
}

// MetaFrom returns the facts that came with the call, for methods and for middleware on
// the exposing side. Do not change the map; it is nil when there are none.
func MetaFrom(ctx context.Context) map[string]string {
	m, _ := ctx.Value(metaKey{}).(callMeta)
	return m.facts
}

// openEnvelope takes the envelope off, if there is one.
func (c *exposeConfig) openEnvelope(ctx context.Context, params any) (context.Context, any, error) {
	switch p := params.(type) {
	case *Envelope:
		return context.WithValue(ctx, metaKey{}, callMeta{p.Meta, c.bus}), p.Params, nil
	case *sig.Raw:
		text, err := p.MarshalJSON()
		if err != nil {
			return ctx, nil, sig.Errorf(sig.ErrMalformed, "parameters: %v", err)
		}
		if _, ok := p.Codec.(sig.JSON); !ok {
			params = &sig.Raw{Codec: sig.JSON{}, Bytes: text}
		}
		if !beginsEnvelope(text) {
			return ctx, params, nil
		}
		return c.openRaw(ctx, text)
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
	var e struct {
		Meta   map[string]string `json:"#meta"`
		Params jsonText          `json:"#params"`
	}
	if err := (sig.JSON{}).Unmarshal(text, &e); err != nil {
		return ctx, nil, sig.Errorf(sig.ErrMalformed, "parameters with #meta: %v", err)
	}
	ctx = context.WithValue(ctx, metaKey{}, callMeta{e.Meta, c.bus})
	if e.Params == nil {
		return ctx, nil, nil
	}
	return ctx, &sig.Raw{Codec: sig.JSON{}, Bytes: e.Params}, nil
}

// A jsonText is a json.RawMessage that is nil for null.
type jsonText []byte

func (t *jsonText) UnmarshalJSON(b []byte) error {
	if string(b) != "null" {
		*t = bytes.Clone(b)
	}
	return nil
}
