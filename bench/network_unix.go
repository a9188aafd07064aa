//go:build unix

package main

import (
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/sigrouter/sigrouter/bench/network"
)

// Peers of the tables over connections.
func overTCP() []network.Peer {
	return []network.Peer{
		network.Own("sig, binary frames", false), network.Own("sig, JSON", true), network.NATS(), network.Nexus(),
	}
}

func overWebSocket() []network.Peer {
	return []network.Peer{
		network.OwnWebSocket("sig by WebSocket, binary frames", false), network.OwnWebSocket("sig by WebSocket, JSON", true),
		network.NATSWebSocket(),
	}
}

func carriers() []network.Peer {
	return []network.Peer{
		network.Own("TCP", false), network.OwnUnix("Unix socket"), network.OwnTLS("TLS"), network.OwnWebSocket("WebSocket", false),
	}
}

func serialLine() network.Peer { return network.OwnSerial("serial line (pty)") }

// networkRole does a part of a network measurement, if this process was started for one.
func networkRole() bool {
	peers := append(slices.Concat(overTCP(), overWebSocket(), carriers()), serialLine(), network.Raw())
	return network.Role(peers, os.Args[1:])
}

func networkOptions(rounds int, length time.Duration, only, rows *regexp.Regexp, progress func(string, ...any)) network.Options {
	return network.Options{Rounds: rounds, Warm: length / 4, Run: length, Only: only, Rows: rows, Progress: progress}
}

func runTables(tables []network.Table, o network.Options) error {
	for _, t := range tables {
		if err := t.Run(os.Stdout, o); err != nil {
			return err
		}
	}
	return nil
}

func someWorks() []network.Work {
	return []network.Work{
		network.Requests(false, 1), network.Requests(false, 64), network.Requests(true, 1), network.Requests(true, 64),
		network.Events(1), network.Events(100),
	}
}

// runNetwork compares with other routers.
func runNetwork(o network.Options, idle int) error {
	tcp := network.Table{
		Title: "Over TCP, router in a process of its own, payload 128 bytes of JSON. In brackets: each of our own, times this.",
		Peers: overTCP(), Works: someWorks(),
	}
	if idle > 0 {
		tcp.Works = append(tcp.Works, network.Idle(idle))
	}
	return runTables([]network.Table{tcp, {
		Title: "By WebSocket. In brackets: each of our own, times this.",
		Peers: overWebSocket(), Works: someWorks(),
	}}, o)
}

// runMemory compares within one process.
func runMemory(o network.Options) error {
	return runTables([]network.Table{{
		Title: "In one process, without sockets. In brackets: our own, times this.", Here: true,
		Peers: []network.Peer{network.OwnLocal("sig, local carrier"), network.MangosInProcess(), network.NATSInProcess(), network.NexusLocal()},
		Works: someWorks(),
	}}, o)
}

// runCarriers shows our own carriers beside each other, and what they bear.
func runCarriers(o network.Options, idle int) error {
	all := network.Table{Title: "Our own carriers, binary frames.", Peers: carriers(), Works: someWorks()}
	if idle > 0 {
		all.Works = append(all.Works, network.Idle(idle))
	}
	err := runTables([]network.Table{all, {
		Title: "A serial line with checksums, one client.",
		Peers: []network.Peer{serialLine()}, Works: []network.Work{network.Requests(false, 1), network.Requests(false, 64)},
	}, {
		Title: "Events to 1,000 listeners over TCP. In brackets: our own, times this.",
		Peers: []network.Peer{carriers()[0], network.Raw()}, Works: []network.Work{network.Events(1000)},
	}}, o)
	if err != nil {
		return err
	}
	return network.Storm(os.Stdout, []network.Peer{carriers()[0], carriers()[2]}, 1000, 3*time.Second, o)
}
