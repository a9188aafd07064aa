package gen

import (
	"bytes"
	"encoding/json"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/idl"
)

// object is a JSON object. Its members are written in alphabetical order.
type object = map[string]any

// generateAsyncAPI makes the AsyncAPI document: methods are operations that the daemon
// receives and replies to, events operations that it sends.
func generateAsyncAPI(f *idl.File) ([]File, error) {
	d := &asyncDoc{channels: object{}, operations: object{}, messages: object{}, schemas: object{}}
	for _, e := range f.Enums {
		d.schemas[e.Name] = enumSchema(e)
	}
	for _, m := range f.Models {
		d.schemas[m.Name] = objectSchema(m.Doc, m.Fields)
	}
	for _, x := range f.Exceptions {
		d.exceptions = append(d.exceptions, x.Name)
		d.message(x.Name, x.Doc, objectSchema("", x.Fields))["x-sig-error-code"] = x.Name
	}
	for _, m := range f.Methods {
		d.method(f, m)
	}
	for _, e := range f.Events {
		d.event(f, e)
	}
	// A struct, so that what readers look for comes first.
	doc := struct {
		AsyncAPI    string `json:"asyncapi"`
		ID          string `json:"id"`
		Info        object `json:"info"`
		ContentType string `json:"defaultContentType"`
		Channels    object `json:"channels"`
		Operations  object `json:"operations"`
		Components  object `json:"components"`
		Source      string `json:"x-sig-source"`
	}{
		"3.1.0", "urn:sig:" + f.Namespace, object{"title": f.Class, "version": "1.0.0"}, "application/json",
		d.channels, d.operations, object{"messages": d.messages, "schemas": d.schemas}, path.Base(filepath.ToSlash(f.Name)),
	}
	if f.Doc != "" {
		doc.Info["description"] = f.Doc
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	return []File{{Path: packageName(f.Class) + ".asyncapi.json", Data: b.Bytes()}}, nil
}

type asyncDoc struct {
	channels, operations, messages, schemas object
	exceptions                              []string
}

func ref(to string) object { return object{"$ref": "#/" + to} }

// message adds a message to the components.
func (d *asyncDoc) message(name, doc string, payload object) object {
	m := object{"name": name, "payload": payload}
	if doc != "" {
		m["description"] = doc
	}
	d.messages[name] = m
	return m
}

// channel adds a channel with messages of the components, and returns references to
// these, as operations have them.
func (d *asyncDoc) channel(name string, address any, messages ...string) (object, []object) {
	in := object{}
	var refs []object
	for _, m := range messages {
		in[m] = ref("components/messages/" + m)
		refs = append(refs, ref("channels/"+name+"/messages/"+m))
	}
	c := object{"address": address, "messages": in}
	d.channels[name] = c
	return c, refs
}

func (d *asyncDoc) method(f *idl.File, m *idl.Method) {
	request, reply := m.Name+".request", m.Name+".reply"
	d.message(request, "", objectSchema("", m.Params))
	result := object{"type": "null"}
	if m.Result != nil {
		result = typeSchema(m.Result)
	}
	d.message(reply, "", result)
	channel, requests := d.channel(m.Name, f.Namespace+"."+m.Name, request)
	channel["x-sig-sender"], channel["x-sig-method"] = f.Namespace, m.Name
	_, replies := d.channel(reply, nil, append([]string{reply}, d.exceptions...)...)
	op := object{
		"action": "receive", "channel": ref("channels/" + m.Name), "messages": requests,
		"reply": object{"channel": ref("channels/" + reply), "messages": replies},
	}
	if m.Doc != "" {
		op["description"] = m.Doc
	}
	if m.Timeout > 0 {
		op["x-sig-timeout-ms"] = m.Timeout.Milliseconds()
	}
	d.operations[m.Name] = op
}

func (d *asyncDoc) event(f *idl.File, e *idl.Event) {
	d.message(e.Name, e.Doc, objectSchema("", e.Params))
	wire := e.Name
	if e.Channel {
		wire = "#" + wire
	}
	channel, messages := d.channel(e.Name, f.Namespace+"."+wire, e.Name)
	channel["x-sig-sender"], channel["x-sig-event"] = f.Namespace, wire
	if e.Retained {
		channel["x-sig-retained"] = true
	}
	op := object{"action": "send", "channel": ref("channels/" + e.Name), "messages": messages}
	if e.Doc != "" {
		op["description"] = e.Doc
	}
	d.operations[e.Name] = op
}

func enumSchema(e *idl.Enum) object {
	var values, about []string
	for _, v := range e.Values {
		values = append(values, v.Name)
		if v.Doc != "" {
			about = append(about, "- `"+v.Name+"`: "+strings.Join(strings.Fields(v.Doc), " "))
		}
	}
	return described(object{"type": "string", "enum": values}, lines(e.Doc, strings.Join(about, "\n")))
}

func described(s object, doc string) object {
	if doc != "" {
		s["description"] = doc
	}
	return s
}

func objectSchema(doc string, fields []*idl.Field) object {
	properties := object{}
	required := []string{}
	for _, f := range fields {
		s := typeSchema(f.Type)
		if f.Doc != "" || f.Default != nil {
			if s["$ref"] != nil {
				s = object{"allOf": []object{s}} // beside a reference nothing else counts
			}
			described(s, f.Doc)
		}
		if f.Default != nil {
			s["default"] = defaultJSON(f)
		}
		if !f.Optional && f.Default == nil {
			required = append(required, f.Name)
		}
		properties[f.Name] = s
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return described(s, doc)
}

func defaultJSON(f *idl.Field) any {
	if f.Default.Kind == idl.String || f.Type.Enum != nil {
		return f.Default.Text
	}
	return json.RawMessage(f.Default.Text)
}

func typeSchema(t *idl.Type) object {
	if t.Lists > 0 {
		return object{"type": "array", "items": typeSchema(&idl.Type{Lists: t.Lists - 1, Base: t.Base, Model: t.Model, Enum: t.Enum})}
	}
	if t.Model != nil || t.Enum != nil {
		return ref("components/schemas/" + t.Base)
	}
	switch t.Base {
	case "boolean", "string":
		return object{"type": t.Base}
	case "binary":
		return object{"type": "string", "contentEncoding": "base64"}
	case "float", "double":
		return object{"type": "number", "format": t.Base}
	}
	low, high := idl.IntRange(t.Base)
	return object{"type": "integer", "format": t.Base, "minimum": low, "maximum": json.RawMessage(strconv.FormatUint(high, 10))}
}
