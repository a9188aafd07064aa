package router_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// S10: each limit is set to 3, and 4 are asked for: the fourth is refused with the status
// for limits and the limit's name, the first three work on, it was counted, and when all
// have gone nothing is left in the books.

func hello(t *testing.T, s *site) *rawPeer {
	t.Helper()
	c := dialRaw(t, s.schemes, s.url)
	require.Zero(t, c.ask(helloWith("")).Status)
	return c
}

func limitSite(t *testing.T, limits carrier.Limits) *site {
	return newSite(t, router.ServerOptions{Limits: limits})
}

// over checks a refusal.
func over(t *testing.T, s *site, r rawReply, limit string) {
	t.Helper()
	require.Equal(t, int(sig.StatusLimit), r.Status, r.Exception)
	require.Equal(t, "limit", r.Error.Code)
	require.Contains(t, r.Exception, limit)
	require.EqualValues(t, 1, s.srv.Stats().Passed[limit])
}

// emptied waits until nothing is in the books.
func (s *site) emptied(t *testing.T, conns ...*rawPeer) {
	t.Helper()
	for _, c := range conns {
		require.NoError(t, c.Send([]byte(`{"method":"bye","params":{}}`)))
		require.NoError(t, c.Close())
	}
	var st router.ServerStats
	empty := func() bool {
		st = s.srv.Stats()
		return st.Conns+st.LoggingIn+st.Away+st.Senders+st.Listeners+st.Calls+st.Answers+int(st.QueuedBytes+st.PartialBytes) == 0
	}
	if !eventually(empty) {
		require.Fail(t, "something is left in the books", "%+v", st)
	}
}

func eventually(holds func() bool) bool {
	for end := time.Now().Add(5 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func TestMaxSenders(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxSenders: 3})
	c := hello(t, s)
	add := func(i int) rawReply {
		return c.ask(fmt.Sprintf(`{"id":1,"method":"add_sender","params":{"sender":"s%d","events":["e"]}}`, i))
	}
	for i := range 3 {
		require.Zero(t, add(i).Status)
	}
	over(t, s, add(3), "MaxSenders")
	for i := range 3 {
		require.Zero(t, c.ask(fmt.Sprintf(`{"id":1,"method":"signal","params":{"info":{"sender":"s%d","event":"e"}}}`, i)).Status)
	}
	require.Equal(t, 3, s.srv.Stats().Senders)
	require.Zero(t, c.ask(`{"id":1,"method":"remove_sender","params":{"sender":"s0"}}`).Status)
	require.Zero(t, add(3).Status, "there is room again")
	s.emptied(t, c)
}

func TestMaxListeners(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxListeners: 3})
	c := hello(t, s)
	const add = `{"id":1,"method":"add_listener","params":{"sender":"s","event":"e"}}`
	for range 3 {
		require.Zero(t, c.ask(add).Status)
	}
	over(t, s, c.ask(add), "MaxListeners")
	require.Equal(t, 3, s.srv.Stats().Listeners)
	snd, err := s.srv.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	sg, err := snd.Signal("e")
	require.NoError(t, err)
	require.NoError(t, sg.Trigger(7))
	frame, err := c.Recv()
	require.NoError(t, err)
	var m struct{ Params struct{ Listeners []int } }
	require.NoError(t, json.Unmarshal(frame, &m))
	require.Len(t, m.Params.Listeners, 3)
	require.Zero(t, c.ask(fmt.Sprintf(`{"id":1,"method":"remove_listener","params":{"listener_id":%d}}`, m.Params.Listeners[0])).Status)
	require.Zero(t, c.ask(add).Status, "there is room again")
	s.emptied(t, c)
}

func TestMaxCalls(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxCalls: 3})
	release := make(chan struct{})
	_, err := s.srv.AddSender("s", sig.Answer("wait", func(contextType, sig.Request) (any, error) { <-release; return 1, nil }))
	require.NoError(t, err)
	c := hello(t, s)
	for i := range 4 {
		require.NoError(t, c.Send(fmt.Appendf(nil, `{"id":%d,"method":"request","params":{"sender":"s","method":"wait"}}`, i)))
	}
	r := c.reply()
	require.Equal(t, "3", string(r.ID))
	over(t, s, r, "MaxCalls")
	require.Equal(t, 3, s.srv.Stats().Calls)
	close(release)
	for range 3 {
		require.Zero(t, c.reply().Status)
	}
	require.Zero(t, c.ask(`{"id":5,"method":"request","params":{"sender":"s","method":"wait"}}`).Status)
	s.emptied(t, c)
}

