package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/router"
)

// A topLine is what sig top --json prints each interval. It may grow, and keeps what it has.
type topLine struct {
	Time     string  `json:"time"`
	Name     string  `json:"name"`
	Uptime   float64 `json:"uptime"` // s, since somebody looked into the router first
	In       float64 `json:"events_per_second"`
	Out      float64 `json:"sent_per_second"` // to peers
	Requests float64 `json:"requests_per_second"`
	Failed   float64 `json:"failed_per_second"` // of these
	Events   uint64  `json:"events"`            // since then, as all counts
	Dropped  uint64  `json:"dropped"`
	Slow     int     `json:"slow_peers"`
	Queued   int64   `json:"queued_bytes"`
	Heap     uint64  `json:"heap_bytes"`

	Totals topTotals `json:"totals"`

	Signals []topSignal `json:"signals"`
	Peers   []topPeer   `json:"peers"`
	Methods []topMethod `json:"requests"`
}

// topTotals are how many there are, shown or not.
type topTotals struct {
	Signals   int `json:"signals"`
	Peers     int `json:"peers"`
	Senders   int `json:"senders"`
	Listeners int `json:"listeners"`
}

type topSignal struct {
	Sender    string          `json:"sender"`
	Event     string          `json:"event"`
	Rate      float64         `json:"rate"`
	Count     uint64          `json:"count"`
	Listeners int             `json:"listeners"`
	Last      json.RawMessage `json:"last,omitempty"` // the last value, if it is short
}

type topPeer struct {
	Name      string  `json:"name"`
	Identity  string  `json:"identity,omitempty"`
	Carrier   string  `json:"carrier"`
	Address   string  `json:"address"`
	In        float64 `json:"in"` // messages a second
	Out       float64 `json:"out"`
	BytesIn   float64 `json:"bytes_in"` // a second
	BytesOut  float64 `json:"bytes_out"`
	Queue     int     `json:"queue"` // events that wait for it
	Dropped   uint64  `json:"dropped"`
	Slow      bool    `json:"slow"`
	RoundTrip float64 `json:"round_trip"` // µs; 0: not measured
	Senders   int     `json:"senders"`
	Listeners int     `json:"listeners"`
	Idle      float64 `json:"idle"` // s, since anything came from it
	Since     string  `json:"since"`
}

type topMethod struct {
	Sender   string  `json:"sender"`
	Method   string  `json:"method"`
	Rate     float64 `json:"rate"`
	Count    uint64  `json:"count"`
	Failed   uint64  `json:"failed"`
	InFlight int     `json:"in_flight"`
	P50      float64 `json:"p50"` // µs, as all of these
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
}

// sortFor is what a view is sorted by: what --sort says, where that is the view of --view.
func (f *topFlags) sortFor(view string) (key string, reverse bool) {
	if view == f.view {
		return f.sort, f.reverse
	}
	return "rate", false
}

// topOf are the first rows of a view.
func topOf[T any](f *topFlags, view string, t table[T], rows []*T) []*T {
	key, reverse := f.sortFor(view)
	return topRows(t.sorted(rows, key, reverse, f.filter), f.rows)
}

// picture prints what the router does now.
func (t *topPrinter) picture() error {
	m := &t.model
	signals := topOf(&t.flags, viewSignals, signalTable(), m.signalRows())
	peers := topOf(&t.flags, viewPeers, peerTable(m.now), m.peerRows())
	methods := topOf(&t.flags, viewRequests, methodTable(), m.methodRows())
	if t.json {
		return t.object(m.line(signals, peers, methods))
	}
	var b strings.Builder
	for i, line := range m.headline() {
		if i == 0 {
			line = m.at.Format("15:04:05") + "  " + line
		}
		b.WriteString(line + "\n")
	}
	switch t.flags.view {
	case viewSignals:
		writeTable(&b, signalTable(), signals)
	case viewPeers:
		writeTable(&b, peerTable(m.now), peers)
	case viewRequests:
		writeTable(&b, methodTable(), methods)
	}
	return t.write([]byte(b.String() + "\n"))
}

// now is the router's time, as of its last answer.
func (m *topModel) now() time.Time { return m.status.Now }

