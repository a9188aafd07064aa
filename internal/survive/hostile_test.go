package survive

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// reply reads one reply.
func reply(t *testing.T, r *bufio.Reader) (m struct {
	ID        json.RawMessage
	Status    *int
	Exception string
}) {
	t.Helper()
	line, err := r.ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &m), "%s", line)
	return m
}

const hello = `{"id":"h","method":"hello","params":{"version":1}}` + "\n"

// Each message that is wrong is answered with a status and a text, the connection goes on,
// and nobody else notices.
func TestWrongMessages(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	long := strings.Repeat("x", 256)
	for what, c := range map[string]struct {
		message string
		status  sig.Status
		says    string
	}{
		"no method":            {`{"id":1}`, sig.StatusNoName, "method"},
		"unknown method":       {`{"id":1,"method":"frobnicate"}`, sig.StatusNoMethod, "frobnicate"},
		"method is a number":   {`{"id":1,"method":7}`, sig.StatusMalformed, "method"},
		"params is a list":     {`{"id":1,"method":"add_sender","params":[]}`, sig.StatusFailed, "add_sender needs"},
		"no sender":            {`{"id":1,"method":"add_sender","params":{"events":["e"]}}`, sig.StatusFailed, "sender"},
		"sender is a number":   {`{"id":1,"method":"add_sender","params":{"sender":1,"events":["e"]}}`, sig.StatusFailed, ""},
		"empty event":          {`{"id":1,"method":"add_sender","params":{"sender":"x","events":[""]}}`, sig.StatusFailed, "empty"},
		"name too long":        {`{"id":1,"method":"add_sender","params":{"sender":"` + long + `","events":["e"]}}`, sig.StatusFailed, "255"},
		"control character":    {`{"id":1,"method":"add_sender","params":{"sender":"a\u0000b","events":["e"]}}`, sig.StatusFailed, "control"},
		"lone surrogate":       {`{"id":1,"method":"add_sender","params":{"sender":"\ud800","events":["e"]}}`, sig.StatusMalformed, ""},
		"a name that is taken": {`{"id":1,"method":"add_sender","params":{"sender":"bystander","events":["e"]}}`, sig.StatusFailed, "bystander"},
		"another's sender":     {`{"id":1,"method":"signal","params":{"info":{"sender":"bystander","event":"n"},"data":1}}`, sig.StatusRefused, "not yours"},
		"another's #connect":   {`{"id":1,"method":"signal","params":{"info":{"sender":"bystander","event":"#connect"}}}`, sig.StatusRefused, ""},
		"remove another's":     {`{"id":1,"method":"remove_sender","params":{"sender":"bystander"}}`, sig.StatusRefused, "not yours"},
		"another's listener":   {`{"id":1,"method":"remove_listener","params":{"listener_id":2}}`, sig.StatusFailed, "listener"},
		"no such sender":       {`{"id":1,"method":"request","params":{"sender":"nobody","method":"m"}}`, sig.StatusFailed, "nobody"},
		"no info":              {`{"id":1,"method":"signal","params":{"data":1}}`, sig.StatusFailed, "info"},
	} {
		c0 := s.raw()
		r := bufio.NewReader(c0)
		_, err := io.WriteString(c0, hello+c.message+"\n"+`{"id":"still","method":"get_version"}`+"\n")
		require.NoError(t, err)
		require.Zero(t, *reply(t, r).Status, what)
		got := reply(t, r)
		require.NotNil(t, got.Status, what)
		require.Equal(t, c.status, sig.Status(*got.Status), "%s: %s", what, got.Exception)
		require.Contains(t, got.Exception, c.says, what)
		require.JSONEq(t, `1`, string(got.ID), what)
		got = reply(t, r)
		require.Equal(t, `"still"`, string(got.ID), what)
		require.NoError(t, c0.Close())
	}
	// One's own built-in events cannot be triggered either; a channel of one's own can.
	c := s.raw()
	r := bufio.NewReader(c)
	_, err := io.WriteString(c, hello+`{"id":1,"method":"add_sender","params":{"sender":"mine","events":["#chat"]}}`+"\n")
	require.NoError(t, err)
	require.Zero(t, *reply(t, r).Status)
	require.Zero(t, *reply(t, r).Status)
	for event, status := range map[string]sig.Status{"#connect": sig.StatusRefused, "#disconnect": sig.StatusRefused, "#subscribe": sig.StatusRefused, "#chat": sig.StatusDone} {
		_, err = fmt.Fprintf(c, `{"id":2,"method":"signal","params":{"info":{"sender":"mine","event":%q}}}`+"\n", event)
		require.NoError(t, err)
		got := reply(t, r)
		require.Equal(t, status, sig.Status(*got.Status), "%s: %s", event, got.Exception)
	}
	require.NoError(t, c.Close())
	done()
	s.left(2)
}

