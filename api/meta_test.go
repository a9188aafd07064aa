package api

import (
	"context"
	"encoding/json"
	"maps"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

func TestEnvelopeAsJSON(t *testing.T) {
	for _, e := range []*Envelope{
		{},
		{Meta: map[string]string{}, Params: []any{1}},
		{Meta: map[string]string{"a": "b", "c\"": "é"}, Params: map[string]any{"x": "#params"}},
		{Meta: map[string]string{"a": "b"}, Params: &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(`{"#params":1}`)}},
	} {
		got, err := sig.JSON{}.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(struct {
			Meta   map[string]string `json:"#meta"`
			Params any               `json:"#params"`
		}{e.Meta, e.Params})
		if err != nil || string(got) != string(want) {
			t.Errorf("Marshal(%v) = %s, want %s, %v", e, got, want, err)
		}
	}
	if _, err := (&Envelope{Params: func() {}}).AppendJSON(nil); err == nil {
		t.Error("an envelope with a func has no JSON, and AppendJSON says nothing")
	}
}

// FuzzSplitEnvelope holds the short way through an envelope to what encoding/json reads.
func FuzzSplitEnvelope(f *testing.F) {
	f.Add([]byte(`{"#meta":{"from":"client.x","key":"k"},"#params":{"a":[1,"}"]}}`))
	f.Add([]byte(`{"#meta":{"from":"client.x"},"#params":1,"#params":2}`))
	f.Add([]byte(`{"#meta":{"a":"\u0062"},"#params":null}`))
	f.Add([]byte(`{"#meta":{"a":"b"},"#params":`))
	f.Add([]byte(`{"#meta":{"a":"b"},"#params":1},`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			splitEnvelope(text) // must not panic
			return
		}
		head, params, ok := splitEnvelope(text)
		if !ok || !json.Valid(params) {
			return // what is not valid is refused by those who read it
		}
		var want struct {
			Meta   map[string]string `json:"#meta"`
			Params json.RawMessage   `json:"#params"`
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%s is split, but encoding/json says %v", text, err)
		}
		facts := readFacts(head)
		if !maps.Equal(facts, want.Meta) || string(params) != string(want.Params) {
			t.Errorf("%s = %v, %s; encoding/json has %v, %s", text, facts, params, want.Meta, want.Params)
		}
	})
}

// What came with a call does not pass for what comes with a call made on its way.
func TestMetaIsNotHandedOn(t *testing.T) {
	c := &exposeConfig{}
	ctx, _, err := c.openEnvelope(t.Context(), &Envelope{Meta: map[string]string{"key": "secret"}})
	if err != nil || MetaFrom(ctx)["key"] != "secret" {
		t.Fatal(MetaFrom(ctx), err)
	}
	for _, params := range []any{nil, []any{1}, &sig.Raw{Codec: sig.JSON{}, Bytes: []byte("[]")}} {
		inner, _, err := c.openEnvelope(ctx, params)
		if err != nil || MetaFrom(inner) != nil {
			t.Errorf("openEnvelope(%v): the inner call has %v, %v", params, MetaFrom(inner), err)
		}
	}
}

func BenchmarkEnvelope(b *testing.B) {
	params := &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(`{"id":"1234"}`)}
	w := With(nil, WithMeta("from", "com.pcthingz.libmedium.student.app.abcdefghijklm")).(*bus)
	text, err := w.envelop(params).(*Envelope).AppendJSON(nil)
	if err != nil {
		b.Fatal(err)
	}
	raw := &sig.Raw{Codec: sig.JSON{}, Bytes: text}
	c := &exposeConfig{}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.envelop(params).(*Envelope).AppendJSON(nil)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.openEnvelope(context.Background(), raw)
		}
	})
}
