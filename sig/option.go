package sig

import "time"

// A SenderConfig is what the options of AddSender say. Implementations of Bus read
// it; programs use the options.
type SenderConfig struct {
	Events   []string
	Requests map[string]Handler
	Default  Handler        // answers methods that Requests does not name; nil for none
	Retained []string       // events whose last value is kept; also in Events
	Initial  map[string]any // first values of retained events
	Grace    time.Duration  // how long the sender outlives a lost connection
}

// A SenderOption declares something about a sender.
type SenderOption func(*SenderConfig)

// NewSenderConfig applies the options in order.
func NewSenderConfig(opts ...SenderOption) SenderConfig {
	c := SenderConfig{Requests: map[string]Handler{}, Initial: map[string]any{}}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// Events declares the events the sender may trigger.
func Events(names ...string) SenderOption {
	return func(c *SenderConfig) { c.Events = append(c.Events, names...) }
}

// Retain declares events whose last value is kept: a listener that comes later gets it
// at once, marked in its Origin as retained.
func Retain(names ...string) SenderOption {
	return func(c *SenderConfig) {
		c.Events = append(c.Events, names...)
		c.Retained = append(c.Retained, names...)
	}
}

// RetainValue declares a retained event that has a value from the start.
func RetainValue(name string, value any) SenderOption {
	return func(c *SenderConfig) {
		Retain(name)(c)
		c.Initial[name] = value
	}
}

// Grace lets a sender that is added over a carrier outlive a lost connection for a time:
// its #disconnect fires only when its client has not resumed by then, and its name and
// retained values stay its own. Meanwhile requests to it fail at once with
// ErrNotConnected. When the client is back in time nothing fires, and what it triggered
// meanwhile follows. A goodbye, a client that cannot resume, and a server that shuts down
// end it at once, and so does the same program when it was started anew and adds the sender
// again: the same client name and login. The server's Limits.ResumeFor is the most. In process it says nothing.
func Grace(d time.Duration) SenderOption { return func(c *SenderConfig) { c.Grace = d } }

// Answer declares a method the sender answers.
func Answer(method string, h Handler) SenderOption {
	return func(c *SenderConfig) { c.Requests[method] = h }
}

// AnswerRest declares the handler of every method that has none of its own.
func AnswerRest(h Handler) SenderOption {
	return func(c *SenderConfig) { c.Default = h }
}

// A Policy says what happens to an event when a listener's queue is full.
type Policy int

// Policies. What is dropped is counted and reported, never silently lost.
const (
	// PolicyDefault is Block in process. Over a carrier it closes the connection of
	// a peer whose queue is full, with a reason that both sides see.
	PolicyDefault Policy = iota
	// Block lets the trigger wait until there is room.
	Block
	// DropOldest drops the event that has waited longest.
	DropOldest
	// DropNewest drops the event that does not fit.
	DropNewest
	// Latest keeps only the last event of each sender and name.
	Latest
)

// A ListenConfig is what the options of AddListener say. Implementations of Bus read
// it; programs use the options.
type ListenConfig struct {
	Queue     int // events that may wait; 0: no queue, the listener runs inside Trigger
	Policy    Policy
	Below     bool
	Waitable  bool
	SkipFirst bool
	OnDrop    func(Drop)
	Callers   int // between AddListener and who is to be named in reports
}

// A ListenOption tunes a subscription.
type ListenOption func(*ListenConfig)

// NewListenConfig applies the options in order.
func NewListenConfig(opts ...ListenOption) ListenConfig {
	var c ListenConfig
	for _, o := range opts {
		o(&c)
	}
	return c
}

// Queue gives the listener a goroutine of its own and a queue of at most size events;
// below 1 means 1,024. When it is full the policy decides.
func Queue(size int, p Policy) ListenOption {
	return func(c *ListenConfig) {
		if size < 1 {
			size = 1024
		}
		c.Queue, c.Policy = size, p
	}
}

// Below makes a subscription to an event also match the events below it: "address" also
// gets "address.usa". With Any as the event it is the sender's name that is matched so.
func Below() ListenOption { return func(c *ListenConfig) { c.Below = true } }

// Waitable allows RemoveAndWait, at the cost of a few nanoseconds a call.
func Waitable() ListenOption { return func(c *ListenConfig) { c.Waitable = true } }

// SkipRetained asks not to be given retained values from before the subscription.
func SkipRetained() ListenOption { return func(c *ListenConfig) { c.SkipFirst = true } }

// Helper is for functions that add listeners for their callers: reports of panics and
// slow listeners then name the place of the caller. Each function on the way adds one.
func Helper() ListenOption { return func(c *ListenConfig) { c.Callers++ } }

// A Drop tells a listener that events meant for it were dropped.
type Drop struct {
	Sender, Event string // of the dropped events; "" when they are of several
	Count         uint64 // how many since the last Drop
	Reason        string
}

// OnDrop sets a function that is told of dropped events, in the listener's goroutine
// and in their place among the others.
func OnDrop(fn func(Drop)) ListenOption { return func(c *ListenConfig) { c.OnDrop = fn } }
