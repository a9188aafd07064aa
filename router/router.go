package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Options tunes a Router. The zero value is ready for use.
type Options struct {
	// Logger is told of what goes wrong in listeners, and of what is most likely a
	// mistake. Nil means slog.Default.
	Logger *slog.Logger

	// OnPanic is called with each panic of a listener, a middleware or a handler, in
	// the goroutine where it happened, after it was logged. A panic in OnPanic is
	// logged too. Nil means nothing is called.
	OnPanic func(Panic)

	// DrainTimeout is how long Close lets queued listeners work off what they were
	// given. Zero means 5 seconds, less than zero not at all.
	DrainTimeout time.Duration

	// SlowAfter is how long one call of a queued listener may last before it is
	// reported in the log. Zero means 10 seconds, less than zero that none is.
	SlowAfter time.Duration
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.Default()
	}
	return o.Logger
}

func (o Options) drainTimeout() time.Duration {
	if o.DrainTimeout == 0 {
		return 5 * time.Second
	}
	return o.DrainTimeout
}

func (o Options) slowAfter() time.Duration {
	if o.SlowAfter == 0 {
		return 10 * time.Second
	}
	return o.SlowAfter
}

// New returns a Router with these options.
func (o Options) New() *Router {
	r := &Router{
		options:  o,
		log:      o.logger(),
		senders:  newTable(),
		notices:  map[string]*notices{},
		rings:    map[ringKey]*ring{},
		queues:   map[queue]struct{}{},
		leaving:  map[*worker]struct{}{},
		handlers: map[*asked]struct{}{},
	}
	r.background = contextType(context.Background())
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// New returns a Router with the default options.
func New() *Router { return Options{}.New() }

// A Router is where the senders and listeners of a process meet. It is a sig.Bus. Make
// one with New or Options.New, and Close it when it has queued listeners.
//
// All methods may be called from several goroutines at once, and from inside listeners,
// handlers and middleware.
type Router struct {
	options Options
	log     *slog.Logger
	senders *table // of connected senders; read without the lock

	// ctx ends with Close. Handlers get it in place of context.Background, whose type
	// is kept beside it.
	ctx        context.Context
	cancel     context.CancelFunc
	background uintptr
	// isClosed is closed for those who do not hold the lock.
	isClosed atomic.Bool
	blocking blocking
	insp     atomic.Pointer[inspector] // nil until somebody asks; set under mu
	drops    atomic.Uint64             // events that queued listeners of this process did not get

	// mu guards everything below, and what the types of this package say. It is never
	// held while the program's own code runs.
	mu          sync.Mutex
	closed      bool
	lastID      uint64 // of a subscription
	subs        index
	byName      names[*sender]  // connected senders, found by pattern
	events      names[eventSet] // their signals, found by pattern
	built       builtSet
	builds      uint64 // counts the lists that were built
	keepers     int    // retained events of connected senders
	watchers    int    // listeners of #subscribe and #unsubscribe
	notices     map[string]*notices
	uses        []*use // middleware, outermost first
	usesVersion uint64 // counts their changes
	rings       map[ringKey]*ring
	queues      map[queue]struct{}
	leaving     map[*worker]struct{} // of queues that were removed, until they have ended
	handlers    map[*asked]struct{}  // of requests under way, where it is known
	watchdog    *watchdog            // nil while there is no queue

	seam
}

var _ sig.Bus = (*Router)(nil)
