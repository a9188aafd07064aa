package sig

import "context"

// A Bus is where senders and listeners meet, near or far: a Router is one, and so is
// a client's view of the server it is connected to. The upper layers use nothing
// else, so they work in process, over any carrier, and in tests.
//
// All methods may be called from several goroutines at once, and from inside
// listeners and handlers.
type Bus interface {
	// AddSender adds a sender with what the options declare. It fails with ErrTaken
	// when the name has a holder.
	AddSender(name string, opts ...SenderOption) (Sender, error)

	// AddListener calls fn with each event that matches: sender and event are names,
	// patterns, or Any. Neither need exist yet; but a sender that is there and does not
	// declare the event makes it fail with ErrNoEvent.
	AddListener(sender, event string, fn Listener, opts ...ListenOption) (Subscription, error)

	// Request asks a sender and waits for its response, at most until ctx ends.
	Request(ctx context.Context, sender, method string, params any) (Response, error)

	// Senders lists the senders, sorted by name.
	Senders(ctx context.Context) ([]SenderInfo, error)
}

// A Sender is the holder's handle to a sender.
type Sender interface {
	// Name returns the sender's name.
	Name() string
	// Signal returns the handle that triggers one of the declared events. Get it once
	// and keep it. It fails with ErrNoEvent, and with ErrRefused for built-in events.
	Signal(event string) (Signal, error)
	// Remove takes the sender out of its router. Its listeners stay, for the next
	// holder of the name. Removing it again does nothing.
	Remove() error
}

// A Signal triggers one event of one sender.
type Signal interface {
	// Trigger hands data to every listener of the event. In process it returns when
	// all of them have run. It fails with ErrRemoved when the sender is gone, and
	// where events go over a carrier, with what kept this one from being accepted.
	// Listeners that panic do not make it fail.
	Trigger(data any) error
	// Listeners returns how many listeners the event has now, as far as this process
	// knows.
	Listeners() int
}

// A Subscription is one listener's registration.
type Subscription interface {
	// Remove ends it: no trigger that starts after Remove returned calls the listener,
	// nor does one under way on the same goroutine. Removing again does nothing. It
	// may be called from inside the listener.
	Remove()
	// RemoveAndWait also waits until calls of the listener under way on other
	// goroutines have returned. The listener must have been added with Waitable.
	RemoveAndWait()
	// Dropped returns how many events the listener's policy has dropped.
	Dropped() uint64
}

// A SenderInfo describes a sender in a list. The name of the broadcast sender, which
// stands for all senders, is nil.
type SenderInfo struct {
	Name      *string
	Connected bool     // false: only listeners wait for it, or its client is away, see Grace
	Events    []string // sorted
}
