package sigrouter_test

import (
	"strings"
	"testing"

	"github.com/sigrouter/sigrouter"
)

// What is wrong with an address is known before anybody listens there.
func TestCheckAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"tcp://127.0.0.1:3000":                 "",
		"tcp://:3000":                          "",
		"tcp://127.0.0.1:65536":                "65536 is no port",
		"tcp://127.0.0.1/path":                 "a TCP address is tcp://host:port",
		"tcp://127.0.0.1:1?nodelay=1":          `unknown setting "nodelay"`,
		"tls://127.0.0.1:3443":                 "a TLS server needs a certificate",
		"tls://127.0.0.1:99999":                "99999 is no port",
		"unix:///no/such/directory/sock":       "", // may be made before it is used
		"unix:///tmp/s?mode=9":                 `mode "9" is no octal file mode`,
		"ws://127.0.0.1:3080/sig":              "",
		"ws:sig":                               "a WebSocket address is ws://host:port/path",
		"ws://127.0.0.1:3080/sig?x=1":          `unknown setting "x"`,
		"wss://127.0.0.1/sig":                  "a TLS server needs a certificate",
		"serial:///dev/no-such-port?baud=9600": "",
		"serial:///dev/ttyUSB0?baud=fast":      "baud",
		"serial://usb/2341:0043?frame=packets": "frame",
		"stdio:":                               "",
		"stdio:x":                              "stdio: stands alone",
		"exec:go version":                      "",
		"exec:no-such-command-of-sig":          "no-such-command-of-sig",
		"bogus://x":                            "no carrier for",
		"tcp://127.0.0.1:3000:1":               "127.0.0.1:3000 is no host",
		"local://name":                         "no carrier for",
	} {
		err := sigrouter.Schemes().Check(address)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", address, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v; want an error with %q", address, err, want)
		}
	}
}
