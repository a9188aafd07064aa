package carrier

import "github.com/sigrouter/sigrouter/internal/wire"

// Notify tells a peer on the fast lane something that is not answered. Params is JSON.
// It is written with the next flush, which it asks for.
func (p *Peer) Notify(method string, params []byte) {
	if !p.Fast() {
		return
	}
	p.w.mu.Lock()
	p.end(wire.AppendNotice(p.begin(), method, params), frameReply, 0)
	full := p.full()
	p.w.mu.Unlock()
	if !full {
		p.Kick()
	}
}

// Dismiss is Close that tells a peer on the fast lane why, as well as it can.
func (p *Peer) Dismiss(reason error) {
	p.goodbye(reason)
	p.Close(reason)
}

// goodbye adds the reason why the connection is going to be closed to what is written.
func (p *Peer) goodbye(reason error) {
	if p.Fast() {
		p.w.mu.Lock()
		p.end(wire.AppendBye(p.begin(), reason.Error(), -1), frameReply, 0)
		p.w.mu.Unlock()
	}
}
