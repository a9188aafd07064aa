//go:build !unix

package main

import (
	"errors"
	"regexp"
	"time"
)

type networkOptionsT struct{}

var errNoUnix = errors.New("the parts network, memory and carriers need a Unix system; leave them out with -part inproc")

func networkRole() bool { return false }

func networkOptions(int, time.Duration, *regexp.Regexp, *regexp.Regexp, func(string, ...any)) networkOptionsT {
	return networkOptionsT{}
}

func runNetwork(networkOptionsT, int) error  { return errNoUnix }
func runMemory(networkOptionsT) error        { return errNoUnix }
func runCarriers(networkOptionsT, int) error { return errNoUnix }
