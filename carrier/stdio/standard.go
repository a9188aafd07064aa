package stdio

import (
	"io"

	"github.com/sigrouter/sigrouter/carrier"
)

// newStandard makes the Conn of this process's own input and output. released is called
// once it is closed; it may be nil.
func newStandard(rwc io.ReadWriteCloser, released func()) carrier.Conn {
	if s, ok := rwc.(*standard); ok {
		s.released = released
	}
	return carrier.NewStream(rwc, carrier.Info{Carrier: "stdio", Local: "stdio", Remote: "stdio", Loopback: true})
}
