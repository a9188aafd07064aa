package survive

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

type used struct {
	files, goroutines int
	heap              uint64
}

// resources tells what this process uses.
func resources(t *testing.T) used {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	runtime.GC()
	runtime.GC() // what the first has only marked
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{len(fds), runtime.NumGoroutine(), m.HeapAlloc}
}
