package router

import (
	"context"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// Senders lists the senders: the connected ones with the events they declare, those
// that only have listeners with the events these wait for, and first, without a name,
// the broadcast sender with the events that are listened to of every sender. ctx is
// there for routers that have to ask another; it is not looked at.
func (r *Router) Senders(context.Context) ([]sig.SenderInfo, error) {
	waiting := map[string][]string{sig.Any: nil}
	r.mu.Lock()
	r.subs.patterns.each(func(sender string, _ bool, events *patterns[*subject]) {
		if sender != sig.Any && (sig.IsPattern(sender) || r.senders.get(sender) != nil) {
			return
		}
		names := waiting[sender]
		events.each(func(event string, _ bool, _ **subject) {
			if !sig.IsPattern(event) {
				names = append(names, event)
			}
		})
		waiting[sender] = names
	})
	var list []sig.SenderInfo
	for s := range r.senders.all() {
		name := s.name
		list = append(list, sig.SenderInfo{Name: &name, Connected: !s.away.Load(), Events: s.eventNames()})
	}
	r.mu.Unlock()
	return sortedInfos(list, waiting), nil
}

func sortedInfos(connected []sig.SenderInfo, waiting map[string][]string) []sig.SenderInfo {
	all := connected
	for name, events := range waiting {
		slices.Sort(events)
		info := sig.SenderInfo{Name: &name, Events: slices.Compact(events)}
		if name == sig.Any {
			info.Name, info.Connected = nil, true
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b sig.SenderInfo) int {
		switch {
		case a.Name == nil:
			return -1
		case b.Name == nil:
			return 1
		}
		return strings.Compare(*a.Name, *b.Name)
	})
	return all
}
