package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/router"
)

// A column is one column of a table of sig top.
type column[T any] struct {
	key   string // by which --sort names it; "" when it cannot be sorted by
	title string
	width int  // 0: takes what is left, by its share
	share int  // of what is left
	least int  // columns of a terminal from which on it is shown; 0: always
	right bool // numbers
	text  func(*T) string
	// order compares two rows, the first in the list being the less.
	order func(a, b *T) int
}

// A table is one view of sig top. The first column that can be sorted by is what it is
// sorted by at first.
type table[T any] struct {
	columns []column[T]
	names   func(*T) []string // which a filter looks at
	slow    func(*T) bool     // to be marked; nil for never
}

// most orders the greatest first.
func most[T any, N cmp.Ordered](n func(*T) N) func(a, b *T) int {
	return func(a, b *T) int { return cmp.Compare(n(b), n(a)) }
}

// byText orders by text.
func byText[T any](s func(*T) string) func(a, b *T) int {
	return func(a, b *T) int { return strings.Compare(s(a), s(b)) }
}

func signalTable() table[router.SignalStatus] {
	type row = router.SignalStatus
	name := func(s *row) string { return s.Sender }
	return table[row]{
		names: func(s *row) []string { return []string{s.Sender, s.Event} },
		columns: []column[row]{
			{key: "sender", title: "SENDER", share: 3, text: func(s *row) string { return visible(s.Sender) }, order: byText(name)},
			{key: "event", title: "EVENT", share: 3, text: func(s *row) string { return visible(s.Event) }, order: byText(func(s *row) string { return s.Event })},
			{key: "rate", title: "PER SEC", width: 9, right: true, text: func(s *row) string { return rateText(s.Rate) }, order: most(func(s *row) float64 { return s.Rate })},
			{key: "count", title: "COUNT", width: 13, right: true, text: countText, order: most(func(s *row) uint64 { return s.Count })},
			{key: "listeners", title: "HEARD BY", width: 8, right: true, text: func(s *row) string { return grouped(uint64(s.Listeners)) }, order: most(func(s *row) int { return s.Listeners })},
			{title: "LAST", share: 4, text: lastText},
		},
	}
}

func countText(s *router.SignalStatus) string {
	if s.Approximate {
		return "~" + grouped(s.Count)
	}
	return grouped(s.Count)
}

func lastText(s *router.SignalStatus) string {
	if s.Last == nil {
		return ""
	}
	return visibleJSON([]byte(strings.ReplaceAll(s.Last.Data, "\n", " ")))
}

func peerTable(now func() time.Time) table[router.PeerInfo] {
	type row = router.PeerInfo
	name := func(p *row) string { return cmp.Or(p.Identity, p.Name, "\U0010FFFF") } // nameless last
	return table[row]{
		names: func(p *row) []string { return []string{p.Name, p.Identity, p.Carrier, p.Address} },
		slow:  func(p *row) bool { return p.Slow },
		columns: []column[row]{
			{key: "name", title: "PEER", share: 3, text: peerName, order: byText(name)},
			{key: "address", title: "ADDRESS", share: 4, text: func(p *row) string { return visible(p.Carrier) + " " + visible(p.Address) }, order: byText(func(p *row) string { return p.Carrier + p.Address })},
			{key: "rate", title: "MSG/S", width: 9, least: -100, right: true, text: func(p *row) string { return rateText(p.In + p.Out) }, order: most(func(p *row) float64 { return p.In + p.Out })},
			{key: "in", title: "IN/S", width: 9, least: 100, right: true, text: func(p *row) string { return rateText(p.In) }, order: most(func(p *row) float64 { return p.In })},
			{key: "out", title: "OUT/S", width: 9, least: 100, right: true, text: func(p *row) string { return rateText(p.Out) }, order: most(func(p *row) float64 { return p.Out })},
			{key: "bytes", title: "BYTES/S", width: 8, right: true, text: func(p *row) string { return bytesText(p.PeerRates.BytesIn + p.PeerRates.BytesOut) }, order: most(func(p *row) float64 { return p.PeerRates.BytesIn + p.PeerRates.BytesOut })},
			{key: "queue", title: "QUEUE", width: 7, right: true, text: func(p *row) string { return grouped(uint64(p.Queue)) }, order: most(func(p *row) int { return p.QueueBytes })},
			{key: "dropped", title: "DROPPED", width: 8, right: true, text: func(p *row) string { return grouped(p.Dropped) }, order: most(func(p *row) uint64 { return p.Dropped })},
			{key: "rtt", title: "RTT", width: 7, least: 100, right: true, text: func(p *row) string { return shortDuration(p.RoundTrip) }, order: most(func(p *row) time.Duration { return p.RoundTrip })},
			{key: "senders", title: "SENDERS", width: 7, least: 110, right: true, text: func(p *row) string { return grouped(uint64(p.Senders)) }, order: most(func(p *row) int { return p.Senders })},
			{key: "listeners", title: "LISTENERS", width: 9, least: 120, right: true, text: func(p *row) string { return grouped(uint64(p.Listeners)) }, order: most(func(p *row) int { return p.Listeners })},
			{key: "idle", title: "IDLE", width: 7, least: 90, right: true, text: func(p *row) string { return ageText(now().Sub(p.Heard)) }, order: byTime(func(p *row) time.Time { return p.Heard })},
			{key: "age", title: "HERE", width: 7, right: true, text: func(p *row) string { return ageText(now().Sub(p.Since)) }, order: byTime(func(p *row) time.Time { return p.Since })},
		},
	}
}

