package gen

import (
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/idl"
)

// What the Go templates are given. Every name in it is a valid Go name, and taken once.
type goView struct {
	Source, Package, Class    string
	Import                    string // of the package, for a daemon
	Namespace, Sender, Socket string
	Doc                       string
	Enums                     []goEnum
	Models                    []goStruct
	Exceptions                []goStruct
	Methods                   []goMethod
	Events                    []goEvent
	OwnDescribe               bool // there is a method describe
	DescribeEvent             bool // there is an event describe
	UsesTime                  bool
}

type goEnum struct {
	Go, Name, Doc string
	Values        []goValue
}

type goValue struct{ Go, Name, Doc string }

type goStruct struct {
	Go, Name, Doc string
	Fields        []goField
	New           string // the constructor's name, if it has defaults
	Described     bool   // by describe
}

type goField struct {
	Go, Name, Doc string
	Type          string // as the struct has it
	Tag           string // with its quotes
	Default       string // as Go writes it; "" for none
}

type goMethod struct {
	Go, Name, Doc string
	Held          string // the Client's field
	ParamsType    string
	Params        []goParam
	Result        string // "" for none
	Timeout       string // a Go expression; "" for none
}

type goParam struct {
	Var   string // the parameter of the Go method
	Field goField
}

type goEvent struct {
	Go, Name, Doc string
	Wire          string // the event's name on the wire
	Held          string // the field of Client and Daemon
	Type          string
	Params        []goParam
	Retained      bool
	Channel       bool
	On            string // the Client's method
	Trigger       string // the Daemon's methods
	TriggerTo     string
}

// A goNamer names everything in a file.
type goNamer struct {
	file     *idl.File
	top      scope // of the package
	held     scope // fields of Client and Daemon
	client   scope // methods of Client and Server
	daemon   scope // methods of Daemon
	types    map[string]string
	values   map[*idl.Value]string
	describe map[*idl.Model]bool
}

func newGoView(f *idl.File) *goView {
	n := &goNamer{
		file: f,
		top: newScope("Namespace", "Sender", "SocketURL", "Server", "UnimplementedServer", "Serve", "ServeAs", "Daemon",
			"Client", "Connect", "ConnectTo", "Errors"),
		held:     newScope("app", "apps", "bus", "service"),
		client:   newScope("Close", "Name"),
		daemon:   newScope("Applications", "Close", "Service", "WatchApplications"),
		types:    map[string]string{},
		values:   map[*idl.Value]string{},
		describe: map[*idl.Model]bool{},
	}
	v := &goView{
		Source: path.Base(filepath.ToSlash(f.Name)), Package: packageName(f.Class), Class: f.Class, Namespace: f.Namespace,
		Sender: f.Namespace, Socket: socketURL(f), Doc: f.Doc,
	}
	n.nameTypes()
	for _, e := range f.Enums {
		v.Enums = append(v.Enums, n.enum(e))
	}
	for _, m := range f.Methods {
		v.Methods = append(v.Methods, n.method(m))
		v.OwnDescribe = v.OwnDescribe || m.Name == "describe"
		v.UsesTime = v.UsesTime || m.Timeout > 0
	}
	for _, e := range f.Events {
		v.Events = append(v.Events, n.event(e))
		v.DescribeEvent = v.DescribeEvent || e.Name == "describe"
	}
	for _, m := range f.Models {
		s := n.structOf(n.types[m.Name], m.Name, m.Doc, m.Fields)
		s.Described = n.describe[m] && s.documented()
		v.Models = append(v.Models, s)
	}
	for _, x := range f.Exceptions {
		v.Exceptions = append(v.Exceptions, n.structOf(n.types[x.Name], x.Name, x.Doc, x.Fields, "Message", "Error", "SetMessage"))
	}
	return v
}

// documented reports whether there is anything to tell about the model.
func (s *goStruct) documented() bool {
	for _, f := range s.Fields {
		if f.Doc != "" {
			return true
		}
	}
	return s.Doc != ""
}

// socketURL is where LibMedium puts the socket of a daemon.
func socketURL(f *idl.File) string {
	dir := f.Socket
	if dir == "" {
		dir = "/var/run"
	}
	return "unix://" + path.Join(dir, f.Namespace, "socket")
}

func (n *goNamer) nameTypes() {
	for _, m := range n.file.Models {
		n.types[m.Name] = n.top.pick(goName(m.Name), goName(m.Name)+"Model")
	}
	for _, e := range n.file.Enums {
		n.types[e.Name] = n.top.pick(goName(e.Name), goName(e.Name)+"Enum")
		for _, v := range e.Values {
			n.values[v] = n.top.pick(n.types[e.Name]+goName(v.Name), n.types[e.Name]+"Value"+goName(v.Name))
		}
	}
	for _, x := range n.file.Exceptions {
		n.types[x.Name] = n.top.pick(goName(x.Name), goName(x.Name)+"Error")
	}
	for _, m := range n.file.Models { // constructors
		if hasDefaults(m.Fields) {
			n.types["New "+m.Name] = n.top.pick("New"+n.types[m.Name], "NewDefault"+n.types[m.Name])
		}
	}
}

func hasDefaults(fields []*idl.Field) bool {
	for _, f := range fields {
		if f.Default != nil {
			return true
		}
	}
	return false
}

