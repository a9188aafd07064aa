package survive

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// S6: two peers have as many requests in flight as they like, with the same ids, each number
// also as a string of the same digits. Meanwhile one of them is asked, by a router that counts
// its own ids from the beginning. Each gets one reply to each id, and it is its own.
func TestIDsInFlight(t *testing.T) {
	n := amount(2000, 100_000)
	asks := n / 10
	s := newSite(t, router.ServerOptions{Limits: carrier.Limits{MaxCalls: 2*n + asks, MaxAnswers: asks, CallTimeout: 10 * time.Minute, QueueBytes: 64 << 20}})
	done := s.bystanders()
	release := make(chan struct{})
	_, err := s.srv.AddSender("s", sig.Answer("m", func(_ context.Context, r sig.Request) (any, error) {
		<-release
		return r.Params, nil
	}))
	require.NoError(t, err)

	a, b := newCaller(s, "a"), newCaller(s, "b")
	go a.calls("s", 0, n)
	go b.calls("s", 0, n)
	require.True(t, within(2*patience, func() bool { return s.srv.Stats().Calls >= 4*n }), "%+v", s.srv.Stats())
	// What a is asked has ids that a itself has in flight; what b asks it has others of b.
	go b.calls("a", n, asks/2)
	taken := a.answers(2 * (asks / 2))
	require.Positive(t, taken, "the ids of the router and of a are the same ones")
	require.Equal(t, 2*(asks/2), b.replies("a", 2*(asks/2)))
	close(release)
	require.Equal(t, 2*n, a.replies("s", 2*n))
	require.Equal(t, 2*n, b.replies("s", 2*n))
	t.Logf("%d requests in flight, %d ids each twice; %d of the router's own were the same", 4*n, 2*n, taken)
	// And nothing else comes.
	for _, c := range []*caller{a, b} {
		_, err := io.WriteString(c.conn, `{"id":"last","method":"get_version"}`)
		require.NoError(t, err)
		require.Equal(t, `"last"`, string(reply(t, c.r).ID))
		require.NoError(t, c.conn.Close())
	}
	require.True(t, within(patience, func() bool { st := s.srv.Stats(); return st.Calls <= 1 && st.Answers <= 1 }))
	done()
}

// Ids have 256 bytes at most, and what is longer is refused; a megabyte of one ends the connection.
func TestLongIDs(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	c := s.raw()
	r := bufio.NewReader(c)
	longest := `"` + strings.Repeat("x", 254) + `"`
	_, err := fmt.Fprintf(c, `%s{"id":%s,"method":"get_version"}`, hello, longest)
	require.NoError(t, err)
	require.Zero(t, *reply(t, r).Status)
	require.Equal(t, longest, string(reply(t, r).ID))
	_, err = fmt.Fprintf(c, `{"id":"%s","method":"get_version"}`, strings.Repeat("x", 1<<20))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	rest, _ := io.ReadAll(r)
	require.Less(t, len(rest), 1024, "a long id is not sent back")
	require.NotContains(t, string(rest), `"status":0`)
	s.left(2)
	done()
}

// A caller is a peer that has many requests in flight.
type caller struct {
	s    *site
	name string
	conn net.Conn
	r    *bufio.Reader
}

func newCaller(s *site, name string) *caller {
	c := &caller{s: s, name: name, conn: s.raw()}
	c.r = bufio.NewReaderSize(c.conn, 64<<10)
	_, err := fmt.Fprintf(c.conn, `%s{"id":"a","method":"add_sender","params":{"sender":%q,"requests":["m"]}}`, hello, name)
	require.NoError(s.t, err)
	require.Zero(s.t, *reply(s.t, c.r).Status)
	require.Zero(s.t, *reply(s.t, c.r).Status)
	return c
}

// calls asks a sender with each id twice, as a number and as a string.
func (c *caller) calls(sender string, from, n int) {
	w := bufio.NewWriter(c.conn)
	for i := from; i < from+n; i++ {
		fmt.Fprintf(w, `{"id":%d,"method":"request","params":{"sender":%q,"method":"m","params":["%s %s %d"]}}`, i, sender, c.name, sender, i)
		fmt.Fprintf(w, `{"id":"%d","method":"request","params":{"sender":%q,"method":"m","params":["%s %s \"%d\""]}}`, i, sender, c.name, sender, i)
	}
	_ = w.Flush()
}

// answers answers n requests with what they ask, and tells how many had the id of one of the
// caller's own.
func (c *caller) answers(n int) (same int) {
	for range n {
		var m struct {
			ID     json.RawMessage
			Params struct{ Params json.RawMessage }
		}
		line, err := c.r.ReadBytes('\n')
		require.NoError(c.s.t, err)
		require.NoError(c.s.t, json.Unmarshal(line, &m), "%s", line)
		if id := strings.Trim(string(m.ID), `"`); strings.Trim(id, "0123456789") == "" {
			same++
		}
		_, err = fmt.Fprintf(c.conn, `{"id":%s,"status":0,"response":%s}`+"\n", m.ID, m.Params.Params)
		require.NoError(c.s.t, err)
	}
	return same
}

// replies reads n replies, and tells how many ids were answered with what was asked with
// them.
func (c *caller) replies(sender string, n int) int {
	seen := map[string]bool{}
	for range n {
		var m struct {
			ID       json.RawMessage
			Response []string
		}
		line, err := c.r.ReadBytes('\n')
		require.NoError(c.s.t, err)
		require.NoError(c.s.t, json.Unmarshal(line, &m), "%s", line)
		require.Equal(c.s.t, []string{c.name + " " + sender + " " + string(m.ID)}, m.Response, "%s", line)
		seen[string(m.ID)] = true
	}
	return len(seen)
}
