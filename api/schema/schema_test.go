package schema_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api/schema"
)

type grade string

func (grade) Choices() []string { return []string{"good", "bad"} }

type base struct {
	ID string `json:"id"`
}

type student struct {
	base
	Name   string         `json:"name"`
	Age    uint8          `json:"age"`
	Photo  []byte         `json:"photo"`
	Grades []grade        `json:"grades"`
	Friend *student       `json:"friend"`
	Score  float32        `json:"score,omitempty"`
	Extra  map[string]int `json:"extra,omitempty"`
	Born   time.Time      `json:"born,omitzero"`
	Any    any            `json:"any,omitempty"`
	Pair   [2]int8        `json:"pair,omitzero"`
	Active bool           `json:"active" default:"true"`
	Limit  int            `json:"limit" min:"1" max:"10" default:"5"`
	Order  string         `json:"order" choices:"name,age" default:"name"`
	hidden int
	Not    chan int `json:"-"`
}

func compile(t *testing.T, v any) *schema.Schema {
	t.Helper()
	s, err := schema.Of(reflect.TypeOf(v))
	require.NoError(t, err)
	return s
}

const full = `{"id":"7","name":"Zoë \"Z\"","age":21,"photo":"AQI=","grades":["good"],
	"friend":{"id":"8","name":"","age":0,"photo":null,"grades":[]},
	"score":1.5,"extra":{"a":1},"born":"2026-01-02T03:04:05Z","any":[9007199254740993],
	"pair":[-1,2],"active":false,"limit":10,"order":"age","later":{"x":[1,"]"]}}`

// What encoding/json reads without complaint is read to the same values.
func TestReadsWhatEncodingJSONReads(t *testing.T) {
	s := compile(t, student{})
	var got, want student
	require.NoError(t, s.Read([]byte(full), reflect.ValueOf(&got).Elem()))
	require.NoError(t, json.Unmarshal([]byte(full), &want))
	want.Friend.Active, want.Friend.Limit, want.Friend.Order = true, 5, "name"
	want.Any = []any{int64(9007199254740993)} // which float64 cannot hold
	require.Equal(t, want, got)

	sent, err := json.Marshal(got)
	require.NoError(t, err)
	var again student
	require.NoError(t, s.Read(sent, reflect.ValueOf(&again).Elem()))
	require.Equal(t, got, again)
}

func TestReadRefuses(t *testing.T) {
	s := compile(t, student{})
	good := `"id":"7","name":"n","age":1,"photo":"","grades":null,"friend":null`
	for _, c := range []struct{ json, code, path, expected, got string }{
		{`{}`, schema.Missing, "id", "string", ""},
		{`{"id":7}`, schema.WrongType, "id", "string", "7"},
		{`{"id":null}`, schema.WrongType, "id", "string", "null"},
		{`{"age":256}`, schema.Range, "age", "uint8, 0 to 255", "256"},
		{`{"age":-1}`, schema.Range, "age", "uint8, 0 to 255", "-1"},
		{`{"age":1.5}`, schema.WrongType, "age", "uint8, 0 to 255", "1.5"},
		{`{"age":"1"}`, schema.WrongType, "age", "uint8, 0 to 255", `"1"`},
		{`{"age":1e400}`, schema.Range, "age", "uint8, 0 to 255", "1e400"},
		{`{"photo":"?"}`, schema.WrongType, "photo", "binary, a string of base64", "?"},
		{`{"grades":["good","fair"]}`, schema.Choice, "grades[1]", "one of good, bad", `"fair"`},
		{`{"grades":{}}`, schema.WrongType, "grades", "list of string", "{}"},
		{`{"score":1e39}`, schema.Range, "score", "float", "1e39"},
		{`{"extra":{"a":true}}`, schema.WrongType, "extra.a", "int64", "true"},
		{`{"pair":[1]}`, schema.Count, "pair", "list of 2 int8", "1"},
		{`{"pair":[1,2,3]}`, schema.Count, "pair", "list of 2 int8", "3"},
		{`{"active":1}`, schema.WrongType, "active", "boolean", "1"},
		{`{"limit":0}`, schema.Range, "limit", "int64, 1 to 10", "0"},
		{`{"order":"size"}`, schema.Choice, "order", "one of name, age", `"size"`},
		{`{"id":"1","id":"2"}`, schema.Twice, "id", "", ""},
		{`{"friend":{` + strings.Replace(good, `"age":1`, `"age":999`, 1) + `}}`, schema.Range, "friend.age", "uint8, 0 to 255", "999"},
		{`[]`, schema.WrongType, "", "object student", "[]"},
		{`{` + good + `} 1`, schema.Malformed, "", "", "more than one value at byte 69"},
		{`{"id":"x`, schema.Malformed, "id", "", "a string that does not end at byte 6"},
		{`{"id" "x"}`, schema.Malformed, "", "", "expected a colon at byte 6"},
		{`{"later":[`, schema.Malformed, "", "", "a bracket that is not closed at byte 10"},
		{``, schema.Malformed, "", "", "expected a value at byte 0"},
	} {
		var v student
		err := s.Read([]byte(c.json), reflect.ValueOf(&v).Elem())
		var p *schema.Problem
		require.ErrorAs(t, err, &p, c.json)
		require.Equal(t, schema.Problem{Code: c.code, Path: c.path, Expected: c.expected, Got: c.got}, *p, c.json)
		require.NotEmpty(t, p.Error())
	}
}

