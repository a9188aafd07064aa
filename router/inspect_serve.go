package router

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/sig"
)

// Inspector is the sender that answers requests about the router itself. It is there
// without being listed, and nobody can add it. Its methods and what they answer are those
// of docs/observability.md.
const Inspector = "#router"

// inspectMethod returns a method of the built-in sender.
func (r *Router) inspectMethod(name string) (*method, error) {
	answer, ok := inspectMethods[name]
	if !ok {
		return nil, sig.Errorf(sig.ErrNoMethod, "sender %q has no method %s", Inspector, quoted(name))
	}
	return &method{
		sender: &sender{r: r, name: Inspector}, call: sig.Call{Sender: Inspector, Method: name},
		handler: func(ctx context.Context, req sig.Request) (any, error) {
			x, _ := ctx.Value(sessionKey{}).(*session)
			if err := r.mayInspect(x); err != nil {
				return nil, err
			}
			in := r.inspect()
			if in == nil {
				return nil, sig.ErrShuttingDown
			}
			return answer(&inspection{in: in, ctx: ctx, params: req.Params, eyes: eyesOf(x)})
		},
	}, nil
}

// sessionKey finds the session of the client a request came from in its context.
type sessionKey struct{}

// mayInspect reports why a client may not ask about the router; nil is this process. Where
// there is a Login, the right to the request was checked before.
func (r *Router) mayInspect(x *session) error {
	if x == nil || r.server.opts.InspectFromAnywhere || r.server.door.who.Load() != nil {
		return nil
	}
	if who := x.who.Load(); who != nil && who.Proof != nil {
		return nil
	}
	if p := x.latest.Load(); p != nil && p.Info().Loopback {
		return nil
	}
	return errNotHere
}

var errNotHere = sig.Errorf(sig.ErrRefused, "only programs of the router's machine may inspect it")

// An inspection is one request about the router.
type inspection struct {
	in     *inspector
	ctx    context.Context
	params any
	eyes   eyes
}

// eyes are what somebody may see of events: those that they may listen to. The zero value
// sees all.
type eyes struct{ rights *auth.Rights }

func eyesOf(x *session) eyes {
	if x == nil {
		return eyes{}
	}
	return eyes{x.rights()}
}

func (e eyes) see(sender, event string) bool { return e.rights.May(auth.Listen, sender, event) }

// inspectMethods are the methods of the built-in sender.
var inspectMethods = map[string]func(*inspection) (any, error){
	"status":     (*inspection).status,
	"history":    (*inspection).history,
	"changes":    (*inspection).changes,
	"signal":     (*inspection).signal,
	"routes":     (*inspection).routes,
	"requests":   (*inspection).requests,
	"links":      (*inspection).links,
	"snapshot":   (*inspection).snapshot,
	"peers":      (*inspection).peers,
	"senders":    (*inspection).senders,
	"signals":    (*inspection).signals,
	"carriers":   (*inspection).carriers,
	"listeners":  (*inspection).listeners,
	"tail":       (*inspection).tail,
	"log":        (*inspection).log,
	"disconnect": (*inspection).disconnect,
}

// read stores the params in the variable v points to. Members that are not known are
// ignored.
func (i *inspection) read(v any) error {
	if i.params == nil {
		return nil
	}
	if err := sig.Decode(i.params, v); err != nil {
		return sig.Errorf(sig.ErrInvalid, "invalid params: %v", err)
	}
	return nil
}

func (i *inspection) status() (any, error)  { return i.in.r.Status(), nil }
func (i *inspection) history() (any, error) { return i.in.r.History(), nil }
func (i *inspection) links() (any, error)   { return i.in.r.links(), nil }

func (i *inspection) changes() (any, error) {
	var q changesQuery
	if err := i.read(&q); err != nil {
		return nil, err
	}
	if q.Parts == nil {
		q.Parts = []string{"status", "samples", "peers", "senders", "signals"}
	}
	return i.in.changes(q, i.eyes), nil
}

func (i *inspection) routes() (any, error) {
	var q routesQuery
	if err := i.read(&q); err != nil {
		return nil, err
	}
	return i.in.routes(q, i.eyes), nil
}

