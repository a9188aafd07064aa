package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/arena"
	"github.com/sigrouter/sigrouter/sig"
)

// ClientOptions tunes a ClientRouter. The zero value is ready for use with Attach; Dial
// needs Schemes.
type ClientOptions struct {
	// Options are those of the Router that the client is.
	Options
	// Name is what the client calls itself.
	Name string
	// Schemes are the carriers that Dial may use. Package sigrouter has all of them.
	Schemes carrier.Schemes
	// Limits bounds what the server may do, and holds the time limits.
	Limits carrier.Limits
	// Token proves to the server who the client is; "" for servers without login.
	Token string
	// Codecs are the encodings of payloads to ask for, the best first; JSON, which every
	// server knows, comes last. They need binary frames: where these are not possible, or
	// TextOnly is set, it is JSON. Package sigrouter has all of them.
	Codecs carrier.Codecs
	// TextOnly asks for JSON messages, which people can read on the wire, where binary
	// frames would be possible.
	TextOnly bool
	// NoReconnect makes the client end when its connection does.
	NoReconnect bool
	// Lazy makes Dial return at once, whether the server is there or not.
	Lazy bool
	// MaxBackoff is the longest wait between two attempts to connect; 0 means 4 s.
	MaxBackoff time.Duration
	// Outbox is how many signals may wait while there is no connection or the server
	// is slow; 0 means 65,536. OutboxBytes is the same in bytes; 0 means 8 MiB.
	Outbox, OutboxBytes int
	// OutboxPolicy says what Trigger does when the outbox is full: Block, the default,
	// waits; DropNewest fails with sig.ErrSlow.
	OutboxPolicy sig.Policy
	// OnState, if not nil, is told when the connection comes and goes, and, with an Err
	// that matches sig.ErrRefused, when the server does not let the client back in: the
	// first time and each time the attempts have doubled. The client tries on until it is
	// closed. OnState is called in the goroutine that connects, and may use the client,
	// but for its Close and Shutdown.
	OnState func(State)
	// OnError, if not nil, is told of what went wrong later than the call that began
	// it: signals that the server refused, senders it did not take back after a
	// reconnect, dropped events.
	OnError func(error)
}

// A State says how a client's connection is.
type State struct {
	Connected bool
	// Resumed reports that the session went on: nothing was missed.
	Resumed bool
	// Unsure counts signals that were sent and not acknowledged before the connection
	// was lost, and were sent again to a server that cannot tell whether it had them.
	Unsure int
	// Attempts counts the attempts to connect since the connection was lost.
	Attempts int
	// Err says why there is no connection.
	Err error
}

// A ClientRouter is a Router of its own that also has senders and listeners at a server.
// AddSender and AddListener are for this process alone; AddRemoteSender,
// AddRemoteListener and RemoteRequest, or the Bus that Remote returns, go to the server.
//
// It connects again by itself when the connection is lost, and adds its remote senders
// and listeners again. Signals that are triggered meanwhile wait in the outbox; signals
// that were sent and not acknowledged are sent again, and the server dispatches none
// of them twice.
type ClientRouter struct {
	*Router

	opts     ClientOptions
	log      *slog.Logger
	engine   *carrier.Engine
	address  string
	dial     func(context.Context) (carrier.Conn, error)
	ctx      context.Context // ends when the client closes
	cancel   context.CancelFunc
	handling context.Context // of handlers, see caused

	peer  atomic.Pointer[carrier.Peer] // nil: no connection
	codec atomic.Pointer[agreed]       // with the server spoken to last; nil: JSON

	mu            sync.Mutex
	ready         chan struct{} // closed while there is a connection and everything is added
	failed        error         // why the client has ended
	wire          *carrier.Session
	session       string // to resume; "" for none
	epoch         string
	listeners     []*remoteSub
	remoteSenders []*remoteSender
	leftBehind    []string // names of senders that were removed, which the server may keep for a time: see sig.Grace
	lastRefused   uint64   // number of the last signal said to be refused in this session; for the goroutine that reads
	untold        untold   // for the goroutine that connects
	registered    uint64   // connections on which the client's senders were added again

	books    atomic.Pointer[books]
	counting sync.Mutex   // of signals from the server; held while a new session begins
	adding   sync.RWMutex // read-locked while a listener is being added
	serial   serial[delivery]
	origins  byBytes[*sig.Origin] // by the bytes of info; for the goroutine that reads
	arena    arena.Arena          // for the goroutine that reads
	batch    []delivery           // for the goroutine that reads
	unsure   atomic.Uint64
	running  callSet
	crew     crew

	wg      sync.WaitGroup // the goroutine that keeps the connection
	workers workers        // listeners, handlers, and what is told to the server in the background
}

// agreed is the codec that was agreed on.
type agreed struct{ carrier.Codec }

// Unsure returns how many signals may have been dispatched twice, since the server they
// were sent to came back without memory of them.
func (c *ClientRouter) Unsure() uint64 { return c.unsure.Load() }

// spawn runs fn in a goroutine that Shutdown waits for, if the client is not closing: then it is
// not worth beginning.
func (c *ClientRouter) spawn(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.workers.Go(fn)
	}
}
