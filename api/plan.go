package api

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// A plan is the methods of type T, compiled. Binding it to a value gives the handlers.
type plan[T any] struct {
	methods []method[T]
	events  []EventInfo
	types   map[string]schema.ObjectType
}

// A method is one of them.
type method[T any] struct {
	info     MethodInfo
	bind     func(recv T) sig.Handler
	deferred bool
}

var (
	contextType  = reflect.TypeFor[context.Context]()
	errorType    = reflect.TypeFor[error]()
	deferredType = reflect.TypeFor[deferred]()
)

// newPlan compiles what the options leave of T's methods.
func newPlan[T any](c *exposeConfig) (*plan[T], error) {
	t := reflect.TypeFor[T]()
	b := planner[T]{config: c, used: map[int]bool{}}
	if err := b.checkNames(t); err != nil {
		return nil, err
	}
	for i := range t.NumMethod() {
		if m := t.Method(i); c.exposes(m.Name) {
			if err := b.add(t, m); err != nil {
				return nil, fmt.Errorf("api: method %s of %s: %w; leave it out with api.Except(%q)", m.Name, t, err, m.Name)
			}
		}
	}
	for _, m := range c.methods {
		if err := b.addTyped(m); err != nil {
			return nil, fmt.Errorf("api: method %s: %w", m.name, err)
		}
	}
	if err := b.checkSome(t); err != nil {
		return nil, err
	}
	p := &plan[T]{}
	if err := b.addEvents(p); err != nil {
		return nil, err
	}
	return p, b.finish(t, p)
}

// addEvents compiles the data of the events that the options declare.
func (b *planner[T]) addEvents(p *plan[T]) error {
	var types []*schema.Schema
	for _, e := range b.config.events {
		s, err := b.set.Of(e.data)
		if err != nil {
			return fmt.Errorf("api: event %s: %w", e.info.Name, err)
		}
		types = append(types, s)
	}
	b.settle = func() {
		for i, e := range b.config.events {
			e.info.Type = types[i].Type()
			p.events = append(p.events, e.info)
		}
	}
	return nil
}

// exposes reports whether the options leave a method in.
func (c *exposeConfig) exposes(name string) bool {
	switch {
	case len(c.only) > 0:
		return slices.Contains(c.only, name)
	case name == "Close" || name == "String":
		return false
	}
	return !slices.Contains(c.except, name)
}

// A planner builds a plan.
type planner[T any] struct {
	config  *exposeConfig
	set     schema.Set
	waiting []func() (method[T], error) // the second half of the work, once set is finished
	settle  func()                      // the same for events
	used    map[int]bool                // docs that found their method, by index
}

// checkNames reports options that name methods T does not have.
func (b *planner[T]) checkNames(t reflect.Type) error {
	names := slices.Concat(b.config.only, b.config.except)
	for name := range b.config.renamed {
		names = append(names, name)
	}
	for _, name := range names {
		if _, ok := t.MethodByName(name); !ok {
			return fmt.Errorf("api: %s has no method %s", t, name)
		}
	}
	return nil
}

// checkSome reports a value whose methods are all those of its pointer, which is most likely
// missing an &. A value without any is fine: it may have events alone.
func (b *planner[T]) checkSome(t reflect.Type) error {
	if len(b.waiting) > 0 || t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	for m := range reflect.PointerTo(t).Methods() {
		if b.config.exposes(m.Name) {
			return fmt.Errorf("api: %s has no exported methods; *%s has, %s for one: give a pointer", t, t, m.Name)
		}
	}
	return nil
}

// doc finds what the options say about a method.
func (b *planner[T]) doc(names ...string) methodDoc {
	for i, d := range b.config.docs {
		if slices.Contains(names, d.method) {
			b.used[i] = true
			return d
		}
	}
	return methodDoc{}
}

// A signature is the types of a method, apart.
type signature struct {
	context  bool
	in       []reflect.Type // without receiver and context
	variadic bool
	out      []reflect.Type // without the error
	fails    bool
	deferred bool
}

// signatureOf takes apart the type of a function, of which skip leading parameters
// do not count.
func signatureOf(t reflect.Type, skip int) signature {
	s := signature{variadic: t.IsVariadic()}
	for i := skip; i < t.NumIn(); i++ {
		if i == skip && t.In(i) == contextType {
			s.context = true
			continue
		}
		s.in = append(s.in, t.In(i))
	}
	for i := range t.NumOut() {
		if i == t.NumOut()-1 && t.Out(i) == errorType {
			s.fails = true
			continue
		}
		s.out = append(s.out, t.Out(i))
	}
	if len(s.out) == 1 && s.out[0].Implements(deferredType) {
		s.deferred = true
	}
	return s
}

// results compiles the result types for the description.
func (b *planner[T]) results(s *signature) ([]*schema.Schema, error) {
	var all []*schema.Schema
	for _, t := range s.out {
		if s.deferred {
			t = reflect.Zero(t).Interface().(deferred).resultType()
		}
		r, err := b.set.Of(t)
		if err != nil {
			return nil, fmt.Errorf("result: %w", err)
		}
		all = append(all, r)
	}
	return all, nil
}

// add compiles a method of T.
func (b *planner[T]) add(t reflect.Type, m reflect.Method) error {
	skip := 1
	if t.Kind() == reflect.Interface {
		skip = 0
	}
	s := signatureOf(m.Type, skip)
	name, ok := b.config.renamed[m.Name]
	if !ok {
		name = wireName(m.Name)
	}
	doc := b.doc(m.Name, name)
	results, err := b.results(&s)
	if err != nil {
		return err
	}
	info := MethodInfo{Name: name, Doc: doc.text, Rest: s.variadic}
	if st, ok := structStyle(s, doc); ok {
		return b.addStruct(m, s, info, results, st, doc)
	}
	return b.addPositional(m, s, info, results, doc)
}

