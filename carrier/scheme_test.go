package carrier_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/tcp"
)

// The address of a web page is no address of a router; the error says which one may be meant.
func TestWebSocketURL(t *testing.T) {
	s := carrier.NewSchemes(tcp.Scheme{})
	for address, says := range map[string]string{
		"http://127.0.0.1:3080":        "known are tcp; did you mean ws://127.0.0.1:3080/sig?",
		"http://127.0.0.1:3080/":       "did you mean ws://127.0.0.1:3080/sig?",
		"https://router.example.com/x": "did you mean wss://router.example.com/x?",
		"ftp://127.0.0.1":              `no carrier for "ftp://127.0.0.1"; known are tcp`,
		"http:x":                       `no carrier for "http:x"; known are tcp`,
	} {
		_, err := s.Dial(context.Background(), address)
		require.ErrorContains(t, err, says)
		if !strings.Contains(says, "did you mean") {
			require.NotContains(t, err.Error(), "did you mean")
		}
	}
}
