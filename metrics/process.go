package metrics

import (
	"bytes"
	"os"
	"runtime"
	"strconv"

	"github.com/sigrouter/sigrouter/router"
)

// process writes what is known of this process, by the names that everybody uses.
func (w *writer) process(st *router.Status) {
	w.family("go_info", gauge, "Always 1; the label names the version of Go.")
	w.value(1, "version", runtime.Version())
	w.one("go_goroutines", gauge, float64(st.Goroutines), "Goroutines.")
	w.one("go_memstats_heap_alloc_bytes", gauge, float64(st.Heap), "Bytes of the heap in use.")
	if n, ok := residentBytes(); ok {
		w.one("process_resident_memory_bytes", gauge, n, "Bytes of memory in use.")
	}
	if n, ok := openDescriptors(); ok {
		w.one("process_open_fds", gauge, n, "File descriptors that are open.")
	}
}

// residentBytes is known on Linux.
func residentBytes() (float64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()), err == nil
}

// openDescriptors is known on Linux.
func openDescriptors() (float64, bool) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return float64(len(names) - 1), err == nil // less the one opened for this
}