// structStyle reports whether a method takes its parameters as one struct: it does when
// that is all it takes, and Doc does not give it a name of its own.
func structStyle(s signature, doc methodDoc) (reflect.Type, bool) {
	if len(s.in) != 1 || s.variadic {
		return nil, false
	}
	t := s.in[0]
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var set schema.Set
	compiled, err := set.Of(t)
	if err != nil || set.Finish() != nil || compiled.Type().Kind != schema.Object {
		return nil, false
	}
	if len(doc.params) == 1 && !slices.ContainsFunc(set.Objects()[compiled.Type().Name].Fields, func(f schema.Field) bool {
		return f.Name == doc.params[0].name
	}) {
		return nil, false
	}
	return t, true
}

func (b *planner[T]) addPositional(m reflect.Method, s signature, info MethodInfo, results []*schema.Schema, doc methodDoc) error {
	var params []schema.Param
	for i, t := range s.in {
		compiled, err := b.set.Of(t)
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i+1, err)
		}
		p := schema.Param{Field: schema.Field{Name: fmt.Sprintf("p%d", i+1)}, Schema: compiled}
		if i < len(doc.params) {
			doc.params[i].fill(&p)
		}
		p.Optional = p.Optional || t.Kind() == reflect.Pointer || s.variadic && i == len(s.in)-1
		params = append(params, p)
	}
	if len(doc.params) > len(s.in) {
		return fmt.Errorf("it has %d parameters, Doc describes %d", len(s.in), len(doc.params))
	}
	b.waiting = append(b.waiting, func() (method[T], error) {
		ps, err := schema.NewParams(params, s.variadic)
		if err != nil {
			return method[T]{}, err
		}
		info.Params, info.Results = ps.Describe(), typesOf(results)
		in := &input{params: ps, info: info, limited: ps.Limited()}
		return method[T]{info, bindPositional[T](m, s, in), s.deferred}, nil
	})
	return nil
}

func (d ParamDoc) fill(p *schema.Param) {
	var spec paramSpec
	for _, o := range d.opts {
		o(&spec)
	}
	p.Name, p.Doc, p.Optional, p.Preset = d.name, d.doc, spec.optional, spec.preset
	p.Choices, p.Min, p.Max = spec.choices, spec.min, spec.max
}

func (b *planner[T]) addStruct(m reflect.Method, s signature, info MethodInfo, results []*schema.Schema, t reflect.Type, doc methodDoc) error {
	compiled, err := b.set.Of(t)
	if err != nil {
		return err
	}
	b.waiting = append(b.waiting, func() (method[T], error) {
		fields, err := describeFields(compiled, doc)
		if err != nil {
			return method[T]{}, err
		}
		info.Params, info.Results = fields, typesOf(results)
		in := &input{object: compiled, info: info, limited: compiled.Limited()}
		return method[T]{info, bindStruct[T](m, s, in), s.deferred}, nil
	})
	return nil
}

// describeFields lists the fields of a struct of parameters, with what Doc adds.
func describeFields(s *schema.Schema, doc methodDoc) ([]schema.Field, error) {
	fields := s.Fields()
	for _, d := range doc.params {
		i := slices.IndexFunc(fields, func(f schema.Field) bool { return f.Name == d.name })
		if i < 0 {
			return nil, fmt.Errorf("Doc describes a parameter %q that it does not have", d.name)
		}
		if len(d.opts) > 0 {
			return nil, fmt.Errorf("say more about parameter %q with tags of its field", d.name)
		}
		fields[i].Doc = d.doc
	}
	return fields, nil
}

func typesOf(results []*schema.Schema) []schema.Type {
	types := make([]schema.Type, len(results))
	for i, r := range results {
		types[i] = r.Type()
	}
	return types
}

// finish settles the schemas and then the methods.
func (b *planner[T]) finish(t reflect.Type, p *plan[T]) error {
	if err := b.set.Finish(); err != nil {
		return fmt.Errorf("api: %w", err)
	}
	for i, d := range b.config.docs {
		if !b.used[i] {
			return fmt.Errorf("api: Doc describes %s, which is not among the exposed methods of %s", d.method, t)
		}
	}
	b.settle()
	for _, w := range b.waiting {
		m, err := w()
		if err != nil {
			return fmt.Errorf("api: %s: %w", t, err)
		}
		if err := b.checkName(t, p, m.info.Name); err != nil {
			return err
		}
		p.methods = append(p.methods, m)
	}
	p.types = b.set.Objects()
	return b.docTypes(p)
}

func (b *planner[T]) checkName(t reflect.Type, p *plan[T], name string) error {
	taken := slices.ContainsFunc(p.methods, func(o method[T]) bool { return o.info.Name == name })
	if taken || name == DescribeMethod && !b.config.silent {
		return fmt.Errorf("api: two methods of %s are called %q; rename one with api.Rename, or leave it out with api.Except", t, name)
	}
	if err := sig.CheckName("method", name); err != nil {
		return fmt.Errorf("api: %w", err)
	}
	return nil
}

// docTypes adds what DocType says.
func (b *planner[T]) docTypes(p *plan[T]) error {
	for _, d := range b.config.types {
		o, ok := p.types[d.name]
		if !ok {
			return fmt.Errorf("api: DocType describes %s, of which no method is made", d.name)
		}
		o.Doc = d.text
		for i := range o.Fields {
			if text, ok := d.fields[o.Fields[i].Name]; ok {
				o.Fields[i].Doc = text
			}
		}
		p.types[d.name] = o
	}
	return nil
}