func TestMaxAnswers(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxAnswers: 3})
	owner, caller := hello(t, s), hello(t, s)
	require.Zero(t, owner.ask(`{"id":1,"method":"add_sender","params":{"sender":"s","requests":["m"]}}`).Status)
	var ids []string
	for i := range 4 {
		require.NoError(t, caller.Send(fmt.Appendf(nil, `{"id":"%d","method":"request","params":{"sender":"s","method":"m"}}`, i)))
		if i < 3 {
			ids = append(ids, string(owner.reply().ID))
		}
	}
	r := caller.reply()
	require.Equal(t, `"3"`, string(r.ID))
	over(t, s, r, "MaxAnswers")
	require.Equal(t, 3, s.srv.Stats().Answers)
	for i, id := range ids {
		require.NoError(t, owner.Send(fmt.Appendf(nil, `{"id":%s,"status":0,"response":%d}`, id, i)))
		r := caller.reply()
		require.Equal(t, fmt.Sprintf(`"%d"`, i), string(r.ID))
		require.Equal(t, fmt.Sprint(i), string(r.Response))
	}
	s.emptied(t, owner, caller)
}

// The window is not passed but kept.
func TestWindow(t *testing.T) {
	for name, limits := range map[string]carrier.Limits{"Window": {Window: 3}, "WindowBytes": {WindowBytes: 3*(100+64) - 1}} {
		s := limitSite(t, limits)
		c := hello(t, s)
		require.Zero(t, c.ask(`{"id":1,"method":"add_listener","params":{}}`).Status)
		snd, err := s.srv.AddSender("s", sig.Events("e"))
		require.NoError(t, err)
		require.Contains(t, string(recv(t, c)), "#connect")
		require.NoError(t, c.Send([]byte(`{"ack":1}`)))
		sg, err := snd.Signal("e")
		require.NoError(t, err)
		for range 4 {
			require.NoError(t, sg.Trigger(strings.Repeat("x", 98)))
		}
		for n := 2; n < 5; n++ {
			require.Contains(t, string(recv(t, c)), fmt.Sprintf(`"n":%d,`, n))
		}
		require.Equal(t, "9", string(c.ask(`{"id":9,"method":"get_version"}`).ID), "%s: no fourth signal before this", name)
		require.NoError(t, c.Send([]byte(`{"ack":2}`)))
		require.Contains(t, string(recv(t, c)), `"n":5,`)
		require.NoError(t, c.Send([]byte(`{"ack":5}`)))
		s.emptied(t, c)
	}
}

func recv(t *testing.T, c *rawPeer) []byte {
	t.Helper()
	frame, err := c.Recv()
	require.NoError(t, err)
	return frame
}

// A queue that is too long ends the connection, with the reason in everybody's hands.
func TestQueueLimits(t *testing.T) {
	const size = 1000 + 64 // of an event in the queue
	for limit, limits := range map[string]carrier.Limits{
		"QueueBytes":      {Window: 1, QueueBytes: 3 * size},
		"QueueSoftBytes":  {Window: 1, QueueSoftBytes: 3 * size, QueueSoftTime: 300 * time.Millisecond},
		"QueueTotalBytes": {Window: 1, QueueTotalBytes: 120 * size},
	} {
		t.Run(limit, func(t *testing.T) {
			gone := make(chan error, 3)
			s := newSite(t, router.ServerOptions{Limits: limits, OnPeer: func(e router.PeerEvent) {
				if e.Gone {
					gone <- e.Reason
				}
			}})
			good, bad := hello(t, s), hello(t, s)
			require.Zero(t, bad.ask(`{"id":1,"method":"add_listener","params":{"event":"e"}}`).Status)
			require.Zero(t, good.ask(`{"id":1,"method":"add_listener","params":{"event":"few"}}`).Status)
			snd, err := s.srv.AddSender("s", sig.Events("e", "few"))
			require.NoError(t, err)
			e, err := snd.Signal("e")
			require.NoError(t, err)
			few, err := snd.Signal("few")
			require.NoError(t, err)
			require.NoError(t, few.Trigger(1))
			n := 4 // one in flight, three wait
			if limit == "QueueTotalBytes" {
				n = 200
			}
			for range n {
				require.NoError(t, e.Trigger(strings.Repeat("x", 998)))
			}
			if limit == "QueueBytes" {
				require.Equal(t, 2, s.srv.Stats().Conns, "three fit")
				require.NoError(t, e.Trigger(strings.Repeat("x", 998)))
			}
			reason := <-gone
			require.ErrorIs(t, reason, sig.ErrSlow)
			require.Equal(t, sig.StatusLimit, sig.AsError(reason).Status)
			require.ErrorContains(t, reason, limit)
			bad.closed()
			st := s.srv.Stats()
			require.EqualValues(t, 1, st.Passed[limit], "%v", st.Passed)
			require.Positive(t, st.Dropped)
			require.Zero(t, good.ask(`{"id":1,"method":"ping"}`).Status)
			s.emptied(t, good)
		})
	}
}

