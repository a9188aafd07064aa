//go:build unix

package serial

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
)

func TestConnLines(t *testing.T) { testConn(t, "frame=lines") }
func TestConnCOBS(t *testing.T)  { testConn(t, "frame=cobs") }

func testConn(t *testing.T, query string) {
	carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
		x, y := socketDevices(t)
		return connOver(t, query, x, false), connOver(t, query, y, true)
	})
}

// socketDevices joins two devices as a pseudo terminal would, but for its habit of
// throwing away what was not read when one end is closed.
func socketDevices(t *testing.T) (a, b device) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	for _, fd := range fds {
		require.NoError(t, syscall.SetNonblock(fd, true))
	}
	return &fileDevice{os.NewFile(uintptr(fds[0]), "a")}, &fileDevice{os.NewFile(uintptr(fds[1]), "b")}
}

func connOver(t *testing.T, query string, d device, serves bool) *conn {
	t.Helper()
	cfg, err := parse(mustParse(t, "serial:///dev/x?"+query))
	require.NoError(t, err)
	p := newPort("/dev/x", cfg, &Scheme{Log: quiet()}, d, cfg.settleTime(false))
	return newConn(p, serves, func(*port) {})
}