func TestReadNumbers(t *testing.T) {
	for _, c := range []struct {
		to   any
		json string
		want any
	}{
		{int64(0), "-9223372036854775808", int64(-9223372036854775808)},
		{uint64(0), "18446744073709551615", uint64(18446744073709551615)},
		{int(0), "7.0", 7},
		{int(0), "1e3", 1000},
		{uint16(0), "65535", uint16(65535)},
		{float32(0), "0.1", float32(0.1)},
		{float64(0), "-0", 0.0},
	} {
		v := reflect.New(reflect.TypeOf(c.to)).Elem()
		require.NoError(t, compile(t, c.to).Read([]byte(c.json), v), c.json)
		require.EqualValues(t, c.want, v.Interface(), c.json)
	}
	// Beyond 2^53 the notation of floats is not exact.
	v := reflect.New(reflect.TypeFor[int64]()).Elem()
	require.Error(t, compile(t, int64(0)).Read([]byte("9007199254740994.0"), v))
}

func TestReadDepth(t *testing.T) {
	type nest struct {
		In []nest `json:"in"`
	}
	deep := strings.Repeat(`{"in":[`, 10_000) + strings.Repeat(`]}`, 10_000)
	var v nest
	err := compile(t, v).Read([]byte(deep), reflect.ValueOf(&v).Elem())
	require.ErrorContains(t, err, "nested too deep")
}

func TestOfRefuses(t *testing.T) {
	type loop []loop
	for _, c := range []struct {
		v    any
		want string
	}{
		{make(chan int), "chan int cannot travel"},
		{func() {}, "func() cannot travel"},
		{map[int]string{}, "keys that are no strings"},
		{struct{ E error }{}, "field E of struct { E error }: error is an interface with methods"},
		{struct {
			A int `json:"B"`
			B int
		}{}, `two are called "B"`},
		{struct {
			A int `json:",string"`
		}{}, `option "string" is not supported`},
		{struct {
			A int8 `default:"300"`
		}{}, "default: 300 is out of range"},
		{struct {
			A int8 `min:"x"`
		}{}, `tag min: "x" is no number`},
		{struct {
			A string `choices:"a,b" default:"c"`
		}{}, `default: "c" does not fit; expected one of a, b`},
		{loop{}, "no end"},
	} {
		_, err := schema.Of(reflect.TypeOf(c.v))
		require.ErrorContains(t, err, c.want)
	}
}