func byTime[T any](at func(*T) time.Time) func(a, b *T) int {
	return func(a, b *T) int { return at(a).Compare(at(b)) }
}

// peerName is who a peer has proved to be, and what it calls itself.
func peerName(p *router.PeerInfo) string {
	switch {
	case p.Name == "" && p.Identity == "":
		return "-"
	case p.Identity == "" || p.Identity == p.Name:
		return visible(p.Name)
	case p.Name == "":
		return visible(p.Identity)
	}
	return visible(p.Identity) + " (" + visible(p.Name) + ")"
}

func methodTable() table[router.MethodStatus] {
	type row = router.MethodStatus
	took := func(key, title string, least int, d func(*row) time.Duration) column[row] {
		return column[row]{key: key, title: title, width: 8, least: least, right: true, text: func(m *row) string { return shortDuration(d(m)) }, order: most(d)}
	}
	return table[row]{
		names: func(m *row) []string { return []string{m.Sender, m.Method} },
		columns: []column[row]{
			{key: "sender", title: "SENDER", share: 3, text: func(m *row) string { return visible(m.Sender) }, order: byText(func(m *row) string { return m.Sender })},
			{key: "method", title: "METHOD", share: 3, text: func(m *row) string { return visible(m.Method) }, order: byText(func(m *row) string { return m.Method })},
			{key: "rate", title: "PER SEC", width: 8, right: true, text: func(m *row) string { return rateText(m.Rate) }, order: most(func(m *row) float64 { return m.Rate })},
			{key: "count", title: "COUNT", width: 11, least: 90, right: true, text: func(m *row) string { return grouped(m.Count) }, order: most(func(m *row) uint64 { return m.Count })},
			{key: "failed", title: "FAILED", width: 8, right: true, text: func(m *row) string { return grouped(m.Failed) }, order: most(func(m *row) uint64 { return m.Failed })},
			{key: "flight", title: "NOW", width: 5, right: true, text: func(m *row) string { return fmt.Sprint(m.InFlight) }, order: most(func(m *row) int { return m.InFlight })},
			took("p50", "P50", 0, func(m *row) time.Duration { return m.P50 }),
			took("p95", "P95", 100, func(m *row) time.Duration { return m.P95 }),
			took("p99", "P99", 0, func(m *row) time.Duration { return m.P99 }),
			took("max", "MAX", 100, func(m *row) time.Duration { return m.Max }),
		},
	}
}

// keys are the names by which the table can be sorted.
func (t table[T]) keys() (keys []string) {
	for _, c := range t.columns {
		if c.key != "" {
			keys = append(keys, c.key)
		}
	}
	return keys
}

// sorted returns the rows that have part in one of their names, in the order that key names.
// What is the same there is in order of the names.
func (t table[T]) sorted(rows []*T, key string, reverse bool, part string) []*T {
	part = strings.ToLower(part)
	rows = slices.DeleteFunc(rows, func(row *T) bool {
		return part != "" && !slices.ContainsFunc(t.names(row), func(n string) bool { return strings.Contains(strings.ToLower(n), part) })
	})
	var order func(a, b *T) int
	for _, c := range t.columns {
		if c.key == key {
			order = c.order
		}
	}
	slices.SortFunc(rows, func(a, b *T) int {
		by := 0
		if order != nil {
			by = order(a, b)
		}
		if reverse {
			by = -by
		}
		if by == 0 { // the first two columns are the names
			by = t.columns[0].order(a, b)
		}
		if by == 0 {
			by = t.columns[1].order(a, b)
		}
		return by
	})
	return rows
}

// A placed column is one with its place on the screen.
type placed[T any] struct {
	column[T]
	at, wide int
}

// place divides the width of a screen among the columns.
func (t table[T]) place(width int) []placed[T] {
	var all []placed[T]
	left, shares := width, 0
	for _, c := range t.columns {
		if c.least > width || c.least < 0 && width >= -c.least {
			continue
		}
		all = append(all, placed[T]{column: c, wide: c.width})
		left -= c.width + 2
		shares += c.share
	}
	left += 2 // none after the last
	at := 0
	for i := range all {
		c := &all[i]
		if c.share > 0 {
			c.wide = max(left*c.share/shares, 0)
			left, shares = left-c.wide, shares-c.share
		}
		c.at = at
		c.wide = min(c.wide, width-at)
		at += c.wide + 2
	}
	return slices.DeleteFunc(all, func(c placed[T]) bool { return c.wide <= 0 })
}