// A stream that cannot be understood is closed, at once or at a limit; memory stays flat.
func TestStreamsThatCannotBeTrusted(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for what, text := range map[string]string{
		"not JSON":                    "hello there\n",
		"a list":                      `[{"id":1,"method":"get_version"}]`,
		"a number":                    "42\n",
		"HTTP":                        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\n\r\n" + `{"id":1,"method":"remove_sender","params":{"sender":"bystander"}}`,
		"10,000 deep":                 `{"id":1,"method":"signal","params":{"data":` + deep + `}}`,
		"10,000 deep, in the id":      `{"id":` + deep + `,"method":"get_version"}`,
		"10,000 deep, unknown key":    `{"id":1,"method":"get_version","x":` + deep + `}`,
		"a megabyte without an end":   `{"id":1,"method":"` + strings.Repeat("x", 1<<20),
		"a megabyte without a start":  strings.Repeat("x", 1<<20),
		"invalid UTF-8":               "{\"id\":1,\"method\":\"\xff\xfe\"}",
		"a control character":         "{\"id\":1,\"method\":\"a\nb\"}",
		"binary frames without hello": "\x00\x00\x00\x10\x01\x02\x03",
		"NaN":                         `{"id":1,"method":"signal","params":{"data":NaN}}`,
		"half a message, and the end": `{"id":1,"method":"get_ver`,
	} {
		c := s.raw()
		go func() {
			_, _ = io.WriteString(c, text)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		_, err := io.Copy(io.Discard, c)
		var late net.Error
		if e, ok := err.(net.Error); ok {
			late = e
		}
		require.False(t, late != nil && late.Timeout(), "%s: the connection is still open", what)
		require.NoError(t, c.Close())
	}
	// 100 MB as one message: as much as is taken before the door is shut.
	c := s.raw()
	block := []byte(strings.Repeat("x", 1<<20))
	_, err := io.WriteString(c, `{"id":1,"method":"signal","params":{"data":"`)
	sent := 0
	for err == nil && sent < 100 {
		_, err = c.Write(block)
		sent++
	}
	require.Error(t, err, "all 100 MB were taken")
	require.Less(t, sent, 20)
	done()
	s.left(2)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapInuse)-int64(before.HeapInuse), int64(32<<20))
}

// Ids that are repeated, replies that nobody waits for, and what is reply and call in one
// are counted and disturb nobody.
func TestStrayReplies(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	c := s.raw()
	r := bufio.NewReader(c)
	_, err := io.WriteString(c, hello)
	require.NoError(t, err)
	require.Zero(t, *reply(t, r).Status)
	for i := range 1000 {
		_, err = fmt.Fprintf(c, `{"id":%d,"status":0,"response":%d}`+"\n"+`{"id":"%d","status":-2,"exception":"x"}`+"\n", i, i, i)
		require.NoError(t, err)
	}
	_, err = io.WriteString(c, `{"id":1,"status":0,"method":"get_version"}`+"\n"+ // a reply, whatever else
		strings.Repeat(`{"id":7,"method":"get_version"}`+"\n", 3)+
		`{"id":"7","method":"get_version"}`+"\n")
	require.NoError(t, err)
	for range 3 {
		require.Equal(t, "7", string(reply(t, r).ID))
	}
	require.Equal(t, `"7"`, string(reply(t, r).ID))
	strays := func() (n uint64) {
		for _, p := range s.srv.Peers() {
			n += p.Strays
		}
		return n
	}
	require.True(t, within(patience, func() bool { return strays() == 2001 }), "%d", strays())
	require.NoError(t, c.Close())
	done()
	s.left(2)
}

