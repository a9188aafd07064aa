package router

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// ServerOptions tunes a ServerRouter. The zero value is ready for use, with custom
// connections only: Listen needs Schemes.
type ServerOptions struct {
	// Options are those of the Router that the server is.
	Options
	// Name is what the server calls itself; "" means "router".
	Name string
	// Schemes are the carriers that Listen may use. Package sigrouter has all of them.
	Schemes carrier.Schemes
	// Codecs are the encodings of payloads that clients may ask for beside JSON. Package
	// sigrouter has all of them.
	Codecs carrier.Codecs
	// Login says who may use the server and for what. Nil lets everybody in, who then
	// may do everything.
	Login auth.Authenticator
	// Limits bounds what peers may do.
	Limits carrier.Limits
	// InspectFromAnywhere lets peers on other machines inspect the router where there is
	// no Login. Programs of this machine always may.
	InspectFromAnywhere bool
	// OnPeer, if not nil, is told of each peer that comes and goes. It is called in
	// the goroutine of that peer, which it must not hold up.
	OnPeer func(PeerEvent)
}

// A PeerEvent tells of a peer that came or went.
type PeerEvent struct {
	Peer   PeerInfo
	Gone   bool
	Reason error // why it has gone
}

// A ServerRouter is a Router that clients reach through carriers. It knows each
// client's senders and listeners, and removes them when the client goes.
type ServerRouter struct {
	*Router

	opts   ServerOptions
	log    *slog.Logger
	engine *carrier.Engine
	door   door
	epoch  string

	mu       sync.Mutex
	sessions map[string]*session // those that can be resumed
	away     []*session          // of these, the ones without a connection, oldest first
	past     pastSessions
	bridges  []*carrier.Bridge
	closed   bool

	wg      sync.WaitGroup
	workers workers       // of goroutines that call users' functions
	drops   atomic.Uint64 // events that waited for a peer when its session ended
	full    atomic.Uint64 // events for which a peer's queue had no room
	badEnc  atomic.Uint64 // events whose data could not be encoded
}

// NewServer makes a server with default options.
func NewServer() *ServerRouter { return ServerOptions{}.New() }

// New makes a server.
func (o ServerOptions) New() *ServerRouter {
	if o.Name == "" {
		o.Name = "router"
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &ServerRouter{
		Router:   o.Options.New(),
		opts:     o,
		log:      log,
		epoch:    randomID(8),
		sessions: map[string]*session{},
	}
	s.door.open(o.Login)
	s.Router.server = s
	s.Router.buildFanout = s.buildFanout
	s.Router.sendRetained = s.sendRetained
	s.engine = carrier.NewEngine(serverHandler{s}, carrier.Options{Limits: o.Limits, Logger: log})
	s.Router.checkHopsAt = s.engine.CheckHops
	return s
}

// randomID returns n random bytes as hexadecimal digits.
func randomID(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Name returns what the server calls itself.
func (s *ServerRouter) Name() string { return s.opts.Name }

// Listen accepts clients at a URL, for instance tcp://127.0.0.1:3000, until the
// listener it returns, or the server, is closed. The listener's URL has the real port
// where 0 was asked for. ctx bounds only the setting up.
func (s *ServerRouter) Listen(ctx context.Context, url string) (carrier.Listener, error) {
	l, err := s.opts.Schemes.Listen(ctx, url)
	if err != nil {
		return nil, err
	}
	if !s.spawn(func() { s.serve(l) }) {
		_ = l.Close()
		return nil, sig.ErrShuttingDown
	}
	return l, nil
}

// spawn runs fn in a goroutine that Shutdown waits for.
func (s *ServerRouter) spawn(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Go(fn)
	return true
}

func (s *ServerRouter) serve(l carrier.Listener) {
	if err := s.engine.Serve(l); err != nil && !errors.Is(err, sig.ErrShuttingDown) {
		s.log.Error("listening ended", "listen", l.URL(), "err", err)
	}
}

// Serve accepts clients from a listener that was made elsewhere, until it or the server
// is closed; it closes the listener.
func (s *ServerRouter) Serve(l carrier.Listener) error { return s.engine.Serve(l) }

// Attach serves one connection that was made elsewhere.
func (s *ServerRouter) Attach(conn carrier.Conn) error {
	_, err := s.engine.Attach(conn, nil)
	return err
}

// AttachCarrier serves the peers of a Carrier.
func (s *ServerRouter) AttachCarrier(c carrier.Carrier) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return sig.ErrShuttingDown
	}
	s.bridges = append(s.bridges, carrier.NewBridge(s.engine, c, false))
	return nil
}

