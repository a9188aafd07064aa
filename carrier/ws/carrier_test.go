package ws

import (
	"testing"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/internal/testcert"
)

// accepted dials l and returns both ends.
func accepted(t *testing.T, s Scheme, l carrier.Listener) (client, server carrier.Conn) {
	client = dial(t, s, l.URL())
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestCarrier(t *testing.T) {
	t.Run("ws, client first", func(t *testing.T) {
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) { return pair(t, Options{}) })
	})
	t.Run("ws, server first", func(t *testing.T) {
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) { b, a = pair(t, Options{}); return a, b })
	})
	t.Run("wss, client first", func(t *testing.T) {
		server, client := secure(t, testcert.Leaf{Name: "bob"})
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
			return accepted(t, client, listen(t, server, "wss://127.0.0.1:0/"))
		})
	})
	t.Run("wss, server first", func(t *testing.T) {
		server, client := secure(t, testcert.Leaf{Name: "bob"})
		carriertest.Run(t, func(t *testing.T) (a, b carrier.Conn) {
			b, a = accepted(t, client, listen(t, server, "wss://127.0.0.1:0/"))
			return a, b
		})
	})
}
