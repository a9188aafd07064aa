package router

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
)

// What is here looks at the calling goroutine by way of texts that the runtime writes
// for people. It takes microseconds, and is used only where waiting is the alternative.

// goroutineID returns the number of the calling goroutine.
func goroutineID() uint64 {
	var buf [64]byte
	text := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	id, _ := strconv.ParseUint(string(digits), 10, 64)
	return id
}

// frames calls visit with the name of each function on the stack, innermost first,
// until it returns false.
func frames(visit func(function string) bool) {
	pcs := make([]uintptr, 64)
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return
		}
		for frames := runtime.CallersFrames(pcs[:n]); ; {
			f, more := frames.Next()
			if !visit(f.Function) {
				return
			}
			if !more {
				break
			}
		}
	}
}

// onStack reports whether a function whose name ends so is on the stack.
func onStack(suffix string) (yes bool) {
	frames(func(function string) bool {
		yes = strings.HasSuffix(function, suffix)
		return !yes
	})
	return yes
}
