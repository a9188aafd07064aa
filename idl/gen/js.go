package gen

import (
	"bytes"
	"encoding/json"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/sigrouter/sigrouter/idl"
)

// What the templates of JavaScript are given.
type jsView struct {
	Source, Package, Client string
	Namespace, Sender       string
	Doc                     string
	Enums                   []jsEnum
	Models, Exceptions      []jsStruct
	Methods                 []jsMethod
	Events                  []jsEvent
}

type jsEnum struct {
	JS, Name, Doc string
	Values        []*idl.Value
}

type jsStruct struct {
	JS, Name, Doc string
	Fields        []jsField
}

type jsField struct {
	Name, Doc string
	Type      string // as interface files have it
	TS        string
	Optional  bool // it need not be sent
	Absent    bool // it need not be there in a value
	Default   string
}

type jsMethod struct {
	JS, Name, Doc    string
	Params           []jsParam
	Fields           []jsField
	Result, ResultTS string
	TimeoutMS        int64
}

type jsParam struct {
	Var   string
	Field jsField
}

type jsEvent struct {
	On, Type, Name, Doc, Wire string
	Channel                   bool
	Fields                    []jsField
}

// generateJS makes the module and its types.
func generateJS(f *idl.File) ([]File, error) {
	v := newJSView(f)
	t, err := template.New("").Funcs(template.FuncMap{"js": jsString, "jsdoc": jsDoc, "lines": lines}).
		ParseFS(templates, "templates/module.*.tmpl")
	if err != nil {
		return nil, err
	}
	var all []File
	for _, ending := range []string{".js", ".d.ts"} {
		var b bytes.Buffer
		if err := t.ExecuteTemplate(&b, "module"+ending+".tmpl", v); err != nil {
			return nil, err
		}
		all = append(all, File{Path: v.Package + ending, Data: append(bytes.TrimSpace(b.Bytes()), '\n')})
	}
	return all, nil
}

// A jsNamer names everything in a file.
type jsNamer struct {
	top     scope
	members scope // of the client
	types   map[string]string
}

func newJSView(f *idl.File) *jsView {
	n := &jsNamer{
		top:     newScope("NAMESPACE", "SENDER", "SigClient", "SigHandle", "SigEvent", "Object", "Error", "TypeError", "RangeError", "Math", "Map", "Set", "Uint8Array", "Number", "String", "Array", "JSON", "Promise", "Record"),
		members: newScope("constructor", "name", "close", "connect"),
		types:   map[string]string{},
	}
	v := &jsView{Source: path.Base(filepath.ToSlash(f.Name)), Package: packageName(f.Class), Namespace: f.Namespace, Sender: f.Namespace, Doc: f.Doc}
	v.Client = n.top.pick(goName(f.Class) + "Client")
	for _, m := range f.Models {
		n.types[m.Name] = n.top.pick(m.Name, m.Name+"Model")
	}
	for _, e := range f.Enums {
		n.types[e.Name] = n.top.pick(e.Name, e.Name+"Enum")
		v.Enums = append(v.Enums, jsEnum{n.types[e.Name], e.Name, e.Doc, e.Values})
	}
	for _, x := range f.Exceptions {
		v.Exceptions = append(v.Exceptions, jsStruct{n.top.pick(x.Name, x.Name+"Error"), x.Name, x.Doc, n.fields(x.Fields)})
	}
	for _, m := range f.Models {
		v.Models = append(v.Models, jsStruct{n.types[m.Name], m.Name, m.Doc, n.fields(m.Fields)})
	}
	for _, m := range f.Methods {
		v.Methods = append(v.Methods, n.method(m))
	}
	for _, e := range f.Events {
		v.Events = append(v.Events, n.event(e))
	}
	return v
}

func (n *jsNamer) typeOf(t *idl.Type) string {
	base := map[string]string{"boolean": "boolean", "string": "string", "binary": "Uint8Array"}[t.Base]
	switch {
	case t.Model != nil || t.Enum != nil:
		base = n.types[t.Base]
	case base == "":
		base = "number"
	}
	return base + strings.Repeat("[]", t.Lists)
}

func (n *jsNamer) fields(fields []*idl.Field) []jsField {
	var all []jsField
	for _, f := range fields {
		g := jsField{Name: f.Name, Doc: f.Doc, Type: f.Type.String(), TS: n.typeOf(f.Type), Absent: f.Optional || f.Default != nil}
		g.Optional = g.Absent
		if f.Default != nil {
			g.Default = jsDefault(f)
		}
		all = append(all, g)
	}
	return all
}

// jsDefault writes a default as JavaScript has it; "" for a number that it cannot hold.
func jsDefault(f *idl.Field) string {
	const exact = 1<<53 - 1
	text := f.Default.Text
	if f.Default.Kind == idl.String || f.Type.Enum != nil {
		return jsString(text)
	}
	if low, high := idl.IntRange(f.Type.Base); low != 0 || high != 0 {
		if i, err := strconv.ParseInt(text, 10, 64); err != nil || i > exact || i < -exact {
			return ""
		}
	}
	return text
}

func (n *jsNamer) method(m *idl.Method) jsMethod {
	out := jsMethod{JS: n.members.pick(camelName(m.Name), "call"+goName(m.Name)), Name: m.Name, Doc: m.Doc,
		Fields: n.fields(m.Params), TimeoutMS: m.Timeout.Milliseconds()}
	vars := newScope("this", "arguments", "eval", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
		"delete", "do", "else", "enum", "export", "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof",
		"new", "null", "return", "super", "switch", "throw", "true", "try", "typeof", "var", "void", "while", "with", "yield", "let",
		"static", "await", "implements", "interface", "package", "private", "protected", "public")
	for i, p := range m.Params {
		out.Params = append(out.Params, jsParam{vars.pick(camelName(p.Name), camelName(p.Name)+"Param"), out.Fields[i]})
	}
	out.Doc = lines(m.Doc, paramDocs(out.Params))
	if m.Result != nil {
		out.Result, out.ResultTS = m.Result.String(), n.typeOf(m.Result)
	}
	return out
}

// paramDocs makes a tag of JSDoc of each parameter that has a text.
func paramDocs(params []jsParam) string {
	var tags []string
	for _, p := range params {
		if p.Field.Doc != "" {
			tags = append(tags, "@param "+p.Var+" - "+strings.Join(strings.Fields(p.Field.Doc), " "))
		}
	}
	return strings.Join(tags, "\n")
}

func (n *jsNamer) event(e *idl.Event) jsEvent {
	name := goName(e.Name)
	out := jsEvent{On: n.members.pick("on"+name, "onEvent"+name), Type: n.top.pick(name+"Event", name+"EventData"),
		Name: e.Name, Doc: e.Doc, Wire: e.Name, Channel: e.Channel, Fields: n.fields(e.Params)}
	if e.Channel {
		out.Wire = "#" + e.Name
	}
	return out
}

// jsString writes a string as JavaScript has it.
func jsString(s string) string {
	b, err := json.Marshal(s) // which escapes what could end a script
	if err != nil {
		return `""`
	}
	return string(b)
}

// jsDoc makes a comment of a text, each line indented; nothing of no text.
func jsDoc(indent, text string) string {
	if text == "" {
		return ""
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "*/", "* /"), "\r", "")
	all := strings.Split(text, "\n")
	if len(all) == 1 {
		return indent + "/** " + text + " */\n"
	}
	var b strings.Builder
	b.WriteString(indent + "/**\n")
	for _, line := range all {
		b.WriteString(indent + strings.TrimRight(" * "+line, " ") + "\n")
	}
	b.WriteString(indent + " */\n")
	return b.String()
}