func TestMaxConns(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxConns: 3})
	var conns []*rawPeer
	for range 3 {
		conns = append(conns, hello(t, s))
	}
	c := dialRaw(t, s.schemes, s.url)
	over(t, s, c.reply(), "MaxConns")
	c.closed()
	for _, c := range conns {
		require.Zero(t, c.ask(`{"id":1,"method":"ping"}`).Status)
	}
	require.EqualValues(t, 1, s.srv.Stats().Refused)
	require.NoError(t, conns[0].Send([]byte(`{"method":"bye","params":{}}`)))
	require.NoError(t, conns[0].Close())
	require.True(t, eventually(func() bool { return s.srv.Stats().Conns == 2 }))
	s.emptied(t, hello(t, s), conns[1], conns[2])
}

// from is a connection that comes from an address.
type from struct {
	carrier.Conn
	address string
}

func (f from) Info() carrier.Info { return carrier.Info{Carrier: "tcp", Remote: f.address} }

func (f from) Unwrap() carrier.Conn { return f.Conn }

func (s *site) attach(t *testing.T, address string) *rawPeer {
	ours, theirs := local.Pair()
	t.Cleanup(func() { ours.Close() })
	_ = s.srv.Attach(from{theirs, address}) // that it failed shows in what comes
	return &rawPeer{t, ours}
}

func TestLimitsOfAnAddress(t *testing.T) {
	for limit, opts := range map[string]router.ServerOptions{
		"MaxConnsAddress":  {Limits: carrier.Limits{MaxConnsAddress: 3}},
		"MaxLoginsAddress": {Limits: carrier.Limits{MaxLoginsAddress: 3}, Login: parseLogin(t, tokenLine("ana", anaToken, ""))},
		"MaxLogins":        {Limits: carrier.Limits{MaxLogins: 3}, Login: parseLogin(t, tokenLine("ana", anaToken, ""))},
	} {
		t.Run(limit, func(t *testing.T) {
			s := newSite(t, opts)
			var conns []*rawPeer
			for i := range 3 {
				conns = append(conns, s.attach(t, fmt.Sprintf("[2001:db8::%d]:1", i)))
			}
			require.True(t, eventually(func() bool { return s.srv.Stats().Conns == 3 }))
			c := s.attach(t, "[2001:db8::ffff]:2")
			over(t, s, c.reply(), limit)
			c.closed()
			if limit != "MaxLogins" {
				conns = append(conns, s.attach(t, "[2001:db8:0:1::1]:2"), s.attach(t, "192.0.2.1:2"))
			}
			for _, c := range conns {
				require.Zero(t, c.ask(helloWith(anaToken)).Status)
			}
			require.Zero(t, s.srv.Stats().LoggingIn)
			if limit != "MaxConnsAddress" {
				c = s.attach(t, "[2001:db8::ffff]:2")
				require.Zero(t, c.ask(helloWith(anaToken)).Status, "who has logged in makes room")
				conns = append(conns, c)
			}
			s.emptied(t, conns...)
		})
	}
}

