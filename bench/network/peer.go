//go:build unix

// Package network puts routers through the same work: over connections on the loopback
// interface, where router, responder, subscribers and load are processes of their own, and
// within one process. The payload is the same JSON object of 128 bytes.
package network

import (
	"fmt"
	"strings"
)

// A Peer is one system under test.
type Peer struct {
	Name string
	Own  bool // it is this project's

	// Addr returns an address for the router and may use dir; nil stands for a free port
	// of the loopback interface.
	Addr func(dir string) (addr string, release func(), err error)

	// Router starts the router on addr. It also answers requests of its own, so that
	// there is something to ask it.
	Router func(addr string, idle bool) (stop func(), err error)

	// Dial connects one client, as an ordinary user of the system would, for what it is to
	// do: one of the roles below.
	Dial func(addr, role string) (Client, error)

	// Window is how many events may be on their way, with one subscriber and with many.
	// It is there for systems that have no flow control and would drop, and as wide
	// as each can bear.
	Window, WindowMany int
}

// What a client is for. Most systems do not mind.
const (
	caller       = "caller"
	routedCaller = "routed caller"
	responder    = "responder"
	publisher    = "publisher"
	subscriber   = "subscriber"
	idler        = "idle"
)

// A Client is one connection.
type Client interface {
	// Call asks the router (or, routed, the client that serves) for the payload back.
	Call(routed bool, payload []byte) error
	// Serve answers routed calls.
	Serve() error
	// Publish sends an event and does not wait for it to arrive.
	Publish(payload []byte) error
	// Flush sends what Publish has kept back.
	Flush() error
	// Subscribe calls fn for each event.
	Subscribe(fn func()) error
}

// payload is the data of every event and request.
func payload() []byte {
	s := `{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"`
	s += strings.Repeat("x", 128-len(s)-2) + `"}`
	return []byte(s)
}

// payloadMap is that object for systems that take values, not bytes.
func payloadMap() map[string]any {
	return map[string]any{
		"seq": 1234567890, "sensor": "temp-01", "value": 21.375, "unit": "C",
		"ok": true, "note": strings.Repeat("x", 45),
	}
}

func find(peers []Peer, name string) (Peer, error) {
	for _, p := range peers {
		if p.Name == name {
			return p, nil
		}
	}
	return Peer{}, fmt.Errorf("no peer %q", name)
}
