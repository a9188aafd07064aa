//go:build !unix

package inproc

import "time"

// processorTime stands in with the time of day where it cannot be had.
func processorTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