func TestDescribe(t *testing.T) {
	var set schema.Set
	s, err := set.Of(reflect.TypeFor[*student]())
	require.NoError(t, err)
	require.NoError(t, set.Finish())
	require.Equal(t, schema.Type{Kind: schema.Object, Name: "student", Null: true}, s.Type())

	fields := map[string]schema.Field{}
	for _, f := range set.Objects()["student"].Fields {
		fields[f.Name] = f
	}
	require.Len(t, fields, 14)
	one, ten := 1.0, 10.0
	require.Equal(t, schema.Field{Name: "limit", Type: schema.Type{Kind: schema.Integer, Name: "int64"},
		Optional: true, Default: 5, Min: &one, Max: &ten}, fields["limit"])
	require.Equal(t, schema.Field{Name: "order", Type: schema.Type{Kind: schema.String},
		Optional: true, Default: "name", Choices: []string{"name", "age"}}, fields["order"])
	require.Equal(t, "*string", fields["grades"].Type.String())
	require.Equal(t, []string{"good", "bad"}, fields["grades"].Type.Elem.Choices)
	require.Equal(t, schema.Object, fields["friend"].Type.Kind)
	require.Equal(t, "map of int64", fields["extra"].Type.String())
	require.Equal(t, "time", fields["born"].Type.String())
}

func TestNamesOfObjects(t *testing.T) {
	type student struct{ Other int }
	var set schema.Set
	for _, v := range []any{student{}, struct{ A int }{}, struct{ B int }{}} {
		_, err := set.Of(reflect.TypeOf(v))
		require.NoError(t, err)
	}
	_, err := set.Of(outer)
	require.NoError(t, err)
	require.NoError(t, set.Finish())
	var names []string
	for name := range set.Objects() {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"student", "object", "object2", "schema_test.student"}, names)
}

var outer = reflect.TypeFor[student]()

func TestCheck(t *testing.T) {
	s := compile(t, []student{})
	ok := student{Grades: []grade{"good"}, Limit: 1, Order: "age"}
	require.NoError(t, s.Check(reflect.ValueOf([]student{ok})))

	for _, c := range []struct {
		change func(*student)
		want   string
		limit  bool
	}{
		{func(v *student) { v.Name = "a\xff" }, `[1].name: "a\xff" does not fit; expected a string of valid UTF-8`, false},
		{func(v *student) { v.Grades = []grade{""} }, `[1].grades[0]: "" does not fit; expected one of good, bad`, true},
		{func(v *student) { v.Limit = 11 }, "[1].limit: 11 is out of range; expected int64, 1 to 10", true},
		{func(v *student) { v.Order = "" }, `[1].order: "" does not fit; expected one of name, age`, true},
		{func(v *student) { v.Friend = &student{Limit: 1} }, `[1].friend.order: "" does not fit; expected one of name, age`, true},
	} {
		bad := ok
		c.change(&bad)
		v := reflect.ValueOf([]student{ok, bad})
		require.EqualError(t, s.Check(v), c.want)
		if c.limit {
			require.EqualError(t, s.Limits(v), c.want)
		} else {
			require.NoError(t, s.Limits(v))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"id":"\ud800","age":1e2,"friend":{"friend":{}}}`))
	f.Add([]byte(`[1,2`))
	s, err := schema.Of(reflect.TypeFor[student]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got student
		if err := s.Read(data, reflect.ValueOf(&got).Elem()); err != nil || !json.Valid(data) {
			return // no panic is all that is asked
		}
		var want student
		if err := json.Unmarshal(data, &want); err != nil && !strings.Contains(err.Error(), "number") {
			t.Errorf("Read took %q, encoding/json says %v", data, err)
		}
		if got.Name != want.Name || got.Age != want.Age || len(got.Grades) != len(want.Grades) {
			t.Errorf("Read of %q = %+v, encoding/json has %+v", data, got, want)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	type params struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Age  uint8  `json:"age"`
	}
	data := []byte(`{"id":"1234","name":"Ada","age":36}`)
	b.Run("schema", func(b *testing.B) {
		s, _ := schema.Of(reflect.TypeFor[params]())
		b.ReportAllocs()
		for b.Loop() {
			var p params
			if err := s.Read(data, reflect.ValueOf(&p).Elem()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p params
			if err := json.Unmarshal(data, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

var _ = student{}.hidden // there to be left out
