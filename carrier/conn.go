package carrier

import (
	"errors"
	"io"
	"net/netip"
	"time"
)

// A Conn moves whole frames between two parties, in order. A frame is one message as
// docs/protocol.md describes it: a JSON object, or, between peers that both can, a
// binary frame; a Conn does not look inside.
//
// One goroutine may send while another receives. Close may be called from anywhere,
// more than once; it ends a blocked Send or Recv. Send and Recv fail with an error
// that matches ErrClosed after Close, Recv with io.EOF after the other party closed
// and every frame it sent was received.
type Conn interface {
	Send(frame []byte) error // does not keep frame after returning
	Recv() ([]byte, error)   // valid until the next Recv
	Close() error
}

// The interfaces below are optional. The Engine asks a Conn for them once, when it is
// attached, looking through Unwrap where a Conn has it.
type (
	// A Buffered Conn tells whether Recv would return at once because a whole frame has
	// been read already. The Engine handles such frames together and writes the
	// answers to all of them in one go.
	Buffered interface {
		Buffered() bool
	}

	// A BatchSender takes many frames in one write. The Engine appends frames to a
	// buffer of its own with AppendFrame and hands over what has collected.
	BatchSender interface {
		// AppendFrame appends one frame, made of head and body joined, as it goes over
		// the line, and returns the extended buffer. It is called by several
		// goroutines at once and must not change the Conn.
		AppendFrame(dst, head, body []byte) []byte
		// SendBatch writes a buffer that AppendFrame filled, whole.
		SendBatch(buf []byte) error
	}

	// A TrySender is a BatchSender that can also write without ever blocking, so that
	// the Engine may write from a goroutine that reads.
	TrySender interface {
		BatchSender
		// TrySendBatch writes as much as can be taken at once and returns how much that
		// was; the rest goes to SendBatch next. Zero and no error: nothing just now.
		TrySendBatch(buf []byte) (n int, err error)
	}

	// A Packer is a BatchSender to which several binary frames may be handed as one: what
	// AppendFrame is given then is a row of them, of PackBytes bytes at most unless it is a
	// single one. Recv of the other party still returns them one by one.
	Packer interface {
		BatchSender
		PackBytes() int
	}

	// A Limiter refuses frames longer than a limit when it receives them, with an
	// error that matches sig.ErrLimit; a Lossy Conn drops and counts them. The limit
	// may be changed at any time.
	Limiter interface {
		SetMaxFrame(bytes int)
	}

	// A Metered Conn tells how much memory it keeps for messages that are not whole.
	Metered interface {
		// SetMeter is called before the first Recv. Recv calls keep, from its goroutine,
		// before it keeps more than 64 KiB, with how many bytes it wants to keep, and each
		// time that is another number; 64 KiB and less are all the same. When keep reports
		// false, Recv lets go of what it has and fails with ErrClosed.
		SetMeter(keep func(bytes int) bool)
		// StopRecv makes Recv fail with ErrClosed, as soon as it can be done without closing.
		// It may be called from anywhere, and does not wait. What is sent still goes out.
		StopRecv()
	}

	// A WriteDeadliner bounds how long Send and SendBatch may take.
	WriteDeadliner interface {
		SetWriteDeadline(t time.Time) error
	}

	// A Describer tells what a Conn is.
	Describer interface {
		Info() Info
	}

	// A TextOnly Conn carries JSON objects alone: it cannot move binary frames.
	TextOnly interface {
		TextOnly() bool
	}

	// A ReasonCloser closes the Conn and, where the carrier can, tells the other party
	// why. Status is a WebSocket close code; carriers without such codes ignore it.
	ReasonCloser interface {
		CloseReason(status int, reason string) error
	}

	// A Lossy Conn may lose frames without closing, as a serial line does. Frames
	// that arrive are whole and in order.
	Lossy interface {
		Lossy() bool
	}

	// A Counter counts what only the Conn can see, damaged frames for instance. The
	// names are short, stable and lower case; the caller owns the map.
	Counter interface {
		Counters() map[string]uint64
	}
)

// ErrClosed reports that a Conn or Listener was closed by its own side. Test with
// errors.Is.
var ErrClosed = errors.New("carrier: closed")

// Info describes one end of a connection.
type Info struct {
	Carrier  string // "tcp", "tls", "unix", "ws", "wss", "serial", "stdio", "local"
	Local    string // address of this end
	Remote   string // address of the other end, or whatever tells it apart
	Identity string // who the carrier itself proved the other end to be, e.g. by its TLS certificate; "" for nobody
	Loopback bool   // the other end is a program of this machine
}

// Host returns the address of the other end without its port, for counting who comes from
// where. Of IPv6 it is the first half, which is what one subscriber has. What has no such
// address is told apart by its carrier.
func (i Info) Host() string {
	ap, err := netip.ParseAddrPort(i.Remote)
	if err != nil {
		return i.Carrier
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is4() || i.Loopback {
		return a.String()
	}
	half, _ := a.Prefix(64) // IPv6 has that many bits
	return half.String()
}

// A Listener waits for connections. Accept returns an error that matches ErrClosed
// after Close; any other error is passing, and Accept may be called again.
type Listener interface {
	Accept() (Conn, error)
	Close() error
	// URL returns the address to dial, with the real port where 0 was asked for.
	URL() string
}

// A Successive Listener hands out connections of one line, a serial port for instance, each
// when the one before has been closed: what comes over the next is from the same device. The
// Engine begins with none before the Handler was told that the one before has gone.
type Successive interface {
	Listener
	Successive() bool
}

// probe finds an optional interface of a Conn, looking through Unwrap.
func probe[T any](c Conn) (T, bool) {
	for {
		if t, ok := any(c).(T); ok {
			return t, true
		}
		u, ok := any(c).(interface{ Unwrap() Conn })
		if !ok {
			var none T
			return none, false
		}
		c = u.Unwrap()
	}
}

var _ io.Closer = Conn(nil)
