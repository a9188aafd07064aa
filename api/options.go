package api

import (
	"log/slog"
	"reflect"

	"github.com/sigrouter/sigrouter/sig"
)

// An ExposeOption tunes what is exposed.
type ExposeOption interface{ applyExpose(*exposeConfig) }

// A CallOption tunes calls.
type CallOption interface{ applyCall(*callConfig) }

// An Option fits both sides.
type Option interface {
	ExposeOption
	CallOption
}

type exposeConfig struct {
	common
	bus     sig.Bus
	about   string
	docs    []methodDoc
	only    []string
	except  []string
	renamed map[string]string // wire names by Go name
	methods []typedMethod
	events  []emitted
	types   []typeDoc
	sender  []sig.SenderOption
	log     *slog.Logger
	silent  bool // it does not describe itself
}

type callConfig struct {
	common
	meta     map[string]string
	badEvent func(sig.Event, error)
}

// common is what options for both sides set.
type common struct {
	around []Middleware
	errors []ErrorCase
}

type exposeFunc func(*exposeConfig)

func (f exposeFunc) applyExpose(c *exposeConfig) { f(c) }

type callFunc func(*callConfig)

func (f callFunc) applyCall(c *callConfig) { f(c) }

type commonFunc func(*common)

func (f commonFunc) applyExpose(c *exposeConfig) { f(&c.common) }
func (f commonFunc) applyCall(c *callConfig)     { f(&c.common) }

// About says what the sender is for, for its description.
func About(text string) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.about = text })
}

// Doc describes a method, named as in Go or as on the wire, and its parameters, in
// their order. Parameters of a method that takes a struct are its fields; Doc may name
// some of them to add to what their tags say.
func Doc(method, text string, params ...ParamDoc) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.docs = append(c.docs, methodDoc{method, text, params}) })
}

// DocType describes an object type, named as in Go, and some of its fields, by their
// names on the wire.
func DocType(name, text string, fields map[string]string) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.types = append(c.types, typeDoc{name, text, fields}) })
}

// An EventOption says more about an event.
type EventOption func(*emitted)

// Retained keeps the last value of an event for listeners that come later.
func Retained() EventOption { return func(e *emitted) { e.info.Retained = true } }

// Channel says that other senders trigger the event as well.
func Channel() EventOption { return func(e *emitted) { e.info.Channel = true } }

// Emits declares an event with data of type T, and describes it. NewSignal triggers it.
func Emits[T any](name, doc string, opts ...EventOption) ExposeOption {
	e := emitted{EventInfo{Name: name, Doc: doc}, reflect.TypeFor[T]()}
	for _, o := range opts {
		o(&e)
	}
	return exposeFunc(func(c *exposeConfig) {
		c.events = append(c.events, e)
		declare := sig.Events
		if e.info.Retained {
			declare = sig.Retain
		}
		c.sender = append(c.sender, declare(name))
	})
}

type emitted struct {
	info EventInfo
	data reflect.Type
}

// Only exposes no methods but these, named as in Go.
func Only(methods ...string) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.only = append(c.only, methods...) })
}

// Except leaves methods out, named as in Go. Close and String are left out unless Only
// names them.
func Except(methods ...string) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.except = append(c.except, methods...) })
}

// Rename gives a method, named as in Go, another name on the wire.
func Rename(method, name string) ExposeOption {
	return exposeFunc(func(c *exposeConfig) {
		if c.renamed == nil {
			c.renamed = map[string]string{}
		}
		c.renamed[method] = name
	})
}

// Declare passes options on to AddSender, for instance the sender's events.
func Declare(opts ...sig.SenderOption) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.sender = append(c.sender, opts...) })
}

// NoDescribe leaves out the method DescribeMethod, so that a method of that name can take
// its place.
func NoDescribe() ExposeOption { return exposeFunc(func(c *exposeConfig) { c.silent = true }) }

// Log sets where methods that panic are reported. The default is slog.Default().
func Log(l *slog.Logger) ExposeOption {
	return exposeFunc(func(c *exposeConfig) { c.log = l })
}

// Use puts middleware around calls: on the exposing side around the method, on the
// calling side around the request. The first is outermost.
func Use(m ...Middleware) Option {
	return commonFunc(func(c *common) { c.around = append(c.around, m...) })
}

// WithErrors names errors that are to travel as themselves. Both sides name the same,
// with ErrorType and ErrorValue.
func WithErrors(cases ...ErrorCase) Option {
	return commonFunc(func(c *common) { c.errors = append(c.errors, cases...) })
}

// A ParamDoc describes a parameter.
type ParamDoc struct {
	name, doc string
	opts      []ParamOption
}

// Param describes a parameter: its name on the wire, what it is for, and what else
// the options say.
func Param(name, doc string, opts ...ParamOption) ParamDoc { return ParamDoc{name, doc, opts} }

// A ParamOption says more about a parameter.
type ParamOption func(*paramSpec)

type paramSpec struct {
	optional bool
	preset   any
	choices  []string
	min, max *float64
}

// Default lets callers leave the parameter out; it is v then. Those who pass arguments
// by position may leave out the last ones.
func Default(v any) ParamOption { return func(p *paramSpec) { p.preset = v } }

// Optional lets callers leave the parameter out; it has its zero value then.
func Optional() ParamOption { return func(p *paramSpec) { p.optional = true } }

// Choices are the only values accepted; numbers are written as in JSON.
func Choices(values ...string) ParamOption { return func(p *paramSpec) { p.choices = values } }

// Range bounds a number, both ends included.
func Range(lowest, highest float64) ParamOption {
	return func(p *paramSpec) { p.min, p.max = &lowest, &highest }
}

type methodDoc struct {
	method, text string
	params       []ParamDoc
}

type typeDoc struct {
	name, text string
	fields     map[string]string
}
