//go:build !linux

package survive

import (
	"runtime"
	"testing"
)

func child(string) int { return 2 }

type used struct {
	files, goroutines int
	heap              uint64
}

// resources tells what this process uses, as far as this system says.
func resources(*testing.T) used {
	runtime.GC()
	runtime.GC() // what the first has only marked
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{0, runtime.NumGoroutine(), m.HeapAlloc}
}
