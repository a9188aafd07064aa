package router

import "github.com/sigrouter/sigrouter/carrier"

// A row is what came in a row for the same remote listeners: events of one signal. It is put into
// their queues together, which takes less time than one after the other; before anything else is
// done for the client that sent it, and at the end of a batch. For the goroutine that reads.
type row struct {
	fan  *fan
	data []carrier.Payload // held for each of its targets
}

// longestRow is how many events a row has at most. They are for all listeners together, so
// their queues are locked for a moment only.
const longestRow = 64

// add adds an event that came from a peer.
func (r *row) add(f *fan, data carrier.Payload, by *carrier.Peer) {
	if f != r.fan || len(r.data) == longestRow {
		r.end(by)
		r.fan = f
	}
	data.Hold(len(f.targets))
	r.data = append(r.data, data)
}

// end delivers the row.
func (r *row) end(by *carrier.Peer) {
	if len(r.data) == 0 {
		return
	}
	r.fan.deliver(r.data, false, by)
	clear(r.data)
	r.fan, r.data = nil, r.data[:0]
}
