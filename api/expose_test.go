package api_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

type notFound struct {
	ID      string `json:"id"`
	message string
}

func (e *notFound) Error() string       { return "no student " + e.ID + e.message }
func (e *notFound) SetMessage(m string) { e.message = "; the server said: " + m }

var errClosed = errors.New("the shop is closed")

type person struct {
	Name string `json:"name"`
	Age  uint8  `json:"age"`
}

type search struct {
	Text  string `json:"text" doc:"what to look for"`
	Order string `json:"order" choices:"name,age" default:"name"`
	Limit int    `json:"limit" min:"1" max:"100" default:"10"`
}

// calc has a method of every kind.
type calc struct{ last int }

func (c *calc) Multiply(a, b int) int                         { return a * b }
func (c *calc) Divide(a, b float64) (float64, error)          { return a / b, check(b != 0, "division by zero") }
func (c *calc) Greet(ctx context.Context, name string) string { return "hello " + name }
func (c *calc) Remember(n int)                                { c.last = n }
func (c *calc) Last() int                                     { return c.last }
func (c *calc) DivMod(a, b int) (int, int, error)             { return a / b, a % b, nil }
func (c *calc) Sum(first int, rest ...int) int {
	for _, n := range rest {
		first += n
	}
	return first
}
func (c *calc) Older(p person, by uint8) (person, error) { p.Age += by; return p, nil }
func (c *calc) Find(ctx context.Context, s search) ([]string, error) {
	return []string{s.Text, s.Order}, nil
}
func (c *calc) Save(p *person) error { return &notFound{ID: p.Name} }
func (c *calc) Shut() error          { return errClosed }
func (c *calc) Fail() error          { return errors.New("it went wrong") }
func (c *calc) Crash()               { panic("oops") }
func (c *calc) Later(n int) *api.Deferred[int] {
	d := api.NewDeferred[int]()
	go func() { d.Complete(n + 1) }()
	return d
}
func (c *calc) Never() (*api.Deferred[int], error) { return api.NewDeferred[int](), nil }
func (c *calc) Close() error                       { return nil }
func (c *calc) hidden()                            {}

var _ = (*calc).hidden // there to be left out

func check(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}

var cases = []api.ErrorCase{api.ErrorType[*notFound]("not_found"), api.ErrorValue("closed", errClosed)}

func exposeCalc(t *testing.T, b sig.Bus, opts ...api.ExposeOption) *api.Service {
	t.Helper()
	s, err := api.Expose(b, "calc", &calc{}, append([]api.ExposeOption{
		api.About("A calculator."),
		api.Doc("Multiply", "Multiplies two numbers.", api.Param("a", "the one"), api.Param("b", "the other", api.Default(2))),
		api.Doc("Older", "", api.Param("who", ""), api.Param("by", "")),
		api.WithErrors(cases...),
	}, opts...)...)
	require.NoError(t, err)
	return s
}

func TestCall(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local)
		for _, c := range []struct {
			method string
			args   []any
			want   any
		}{
			{"multiply", []any{7, 6}, 42},
			{"multiply", []any{7}, 14},
			{"multiply", []any{api.Named{"b": 6, "a": 7}}, 42},
			{"multiply", []any{api.Named{"a": 7}}, 14},
			{"multiply", []any{int8(7), 6.0}, 42},
			{"divide", []any{7.0, 2.0}, 3.5},
			{"divide", []any{7, 2}, 3.5},
			{"greet", []any{"Ada"}, "hello Ada"},
			{"sum", []any{1}, 1},
			{"sum", []any{1, 2, 3}, 6},
			{"older", []any{person{"Ada", 36}, 1}, person{"Ada", 37}},
			{"older", []any{api.Named{"who": map[string]any{"name": "Ada", "age": 36}, "by": 1}}, person{"Ada", 37}},
			{"find", []any{search{"x", "age", 5}}, []string{"x", "age"}},
			{"find", []any{api.Named{"text": "x"}}, []string{"x", "name"}},
			{"find", []any{"x", "age"}, []string{"x", "age"}},
			{"later", []any{1}, 2},
		} {
			got, err := api.Call[any](t.Context(), caller, "calc", c.method, c.args...)
			require.NoError(t, err, "%s%v", c.method, c.args)
			require.JSONEq(t, asJSON(t, c.want), asJSON(t, got), "%s%v", c.method, c.args)
		}
	})
}