func TestMaxPings(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxPings: 3})
	c := hello(t, s)
	for i := range 3 {
		require.Zero(t, c.ask(fmt.Sprintf(`{"id":%d,"method":"ping"}`, i)).Status)
	}
	for range 8 { // a second may begin anew meanwhile
		_ = c.Send([]byte(`{"id":9,"method":"ping"}`))
	}
	c.closed()
	require.Positive(t, s.srv.Stats().Passed["MaxPings"])
	s.emptied(t)
}

func TestMaxPerSecond(t *testing.T) {
	const pad = `"data":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"`
	for limit, limits := range map[string]carrier.Limits{
		"MaxMessagesSecond": {MaxMessagesSecond: 5},
		"MaxBytesSecond":    {MaxBytesSecond: 600},
	} {
		t.Run(limit, func(t *testing.T) {
			got := newCollect()
			s := limitSite(t, limits)
			_, err := s.srv.AddListener("s", "e", got.listen)
			require.NoError(t, err)
			c := hello(t, s) // one message
			require.Zero(t, c.ask(`{"id":1,"method":"add_sender","params":{"sender":"s","events":["e"]}}`).Status)
			for n := 1; n <= 4; n++ {
				require.NoError(t, c.Send(fmt.Appendf(nil, `{"n":%d,"method":"signal","params":{"info":{"sender":"s","event":"e"},%s}}`, n, pad)))
			}
			var acked, refused bool
			for !acked {
				frame := string(recv(t, c))
				if strings.Contains(frame, `{"refused":4,"status":-6`) {
					require.Contains(t, frame, limit)
					refused = true
				}
				acked = frame == `{"ack":4}`
			}
			require.True(t, refused)
			require.Len(t, got, 3)
			r := c.ask(`{"id":2,"method":"get_version"}`)
			require.Equal(t, int(sig.StatusLimit), r.Status)
			require.EqualValues(t, 2, s.srv.Stats().Passed[limit])
			require.True(t, eventually(func() bool { return c.ask(`{"id":2,"method":"get_version"}`).Status == 0 }), "it passes")
			s.emptied(t, c)
		})
	}
}

func TestMaxSessions(t *testing.T) {
	s := limitSite(t, carrier.Limits{MaxSessions: 3})
	type session struct{ Session, Epoch string }
	var all []session
	for i := range 4 {
		c := dialRaw(t, s.schemes, s.url)
		var x session
		require.NoError(t, json.Unmarshal(c.ask(helloWith("")).Response, &x))
		require.Zero(t, c.ask(`{"id":1,"method":"add_listener","params":{}}`).Status)
		require.NoError(t, c.Close())
		require.True(t, eventually(func() bool { return s.srv.Stats().Conns == 0 && s.srv.Stats().Away == min(i+1, 3) }))
		all = append(all, x)
	}
	require.EqualValues(t, 1, s.srv.Stats().Passed["MaxSessions"])
	var conns []*rawPeer
	for i, x := range all {
		c := dialRaw(t, s.schemes, s.url)
		r := c.ask(fmt.Sprintf(`{"id":1,"method":"hello","params":{"version":1,"resume":{"session":%q,"epoch":%q,"last":0}}}`, x.Session, x.Epoch))
		require.Contains(t, string(r.Response), fmt.Sprintf(`"resumed":%v`, i > 0), "the oldest had to go")
		conns = append(conns, c)
	}
	s.emptied(t, conns...)
}

// Limits of one message: the id is answered where it was read.
func TestMessageLimits(t *testing.T) {
	for limit, c := range map[string]struct {
		limits  carrier.Limits
		message string
		closed  bool
	}{
		"MaxMessage": {carrier.Limits{MaxMessage: 100}, `{"id":7,"method":"get_version","params":{"x":"` + strings.Repeat("x", 100) + `"}}`, true},
		"MaxDepth":   {carrier.Limits{MaxDepth: 3}, `{"id":7,"method":"get_version","params":{"x":[[[[]]]]}}`, true},
		"MaxID":      {carrier.Limits{}, `{"id":"` + strings.Repeat("7", 255) + `","method":"get_version"}`, false},
		"MaxValues":  {carrier.Limits{MaxValues: 100}, `{"id":7,"method":"get_version","params":{"x":[` + strings.Repeat("1,", 100) + `1]}}`, false},
	} {
		t.Run(limit, func(t *testing.T) {
			s := limitSite(t, c.limits)
			p := hello(t, s)
			require.Zero(t, p.ask(`{"id":1,"method":"get_version","params":{"x":[[]]}}`).Status)
			r := p.ask(c.message)
			over(t, s, r, limit)
			if limit != "MaxID" && limit != "MaxMessage" {
				require.Equal(t, "7", string(r.ID))
			}
			if c.closed {
				p.closed()
				s.emptied(t)
				return
			}
			require.Zero(t, p.ask(`{"id":1,"method":"get_version"}`).Status)
			s.emptied(t, p)
		})
	}
}

