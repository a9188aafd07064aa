package serial

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A fakeSys is a directory laid out as /sys is.
type fakeSys struct {
	t    *testing.T
	root string
}

func (s fakeSys) file(text string, path ...string) {
	name := filepath.Join(append([]string{s.root}, path...)...)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(s.t, os.WriteFile(name, []byte(text+"\n"), 0o644))
}

// tty makes a terminal whose device is the directory at path, or one without.
func (s fakeSys) tty(name string, path ...string) {
	class := filepath.Join(s.root, "class", "tty", name)
	require.NoError(s.t, os.MkdirAll(class, 0o755))
	if path == nil {
		return
	}
	device := filepath.Join(append([]string{s.root}, path...)...)
	require.NoError(s.t, os.MkdirAll(device, 0o755))
	require.NoError(s.t, os.Symlink(device, filepath.Join(class, "device")))
}

func TestSysPorts(t *testing.T) {
	s := fakeSys{t, t.TempDir()}
	s.tty("tty0") // a console
	s.tty("ttyS0", "devices", "platform", "serial8250")
	s.file("4", "class", "tty", "ttyS0", "type")
	s.tty("ttyS1", "devices", "platform", "serial8250")
	s.file("0", "class", "tty", "ttyS1", "type") // a placeholder
	// A modem of the class cdc-acm: the terminal belongs to an interface of the device.
	s.tty("ttyACM0", "devices", "usb1", "1-1", "1-1:1.0")
	s.file("2341", "devices", "usb1", "1-1", "idVendor")
	s.file("0043", "devices", "usb1", "1-1", "idProduct")
	s.file("8573", "devices", "usb1", "1-1", "serial")
	s.file("Arduino Uno", "devices", "usb1", "1-1", "product")
	// An adapter: one directory more, and no serial number. The hub is not the device.
	s.tty("ttyUSB0", "devices", "usb1", "1-2", "1-2.3", "1-2.3:1.0", "ttyUSB0")
	s.file("05e3", "devices", "usb1", "1-2", "idVendor")
	s.file("0610", "devices", "usb1", "1-2", "idProduct")
	s.file("1a86", "devices", "usb1", "1-2", "1-2.3", "idVendor")
	s.file("7523", "devices", "usb1", "1-2", "1-2.3", "idProduct")
	// Unplugged this moment: its device is gone.
	s.tty("ttyUSB1", "devices", "gone")
	require.NoError(t, os.Remove(filepath.Join(s.root, "devices", "gone")))

	ports, err := sysPorts(s.root, "/dev")
	require.NoError(t, err)
	require.Equal(t, []Port{
		{Name: "/dev/ttyACM0", VID: "2341", PID: "0043", SerialNumber: "8573", Product: "Arduino Uno"},
		{Name: "/dev/ttyS0"},
		{Name: "/dev/ttyUSB0", VID: "1A86", PID: "7523"},
	}, ports)
}

func TestPortsOfAMachineWithout(t *testing.T) {
	ports, err := sysPorts(t.TempDir(), "/dev")
	require.NoError(t, err)
	require.Empty(t, ports)
	_, err = Ports()
	require.NoError(t, err)
}