func TestCallTyped(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local)
		p, err := api.Call[person](t.Context(), caller, "calc", "older", person{"Ada", 36}, uint8(1))
		require.NoError(t, err)
		require.Equal(t, person{"Ada", 37}, p)

		q, m, err := api.Call2[int, int](t.Context(), caller, "calc", "div_mod", 17, 5)
		require.NoError(t, err)
		require.Equal(t, []int{3, 2}, []int{q, m})

		require.NoError(t, api.Do(t.Context(), caller, "calc", "remember", 5))
		last, err := api.Ask[int](t.Context(), api.At(caller, "calc"), "last")
		require.NoError(t, err)
		require.Equal(t, 5, last)

		_, err = api.Call[[]int](t.Context(), caller, "calc", "last")
		require.ErrorContains(t, err, "response of calc.last: ")
	})
}

func asJSON(t *testing.T, v any) string {
	b, err := sig.JSON{}.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// Bad calls are refused before the method runs, with what was expected.
func TestBadCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local)
		const usage = "multiply(a: int64, b: int64 = 2): int64"
		for _, c := range []struct {
			method string
			args   []any
			want   schema.Problem
			usage  string
		}{
			{"multiply", nil, schema.Problem{Code: schema.Missing, Path: "a", Expected: "int64"}, usage},
			{"multiply", []any{1, 2, 3}, schema.Problem{Code: schema.Count, Expected: "1 to 2 parameters (a, b)", Got: "3"}, usage},
			{"multiply", []any{api.Named{"a": 1, "c": 2}}, schema.Problem{Code: schema.Unknown, Path: "c", Expected: "a, b"}, usage},
			{"multiply", []any{"x", 2}, schema.Problem{Code: schema.WrongType, Path: "a", Expected: "int64", Got: `"x"`}, usage},
			{"older", []any{person{}, 300}, schema.Problem{Code: schema.Range, Path: "by", Expected: "uint8, 0 to 255", Got: "300"}, "older(who: person, by: uint8): person"},
			{"older", []any{map[string]any{"name": "x"}, 1}, schema.Problem{Code: schema.Missing, Path: "who.age", Expected: "uint8, 0 to 255"}, "older(who: person, by: uint8): person"},
			{"find", []any{search{Text: "x", Order: "size", Limit: 1}}, schema.Problem{Code: schema.Choice, Path: "order", Expected: "one of name, age", Got: `"size"`}, "find(text: string, order: string = name, limit: int64 = 10): *string"},
			{"last", []any{1}, schema.Problem{Code: schema.Count, Expected: "no parameters", Got: "1"}, "last(): int64"},
		} {
			_, err := api.Call[any](t.Context(), caller, "calc", c.method, c.args...)
			var p *api.ParamError
			require.ErrorAs(t, err, &p, "%s%v", c.method, c.args)
			require.Equal(t, api.ParamError{Method: "calc." + c.method, Usage: c.usage, Problem: c.want}, *p)
			require.ErrorIs(t, err, sig.ErrInvalid)
			require.Equal(t, p.Error(), err.Error())
		}
		err := api.Do(t.Context(), caller, "calc", "hidden")
		require.ErrorIs(t, err, sig.ErrNoMethod)
		require.EqualError(t, err, `sender "calc" has no method "hidden"; it has crash, describe, div_mod, divide, fail, find, greet, last, later, multiply, never, older, and 4 more`)
		require.ErrorIs(t, api.Do(t.Context(), caller, "calc", "close"), sig.ErrNoMethod)
		require.ErrorIs(t, api.Do(t.Context(), caller, "nobody", "close"), sig.ErrNoSender)
	})
}

