package carrier

import (
	"errors"
	"io"
	"time"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// ended ends the connection because nothing more can be read. When the other end just
// went, finish closes the Conn, after the handler has been told: a line that carries one
// connection after the other must not bring the next before the senders of this one are gone.
func (p *Peer) ended(err error) {
	if isPlainEnd(err) {
		p.setReason(err)
		return
	}
	p.engine.countOver(err)
	p.Close(err)
}

// setReason reports whether the reason is the first, and so counts.
func (p *Peer) setReason(reason error) bool {
	p.failMu.Lock()
	defer p.failMu.Unlock()
	if p.reason != nil {
		return false
	}
	p.reason = reason
	p.dead.Store(true)
	p.agreed.reach()
	return true
}

// Close ends the connection for a reason. Only the first reason counts.
func (p *Peer) Close(reason error) {
	if !p.setReason(reason) {
		return
	}
	if isPlainEnd(reason) {
		_ = p.conn.Close()
		return
	}
	p.engine.wg.Go(func() { p.closeConn(reason) })
}

// isPlainEnd reports whether the other end just went, so that nothing is left to say.
func isPlainEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, ErrClosed)
}

func (p *Peer) closeConn(reason error) {
	if errors.Is(reason, sig.ErrSlow) && !p.dialed {
		p.goodbye(reason)
	}
	p.lastWords()
	if c, ok := probe[ReasonCloser](p.conn); ok {
		_ = c.CloseReason(closeStatus(reason), reason.Error())
		return
	}
	_ = p.conn.Close()
}

// closeStatus is the WebSocket close code (RFC 6455, section 7.4.1) for a reason.
func closeStatus(err error) int {
	switch {
	case errors.Is(err, sig.ErrShuttingDown):
		return 1001
	case errors.Is(err, sig.ErrMalformed):
		return 1002
	case errors.Is(err, sig.ErrRefused):
		return 1008
	case errors.Is(err, sig.ErrSlow):
		return 1013
	case errors.Is(err, sig.ErrLimit):
		return 1009
	}
	return 1000
}

func (p *Peer) failed() bool { return p.dead.Load() }

// Reason returns why the connection ended or is ending, nil while it lives.
func (p *Peer) Reason() error {
	p.failMu.Lock()
	defer p.failMu.Unlock()
	return p.reason
}

// refuse turns away a connection that never became a peer.
func (p *Peer) refuse(err error) {
	p.reason = err
	e := sig.AsError(err)
	frame := wire.AppendFailure(nil, nil, e)
	p.engine.wg.Go(func() {
		if d, ok := probe[WriteDeadliner](p.conn); ok {
			_ = d.SetWriteDeadline(time.Now().Add(time.Second))
		}
		_ = p.conn.Send(frame)
		_ = p.conn.Close()
	})
}
