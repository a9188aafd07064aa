package main

import (
	"net"
	"strings"
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
