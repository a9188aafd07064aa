//go:build !linux

package sock

import (
	"net"
	"time"
)

func setUserTimeout(*net.TCPConn, time.Duration) {}
