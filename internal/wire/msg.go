package wire

// A Kind says what a message is.
type Kind uint8

const (
	// Call is a message with a method, or with none at all, that is to be answered;
	// classic signals, which have an id, are calls.
	Call Kind = iota + 1
	// Reply is a message with a status.
	Reply
	// Signal is a signal of the fast lane: it has N.
	Signal
	// Ack acknowledges signals up to N.
	Ack
	// Refused tells why signal N could not be dispatched.
	Refused
	// Gap tells that events were dropped.
	Gap
)

// Limits bounds one message. A field below 1 means the default named beside it.
type Limits struct {
	MaxMessage int // bytes, without white space around it; 1 MiB
	MaxDepth   int // nesting of each value in the envelope, data for instance; 64, at most 1,024
	MaxValues  int // values in the parts that are decoded, data and responses not among them; 4,096

	// OneLine says that whoever writes text does it as this package does: a message is one
	// line, with its payload last and sound. Payloads are not looked into then.
	OneLine bool
	// Framed says that text is given a message at a time, which then needs no line break.
	Framed bool
}

func (l *Limits) message() int { return positive(l.MaxMessage, 1<<20) }
func (l *Limits) depth() int   { return min(positive(l.MaxDepth, 64), maxDepth) }
func (l *Limits) values() int  { return positive(l.MaxValues, 4096) }

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// maxID is the length of the longest id, in bytes of JSON text.
const maxID = 256

// maxNumber bounds numeric ids and signal numbers: every language's numbers hold
// integers below it exactly.
const maxNumber = 1 << 53

// A Msg is one message taken apart. Its slices point into the parsed bytes, or into
// memory of the Msg where escapes had to be resolved; both are valid until those
// bytes change or the next Parse into the same Msg. "Raw" means JSON text as it was
// sent, or in a payload of a binary frame, bytes of the codec agreed on.
type Msg struct {
	Kind   Kind
	Binary bool // it came as a binary frame

	ID     []byte // raw id, quotes included; nil when absent, null or binary
	Num    uint64 // the id as a number, if HasNum
	HasNum bool   // the id is a whole number below 2^53 in plain digits, or binary
	N      uint64 // of a Signal, Ack, Refused or Gap

	Method    []byte // nil when absent or null
	Params    []byte // raw object; nil when absent or null
	ParamsBad bool   // params is neither an object nor null

	// Of a signal: a Signal, or a Call whose Method is "signal".
	Info        []byte   // names sender and event, see ParseInfo; equal bytes mean the same
	Listeners   []uint32 // nil when absent
	ListenerID  []byte   // raw; nil when absent
	Data        []byte   // raw; nil when absent, or in a binary frame empty
	Retained    bool     // of a binary frame; in text it is a part of Info
	Hops        uint32   // 0 when absent; of a "request" too
	Traceparent []byte   // the text between the quotes, escapes untouched; nil when absent; of a "request" too

	// Of a Call whose Method is "request".
	Sender []byte // nil when absent or not a string
	Target []byte // the method asked for; nil when absent or not a string
	Args   []byte // raw params for it; nil when absent, or in a binary frame empty

	// Of a Reply or Refused.
	Status    int
	Response  []byte // raw; nil when absent, or in a binary frame empty
	Exception string
	Code      string
	ErrData   []byte // raw, always JSON; nil when absent

	// Of a Gap, beside Listeners.
	GapSender, GapEvent string // "" when the events are of several
	Count               uint64

	// Newline reports that a line break followed the message, after blanks at most.
	Newline bool
	// DataBreaks reports line breaks between the tokens of Data, Args, Response or
	// ErrData. CompactNewlines removes them.
	DataBreaks bool

	light bool // it was a binary signal: few fields are set
	fresh bool // it is empty
	own   *memory
}

// memory is what a Msg keeps from one Parse to the next.
type memory struct {
	scan      scanner
	object    object
	listeners []uint32
	unescaped []byte
	info      []byte // text of the last info that was checked, if it holds no container
	values    int    // how many values that is
}

// Forget lets go of the bytes that were parsed, and keeps m's own memory for the next
// message.
func (m *Msg) Forget() {
	if m.own == nil {
		return
	}
	m.reset()
	m.fresh = true
	m.own.scan.b = nil
	if o := &m.own.object; o.m != nil {
		*o = object{}
	}
}

// reset empties m for the next message.
func (m *Msg) reset() {
	if m.fresh {
		m.fresh = false
		return
	}
	if m.light {
		m.Kind, m.Binary, m.N, m.Retained = 0, false, 0, false
		m.Method, m.Info, m.Data, m.Listeners = nil, nil, nil, nil
		m.light = false
		return
	}
	own := m.own
	if own == nil {
		own = new(memory)
	}
	own.unescaped = own.unescaped[:0]
	*m = Msg{own: own}
}