// headline tells of the router as a whole, in two lines.
func (m *topModel) headline() [2]string {
	r, s := m.rates(), &m.status
	return [2]string{
		fmt.Sprintf("%s  up %s  events %s/s  sent %s/s  requests %s/s  dropped %s", visible(s.Name), ageText(s.Uptime),
			rateText(r.In), rateText(r.Out), rateText(r.Requests), grouped(s.Dropped)),
		fmt.Sprintf("%s  %s  %s  %s  %s queued  %s heap", plural(len(m.peers), "peer")+slowText(s.Slow),
			plural(s.Senders, "sender"), plural(len(m.signals), "signal"), plural(s.Listeners, "listener"),
			bytesText(s.QueuedBytes), bytesText(s.Heap)),
	}
}

func slowText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d slow)", n)
}

// plainCell is how wide a column of --plain becomes at most, but for names.
const plainCell = 60

// writeTable writes a table as wide as it has to be: names are not cut.
func writeTable[T any](b *strings.Builder, t table[T], rows []*T) {
	columns := t.place(1000)
	cells := make([][]string, len(rows))
	for i := range columns {
		c := &columns[i]
		c.wide = textWidth(c.title)
		for y, row := range rows {
			text := c.text(row)
			if c.key == "" {
				text = fit(text, plainCell)
			}
			cells[y] = append(cells[y], text)
			c.wide = max(c.wide, textWidth(text))
		}
	}
	line := func(text func(i int) string) {
		var l strings.Builder
		for i, c := range columns {
			s := text(i)
			blank := strings.Repeat(" ", c.wide-textWidth(s))
			if c.right {
				s = blank + s
			} else {
				s += blank
			}
			l.WriteString(s + "  ")
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(func(i int) string { return columns[i].title })
	for _, row := range cells {
		line(func(i int) string { return row[i] })
	}
}

// line makes the object of --json.
func (m *topModel) line(signals []*router.SignalStatus, peers []*router.PeerInfo, methods []*router.MethodStatus) topLine {
	r, s := m.rates(), &m.status
	l := topLine{
		Time: m.at.UTC().Format(time.RFC3339Nano), Name: s.Name, Uptime: seconds(s.Uptime),
		In: r.In, Out: r.Out, Requests: r.Requests, Failed: r.Failed,
		Events: s.Events, Dropped: s.Dropped, Slow: s.Slow, Queued: s.QueuedBytes, Heap: s.Heap,
		Totals:  topTotals{len(m.signals), len(m.peers), s.Senders, s.Listeners},
		Signals: []topSignal{}, Peers: []topPeer{}, Methods: []topMethod{},
	}
	for _, x := range signals {
		line := topSignal{Sender: x.Sender, Event: x.Event, Rate: x.Rate, Count: x.Count, Listeners: x.Listeners}
		if v := x.Last; v != nil && json.Valid([]byte(v.Data)) {
			line.Last = json.RawMessage(v.Data)
		}
		l.Signals = append(l.Signals, line)
	}
	for _, x := range peers {
		l.Peers = append(l.Peers, topPeer{
			Name: x.Name, Identity: x.Identity, Carrier: x.Carrier, Address: x.Address,
			In: x.In, Out: x.Out, BytesIn: x.PeerRates.BytesIn, BytesOut: x.PeerRates.BytesOut,
			Queue: x.Queue, Dropped: x.Dropped, Slow: x.Slow, RoundTrip: micros(x.RoundTrip),
			Senders: x.Senders, Listeners: x.Listeners,
			Idle: seconds(s.Now.Sub(x.Heard)), Since: x.Since.UTC().Format(time.RFC3339Nano),
		})
	}
	for _, x := range methods {
		l.Methods = append(l.Methods, topMethod{
			x.Sender, x.Method, x.Rate, x.Count, x.Failed, x.InFlight,
			micros(x.P50), micros(x.P95), micros(x.P99), micros(x.Max),
		})
	}
	return l
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func micros(d time.Duration) float64 {
	return float64(d.Round(100*time.Nanosecond)) / float64(time.Microsecond)
}
