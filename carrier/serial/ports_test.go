package serial

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindByUSBIdentity(t *testing.T) {
	uno := Port{Name: "/dev/ttyACM0", VID: "2341", PID: "0043", SerialNumber: "85"}
	other := Port{Name: "/dev/ttyACM1", VID: "2341", PID: "0043", SerialNumber: "86"}
	list := func(ports ...Port) func() ([]Port, error) {
		return func() ([]Port, error) { return ports, nil }
	}
	id, err := parseUSB("2341:0043", "")
	require.NoError(t, err)

	name, err := id.find(list(Port{Name: "/dev/ttyS0"}, uno))
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM0", name)

	_, err = id.find(list(uno, other))
	require.ErrorContains(t, err, "plugged in 2 times, as /dev/ttyACM0 and /dev/ttyACM1; add serial=")

	id.serial = "86"
	name, err = id.find(list(uno, other))
	require.NoError(t, err)
	require.Equal(t, "/dev/ttyACM1", name)

	_, err = id.find(list(uno))
	require.ErrorIs(t, err, errAbsent)

	failed := errors.New("no list")
	_, err = id.find(func() ([]Port, error) { return nil, failed })
	require.ErrorIs(t, err, failed)
}

func TestPortURL(t *testing.T) {
	require.Equal(t, "serial:///dev/ttyS0", Port{Name: "/dev/ttyS0"}.URL())
	require.Equal(t, "serial://COM3", Port{Name: "COM3"}.URL())
	require.Equal(t, "serial://usb/2341:0043", Port{Name: "COM3", VID: "2341", PID: "0043"}.URL())
	p := Port{Name: "/dev/ttyACM0", VID: "2341", PID: "0043", SerialNumber: "8 5&6"}
	c, err := parse(mustParse(t, p.URL()))
	require.NoError(t, err)
	require.True(t, c.usb.matches(p))
}