func (n *goNamer) enum(e *idl.Enum) goEnum {
	out := goEnum{Go: n.types[e.Name], Name: e.Name, Doc: e.Doc}
	for _, v := range e.Values {
		out.Values = append(out.Values, goValue{n.values[v], v.Name, v.Doc})
	}
	return out
}

// typeOf returns a type as Go has it.
func (n *goNamer) typeOf(t *idl.Type) string {
	base := map[string]string{"boolean": "bool", "float": "float32", "double": "float64", "binary": "[]byte"}[t.Base]
	switch {
	case t.Model != nil || t.Enum != nil:
		base = n.types[t.Base]
	case base == "":
		base = t.Base // which is its name in Go too
	}
	return strings.Repeat("[]", t.Lists) + base
}

func (n *goNamer) fields(fields []*idl.Field, inParams bool, taken ...string) []goField {
	s := newScope(taken...)
	var all []goField
	for _, f := range fields {
		g := goField{Go: s.pick(goName(f.Name), goName(f.Name)+"Field"), Name: f.Name, Doc: f.Doc, Type: n.typeOf(f.Type)}
		omit := ""
		switch isSlice := f.Type.Lists > 0 || f.Type.Base == "binary"; {
		case f.Optional && isSlice:
			omit = ",omitzero"
		case f.Optional:
			omit, g.Type = ",omitempty", "*"+g.Type
		}
		tag := `json:"` + f.Name + omit + `"`
		if f.Default != nil {
			tag += " default:" + strconv.Quote(f.Default.Text)
			g.Default = n.literal(f)
		}
		if inParams && f.Doc != "" {
			tag += " doc:" + strconv.Quote(f.Doc)
		}
		g.Tag = "`" + tag + "`"
		if strings.Contains(tag, "`") {
			g.Tag = strconv.Quote(tag)
		}
		all = append(all, g)
	}
	return all
}

// literal returns a default as Go writes it.
func (n *goNamer) literal(f *idl.Field) string {
	switch {
	case f.Type.Enum != nil:
		for _, v := range f.Type.Enum.Values {
			if v.Name == f.Default.Text {
				return n.values[v]
			}
		}
	case f.Default.Kind == idl.String:
		return strconv.Quote(f.Default.Text)
	}
	return f.Default.Text
}

func (n *goNamer) structOf(goType, name, doc string, fields []*idl.Field, taken ...string) goStruct {
	return goStruct{Go: goType, Name: name, Doc: doc, New: n.types["New "+name], Fields: n.fields(fields, false, taken...)}
}

// markDescribed remembers the models that describe lists: those that methods and events
// are made of.
func (n *goNamer) markDescribed(t *idl.Type) {
	if t == nil || t.Model == nil || n.describe[t.Model] {
		return
	}
	n.describe[t.Model] = true
	for _, f := range t.Model.Fields {
		n.markDescribed(f.Type)
	}
}

// params names the parameters of a Go method. The names it uses inside are taken.
func (n *goNamer) params(fields []*idl.Field, taken ...string) []goParam {
	s := newScope(append(taken, "api", "sig", "context", "ctx", "c", "d", "s", "p", "app", "err", "errors",
		"result", "break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go", "goto", "if",
		"import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var")...)
	var all []goParam
	for i, g := range n.fields(fields, true) {
		n.markDescribed(fields[i].Type)
		all = append(all, goParam{s.pick(lowerName(fields[i].Name), lowerName(fields[i].Name)+"Param"), g})
	}
	return all
}

func (n *goNamer) method(m *idl.Method) goMethod {
	out := goMethod{Go: n.client.pick(goName(m.Name), "Call"+goName(m.Name)), Name: m.Name, Doc: m.Doc}
	out.Held = n.held.pick(lowerName(m.Name)+"Func", lowerName(m.Name)+"Method")
	out.ParamsType = n.top.pick(lowerName(m.Name)+"Params", lowerName(m.Name)+"Parameters")
	out.Params = n.params(m.Params, out.ParamsType)
	if m.Result != nil {
		n.markDescribed(m.Result)
		out.Result = n.typeOf(m.Result)
	}
	if m.Timeout > 0 {
		out.Timeout = duration(m.Timeout)
	}
	return out
}

// duration returns a length of time as Go writes it.
func duration(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "time.Hour"}, {time.Minute, "time.Minute"}, {time.Second, "time.Second"}, {time.Millisecond, "time.Millisecond"}} {
		if d%unit.size == 0 {
			return fmt.Sprintf("%d * %s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d", d)
}

func (n *goNamer) event(e *idl.Event) goEvent {
	name := goName(e.Name)
	out := goEvent{Go: name, Name: e.Name, Doc: e.Doc, Wire: e.Name, Retained: e.Retained, Channel: e.Channel}
	if e.Channel {
		out.Wire = "#" + e.Name
	}
	out.Type = n.top.pick(name+"Event", name+"EventData")
	out.Held = n.held.pick(lowerName(e.Name)+"Event", lowerName(e.Name)+"Events")
	out.On = n.client.pick("On"+name, "OnEvent"+name)
	out.Trigger = n.daemon.pick("Trigger"+name, "TriggerEvent"+name)
	out.TriggerTo = n.daemon.pick("Trigger"+name+"To", "TriggerEvent"+name+"To")
	out.Params = n.params(e.Params, out.Type)
	return out
}
