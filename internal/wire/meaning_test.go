package wire

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// A member is one of an object, in order.
type member struct {
	name string
	raw  json.RawMessage
}

func membersOf(raw []byte) (all []member) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	must(dec.Token())
	for dec.More() {
		m := member{name: must(dec.Token()).(string)}
		if err := dec.Decode(&m.raw); err != nil {
			panic(err)
		}
		all = append(all, m)
	}
	return all
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	topNames = strings.Fields("id method params status response exception error n ack refused gap")
	parNames = strings.Fields(`info data listeners listener_id traceparent hops sender method params event events
		requests retain below policy skip_retained list_events version name envelope codecs token resume window
		window_bytes id reason retry_ms`)
	errNames = strings.Fields("code data")
	gapNames = strings.Fields("listeners sender event count")
)

// A reading is one try to understand a message.
type reading struct {
	kind   *sig.Error
	values int
	breaks map[string]bool
}

func (r *reading) refuse(kind *sig.Error) {
	if r.kind == nil {
		r.kind = kind
	}
}

// object returns the known members that are not null, and refuses doubles. Payloads
// keep their null.
func (r *reading) object(raw []byte, known []string, payloads ...string) map[string][]byte {
	out, seen := map[string][]byte{}, map[string]bool{}
	for _, m := range membersOf(raw) {
		payload := slices.Contains(payloads, m.name)
		if slices.Contains(known, m.name) {
			if seen[m.name] {
				r.refuse(sig.ErrMalformed)
			}
			seen[m.name] = true
			if payload || string(m.raw) != "null" {
				out[m.name] = m.raw
			}
		}
	}
	return out
}

// count adds the values of every member but those named.
func (r *reading) count(raw []byte, but func(member) bool) {
	for _, m := range membersOf(raw) {
		if !but(m) {
			r.values += countValues(m.raw)
		}
	}
}

func countValues(raw []byte) int {
	dec := json.NewDecoder(bytes.NewReader(raw))
	n := 0
	var walk func()
	walk = func() {
		n++
		d, ok := must(dec.Token()).(json.Delim)
		if !ok {
			return
		}
		for dec.More() {
			if d == '{' {
				must(dec.Token())
			}
			walk()
		}
		must(dec.Token())
	}
	dec.UseNumber()
	walk()
	return n
}

var escapes = regexp.MustCompile(`(?s)\\(u[0-9a-fA-F]{4}|.)`)

// hasLone reports half of a surrogate pair in sound JSON.
func hasLone(raw []byte) bool {
	unit := func(at []int) int64 {
		if at[1]-at[0] != 6 {
			return 0
		}
		return must(strconv.ParseInt(string(raw[at[0]+2:at[1]]), 16, 32))
	}
	all := escapes.FindAllIndex(raw, -1)
	for i := 0; i < len(all); i++ {
		u := unit(all[i])
		switch {
		case u < 0xD800 || u > 0xDFFF:
		case u < 0xDC00 && i+1 < len(all) && all[i+1][0] == all[i][1] && unit(all[i+1]) >= 0xDC00 && unit(all[i+1]) <= 0xDFFF:
			i++
		default:
			return true
		}
	}
	return false
}

func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func unquote(raw []byte) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic(err)
	}
	return s
}

// name reads a string that is a name.
func (r *reading) name(raw []byte) string {
	if !isString(raw) || hasLone(raw) {
		r.refuse(sig.ErrMalformed)
		return absent
	}
	return unquote(raw)
}

var plainDigits = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)

func wholeNumber(raw []byte) (uint64, bool) {
	if !plainDigits.Match(raw) {
		return 0, false
	}
	n := must(strconv.ParseUint(string(raw), 10, 64))
	return n, n < 1<<53
}

func (r *reading) number(raw []byte, least uint64) uint64 {
	n, ok := wholeNumber(raw)
	if !ok || n < least {
		r.refuse(sig.ErrMalformed)
		return 0
	}
	return n
}

func (r *reading) listeners(raw []byte) string {
	var all []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &all) != nil {
		r.refuse(sig.ErrMalformed)
		return absent
	}
	ids := []uint32{}
	for _, x := range all {
		n, ok := wholeNumber(x)
		if !ok || n >= 1<<32 {
			r.refuse(sig.ErrMalformed)
			return absent
		}
		ids = append(ids, uint32(n))
	}
	return string(appendIDs(nil, ids))
}

func opt(raw []byte, ok bool) string {
	if !ok {
		return absent
	}
	return string(raw)
}

