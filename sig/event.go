package sig

// An Origin says where an event comes from. All events of one signal share one
// Origin: do not change it.
type Origin struct {
	Sender string // name of the sender
	Name   string // name of the event

	// Retained marks the last value of a retained event, handed to a listener that
	// was added after the event was triggered.
	Retained bool

	// Traceparent is the trace context that the event carries, as W3C Trace Context has
	// it; "" for most. An event that has one has an Origin of its own.
	Traceparent string

	// Hops is how many events lie behind it, each triggered because of the one before; 0 for
	// most. An event that has some has an Origin of its own. See TriggerFrom.
	Hops int

	// Info is what middleware of the router has added, nil for nothing. It stays in the
	// process.
	Info map[string]any
}

// An Event is one occurrence: where it comes from and what it carries. It is three
// words long and passed by value; it stays valid for as long as it is kept.
type Event struct {
	*Origin

	// Data is what the sender gave to Trigger: the same value in process, a *Raw
	// when the event came over a carrier. Listeners share it: do not change it.
	Data any
}

// NewEvent makes an event as a router would, for tests and for programs that call
// a listener themselves.
func NewEvent(sender, name string, data any) Event {
	return Event{Origin: &Origin{Sender: sender, Name: name}, Data: data}
}

// Decode stores the event's data in the variable v points to. See Decode, the
// function, for the rules.
func (e Event) Decode(v any) error { return Decode(e.Data, v) }

// A Listener is called with each event that matches its subscription.
type Listener func(Event)

// Built-in events. Every sender has them; only the router triggers them.
const (
	// Connect is triggered when a sender has been added. Its data is a Declaration.
	Connect = "#connect"
	// Disconnect is triggered when a sender has gone. Its data is a Declaration.
	Disconnect = "#disconnect"
	// Subscribe is triggered when a listener of one of the sender's events was added.
	// Its data is a Listening. Only listeners that name this event get it.
	Subscribe = "#subscribe"
	// Unsubscribe is triggered when a listener of one of the sender's events has gone.
	// Its data is a Listening. Only listeners that name this event get it.
	Unsubscribe = "#unsubscribe"
)

// A Declaration is the data of Connect and Disconnect: what the sender declared.
type Declaration struct {
	// Events are the names of the sender's events, the built-in ones among them.
	Events []string `json:"events"`
	// Requests are the names of the methods the sender answers; nil stands for the
	// handler of all other methods. A nil slice: the sender answers none.
	Requests []*string `json:"requests"`
	// Reason says why the sender has gone; empty when it was removed by its holder.
	Reason string `json:"reason,omitempty"`
}

// A Listening is the data of Subscribe and Unsubscribe.
type Listening struct {
	Event     string `json:"event"`     // the event whose listeners changed
	Listeners int    `json:"listeners"` // how many it has now
}