// listeners lists what one peer listens to, 200 at most.
func (i *inspection) listeners() (any, error) {
	const most = 200
	var q struct {
		Peer uint64 `json:"peer"`
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(i.in.r.listeners(), func(l ListenerStatus) bool { return l.Peer != q.Peer })
	return all[:min(len(all), most)], nil
}

// A SignalDetail is all there is to know of one signal.
type SignalDetail struct {
	SignalStatus
	Methods []string `json:"methods"` // of its sender
	Route   Route    `json:"route"`
	Values  []Value  `json:"values"` // oldest first, 100 at most
}

func (i *inspection) signal() (any, error) {
	var q struct {
		Sender string `json:"sender"`
		Event  string `json:"event"`
		After  uint64 `json:"after"` // values with a greater n alone
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	s := i.in.r.signal(q.Sender, q.Event)
	if s == nil || !i.eyes.see(q.Sender, q.Event) {
		return nil, sig.Errorf(sig.ErrNoEvent, "no sender %s with an event %s", quoted(q.Sender), quoted(q.Event))
	}
	m := s.meter.Load()
	if m == nil {
		return nil, sig.Errorf(sig.ErrNoEvent, "sender %s is going", quoted(q.Sender))
	}
	return i.in.detail(m, q.After), nil
}

func (in *inspector) detail(m *meter, after uint64) SignalDetail {
	d := SignalDetail{Route: in.r.routeOf(m), Values: []Value{}}
	in.mu.Lock()
	m.listeners.Store(int64(d.Route.Count))
	d.SignalStatus = m.status()
	if sm := in.senders[m.signal.sender]; sm != nil {
		d.Methods = m.signal.sender.status(sm).Methods
	}
	in.mu.Unlock()
	if v, ok := m.shown(); ok {
		d.Last = &v
	}
	for _, v := range m.values() {
		if v.n > after {
			d.Values = append(d.Values, v.public())
		}
	}
	return d
}

// Requests is what is known of requests.
type Requests struct {
	Methods []MethodStatus `json:"methods"`
	Calls   []CallStatus   `json:"calls"` // under way, the oldest 200
	Missed  []Missed       `json:"missed"`
}

func (i *inspection) requests() (any, error) {
	const most = 200
	i.in.mu.Lock()
	defer i.in.mu.Unlock()
	var out Requests
	out.Methods, out.Calls = i.in.callLists(time.Now())
	out.Calls = out.Calls[:min(len(out.Calls), most)]
	out.Missed = slices.Clone(i.in.missed)
	return out, nil
}

// A TailPart is what a tail has collected since it was read last.
type TailPart struct {
	Events  []TailEvent `json:"events"`
	Skipped uint64      `json:"skipped"` // passed over since it was read last
	Seen    uint64      `json:"seen"`    // events that matched since the tail was opened
}

func (i *inspection) tail() (any, error) {
	var q struct {
		ID     string `json:"id"` // tells tails of one caller apart
		Sender string `json:"sender"`
		Event  string `json:"event"`
		Most   int    `json:"most"` // events between two questions; 100 if 0
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	for what, pattern := range map[string]*string{"sender": &q.Sender, "event": &q.Event} {
		if *pattern == "" {
			*pattern = sig.Any
		}
		if err := sig.CheckPattern(what, *pattern); err != nil {
			return nil, err
		}
	}
	if q.Most <= 0 {
		q.Most = 100
	}
	key := q.ID
	if c, ok := sig.CallerFrom(i.ctx); ok {
		key = c.ID + "\x00" + q.ID
	}
	now := time.Now()
	t, err := i.in.tail(key, q.Sender, q.Event, q.Most, now)
	if err != nil {
		return nil, err
	}
	out := TailPart{}
	out.Events, out.Skipped, out.Seen = t.take(now)
	out.Events = slices.DeleteFunc(out.Events, func(e TailEvent) bool { return !i.eyes.see(e.Sender, e.Event) })
	return out, nil
}

func (i *inspection) log() (any, error) {
	var q struct {
		After uint64 `json:"after"`
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	tail, ok := i.in.r.log.Handler().(*LogTail)
	if !ok {
		return nil, sig.Errorf(sig.ErrInvalid, "the router's log is not kept; make its logger with NewLogTail")
	}
	return tail.After(q.After), nil
}

func (i *inspection) disconnect() (any, error) {
	var q struct {
		Peer   json.Number `json:"peer"`
		Reason string      `json:"reason"`
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	id, err := q.Peer.Int64()
	if err != nil || i.in.srv == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "disconnect needs the id of a peer")
	}
	return nil, i.in.srv.Disconnect(uint64(id), q.Reason)
}
