//go:build unix

package main

import (
	"os"
	"time"

	"github.com/sigrouter/sigrouter/bench/network"
)

func networkPeers() []network.Peer {
	return []network.Peer{
		network.Own("sig, binary frames", false), network.Own("sig, JSON", true),
		network.NATS(), network.Nexus(),
	}
}

// networkRole does a part of a network measurement, if this process was started for one.
func networkRole() bool { return network.Role(networkPeers(), os.Args[1:]) }

func runNetwork(rounds int, length time.Duration, idle int, progress func(string, ...any)) error {
	return network.Run(os.Stdout, networkPeers(), network.Options{
		Rounds: rounds, Warm: length / 4, Run: length, Subscribers: 100, Idle: idle, Progress: progress,
	})
}
