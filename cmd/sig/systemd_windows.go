package main

import (
	"os"
	"time"
)

// Windows has no service manager that passes sockets, and no signal for a dump.

func closeOnExec(int) {}

func checkListening(int) error { return nil }

func monotonic() time.Duration { return 0 }

func onDumpSignal(chan<- os.Signal) {}
