package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/internal/origin"
	"github.com/sigrouter/sigrouter/sig"
)

// maxBody is how long the params of a request may be.
const maxBody = 64 << 10

// A kind is what a parameter is in the query of a GET.
type kind uint8

const (
	text  kind = iota
	whole      // a number, not below zero
	yes        // true or false
	list       // of words, divided by commas
)

// An endpoint is a method of #router at /api/.
type endpoint struct {
	does   string
	params map[string]kind
	post   bool // and GET does not do
}

// endpoints are what there is below /api/.
var endpoints = map[string]endpoint{
	"snapshot":   {does: "everything at one moment"},
	"status":     {does: "the router as a whole"},
	"history":    {does: "the last two minutes, a sample a second"},
	"peers":      {does: "who is connected"},
	"senders":    {does: "senders"},
	"signals":    {does: "events of senders with their last values", params: map[string]kind{"query": text, "offset": whole, "limit": whole}},
	"signal":     {does: "one event with its last hundred values", params: map[string]kind{"sender": text, "event": text, "after": whole}},
	"routes":     {does: "who hears what", params: map[string]kind{"query": text, "unheard": yes, "offset": whole, "limit": whole}},
	"requests":   {does: "methods, requests under way, and those that nobody answers"},
	"links":      {does: "addresses that are listened at, and devices"},
	"carriers":   {does: "totals by kind of carrier"},
	"changes":    {does: "what has changed since an earlier answer", params: map[string]kind{"cursor": text, "parts": list}},
	"tail":       {does: "events as they pass", params: map[string]kind{"id": text, "sender": text, "event": text, "most": whole}},
	"log":        {does: "the newest lines of the log", params: map[string]kind{"after": whole}},
	"disconnect": {does: "closes a connection", post: true},
}

// index lists what there is.
func (h *Handler) index(w http.ResponseWriter, _ *http.Request) {
	all := map[string]string{}
	for name, e := range endpoints {
		all["/api/"+name] = e.does
	}
	write(w, http.StatusOK, map[string]any{"endpoints": all})
}

// api answers a request below /api/.
func (h *Handler) api(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	e, ok := endpoints[name]
	if !ok {
		Fail(w, http.StatusNotFound, "there is no %s below /api/; there are %s", origin.Brief(name), strings.Join(slices.Sorted(maps.Keys(endpoints)), ", "))
		return
	}
	if allowed := e.allowed(); !slices.Contains(strings.Split(allowed, ", "), r.Method) {
		notAllowed(w, r, allowed)
		return
	}
	id, info, err := h.who(r)
	if err == nil {
		err = h.may(id, info, name)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	params, status, err := e.read(w, r)
	if err != nil {
		Fail(w, status, "%s", err)
		return
	}
	ctx := sig.WithCaller(r.Context(), &sig.Caller{ID: "http " + info.Host() + " " + id.Name, Name: id.Name, Identity: id.Name})
	answer, err := h.srv.InspectAs(ctx, id, h.near(info), name, params)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, answer)
}

func (e endpoint) allowed() string {
	if e.post {
		return "POST"
	}
	return "GET, HEAD, POST"
}

// read returns the params that a request has: the query of a GET, the body of a POST.
func (e endpoint) read(w http.ResponseWriter, r *http.Request) (params any, status int, err error) {
	if r.Method != http.MethodPost {
		params, err := e.query(r)
		return params, http.StatusBadRequest, err
	}
	// A page from elsewhere cannot send this type without asking first.
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, http.StatusUnsupportedMediaType, errors.New("the params of a POST are JSON; say so with Content-Type: application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("params are at most %d bytes", maxBody)
	}
	if err != nil {
		return nil, http.StatusBadRequest, errors.New("the body did not come whole")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, http.StatusBadRequest, fmt.Errorf("the body is not JSON: at byte %d: %w", e.Offset, err)
		}
		return nil, http.StatusBadRequest, errors.New("the body is not a JSON object")
	}
	return &sig.Raw{Codec: sig.JSON{}, Bytes: body}, 0, nil
}

// query reads the params of a GET.
func (e endpoint) query(r *http.Request) (any, error) {
	params := map[string]any{}
	for name, values := range r.URL.Query() {
		k, ok := e.params[name]
		switch {
		case !ok && len(e.params) == 0:
			return nil, fmt.Errorf("unknown parameter %s; there are none here", origin.Brief(name))
		case !ok:
			return nil, fmt.Errorf("unknown parameter %s; known are %s", origin.Brief(name), strings.Join(slices.Sorted(maps.Keys(e.params)), ", "))
		case len(values) > 1:
			return nil, fmt.Errorf("parameter %s is given %d times", name, len(values))
		}
		v, err := k.value(values[0])
		if err != nil {
			return nil, fmt.Errorf("parameter %s is %s; it has to be %w", name, origin.Brief(values[0]), err)
		}
		params[name] = v
	}
	if len(params) == 0 {
		return nil, nil
	}
	return params, nil
}

func (k kind) value(s string) (any, error) {
	switch k {
	case whole:
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			return nil, errors.New("a whole number from 0 on")
		}
		return n, nil
	case yes:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, errors.New("true or false")
		}
		return b, nil
	case list:
		return strings.Split(s, ","), nil
	}
	return s, nil
}
