package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// tellSystemd tells the service manager how the daemon is, when it wants to know; see
// sd_notify(3). It is no failure when that does not work: the daemon does.
func tellSystemd(getenv func(string) string, state string) {
	socket := getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if rest, ok := strings.CutPrefix(socket, "@"); ok {
		socket = "\x00" + rest // an abstract socket
	}
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// reloading is what the service manager is told before a reload; READY=1 follows it.
func reloading() string {
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonic().Microseconds())
}

// watchdogEvery returns how often the service manager wants to hear that the daemon is
// alive, with room for one that comes late; 0 for never. See sd_watchdog_enabled(3).
func watchdogEvery(getenv func(string) string) time.Duration {
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec < 2 {
		return 0
	}
	return time.Duration(usec) * time.Microsecond / 2
}

// firstSocket is the first descriptor that the service manager passes.
const firstSocket = 3

// A passedSocket is one that the service manager has opened for the daemon.
type passedSocket struct {
	name string // FileDescriptorName= in its unit, or the unit's name
	fd   int
}

// passedSockets returns the sockets that the service manager has passed; see
// sd_listen_fds(3). None is inherited by children from then on.
func passedSockets(getenv func(string) string) []passedSocket {
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	var all []passedSocket
	for i := range n {
		s := passedSocket{name: "unknown", fd: firstSocket + i}
		if i < len(names) && names[i] != "" {
			s.name = names[i]
		}
		closeOnExec(s.fd)
		all = append(all, s)
	}
	return all
}

// named returns the descriptors of that name, "" for all.
func named(sockets []passedSocket, name string) (fds []int) {
	for _, s := range sockets {
		if name == "" || s.name == name {
			fds = append(fds, s.fd)
		}
	}
	return fds
}

// missing says which sockets there are instead.
func missing(sockets []passedSocket) string {
	if len(sockets) == 0 {
		return "the service manager has passed no sockets (LISTEN_FDS); does a .socket unit belong to the service?"
	}
	var names []string
	for _, s := range sockets {
		names = append(names, strconv.Quote(s.name))
	}
	return "the service manager has passed no socket of that name, but " + strings.Join(names, ", ") + "; FileDescriptorName= in the .socket unit says it"
}
