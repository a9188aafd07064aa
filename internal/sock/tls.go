package sock

import (
	"crypto/tls"
	"time"
)

// lastMoment is how long CloseTLS takes at most.
const lastMoment = 100 * time.Millisecond

// CloseTLS closes a TLS connection. By itself that would wait for up to 5 s to say goodbye
// to somebody who takes nothing.
func CloseTLS(c *tls.Conn) error {
	limit := time.AfterFunc(lastMoment, func() { _ = c.NetConn().Close() })
	defer limit.Stop()
	return c.Close()
}
