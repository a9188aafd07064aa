// Package customcarrier is a whole Carrier of one's own: messages travel as HTTP requests, and
// the reply to each is the response. Each end is a web server, and tells the other where it
// is with every message. It gets through where only HTTP does, one message at a time.
//
//	go run ./examples/customcarrier/server &
//	go run ./examples/customcarrier/client
//
// Where there is a connection, a Conn is less work and much faster: see package carrier/unix.
package customcarrier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/carrier"
)

// maxMessage bounds what is read of a message, in bytes.
const maxMessage = 1 << 20

// HTTP is a carrier whose peers are told apart by their URLs. What it does not write itself
// it has from carrier.Base.
type HTTP struct {
	carrier.Base
	URL string // where this end is reached

	last  atomic.Uint64
	mu    sync.Mutex
	known map[string]bool // peers that the router was told of
}

// HandleTX sends a call to a peer and returns its reply. A peer that cannot be reached has
// gone: the router is told, and removes its listeners and senders.
func (h *HTTP) HandleTX(ctx context.Context, peer string, m *carrier.Message) (*carrier.Reply, error) {
	m.ID = json.RawMessage(strconv.FormatUint(h.last.Add(1), 10))
	reply, err := h.post(ctx, peer, m)
	if err != nil && ctx.Err() == nil {
		h.mu.Lock()
		delete(h.known, peer)
		h.mu.Unlock()
		h.PeerDisconnected(peer, err)
	}
	return reply, err
}

func (h *HTTP) post(ctx context.Context, peer string, m *carrier.Message) (*carrier.Reply, error) {
	data, err := h.Pack(m)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, peer, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Sig-From", h.URL)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s, %w", peer, resp.Status, err)
	}
	_, reply, err := h.Unpack(data)
	if err == nil && reply == nil {
		err = fmt.Errorf("%s answers with no reply", peer)
	}
	return reply, err
}

// ServeHTTP takes a call from a peer and answers with the reply.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer := r.Header.Get("Sig-From")
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err == nil {
		err = h.welcome(peer)
	}
	var call *carrier.Message
	if err == nil {
		call, _, err = h.Unpack(data)
	}
	if err != nil || call == nil {
		http.Error(w, fmt.Sprint("no call: ", err), http.StatusBadRequest)
		return
	}
	if data, err = h.Pack(h.HandleRX(r.Context(), peer, call)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data)
}

// welcome tells the router of a peer that was not there before.
func (h *HTTP) welcome(peer string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[peer] {
		return nil
	}
	if h.known == nil {
		h.known = map[string]bool{}
	}
	if err := h.PeerConnected(peer); err != nil {
		return err
	}
	h.known[peer] = true
	return nil
}
