package serial

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/sigrouter/sigrouter/carrier"
)

// Scheme makes connections over serial lines, for URLs as the package shows them.
//
// Settings of a URL:
//
//	baud      bits a second; 115200
//	data      data bits, 5 to 8; 8
//	parity    none, odd, even, mark or space; none
//	stop      stop bits: 1, 1.5 or 2; 1
//	frame     lines or cobs; lines
//	dtr, rts  on or off; as the system sets them. Ports without these lines ignore it
//	settle    how long to hold back what is sent after opening, because opening resets many
//	          boards; 2s, or 0s on a port without modem lines, which cannot reset
//	          anything. It ends early when a good frame comes in
//	reopen    on or off: wait for the port when it is unplugged, or not there yet; on. Only
//	          for listening; a client redials by itself
//	serial    with serial://usb/VID:PID, the device's serial number
//
// Plain: these make a device that prints bare lines a peer.
//
//	sender    the sender it is
//	event     the event that each line it prints becomes; line
//	listen    SENDER/EVENT, names or patterns: events whose data is written to it as lines
//	reply     none: a request is written to the device and answered with null at once;
//	          next: it is answered with the next line that the device prints, which is no
//	          event then; none
//	timeout   how long to wait for that line; 2s
//	eol       what ends lines written to it: lf, crlf or cr; lf
//
// A line of a plain device that is a JSON value or a decimal number becomes that value,
// any other a string, without white space at its end. A request is written as its
// method's name, and its params, unless null, after a blank: text as it is, anything else as
// JSON. Every method is answered. If the first byte comes within 50 ms of opening, the
// line it belongs to may have begun before, and is passed over.
type Scheme struct {
	// Log is told when ports come and go, of noise at most every ten seconds, and of what a
	// plain device was refused. Nil means slog.Default().
	Log *slog.Logger
	// OnSkip is called with everything that came over a line and was passed over, from
	// the goroutine that reads that line. It must not block. Nil means none.
	OnSkip func(Skip)

	ports func() ([]Port, error) // nil: Ports
}

var _ carrier.Scheme = Scheme{}

// Schemes returns "serial".
func (Scheme) Schemes() []string { return []string{"serial"} }

// Dial opens the port. It fails when the port is not there. What arrived before is
// forgotten.
func (s Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	cfg, err := parse(u)
	if err != nil {
		return nil, err
	}
	if cfg.plain != nil {
		return nil, errors.New(cfg.text + ": a device that prints plain lines is a client; a router listens at this address")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := openPort(cfg, &s, true)
	if err != nil {
		return nil, err
	}
	p.announce()
	return newConn(p, false, func(p *port) {
		if p != nil {
			p.close()
		}
	}), nil
}

// Check says what is wrong with an address. It does not look for the port.
func (Scheme) Check(u *url.URL) error {
	_, err := parse(u)
	return err
}

// Listen waits for the port, and again whenever its connection has ended: Accept
// returns one connection at a time, the next only after the one before was closed. A
// port that is not there is waited for; one that is no serial port, or not ours to use, is
// an error at once.
func (s Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	cfg, err := parse(u)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return listen(cfg, &s)
}

func (s *Scheme) logger() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

func (s *Scheme) list() func() ([]Port, error) {
	if s.ports != nil {
		return s.ports
	}
	return Ports
}
