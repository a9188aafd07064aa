package serial

import (
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	lib "go.bug.st/serial"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Defaults of what a URL may say.
const (
	defaultBaud   = 115200
	defaultSettle = 2 * time.Second
	defaultEvent  = "line"
	defaultWait   = 2 * time.Second // for a plain device's reply
	autoSettle    = -1              // settle if the port has modem lines
)

// keys are the settings of serial URLs, in the order messages list them.
func keys() []string {
	return []string{"baud", "data", "parity", "stop", "frame", "dtr", "rts", "settle", "reopen",
		"serial", "sender", "event", "listen", "reply", "timeout", "eol"}
}

// A config is what a URL says.
type config struct {
	text   string // the URL as it was given
	name   string // of the port; "" when usb says which
	usb    usbID
	mode   lib.Mode
	frame  framing
	dtr    *bool // nil: as the system sets it
	rts    *bool
	settle time.Duration
	reopen bool
	plain  *plainConfig // nil: the device speaks the protocol
}

// A plainConfig says what a device that prints bare lines is to the router.
type plainConfig struct {
	sender, event             string // sender "": its lines are nobody's events
	listenSender, listenEvent string // patterns; "": it listens to nothing
	replyNext                 bool
	timeout                   time.Duration
	eol                       string
}

func parse(u *url.URL) (*config, error) { return parseFor(runtime.GOOS, u) }

func parseFor(goos string, u *url.URL) (*config, error) {
	p, err := carrier.Params(u, keys()...)
	if err != nil {
		return nil, err
	}
	c := &config{text: u.String()}
	if err := c.where(goos, u, p["serial"]); err != nil {
		return nil, err
	}
	q := query{url: c.text, values: p}
	c.mode.BaudRate = q.number("baud", defaultBaud, 50, 20_000_000)
	c.mode.DataBits = q.number("data", 8, 5, 8)
	c.mode.Parity = choose(&q, "parity", "none", map[string]lib.Parity{"none": lib.NoParity,
		"odd": lib.OddParity, "even": lib.EvenParity, "mark": lib.MarkParity, "space": lib.SpaceParity})
	c.mode.StopBits = choose(&q, "stop", "1", map[string]lib.StopBits{"1": lib.OneStopBit,
		"1.5": lib.OnePointFiveStopBits, "2": lib.TwoStopBits})
	c.frame = choose(&q, "frame", "lines", map[string]framing{"lines": lines{}, "cobs": cobs{}})
	c.dtr, c.rts = q.onOff("dtr"), q.onOff("rts")
	c.settle = q.duration("settle", autoSettle, time.Minute)
	c.reopen = true
	if on := q.onOff("reopen"); on != nil {
		c.reopen = *on
	}
	c.plain = q.plain()
	if q.err != nil {
		return nil, q.err
	}
	if c.plain != nil {
		c.frame = bare{end: c.plain.eol[len(c.plain.eol)-1]}
	}
	return c, nil
}

// where finds out which port is meant.
func (c *config) where(goos string, u *url.URL, serialNumber string) error {
	path := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.Opaque != "":
		return fmt.Errorf("%s: a serial address begins with serial:// as in serial:///dev/ttyUSB0 or serial://COM3", c.text)
	case u.Host == "usb":
		id, err := parseUSB(path, serialNumber)
		if err != nil {
			return fmt.Errorf("%s: %w", c.text, err)
		}
		c.usb = id
		return nil
	case serialNumber != "":
		return fmt.Errorf("%s: serial=… chooses among USB devices; the address is then serial://usb/VID:PID?serial=…", c.text)
	case u.Host != "" && goos == "windows" && path == "":
		c.name = u.Host
		return nil
	case u.Host != "" && goos == "windows":
		return fmt.Errorf("%s: a port of Windows is named as in serial://COM3", c.text)
	case u.Host != "":
		return fmt.Errorf("%s: %q stands where a host would; a port is named with three slashes, as in serial:///dev/ttyUSB0", c.text, u.Host)
	case path == "":
		return fmt.Errorf("%s: names no port; write serial:///dev/ttyUSB0, serial://COM3 or serial://usb/VID:PID", c.text)
	case goos == "windows":
		return fmt.Errorf("%s: a port of Windows is named as in serial://COM3", c.text)
	}
	c.name = u.Path
	return nil
}

// label is what messages call the port.
func (c *config) label() string {
	if c.name != "" {
		return c.name
	}
	return c.usb.String()
}

// A query reads settings and keeps the first error.
type query struct {
	url    string
	values map[string]string
	err    error
}

func (q *query) fail(key, want string) {
	if q.err == nil {
		q.err = fmt.Errorf("%s: %s=%s: %s", q.url, key, q.values[key], want)
	}
}

func (q *query) number(key string, def, least, most int) int {
	s, ok := q.values[key]
	if !ok {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		q.fail(key, fmt.Sprintf("want a number from %d to %d", least, most))
	}
	return n
}

func (q *query) duration(key string, def, most time.Duration) time.Duration {
	s, ok := q.values[key]
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > most {
		q.fail(key, fmt.Sprintf("want a time such as 500ms or 2s, at most %s", most))
	}
	return d
}

func (q *query) onOff(key string) *bool {
	switch s, ok := q.values[key]; {
	case !ok:
	case s == "on" || s == "off":
		on := s == "on"
		return &on
	default:
		q.fail(key, "want on or off")
	}
	return nil
}

func choose[T any](q *query, key, def string, of map[string]T) T {
	s, ok := q.values[key]
	if !ok {
		s = def
	}
	v, ok := of[s]
	if !ok {
		q.fail(key, "want "+strings.Join(slices.Sorted(maps.Keys(of)), ", "))
	}
	return v
}

// plain returns nil for a device that speaks the protocol.
func (q *query) plain() *plainConfig {
	sender, isSender := q.values["sender"]
	listen, isListener := q.values["listen"]
	if !isSender && !isListener {
		for _, key := range []string{"event", "reply", "timeout", "eol"} {
			if _, ok := q.values[key]; ok {
				q.fail(key, "is for devices that print plain lines; say sender=NAME too")
			}
		}
		return nil
	}
	if f, ok := q.values["frame"]; ok && f != "lines" {
		q.fail("frame", "a device that prints plain lines has frame=lines")
	}
	p := &plainConfig{sender: sender, event: defaultEvent}
	if e, ok := q.values["event"]; ok {
		p.event = e
	}
	if isSender {
		q.check("sender", sig.CheckName("sender", p.sender))
		q.check("event", sig.CheckName("event", p.event))
		if sig.IsBuiltin(p.event) {
			q.fail("event", "only the router triggers this event")
		}
	}
	if isListener {
		p.listenSender, p.listenEvent, _ = strings.Cut(listen, "/")
		q.check("listen", sig.CheckPattern("sender", p.listenSender))
		q.check("listen", sig.CheckPattern("event", p.listenEvent))
	}
	p.replyNext = choose(q, "reply", "none", map[string]bool{"none": false, "next": true})
	p.timeout = q.duration("timeout", defaultWait, time.Minute)
	p.eol = choose(q, "eol", "lf", map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r"})
	return p
}

func (q *query) check(key string, err error) {
	if err == nil {
		return
	}
	want := err.Error()
	if key == "listen" {
		want += "; want listen=SENDER/EVENT"
	}
	q.fail(key, want)
}