// meaning says what a sound object means, or why it is refused.
func meaning(raw []byte, lim Limits) (view, *sig.Error) {
	r := &reading{breaks: map[string]bool{}}
	v := view{}
	for _, s := range []*string{&v.ID, &v.Method, &v.Params, &v.Info, &v.Listeners, &v.Listener, &v.Data, &v.Trace,
		&v.Sender, &v.Target, &v.Args, &v.Response, &v.ErrTo} {
		*s = absent
	}
	top := r.object(raw, topNames, "response")
	isObject := func(name string) bool { return len(top[name]) > 0 && top[name][0] == '{' }
	r.count(raw, func(m member) bool {
		inside := (m.name == "params" || m.name == "error" || m.name == "gap") && m.raw[0] == '{'
		return inside || m.name == "response" || !slices.Contains(topNames, m.name)
	})

	params := map[string][]byte{}
	if isObject("params") {
		params = r.object(top["params"], parNames, "data", "params")
		r.count(top["params"], func(m member) bool { return m.name == "data" || m.name == "params" })
		for _, m := range membersOf(top["params"]) {
			if m.name != "data" && m.name != "params" && slices.Contains(parNames, m.name) && hasLone(m.raw) {
				r.refuse(sig.ErrMalformed)
			}
		}
	}
	failure, gap := map[string][]byte{}, map[string][]byte{}
	if isObject("error") {
		failure = r.object(top["error"], errNames, "data")
		r.count(top["error"], func(m member) bool { return m.name == "data" })
	}
	if isObject("gap") {
		gap = r.object(top["gap"], gapNames)
		r.count(top["gap"], func(member) bool { return false })
	}

	if id, ok := top["id"]; ok {
		switch {
		case id[0] == '{' || id[0] == '[' || id[0] == 't' || id[0] == 'f':
			r.refuse(sig.ErrMalformed)
		case len(id) > 256:
			r.refuse(sig.ErrLimit)
		default:
			v.ID = string(id)
			v.Num, v.HasNum = wholeNumber(id)
			if !v.HasNum && plainDigits.Match(id) {
				v.Num, _ = strconv.ParseUint(v.ID, 10, 64)
			}
		}
	}
	var payloads []string
	switch {
	case top["refused"] != nil && top["method"] == nil && top["id"] == nil:
		v.Kind = Refused
		v.N = r.number(top["refused"], 1)
		r.outcome(&v, top, failure)
		payloads = []string{v.Response, v.ErrTo}
	case top["status"] != nil:
		v.Kind = Reply
		r.outcome(&v, top, failure)
		payloads = []string{v.Response, v.ErrTo}
	case top["method"] != nil:
		v.Kind = Call
		r.call(&v, top, params)
		payloads = []string{v.Data, v.Args}
	case top["ack"] != nil:
		v.Kind = Ack
		v.N = r.number(top["ack"], 0)
	case top["gap"] != nil:
		v.Kind = Gap
		v.N = r.number(top["n"], 1)
		r.gap(&v, isObject("gap"), gap)
	default:
		v.Kind = Call
	}
	if v.Kind == Call || v.Kind == Signal {
		if p, ok := top["params"]; ok {
			if v.ParamsBad = p[0] != '{'; !v.ParamsBad {
				v.Params = string(p)
			}
		}
	}
	v.Breaks = strings.ContainsAny(strings.Join(payloads, ""), "\r\n")
	if r.values > lim.MaxValues {
		r.refuse(sig.ErrLimit)
	}
	return v, r.kind
}

func (r *reading) call(v *view, top, params map[string][]byte) {
	v.Method = r.name(top["method"])
	switch v.Method {
	case "signal":
		v.Kind = Call
		if n, ok := top["n"]; ok {
			v.Kind = Signal
			v.N = r.number(n, 1)
		}
		info, ok := params["info"]
		v.Info = opt(info, ok)
		data, ok := params["data"]
		v.Data = opt(data, ok)
		id, ok := params["listener_id"]
		v.Listener = opt(id, ok)
		if l, ok := params["listeners"]; ok {
			v.Listeners = r.listeners(l)
		}
		r.cause(v, params)
	case "request":
		r.cause(v, params)
		args, ok := params["params"]
		v.Args = opt(args, ok)
		if isString(params["sender"]) {
			v.Sender = r.name(params["sender"])
		}
		if isString(params["method"]) {
			v.Target = r.name(params["method"])
		}
	}
}

func (r *reading) cause(v *view, params map[string][]byte) {
	switch t, ok := params["traceparent"]; {
	case !ok:
	case !isString(t):
		r.refuse(sig.ErrMalformed)
	default:
		v.Trace = string(t[1 : len(t)-1])
	}
	if h, ok := params["hops"]; ok {
		if v.Hops = r.number(h, 0); v.Hops >= 1<<32 {
			r.refuse(sig.ErrMalformed)
		}
	}
}

func (r *reading) outcome(v *view, top, failure map[string][]byte) {
	response, ok := top["response"]
	v.Response = opt(response, ok)
	data, ok := failure["data"]
	v.ErrTo = opt(data, ok)
	if s, ok := top["status"]; ok {
		n, err := strconv.ParseInt(string(s), 10, 32)
		if err != nil {
			r.refuse(sig.ErrMalformed)
		}
		v.Status = int(n)
	}
	if e, ok := top["exception"]; ok {
		v.Exception = string(e)
		if isString(e) {
			v.Exception = unquote(e)
		}
	}
	if e, ok := top["error"]; ok {
		code := failure["code"]
		if e[0] != '{' || code != nil && !isString(code) {
			r.refuse(sig.ErrMalformed)
			return
		}
		if code != nil {
			v.Code = unquote(code)
		}
	}
}

func (r *reading) gap(v *view, object bool, gap map[string][]byte) {
	count, ok := wholeNumber(gap["count"])
	if !object || !ok {
		r.refuse(sig.ErrMalformed)
		return
	}
	v.Count = count
	for from, to := range map[string]*string{"sender": &v.GapSender, "event": &v.GapEvent} {
		if raw, ok := gap[from]; ok {
			*to = r.name(raw)
		}
	}
	if l, ok := gap["listeners"]; ok {
		v.Listeners = r.listeners(l)
	}
}