// A peer that reads nothing is closed as too slow, and the reason is known: here, in the
// log and in #disconnect.
func TestPeerThatNeverReads(t *testing.T) {
	limits := carrier.Limits{QueueBytes: 1 << 20}
	s := newSite(t, router.ServerOptions{Limits: limits})
	done := s.bystanders()
	gone := make(chan sig.Declaration, 1)
	_, err := s.srv.AddListener("sleeper", sig.Disconnect, func(e sig.Event) { gone <- e.Data.(sig.Declaration) })
	require.NoError(t, err)
	c := s.raw()
	_, err = io.WriteString(c, hello+`{"id":1,"method":"add_sender","params":{"sender":"sleeper","events":["e"]}}`+
		`{"id":2,"method":"add_listener","params":{"sender":"big","event":null}}`)
	require.NoError(t, err)
	require.True(t, within(patience, func() bool { return s.srv.Stats().Listeners == 2 }))
	big, err := s.srv.AddSender("big", sig.Events("e"))
	require.NoError(t, err)
	e, err := big.Signal("e")
	require.NoError(t, err)
	data := strings.Repeat("x", 10_000)
	for range 5000 {
		require.NoError(t, e.Trigger(data))
		if len(gone) > 0 {
			break
		}
	}
	select {
	case d := <-gone:
		require.Contains(t, d.Reason, "slow")
	case <-time.After(patience):
		require.Fail(t, "it is still there")
	}
	require.True(t, within(patience, func() bool { return strings.Contains(s.log.String(), "too slow") }))
	require.Positive(t, s.srv.Stats().Passed["QueueBytes"])
	require.Positive(t, s.srv.Stats().Dropped, "what was lost is counted")
	done()
	s.left(2)
}

// One that connects and says nothing, or says it one byte a second, is let go before login
// within the limit.
func TestSlowEverything(t *testing.T) {
	limits := carrier.Limits{LoginTimeout: 2 * time.Second, MessageTimeout: 2 * time.Second}
	s := newSite(t, router.ServerOptions{Limits: limits, Login: nobody{}})
	start := time.Now()
	silent, slow := s.raw(), s.raw()
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; i < len(hello)-1; i++ {
			if _, err := slow.Write([]byte{hello[i]}); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	for _, c := range []net.Conn{silent, slow} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		_, _ = io.Copy(io.Discard, c)
	}
	require.Less(t, time.Since(start), 15*time.Second)
	close(stop)
	<-ended
	s.left(0)

	// A message that was begun and comes too slowly, once one is in.
	open := newSite(t, router.ServerOptions{Limits: limits})
	done := open.bystanders()
	c := open.raw()
	_, err := io.WriteString(c, hello+`{"id":1,"method":"get`)
	require.NoError(t, err)
	start = time.Now()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, _ = io.Copy(io.Discard, c)
	require.Less(t, time.Since(start), 15*time.Second)
	require.Positive(t, open.srv.Stats().Passed["MessageTimeout"])
	done()
	open.left(2)
}

type nobody struct{}

func (nobody) Authenticate(context.Context, string, carrier.Info) (auth.Identity, error) {
	return auth.Identity{}, sig.ErrRefused
}

// Handlers that panic, and that never return; a listener of the server that blocks for
// ever.
func TestUsersFunctionsThatMisbehave(t *testing.T) {
	s := newSite(t, router.ServerOptions{Options: router.Options{DrainTimeout: time.Second}})
	done := s.bystanders()
	leave := make(chan struct{})
	defer close(leave)
	_, err := s.srv.AddSender("bad", sig.Events("e"),
		sig.Answer("panics", func(context.Context, sig.Request) (any, error) { panic("boo") }),
		sig.Answer("exits", func(context.Context, sig.Request) (any, error) { runtime.Goexit(); return nil, nil }),
		sig.Answer("hangs", func(context.Context, sig.Request) (any, error) { <-leave; return nil, nil }))
	require.NoError(t, err)
	_, err = s.srv.AddListener("victim", "e", func(sig.Event) { <-leave })
	require.NoError(t, err)
	c := s.dial(router.ClientOptions{})
	victim, err := c.AddRemoteSender(t.Context(), "victim", sig.Events("e"))
	require.NoError(t, err)
	e, err := victim.Signal("e")
	require.NoError(t, err)
	require.NoError(t, e.Trigger(1), "whose listener blocks")
	asker := s.dial(router.ClientOptions{})
	for _, m := range []string{"panics", "exits"} {
		_, err := asker.RemoteRequest(t.Context(), "bad", m, nil)
		require.Error(t, err, m)
		require.NotErrorIs(t, err, sig.ErrTimeout, m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = asker.RemoteRequest(ctx, "bad", "hangs", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = asker.Ping(t.Context())
	require.NoError(t, err)
	done()
	start := time.Now()
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorContains(t, s.srv.Shutdown(ctx), "has not returned")
	require.Less(t, time.Since(start), 10*time.Second)
}