func TestErrorsArriveAsThemselves(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local)
		named := api.With(caller, api.WithErrors(cases...))

		err := api.Do(t.Context(), named, "calc", "save", person{"Ada", 1})
		var nf *notFound
		require.ErrorAs(t, err, &nf)
		require.Equal(t, "Ada", nf.ID)
		require.EqualError(t, err, "no student Ada")

		require.ErrorIs(t, api.Do(t.Context(), named, "calc", "shut"), errClosed)
		require.EqualError(t, api.Do(t.Context(), named, "calc", "fail"), "it went wrong")
		require.Equal(t, "closed", sig.AsError(api.Do(t.Context(), caller, "calc", "shut")).Code)
	})
}

func TestErrorWithoutDataArrivesToo(t *testing.T) {
	b := newBus(t)
	_, err := b.AddSender("other", sig.Answer("get", func(context.Context, sig.Request) (any, error) {
		return nil, &sig.Error{Status: sig.StatusFailed, Code: "not_found", Message: "gone"}
	}))
	require.NoError(t, err)
	var nf *notFound
	require.ErrorAs(t, api.Do(t.Context(), api.With(b, api.WithErrors(cases...)), "other", "get"), &nf)
	require.Equal(t, "no student ; the server said: gone", nf.Error())
}

func TestPanicCostsOneCall(t *testing.T) {
	var log bytes.Buffer
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		log.Reset()
		exposeCalc(t, local, api.Log(slog.New(slog.NewTextHandler(&log, nil))))
		err := api.Do(t.Context(), caller, "calc", "crash")
		require.EqualError(t, err, "calc.crash panicked: oops")
		require.Equal(t, api.CodePanic, sig.AsError(err).Code)
		require.Contains(t, log.String(), "sender=calc method=crash panic=oops stack=")
		require.Contains(t, log.String(), "(*calc).Crash")

		n, err := api.Call[int](t.Context(), caller, "calc", "multiply", 2, 3)
		require.NoError(t, err)
		require.Equal(t, 6, n)
	})
}

func TestDeferredEndsWithItsCaller(t *testing.T) {
	b := newBus(t)
	exposeCalc(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, api.Do(ctx, b, "calc", "never"), context.DeadlineExceeded)

	d := api.NewDeferred[int]()
	require.True(t, d.Fail(errClosed))
	require.False(t, d.Complete(1))
	_, err := d.Wait(t.Context())
	require.ErrorIs(t, err, errClosed)
}

func TestDescribe(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		exposeCalc(t, local, api.DocType("person", "Somebody.", map[string]string{"age": "in years"}),
			api.Emits[person]("born", "Somebody was born.", api.Retained()), api.Emits[int]("#tic", "", api.Channel()))
		d, err := api.Describe(t.Context(), caller, "calc")
		require.NoError(t, err)
		require.Equal(t, "calc", d.Sender)
		require.Equal(t, "A calculator.", d.Doc)
		var names []string
		for _, m := range d.Methods {
			names = append(names, m.Name)
		}
		require.Equal(t, []string{"crash", "div_mod", "divide", "fail", "find", "greet", "last", "later", "multiply",
			"never", "older", "remember", "save", "shut", "sum"}, names)

		m, ok := d.Method("multiply")
		require.True(t, ok)
		require.Equal(t, "Multiplies two numbers.", m.Doc)
		require.Equal(t, "the other", m.Params[1].Doc)
		require.True(t, m.Params[1].Optional)
		require.EqualValues(t, 2, m.Params[1].Default)
		usage := func(name string) string { m, _ := d.Method(name); return m.Usage() }
		require.Equal(t, "sum(p1: int64, ...p2: int64): int64", usage("sum"))
		require.Equal(t, "div_mod(p1: int64, p2: int64): int64, int64", usage("div_mod"))
		require.Equal(t, "later(p1: int64): int64", usage("later"))
		require.Equal(t, "save(name: string, age: uint8)", usage("save"))

		require.Equal(t, "Somebody.", d.Types["person"].Doc)
		require.Equal(t, "in years", d.Types["person"].Fields[1].Doc)
		require.Equal(t, "not_found", d.Errors[0].Code)
		require.Equal(t, []api.EventInfo{
			{Name: "born", Doc: "Somebody was born.", Type: schema.Type{Kind: schema.Object, Name: "person"}, Retained: true},
			{Name: "#tic", Type: schema.Type{Kind: schema.Integer, Name: "int64"}, Channel: true},
		}, d.Events)
		all, err := caller.Senders(t.Context())
		require.NoError(t, err)
		for _, s := range all {
			if s.Name != nil && *s.Name == "calc" {
				require.Contains(t, s.Events, "born")
			}
		}
	})
}

