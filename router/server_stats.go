package router

// ServerStats is how much of a server's limits is used, and what did not fit. What counts
// since the server began says so; the rest is as it is now.
type ServerStats struct {
	Conns     int `json:"conns"`      // connections
	LoggingIn int `json:"logging_in"` // of these, those not logged in yet
	Away      int `json:"away"`       // sessions whose client may come back
	Senders   int `json:"senders"`    // of clients
	Listeners int `json:"listeners"`  // of clients, also of those away
	Calls     int `json:"calls"`      // of clients, that are not answered yet
	Answers   int `json:"answers"`    // that clients owe

	QueuedBytes   int64  `json:"queued_bytes"`   // that wait for clients, about
	PartialBytes  int64  `json:"partial_bytes"`  // kept of messages that are not whole, but for up to 64 KiB of each client
	Dropped       uint64 `json:"dropped"`        // since the server began: events lost with the client they were for
	Unencodable   uint64 `json:"unencodable"`    // since the server began: events whose data could not be encoded
	LoginFailures uint64 `json:"login_failures"` // since the server began
	Refused       uint64 `json:"refused"`        // since the server began: connections turned away
	// Passed counts since the server began how often each limit was passed, by the name of
	// its field in carrier.Limits; those that never were are missing.
	Passed map[string]uint64 `json:"passed"`
}

// Stats returns the numbers.
func (s *ServerRouter) Stats() ServerStats {
	st := ServerStats{
		QueuedBytes: s.engine.QueuedBytes(), PartialBytes: s.engine.PartialBytes(), Passed: s.engine.Passed(),
		Dropped: s.drops.Load() + s.full.Load() + s.engine.Lost.Load(), Unencodable: s.badEnc.Load(), Refused: s.engine.Refused(),
	}
	sessions := map[*session]bool{}
	for _, p := range s.engine.Peers() {
		answers, calls := p.Waiting()
		st.Conns++
		st.Answers += answers
		st.Calls += calls
		sessions[sessionOf(p)] = true
	}
	s.mu.Lock()
	st.Away = len(s.away)
	for _, x := range s.away {
		sessions[x] = true
	}
	s.mu.Unlock()
	for x := range sessions {
		senders, listeners := x.counts()
		st.Senders += senders
		st.Listeners += listeners
	}
	st.LoggingIn, st.LoginFailures = s.door.counts()
	return st
}
