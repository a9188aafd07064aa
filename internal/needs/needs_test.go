package needs_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// A witness notes how a test ended.
type witness struct {
	testing.TB
	ended string
}

func (w *witness) Helper()      {}
func (w *witness) Fatal(...any) { w.ended = cmp.Or(w.ended, "failed") } // the first counts: a real one does not return
func (w *witness) Skip(...any)  { w.ended = cmp.Or(w.ended, "skipped") }

func TestProgram(t *testing.T) {
	for _, c := range []struct{ ci, program, ended string }{
		{"", "go", ""},
		{"1", "go", ""},
		{"", "no-such-program", "skipped"},
		{"1", "no-such-program", "failed"},
	} {
		t.Setenv("CI", c.ci)
		w := &witness{TB: t}
		path := needs.Program(w, c.program)
		require.Equal(t, c.ended, w.ended, c)
		require.Equal(t, c.ended == "", path != "", c)
	}
}

func TestTerminal(t *testing.T) {
	master, path := needs.Terminal(t)
	require.FileExists(t, path)
	require.NoError(t, master.Close(), "it may be closed before the end")
}