// Shutdown ends the server: it stops listening, says goodbye to the clients, lets
// requests that run and signals that wait finish until ctx ends, or for 5 s when it has
// no deadline (Limits.DrainTimeout), and closes the connections and the Router. When it
// returns no goroutine is left, but for those inside a listener or handler that does
// not return. The error says what was cut off.
func (s *ServerRouter) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	bridges := s.bridges
	s.mu.Unlock()
	s.door.close()
	err := s.engine.Shutdown(ctx, "the router is shutting down")
	for _, b := range bridges {
		_ = b.Close()
	}
	if first {
		s.endSessions()
	}
	s.wg.Wait()
	return errors.Join(err, s.workers.wait(ctx), s.Router.Close())
}

// Closing reports whether Shutdown or Close was called.
func (s *ServerRouter) Closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close is Shutdown that does not wait for anything to be delivered.
func (s *ServerRouter) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Shutdown(ctx) // what is cut off was asked for
	return nil
}

// endSessions forgets the sessions that were kept for clients to come back to.
func (s *ServerRouter) endSessions() {
	s.mu.Lock()
	away := s.away
	s.away = nil
	clear(s.sessions)
	s.mu.Unlock()
	for _, x := range away {
		x.end(sig.ErrShuttingDown)
	}
}

// PeerInfo describes a client.
type PeerInfo struct {
	ID       uint64 `json:"id"` // of the connection, unlike any other of this run
	Name     string `json:"name"`
	Carrier  string `json:"carrier"`
	Address  string `json:"address"`
	Identity string `json:"identity"` // who it has proved to be; "" for nobody
	Classic  bool   `json:"classic"`
	Codec    string `json:"codec"`    // of payloads: "json", "msgpack"
	Envelope string `json:"envelope"` // of messages: "json", or "frame" for binary frames

	Since time.Time `json:"since"` // of its session, which may be older than the connection
	Heard time.Time `json:"heard"` // when anything came from it last

	Senders     int           `json:"senders"`
	Listeners   int           `json:"listeners"`
	MessagesIn  uint64        `json:"messages_in"`
	MessagesOut uint64        `json:"messages_out"`
	BytesIn     uint64        `json:"bytes_in"`
	BytesOut    uint64        `json:"bytes_out"`
	RoundTrip   time.Duration `json:"round_trip_ns"` // 0: not measured

	Queue      int    `json:"queue"`       // events that wait for it
	QueueBytes int    `json:"queue_bytes"` // their size
	InFlight   int    `json:"in_flight"`   // events sent to it that it has not acknowledged
	Sent       uint64 `json:"sent"`        // events sent to it in this session
	Dropped    uint64 `json:"dropped"`     // events dropped for it
	Calls      int    `json:"calls"`       // calls that it was asked and has not answered
	Answering  int    `json:"answering"`   // calls of it that are not answered
	Strays     uint64 `json:"strays"`      // replies from it that nobody waited for
	Duplicates uint64 `json:"duplicates"`  // signals that came twice
	Refused    uint64 `json:"refused"`     // messages of it that were answered with an error

	// Counters are what the connection itself counts, damaged frames for instance.
	Counters map[string]uint64 `json:"counters,omitempty"`

	// Slow and PeerRates are known while the router is inspected: see Inspect.
	Slow      bool `json:"slow"`
	PeerRates `json:"rates"`
}

func infoOf(p *carrier.Peer) PeerInfo {
	info := p.Info()
	out := PeerInfo{
		ID: p.ID, Name: p.Name(), Carrier: info.Carrier, Address: info.Remote, Identity: sessionOf(p).identity(),
		Classic:    p.Classic(),
		MessagesIn: p.Stats.MessagesIn.Load(), MessagesOut: p.Stats.MessagesOut.Load(),
		BytesIn: p.Stats.BytesIn.Load(), BytesOut: p.Stats.BytesOut.Load(),
		RoundTrip: time.Duration(p.Stats.RoundTrip.Load()),
	}
	out.fill(p)
	return out
}

// Peers lists the clients that are connected and logged in now, in the order they came.
func (s *ServerRouter) Peers() []PeerInfo {
	peers := s.engine.Peers()
	infos := make([]PeerInfo, 0, len(peers))
	for _, p := range peers {
		x := sessionOf(p)
		if x.who.Load() == nil {
			continue
		}
		infos = append(infos, s.peerInfo(p))
	}
	slices.SortFunc(infos, func(a, b PeerInfo) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}
