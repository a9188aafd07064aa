package main

import (
	"fmt"
	"strings"
	"time"
)

// A Balance is the result.
type Balance struct {
	Seed                uint64
	Triggered           uint64 // signals accepted, while there were faults
	Dispatched          uint64 // of these by the server
	Refused             uint64 // of these with a report to who triggered them
	Listeners           int
	Delivered           uint64
	Dropped             uint64 // reported to the listener
	Ended               int    // listeners whose session ended, which they were told
	Lost                uint64 // that these missed
	Reconnects, Resumed int64
	Shutdown            time.Duration // of the first server, under load
	Cut                 uint64        // events that it said were cut off
	Unsure, Twice       uint64        // at the second: said to be, and in fact
	Calls, Answered     int
	Failed              int
	Faults, Remarks     []string
	Notes               int // remarks left out
	first               *ledger
}

// Balanced reports whether the accounts balance.
func (b *Balance) Balanced() bool { return len(b.Faults) == 0 }

func (b *Balance) fault(format string, args ...any) {
	b.Faults = append(b.Faults, fmt.Sprintf(format, args...))
}

func (b *Balance) note(format string, args ...any) {
	b.Remarks = append(b.Remarks, fmt.Sprintf(format, args...))
}

// String is one page.
func (b *Balance) String() string {
	var s strings.Builder
	row := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	row("seed %d", b.Seed)
	row("  signals    %9d accepted = %d dispatched + %d refused", b.Triggered, b.Dispatched, b.Refused)
	row("  listeners  %9d; %d events delivered, %d reported as dropped", b.Listeners, b.Delivered, b.Dropped)
	row("  sessions   %9d reconnects, %d resumed; %d listeners were told that theirs ended, and missed %d", b.Reconnects, b.Resumed, b.Ended, b.Lost)
	row("  requests   %9d = %d answered + %d failed", b.Calls, b.Answered, b.Failed)
	row("  shutdown   %9s under load, with %d events cut off; then %d signals unsure, %d of them twice", b.Shutdown.Round(time.Millisecond), b.Cut, b.Unsure, b.Twice)
	for _, r := range b.Remarks {
		row("  remark     %s", r)
	}
	if b.Notes > 0 {
		row("  remark     and %d more", b.Notes)
	}
	for i, f := range b.Faults {
		if i == 20 {
			row("  FAULT      and %d more", len(b.Faults)-i)
			break
		}
		row("  FAULT      %s", f)
	}
	if b.Balanced() {
		row("  the accounts balance")
	}
	return s.String()
}
