package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier/serial"
)

func TestGen(t *testing.T) {
	dir := t.TempDir()
	student, err := filepath.Abs("../../examples/student/student.lmspc")
	require.NoError(t, err)
	r := sigRun(t, "gen", student, "-o", dir, "--lang", "go,js")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.NotEmpty(t, r.stdout)
	for _, path := range strings.Fields(r.stdout) {
		require.FileExists(t, path)
	}

	bad := filepath.Join(dir, "bad.lmspc")
	require.NoError(t, os.WriteFile(bad, []byte("namespace x\nclass Y\nmethod m(a: nosuch)\nevent e(b: neither)\n"), 0o600))
	empty := filepath.Join(dir, "nothing")
	r = sigRun(t, "gen", bad, "-o", empty)
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "bad.lmspc:3:")
	require.Contains(t, r.stderr, "bad.lmspc:4:")
	require.NoDirExists(t, empty, "nothing is written")

	r = sigRun(t, "gen", bad, "--lang", "cobol")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.stderr, "it can be go, daemon, js, asyncapi")
	require.Equal(t, exitUsage, sigRun(t, "gen").code)
}

func TestPorts(t *testing.T) {
	r := sigRun(t, "ports")
	require.Equal(t, exitDone, r.code, r.stderr)

	out, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer out.Close()
	usb := serial.Port{Name: "/dev/ttyACM0", VID: "2341", PID: "0043", SerialNumber: "A1", Product: "Uno"}
	require.NoError(t, printPorts(&printer{w: out, json: true}, []serial.Port{usb}))
	require.NoError(t, printPorts(&printer{w: out}, []serial.Port{usb, {Name: "/dev/ttyS0"}}))
	got, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	require.Equal(t, `{"url":"serial://usb/2341:0043?serial=A1","name":"/dev/ttyACM0","vid":"2341","pid":"0043","serial":"A1","product":"Uno"}
serial://usb/2341:0043?serial=A1         /dev/ttyACM0 Uno
serial:///dev/ttyS0                      /dev/ttyS0
`, string(got))
}