// S13: a message once begun has to come to its end, or at least to come.
func TestMessageTimeout(t *testing.T) {
	s := limitSite(t, carrier.Limits{MessageTimeout: 300 * time.Millisecond, MessageRate: 1000})
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.hostport(t))
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	dribble := func(c net.Conn, piece string, gap time.Duration, n int) (sent int, err error) {
		for range n {
			k, err := c.Write([]byte(piece))
			sent += k
			if err != nil {
				return sent, err
			}
			time.Sleep(gap) // its pace
		}
		return sent, nil
	}
	slow := dial()
	_, err := slow.Write([]byte(`{"id":1,`))
	require.NoError(t, err)
	start := time.Now()
	_, err = dribble(slow, " ", 10*time.Millisecond, 1000)
	require.Error(t, err)
	require.Less(t, time.Since(start), 3*time.Second)
	require.EqualValues(t, 1, s.srv.Stats().Passed["MessageTimeout"])

	// Three times the limit, but 20 times as fast as it must be.
	large := dial()
	_, err = large.Write([]byte(`{"id":1,"method":"get_version","params":{"x":"`))
	require.NoError(t, err)
	_, err = dribble(large, strings.Repeat("x", 200), 10*time.Millisecond, 90)
	require.NoError(t, err)
	_, err = large.Write([]byte("\"}}\n"))
	require.NoError(t, err)
	n, err := large.Read(make([]byte, 100))
	require.NoError(t, err)
	require.Positive(t, n)

	// Between messages there is no hurry, also when the last one came in two pieces; and
	// a stream that is never between messages is no slow one.
	idle, busy := dial(), dial()
	_, err = idle.Write([]byte(`{"id":1,"method":`))
	require.NoError(t, err)
	time.Sleep(20 * time.Millisecond) // so that it comes in two pieces
	_, err = idle.Write([]byte("\"get_version\"}\n"))
	require.NoError(t, err)
	_, err = busy.Write([]byte(`{"id":1,"method":`))
	require.NoError(t, err)
	_, err = dribble(busy, "\"get_version\"}\n{\"id\":1,\"method\":", 10*time.Millisecond, 120)
	require.NoError(t, err)
	require.Equal(t, 3, s.srv.Stats().Conns)
	require.EqualValues(t, 1, s.srv.Stats().Passed["MessageTimeout"])
}

// What takes too long is counted by the name of its limit too.
func TestTimeLimits(t *testing.T) {
	s := limitSite(t, carrier.Limits{CallTimeout: 300 * time.Millisecond, PingAfter: 100 * time.Millisecond, DeadAfter: 700 * time.Millisecond})
	owner, caller := hello(t, s), hello(t, s)
	require.Zero(t, owner.ask(`{"id":1,"method":"add_sender","params":{"sender":"s","requests":["m"]}}`).Status)
	require.NoError(t, caller.Send([]byte(`{"id":"x","method":"request","params":{"sender":"s","method":"m"}}`)))
	for {
		var m struct {
			ID        json.RawMessage
			Method    string
			Status    int
			Exception string
		}
		require.NoError(t, json.Unmarshal(recv(t, caller), &m))
		if m.Method == "ping" {
			require.NoError(t, caller.Send(fmt.Appendf(nil, `{"id":%s,"status":0,"response":null}`, m.ID)))
			continue
		}
		require.Equal(t, int(sig.StatusTimeout), m.Status)
		require.Contains(t, m.Exception, "CallTimeout")
		break
	}
	caller.closed() // nobody answers pings any more
	owner.closed()
	require.True(t, eventually(func() bool { return s.srv.Stats().Passed["DeadAfter"] == 2 }))
	require.Positive(t, s.srv.Stats().Passed["CallTimeout"])
}