// Limits that Doc sets hold for Go values of the right types too, however the method is
// called.
func TestLimitsOfParams(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		_, err := api.Expose(local, "calc", &calc{},
			api.Doc("Multiply", "", api.Param("a", "", api.Range(0, 9)), api.Param("b", "", api.Choices("2", "4"))), // by shape
			api.Doc("Older", "", api.Param("who", ""), api.Param("by", "", api.Range(0, 10))))                       // by reflection
		require.NoError(t, err)
		for _, c := range []struct {
			method, path string
			args         []any
		}{
			{"multiply", "a", []any{10, 2}}, {"multiply", "b", []any{9, 3}}, {"older", "by", []any{person{"Ada", 36}, uint8(11)}},
		} {
			var p *api.ParamError
			require.ErrorAs(t, api.Do(t.Context(), caller, "calc", c.method, c.args...), &p)
			require.Equal(t, c.path, p.Path)
		}
		n, err := api.Call[int](t.Context(), caller, "calc", "multiply", 9, 4)
		require.NoError(t, err)
		require.Equal(t, 36, n)
		require.NoError(t, api.Do(t.Context(), caller, "calc", "older", person{"Ada", 36}, uint8(10)))
	})
}

type service interface{ Last() int }

func TestExposeInterface(t *testing.T) {
	b := newBus(t)
	s, err := api.Expose[service](b, "calc", &calc{last: 3})
	require.NoError(t, err)
	require.Len(t, s.Describe().Methods, 1)
	n, err := api.Call[int](t.Context(), b, "calc", "last")
	require.NoError(t, err)
	require.Equal(t, 3, n)
}

