package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/sig"
)

// TestSketches runs the sketches on this computer, at a pseudo terminal: each is started,
// asked for its lamp, killed and started again, while the router goes on.
func TestSketches(t *testing.T) {
	for _, c := range []struct{ sketch, query string }{
		{"thermo", ""},
		{"plain", "?sender=thermo&event=temperature"},
	} {
		t.Run(c.sketch, func(t *testing.T) {
			t.Parallel()
			program := build(t, c.sketch)
			master, path := needs.Terminal(t)
			srv := sigrouter.NewServer()
			defer srv.Close()
			values := make(chan float64, 100)
			_, err := srv.AddListener("thermo", "temperature", func(e sig.Event) {
				if v, err := sig.As[float64](e.Data); err == nil {
					values <- v
				}
			})
			require.NoError(t, err)
			require.NoError(t, watch(t.Context(), srv, 20))
			_, err = srv.Listen(t.Context(), "serial://"+path+c.query)
			require.NoError(t, err)
			for range 2 {
				lamp, stop := power(t, program, master)
				require.Equal(t, 20.3, next(t, values))
				require.Equal(t, "lamp 1", next(t, lamp))
				stop()
			}
		})
	}
}

func build(t *testing.T, sketch string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), sketch)
	cmd := exec.Command(needs.Program(t, "g++"), "-Wall", "-Werror", "-x", "c++", "-include", "testdata/Arduino.h", "-o", program,
		filepath.Join(sketch, sketch+".ino"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// power starts a sketch at the far end of the terminal, and returns what its lamp does.
func power(t *testing.T, program string, master *os.File) (lamp chan string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program)
	cmd.Stdin = master
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lamp = make(chan string, 100)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lamp <- s.Text()
		}
	}()
	return lamp, func() {
		cancel()
		<-read
		_ = cmd.Wait() // it was killed
	}
}

func next[T any](t *testing.T, c chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}
