package carrier

import (
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Limits bounds what a peer may do. The zero value of each field means the default
// named beside it. A limit that is passed is answered with sig.StatusLimit and a
// text that names it.
type Limits struct {
	MaxMessage        int           // bytes of one message; 1 MiB
	MaxMessageLogin   int           // the same before login; 4 KiB
	MaxDepth          int           // nesting of a message's data; 64
	MaxDepthLogin     int           // the same before login; 8
	MaxValues         int           // values in a message beside its data; 4,096
	MaxSenders        int           // senders of a peer; 1,024
	MaxListeners      int           // listeners of a peer; 1,024
	MaxCalls          int           // requests a peer has in flight as caller; 256
	MaxAnswers        int           // requests a peer has been asked and not answered; 1,024
	MaxHops           int           // hops of a request or an event, each made because of the one before; 16
	Window            int           // signals sent to a peer and not acknowledged; 4,096
	WindowBytes       int           // the same in bytes; 1 MiB
	QueueBytes        int           // bytes that may wait for a peer; 8 MiB
	QueueSoftBytes    int           // bytes that may wait for longer than QueueSoftTime; 4 MiB
	QueueSoftTime     time.Duration // 10 s
	QueueTotalBytes   int           // bytes that may wait for all peers together; 256 MiB
	PartialTotalBytes int           // bytes of messages begun and not whole, of all peers together; 64 MiB, or four times MaxMessage if that is more
	MaxConns          int           // connections; 10,000
	MaxConnsAddress   int           // connections of one address that is not loopback; 256
	MaxLogins         int           // connections not yet logged in; 64
	MaxLoginsAddress  int           // the same of one address that is not loopback; 16
	MaxLoginFailures  int           // failed logins of one address a minute; each further one takes 1 s; 10
	LoginTimeout      time.Duration // 5 s
	MessageTimeout    time.Duration // for a message once begun, unless it comes with MessageRate; 30 s
	MessageRate       int           // bytes a second of a message that takes longer; 1 KiB
	WriteTimeout      time.Duration // 10 s
	PingAfter         time.Duration // silence before a ping; 5 s
	DeadAfter         time.Duration // silence before a peer counts as gone; 15 s
	CallTimeout       time.Duration // wait for a reply; 30 s
	ClassicTimeout    time.Duration // wait for a classic peer's reply; 10 s
	ClassicGap        time.Duration // pause between two writes to a classic peer; 10 ms
	DrainTimeout      time.Duration // for Shutdown when its context has no deadline; 5 s
	MaxPings          int           // pings of a peer a second; 10
	ResumeFor         time.Duration // how long a session outlives its connection; 1 min
	MaxSessions       int           // sessions kept without a connection; 1,024
	MaxMessagesSecond int           // calls and signals of a client a second, and at once; 0: no limit
	MaxBytesSecond    int           // bytes of these; one longer than that is taken when nothing came for a second; 0: no limit
}

// WithDefaults returns the limits with each zero field replaced by its default.
func (l Limits) WithDefaults() Limits {
	def(&l.MaxMessage, 1<<20)
	def(&l.MaxMessageLogin, 4<<10)
	def(&l.MaxDepth, 64)
	def(&l.MaxDepthLogin, 8)
	def(&l.MaxValues, 4096)
	def(&l.MaxSenders, 1024)
	def(&l.MaxListeners, 1024)
	def(&l.MaxCalls, 256)
	def(&l.MaxAnswers, 1024)
	def(&l.MaxHops, 16)
	def(&l.Window, 4096)
	def(&l.WindowBytes, 1<<20)
	def(&l.QueueBytes, 8<<20)
	def(&l.QueueSoftBytes, 4<<20)
	def(&l.QueueSoftTime, 10*time.Second)
	def(&l.QueueTotalBytes, 256<<20)
	def(&l.PartialTotalBytes, max(64<<20, 4*l.MaxMessage))
	def(&l.MaxConns, 10_000)
	def(&l.MaxConnsAddress, 256)
	def(&l.MaxLogins, 64)
	def(&l.MaxLoginsAddress, 16)
	def(&l.MaxLoginFailures, 10)
	def(&l.LoginTimeout, 5*time.Second)
	def(&l.MessageTimeout, 30*time.Second)
	def(&l.MessageRate, 1<<10)
	def(&l.WriteTimeout, 10*time.Second)
	def(&l.PingAfter, 5*time.Second)
	def(&l.DeadAfter, 15*time.Second)
	def(&l.CallTimeout, 30*time.Second)
	def(&l.ClassicTimeout, 10*time.Second)
	def(&l.ClassicGap, 10*time.Millisecond)
	def(&l.DrainTimeout, 5*time.Second)
	def(&l.MaxPings, 10)
	def(&l.ResumeFor, time.Minute)
	def(&l.MaxSessions, 1024)
	return l
}

// CheckHops fails when a request or an event has more hops behind it than MaxHops, of limits
// that have their defaults.
func (l *Limits) CheckHops(hops uint64) error {
	if hops > uint64(l.MaxHops) {
		return sig.Errorf(sig.ErrLimit, "it has %d hops behind it, more than %d: does it go around in a circle? (MaxHops)", hops, l.MaxHops)
	}
	return nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