func TestMethod(t *testing.T) {
	everywhere(t, func(t *testing.T, local, caller sig.Bus) {
		_, err := api.Serve(local, "people",
			api.Method("birthday", "A year older.", func(_ context.Context, p person) (person, error) {
				p.Age++
				return p, nil
			}, api.Timeout(time.Second)),
			api.Method("later", "", func(_ context.Context, p search) (*api.Deferred[string], error) {
				d := api.NewDeferred[string]()
				d.Complete(p.Order)
				return d, nil
			}),
			api.Method("forget", "", func(context.Context, api.None) (api.None, error) { return api.None{}, nil }),
			api.Doc("later", "Takes its time.", api.Param("limit", "how many")))
		require.NoError(t, err)

		want := person{"Ada", 37}
		for _, params := range []any{person{"Ada", 36}, &person{"Ada", 36}, map[string]any{"name": "Ada", "age": 36}} {
			got, err := sig.Ask[person](t.Context(), caller, "people", "birthday", params)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		got, err := api.Call[string](t.Context(), caller, "people", "later", "x")
		require.NoError(t, err)
		require.Equal(t, "name", got)
		resp, err := api.At(caller, "people").Call(t.Context(), "forget")
		require.NoError(t, err)
		require.Nil(t, resp.Data)

		d, err := api.At(caller, "people").Describe(t.Context())
		require.NoError(t, err)
		m, _ := d.Method("birthday")
		require.EqualValues(t, 1000, m.TimeoutMS)
		m, _ = d.Method("later")
		require.Equal(t, "how many", m.Params[2].Doc)
		require.Equal(t, schema.String, m.Results[0].Kind)

		_, err = sig.Ask[string](t.Context(), caller, "people", "later", search{Order: "name"})
		require.ErrorContains(t, err, "limit: 0 is out of range")
	})
}

type awkward struct{}

func (awkward) Chan(chan int)     {}
func (awkward) Describe() string  { return "" }
func (awkward) DoIt()             {}
func (awkward) Do_it()            {}
func (awkward) Two(a int, b bool) {}

func TestExposeRefuses(t *testing.T) {
	except := func(names ...string) api.ExposeOption { return api.Except(names...) }
	for _, c := range []struct {
		opts []api.ExposeOption
		want string
	}{
		{nil, `method Chan of api_test.awkward: parameter 1: values of type chan int cannot travel; leave it out with api.Except("Chan")`},
		{[]api.ExposeOption{except("Chan")}, `two methods of api_test.awkward are called "describe"; rename one with api.Rename`},
		{[]api.ExposeOption{except("Chan", "Describe")}, `two methods of api_test.awkward are called "do_it"`},
		{[]api.ExposeOption{api.Only("Two", "Three")}, "api_test.awkward has no method Three"},
		{[]api.ExposeOption{api.Only("Two"), api.Rename("Two", "")}, "empty method name"},
		{[]api.ExposeOption{api.Only("Two"), api.Doc("DoIt", "")}, "Doc describes DoIt, which is not among the exposed methods"},
		{[]api.ExposeOption{api.Only("Two"), api.Doc("Two", "", api.Param("a", ""), api.Param("b", ""), api.Param("c", ""))}, "it has 2 parameters, Doc describes 3"},
		{[]api.ExposeOption{api.Only("Two"), api.Doc("Two", "", api.Param("a", ""), api.Param("a", ""))}, `two are called "a"`},
		{[]api.ExposeOption{api.Only("Two"), api.Doc("Two", "", api.Param("a", "", api.Default("x")))}, `parameter a: default: "x" does not fit; expected int64`},
		{[]api.ExposeOption{api.Only("Two"), api.DocType("x", "", nil)}, "DocType describes x, of which no method is made"},
		{[]api.ExposeOption{api.Only("Two"), api.Method("x", "", func(context.Context, int) (int, error) { return 0, nil })}, "method x: its parameters are int, not a struct"},
		{[]api.ExposeOption{api.Only("Two"), api.Method("two", "", func(context.Context, person) (int, error) { return 0, nil })}, `are called "two"`},
	} {
		_, err := api.Expose(newBus(t), "x", awkward{}, c.opts...)
		require.ErrorContains(t, err, c.want)
	}
	_, err := api.Expose(newBus(t), "x", awkward{}, api.Only("DoIt", "Describe"), api.Rename("Describe", "info"))
	require.NoError(t, err)
}

type onPointer struct{}

func (*onPointer) Touch() {}

// Who forgets the & is told, instead of getting a sender without methods.
func TestExposeWantsPointer(t *testing.T) {
	_, err := api.Expose(newBus(t), "x", onPointer{})
	require.EqualError(t, err, "api: api_test.onPointer has no exported methods; *api_test.onPointer has, Touch for one: give a pointer")
	_, err = api.Expose(newBus(t), "x", &onPointer{})
	require.NoError(t, err)
	_, err = api.Expose(newBus(t), "x", struct{}{}, api.Emits[int]("n", "a number"))
	require.NoError(t, err, "events alone")
}

func TestExposeTakenName(t *testing.T) {
	b := newBus(t)
	s := exposeCalc(t, b)
	_, err := api.Expose(b, "calc", &calc{})
	require.ErrorIs(t, err, sig.ErrTaken)
	require.NoError(t, s.Remove())
	exposeCalc(t, b)
}
