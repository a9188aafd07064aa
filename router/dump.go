package router

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// String describes the router for people: its senders with their events and requests,
// and its listeners in the order of their registration. The form may change.
func (r *Router) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	senders := slices.SortedFunc(r.senders.all(), func(a, b *sender) int { return strings.Compare(a.name, b.name) })
	var subs []*subscription
	r.subs.patterns.each(func(_ string, _ bool, events *patterns[*subject]) {
		events.each(func(_ string, _ bool, j **subject) { subs = append(subs, (*j).subs...) })
	})
	slices.SortFunc(subs, byID)

	var b strings.Builder
	fmt.Fprintf(&b, "router: %d senders, %d listeners\n", len(senders), len(subs))
	for _, s := range senders {
		r.dumpSender(&b, s)
	}
	for _, s := range subs {
		dumpListener(&b, s)
	}
	return b.String()
}

func (r *Router) dumpSender(b *strings.Builder, s *sender) {
	fmt.Fprintf(b, "sender %q", s.name)
	if s.owner != nil {
		fmt.Fprintf(b, " of %v", s.owner)
	}
	b.WriteByte('\n')
	for _, sg := range s.signals {
		fmt.Fprintf(b, "\tevent %q: %d listeners", sg.name, r.count(s.name, sg.name))
		if sg.keep != nil {
			b.WriteString(", retained")
		}
		b.WriteByte('\n')
	}
	for _, m := range s.decl.Requests {
		if m == nil {
			b.WriteString("\trequest: any other\n")
		} else {
			fmt.Fprintf(b, "\trequest %q\n", *m)
		}
	}
}

func dumpListener(b *strings.Builder, s *subscription) {
	name := func(pattern string) string {
		if pattern == sig.Any {
			return "any"
		}
		return fmt.Sprintf("%q", pattern)
	}
	fmt.Fprintf(b, "listener %d: %s, event %s of sender %s", s.id, s.kind, name(s.event), name(s.sender))
	if s.below {
		b.WriteString(", and below")
	}
	if q := s.queue(); q != nil {
		fmt.Fprintf(b, ", %d waiting, %d dropped", q.depth(), s.Dropped())
	}
	if t := s.remote(); t != nil {
		fmt.Fprintf(b, ", %s\n", t)
	} else {
		fmt.Fprintf(b, ", %s\n", s.place)
	}
}
