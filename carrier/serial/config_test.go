package serial

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	lib "go.bug.st/serial"
)

func TestParseDefaults(t *testing.T) {
	c, err := parseFor("linux", mustParse(t, "serial:///dev/ttyUSB0"))
	require.NoError(t, err)
	require.Equal(t, &config{
		text: "serial:///dev/ttyUSB0", name: "/dev/ttyUSB0", frame: lines{}, settle: autoSettle, reopen: true,
		mode: lib.Mode{BaudRate: 115200, DataBits: 8, Parity: lib.NoParity, StopBits: lib.OneStopBit},
	}, c)
}

func TestParseSettings(t *testing.T) {
	c, err := parseFor("windows", mustParse(t,
		"serial://COM3?baud=9600&data=7&parity=even&stop=2&frame=cobs&dtr=off&rts=on&settle=500ms&reopen=off"))
	require.NoError(t, err)
	off, on := false, true
	require.Equal(t, "COM3", c.name)
	require.Equal(t, lib.Mode{BaudRate: 9600, DataBits: 7, Parity: lib.EvenParity, StopBits: lib.TwoStopBits}, c.mode)
	require.Equal(t, cobs{}, c.frame)
	require.Equal(t, []any{&off, &on, 500 * time.Millisecond, false}, []any{c.dtr, c.rts, c.settle, c.reopen})
}

func TestParseUSB(t *testing.T) {
	c, err := parse(mustParse(t, "serial://usb/2341:00af?serial=8573"))
	require.NoError(t, err)
	require.Equal(t, usbID{"2341", "00AF", "8573"}, c.usb)
	require.Empty(t, c.name)
	require.Equal(t, "usb 2341:00AF serial 8573", c.label())
}

func TestParsePlain(t *testing.T) {
	c, err := parseFor("linux", mustParse(t, "serial:///dev/ttyACM0?sender=thermo&listen=alarm.*/ring&reply=next&timeout=1s&eol=cr"))
	require.NoError(t, err)
	require.Equal(t, &plainConfig{sender: "thermo", event: "line", listenSender: "alarm.*", listenEvent: "ring",
		replyNext: true, timeout: time.Second, eol: "\r"}, c.plain)
	require.Equal(t, bare{end: '\r'}, c.frame)
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ goos, url, says string }{
		{"linux", "serial:///dev/ttyUSB0?boud=9600", `unknown setting "boud"; known are baud, `},
		{"linux", "serial:///dev/ttyUSB0?baud=9600&baud=1200", "given 2 times"},
		{"linux", "serial:///dev/ttyUSB0?baud=fast", "want a number from 50 to"},
		{"linux", "serial:///dev/ttyUSB0?baud=-1", "want a number from 50 to"},
		{"linux", "serial:///dev/ttyUSB0?data=9", "want a number from 5 to 8"},
		{"linux", "serial:///dev/ttyUSB0?parity=strange", "want even, mark, none, odd, space"},
		{"linux", "serial:///dev/ttyUSB0?frame=slip", "want cobs, lines"},
		{"linux", "serial:///dev/ttyUSB0?dtr=1", "want on or off"},
		{"linux", "serial:///dev/ttyUSB0?settle=2", "want a time such as 500ms"},
		{"linux", "serial:///dev/ttyUSB0?settle=1h", "at most 1m0s"},
		{"linux", "serial:///dev/ttyUSB0?serial=85", "serial://usb/VID:PID?serial="},
		{"linux", "serial:///dev/ttyUSB0?event=line", "say sender=NAME too"},
		{"linux", "serial:///dev/ttyUSB0?sender=x&frame=cobs", "has frame=lines"},
		{"linux", "serial:///dev/ttyUSB0?sender=a.*", "is a pattern"},
		{"linux", "serial:///dev/ttyUSB0?sender=x&event=%23connect", "only the router"},
		{"linux", "serial:///dev/ttyUSB0?listen=x", "want listen=SENDER/EVENT"},
		{"linux", "serial:///dev/ttyUSB0?sender=x&reply=last", "want next, none"},
		{"linux", "serial:///dev/ttyUSB0?sender=x&eol=nl", "want cr, crlf, lf"},
		{"linux", "serial://dev/ttyUSB0", "with three slashes"},
		{"linux", "serial://COM3", "with three slashes"},
		{"linux", "serial://", "names no port"},
		{"linux", "serial:ttyUSB0", "begins with serial://"},
		{"windows", "serial:///dev/ttyUSB0", "as in serial://COM3"},
		{"windows", "serial://dev/ttyUSB0", "as in serial://COM3"},
		{"linux", "serial://usb/2341", "as in serial://usb/2341:0043"},
		{"linux", "serial://usb/2341:004G", "as in serial://usb/2341:0043"},
	} {
		_, err := parseFor(c.goos, mustParse(t, c.url))
		require.ErrorContains(t, err, c.says, c.url)
	}
}
