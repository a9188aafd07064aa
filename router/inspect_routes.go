package router

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// Routes is a part of who hears what.
type Routes struct {
	Total   int     `json:"total"` // signals that the question matches
	Unheard int     `json:"unheard"`
	Routes  []Route `json:"routes"`
	// Waiting are listeners of events that no sender has, 200 at most.
	Waiting []ListenerStatus `json:"waiting"`
}

// A Route is one signal with those who hear it.
type Route struct {
	ID     uint64 `json:"id"`
	Sender string `json:"sender"`
	Event  string `json:"event"`
	Peer   uint64 `json:"peer"` // whose the sender is; 0 is this process
	Count  int    `json:"count"`
	// Listeners are in the order of their calls, 50 at most.
	Listeners []ListenerStatus `json:"listeners"`
}

// routesQuery is what the caller of routes says.
type routesQuery struct {
	Query   string `json:"query"`   // a part of the name of the sender or event
	Unheard bool   `json:"unheard"` // signals without listeners alone
	Offset  int    `json:"offset"`
	Limit   int    `json:"limit"` // 0: 100, which is also the most
}

const (
	routesMost     = 100
	routeListeners = 50
	waitingMost    = 200
	countAtOnce    = 64 // signals whose listeners are counted with the router's lock held
)

// routes answers a question about who hears what.
func (in *inspector) routes(q routesQuery, who eyes) Routes {
	in.recount()
	in.mu.Lock()
	found := make([]*meter, 0, len(in.meters))
	out := Routes{Routes: []Route{}}
	for _, m := range in.meters {
		unheard := m.listeners.Load() == 0
		if !m.named(q.Query) || !who.see(m.signal.sender.name, m.signal.name) {
			continue
		}
		if unheard {
			out.Unheard++
		}
		if unheard || !q.Unheard {
			found = append(found, m)
		}
	}
	in.mu.Unlock()
	slices.SortFunc(found, compareMeters)
	out.Total = len(found)
	from := min(max(q.Offset, 0), len(found))
	limit := q.Limit
	if limit <= 0 || limit > routesMost {
		limit = routesMost
	}
	for _, m := range found[from:min(from+limit, len(found))] {
		out.Routes = append(out.Routes, in.r.routeOf(m))
	}
	out.Waiting = in.r.waitingListeners()
	return out
}

func compareMeters(a, b *meter) int {
	return cmp.Or(strings.Compare(a.signal.sender.name, b.signal.sender.name), strings.Compare(a.signal.name, b.signal.name))
}

// named reports whether a part of the signal's name is as given, in any case.
func (m *meter) named(part string) bool {
	return part == "" || strings.Contains(strings.ToLower(m.signal.sender.name+" "+m.signal.name), strings.ToLower(part))
}

// routeOf describes one signal and who hears it.
func (r *Router) routeOf(m *meter) Route {
	s := m.signal
	out := Route{ID: m.id, Sender: s.sender.name, Event: s.name, Listeners: []ListenerStatus{}}
	if x, ok := s.sender.owner.(*session); ok {
		if p := x.latest.Load(); p != nil {
			out.Peer = p.ID
		}
	}
	r.mu.Lock()
	subs := r.matching(s.sender.name, s.name)
	r.mu.Unlock()
	out.Count = len(subs)
	for _, sub := range subs[:min(len(subs), routeListeners)] {
		out.Listeners = append(out.Listeners, sub.status())
	}
	return out
}

// waitingListeners lists listeners that no signal matches.
func (r *Router) waitingListeners() []ListenerStatus {
	out := []ListenerStatus{}
	for _, s := range r.subscriptions() {
		if s.kind == routerBroadcast || sig.IsBuiltin(s.event) {
			continue
		}
		if len(out) == waitingMost {
			break
		}
		heard := false
		r.mu.Lock()
		s.signals(false, func(*signal) { heard = true })
		r.mu.Unlock()
		if !heard {
			out = append(out, s.status())
		}
	}
	return out
}

// recount brings the numbers of listeners up to date, if there were changes. It holds the
// router's lock for moments only.
func (in *inspector) recount() {
	r := in.r
	r.mu.Lock()
	changes := r.subs.changes
	r.mu.Unlock()
	in.mu.Lock()
	if changes == in.recounted {
		in.mu.Unlock()
		return
	}
	in.recounted = changes
	meters := make([]*meter, 0, len(in.meters))
	for _, m := range in.meters {
		meters = append(meters, m)
	}
	in.mu.Unlock()
	for chunk := range slices.Chunk(meters, countAtOnce) {
		r.mu.Lock()
		for _, m := range chunk {
			m.countListeners()
		}
		r.mu.Unlock()
	}
}

// countListeners counts who hears the signal. r.mu is held.
func (m *meter) countListeners() {
	if l := m.signal.list.Load(); l != nil {
		m.listeners.Store(int64(l.size()))
		return
	}
	m.listeners.Store(int64(m.insp.r.count(m.signal.sender.name, m.signal.name)))
}
