package msgpack_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/codec/msgpack"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// FuzzDecode reads any bytes in every way there is. Check is what the others are held to;
// what it takes is JSON, no longer than it said and no deeper, and encoding/json reads
// from that JSON what Unmarshal reads from the bytes.
func FuzzDecode(f *testing.F) {
	c := msgpack.New()
	for _, v := range values() {
		data, err := c.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 1<<10)])
	}
	f.Add(unhex(f, "83 01a161 d6ff00000000 ca41ad999a"))
	f.Add(unhex(f, "ddffffffff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		size, err := c.Check(data, 64)
		text, jsonErr := c.AppendJSON(nil, data)
		if err != nil {
			_ = c.Unmarshal(data, new(any))
			_ = c.Unmarshal(data, new(reading))
			if jsonErr == nil && wire.CheckJSON(text, 64) == nil {
				t.Fatalf("Check refuses what AppendJSON takes: %v", err)
			}
			return
		}
		if jsonErr != nil {
			t.Fatalf("AppendJSON refuses what Check takes: %v", jsonErr)
		}
		if err := wire.CheckJSON(text, 64); err != nil {
			t.Fatalf("%s is no JSON: %v", text, err)
		}
		if len(text) > size {
			t.Fatalf("%s has %d bytes, more than %d", text, len(text), size)
		}
		same(t, c, data, text)
		again, err := c.AppendFromJSON(nil, text)
		if err != nil {
			t.Fatalf("%s does not go back: %v", text, err)
		}
		same(t, c, again, text)
	})
}

// FuzzFromJSON turns JSON into MessagePack and back. encoding/json is what it is held to.
func FuzzFromJSON(f *testing.F) {
	c := msgpack.New()
	for _, v := range values() {
		text, err := sig.JSON{}.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 1<<10)])
	}
	f.Add([]byte(` { "a" : [ -0 , 1e5 , 18446744073709551616 , "\ud83c\udf89\u0000" ] } `))
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := c.AppendFromJSON(nil, text)
		if wire.CheckJSON(text, 64) != nil {
			return // whatever came out, nothing went wrong
		}
		if err != nil {
			if plain(text) {
				t.Fatalf("%s is refused: %v", text, err)
			}
			return
		}
		if _, err := c.Check(data, 64); err != nil {
			t.Fatalf("%s becomes %x: %v", text, data, err)
		}
		same(t, c, data, text)
		back, err := c.AppendJSON(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if (sig.JSON{}).Unmarshal(text, &want) != nil || (sig.JSON{}).Unmarshal(back, &got) != nil || !reflect.DeepEqual(want, got) {
			t.Fatalf("%s comes back as %s", text, back)
		}
	})
}

// plain reports whether JSON has nothing that MessagePack cannot say.
func plain(text []byte) bool {
	var numbers any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(&numbers) == nil && small(numbers) && utf8.Valid(text) && !bytes.Contains(text, []byte(`\u`))
}

// small reports whether every number in v has few digits.
func small(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return len(v) < 10 && !bytes.ContainsAny([]byte(v), "eE")
	case []any:
		for _, x := range v {
			if !small(x) {
				return false
			}
		}
	case map[string]any:
		for _, x := range v {
			if !small(x) {
				return false
			}
		}
	}
	return true
}
