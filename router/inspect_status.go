package router

import (
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// A Snapshot is what a router knows of itself at one moment. In JSON durations are whole
// nanoseconds, as the names of their members say.
type Snapshot struct {
	Router    Status           `json:"router"`
	Peers     []PeerInfo       `json:"peers"`     // in the order they came
	Senders   []SenderStatus   `json:"senders"`   // by name, as all lists below
	Signals   []SignalStatus   `json:"signals"`   // the events of all senders
	Listeners []ListenerStatus `json:"listeners"` // in order of registration
	Methods   []MethodStatus   `json:"methods"`   // that were asked since the inspection began
	Calls     []CallStatus     `json:"calls"`     // requests under way, the oldest first
	Missed    []Missed         `json:"missed"`    // requests that nobody answers
	Links     []LinkStatus     `json:"links"`     // where the router listens
	Carriers  []CarrierStatus  `json:"carriers"`  // that peers came by since the inspection began
}

// Status tells of the router as a whole.
type Status struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Epoch   string        `json:"epoch"` // of this run; another one means that all ids are new
	Now     time.Time     `json:"now"`
	Started time.Time     `json:"started"` // when the inspection began
	Uptime  time.Duration `json:"uptime_ns"`

	Peers     int `json:"peers"`
	Slow      int `json:"slow"` // peers that do not keep up
	Away      int `json:"away"` // sessions that wait for their client to come back
	Senders   int `json:"senders"`
	Signals   int `json:"signals"`
	Listeners int `json:"listeners"`

	Events  uint64 `json:"events"`  // triggered since the inspection began
	Sent    uint64 `json:"sent"`    // events sent to peers
	Dropped uint64 `json:"dropped"` // events that listeners did not get
	// DroppedBy divides Dropped by reason: listener_queue, peer_queue, peer_full, peer_gone.
	DroppedBy   map[string]uint64 `json:"dropped_by"`
	Requests    uint64            `json:"requests"`     // answered or failed
	Failed      uint64            `json:"failed"`       // of these
	Unencodable uint64            `json:"unencodable"`  // events whose data could not be encoded for peers
	TurnedAway  uint64            `json:"turned_away"`  // connections over a limit
	QueuedBytes int64             `json:"queued_bytes"` // for all peers
	KeptBytes   int64             `json:"kept_bytes"`   // values that the inspection keeps

	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`

	Goroutines int    `json:"goroutines"`
	Heap       uint64 `json:"heap"` // bytes in use

	Limits carrier.Limits `json:"limits"`
}

// SenderStatus tells of one sender.
type SenderStatus struct {
	ID     uint64    `json:"id"`
	Name   string    `json:"name"`
	Peer   uint64    `json:"peer"`  // who added it; 0 is this process
	Place  string    `json:"place"` // where in this process, as file:line; "" for a peer's
	Since  time.Time `json:"since"`
	Events int       `json:"events"`
	// Methods are the requests it answers; "*" stands for all others.
	Methods []string `json:"methods"`
}

// SignalStatus tells of one event of one sender.
type SignalStatus struct {
	ID        uint64 `json:"id"`
	Sender    string `json:"sender"`
	Event     string `json:"event"`
	Retained  bool   `json:"retained"`
	Listeners int    `json:"listeners"`
	Count     uint64 `json:"count"` // triggered since the inspection began
	// Approximate reports that a part of Count was estimated: events that are triggered in
	// this process more than 20,000 times a second are not all counted one by one.
	Approximate bool    `json:"approximate,omitempty"`
	Rate        float64 `json:"rate"` // a second, over the last 5 s
	Last        *Value  `json:"last"` // nil when there was none, or none that can be shown
}

// A Value is the data of one event.
type Value struct {
	N    uint64    `json:"n"` // which event of the signal, counted from 1
	Time time.Time `json:"time"`
	// Data is JSON. It ends after 2 KiB; Size is how many bytes there are of it.
	Data string `json:"data"`
	Size int    `json:"size"`
}

// ListenerStatus tells of one listener.
type ListenerStatus struct {
	ID      uint64 `json:"id"`
	Sender  string `json:"sender"` // pattern
	Event   string `json:"event"`  // pattern
	Below   bool   `json:"below,omitempty"`
	Peer    uint64 `json:"peer"`   // whose it is; 0 is this process
	Where   string `json:"where"`  // the peer, or the place in this process, as file:line
	Policy  string `json:"policy"` // "": called inside Trigger, or of a peer, its connection is closed
	Queue   int    `json:"queue"`  // events that wait for it alone
	Dropped uint64 `json:"dropped"`
}

// MethodStatus tells how requests of one method went. Quantiles are of the last minute or
// two, right within an eighth.
type MethodStatus struct {
	Sender      string            `json:"sender"`
	Method      string            `json:"method"`
	Count       uint64            `json:"count"`
	Approximate bool              `json:"approximate,omitempty"`
	Rate        float64           `json:"rate"`
	InFlight    int               `json:"in_flight"`
	Oldest      time.Duration     `json:"oldest_ns"` // of those in flight
	Failed      uint64            `json:"failed"`
	Codes       map[string]uint64 `json:"codes,omitempty"` // of failures
	P50         time.Duration     `json:"p50_ns"`
	P95         time.Duration     `json:"p95_ns"`
	P99         time.Duration     `json:"p99_ns"`
	Max         time.Duration     `json:"max_ns"`
	Times       Times             `json:"-"` // all of them that were measured
}

// CallStatus is a request under way.
type CallStatus struct {
	Sender string        `json:"sender"`
	Method string        `json:"method"`
	Caller string        `json:"caller"` // "" is this process
	For    time.Duration `json:"for_ns"`
}

// Missed is a request that nobody answers: no such sender, or no such method.
type Missed struct {
	Sender string    `json:"sender"`
	Method string    `json:"method"`
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last"`
}

// LinkStatus is an address that the router listens at, or a device it waits for.
type LinkStatus struct {
	URL      string            `json:"url"`
	State    string            `json:"state"` // "listening", or as carrier.Report has it
	Error    string            `json:"error,omitempty"`
	Attempts int               `json:"attempts,omitempty"`
	Next     *time.Time        `json:"next,omitempty"` // when it is tried again
	Last     string            `json:"last,omitempty"` // what came over it last
	LastAt   *time.Time        `json:"last_at,omitempty"`
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// A Sample is one second of a router's history.
type Sample struct {
	Time     time.Time `json:"time"`
	Peers    int       `json:"peers"`
	Slow     int       `json:"slow"`
	In       float64   `json:"in"`       // events a second
	Out      float64   `json:"out"`      // events sent to peers a second
	Dropped  float64   `json:"dropped"`  // a second
	Requests float64   `json:"requests"` // a second
	Failed   float64   `json:"failed"`   // a second
	Queued   int64     `json:"queued"`   // bytes that wait for peers
	BytesIn  float64   `json:"bytes_in"` // a second
	BytesOut float64   `json:"bytes_out"`
	Heap     uint64    `json:"heap"`
}
