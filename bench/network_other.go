//go:build !unix

package main

import (
	"errors"
	"time"
)

func networkRole() bool { return false }

func runNetwork(int, time.Duration, int, func(string, ...any)) error {
	return errors.New("the network part needs a Unix system; leave it out with -part inproc")
}
