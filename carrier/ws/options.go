package ws

import (
	"log/slog"
	"time"
)

// Options tunes the server's side of WebSocket, and of the client's what both have. The
// zero value is ready for use.
type Options struct {
	// AllowedHosts are names, without port, by which this server may be called besides
	// localhost and the loopback addresses. A request that names another host is
	// refused: always when it came to a loopback address, where a web page could have
	// sent it there by giving its own name that address; elsewhere when there is
	// at least one allowed host.
	AllowedHosts []string

	// AllowedOrigins are the origins of web pages, such as "https://app.example.com",
	// that may connect besides those that this host serves on the same port. "*" stands
	// for all of them, "null" for pages without an origin, such as files. What is no
	// browser sends no origin, and may connect.
	AllowedOrigins []string

	// URL is what Listener.URL returns for a listener that is mounted in a server of
	// yours.
	URL string

	// MaxFrame is the length of the longest message received, in bytes, until the
	// Conn's user sets another. Zero means 1 MiB.
	MaxFrame int

	// MaxPings is how many pings and pongs the other end may send a second, in bursts of
	// three times as many. Zero means 10.
	MaxPings int

	// HandshakeTimeout bounds each step of getting connected: the TLS handshake together
	// with the HTTP request's head, the answer to it, and the wait for Accept. Zero means
	// 5 s.
	HandshakeTimeout time.Duration

	// MessageTimeout bounds how long a message may take once its first byte has come,
	// unless it comes with MessageRate. Zero means 30 s.
	MessageTimeout time.Duration

	// MessageRate is how many bytes a second of a message must come that takes longer.
	// Zero means 1 KiB.
	MessageRate int

	// CloseTimeout bounds how long CloseReason waits for the other end's answer. Zero
	// means 1 s.
	CloseTimeout time.Duration

	// MaxHandshakes is how many connections of Scheme.Listen may be at their handshake at
	// once; more wait in the kernel. Zero means 64.
	MaxHandshakes int

	// MaxHandshakesAddress is how many of these may be of one address, or IPv6 /64, that
	// is not loopback; more are closed. Zero means 16.
	MaxHandshakesAddress int

	// Log gets a line for each refused request. Nil means none.
	Log *slog.Logger
}

func (o *Options) maxFrame() int { return or(o.MaxFrame, 1<<20) }
func (o *Options) maxPings() int { return or(o.MaxPings, 10) }
func (o *Options) rate() int     { return or(o.MessageRate, 1<<10) }

func (o *Options) handshakeTimeout() time.Duration { return or(o.HandshakeTimeout, 5*time.Second) }
func (o *Options) messageTimeout() time.Duration   { return or(o.MessageTimeout, 30*time.Second) }
func (o *Options) closeTimeout() time.Duration     { return or(o.CloseTimeout, time.Second) }

func (o *Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

func or[T comparable](v, zero T) T {
	var none T
	if v == none {
		return zero
	}
	return v
}
