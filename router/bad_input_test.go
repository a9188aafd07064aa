package router_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// What bad input gets: a reply that says what is wrong, nothing worse than the end of its
// own connection, and nobody else is disturbed.
func TestBadInput(t *testing.T) {
	const add = `{"id":1,"method":"add_sender","params":{"sender":"mine","events":["e","#chat"]}}` + "\n"
	for name, c := range map[string]struct {
		in     string
		status sig.Status
		says   string // a part of the exception of the last reply
		ends   bool   // the connection is closed
	}{
		"not JSON":             {"hello\n", sig.StatusMalformed, "", true},
		"an HTTP request":      {"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + add, sig.StatusMalformed, "", true},
		"no object":            {"[1,2]\n", sig.StatusMalformed, "object", true},
		"half an object":       {`{"id":1,"method":}` + "\n", sig.StatusMalformed, "", true},
		"not UTF-8":            {`{"id":1,"method":"signal","params":{"info":{"sender":"mine","event":"e"},"data":"` + "\xff" + `"}}` + "\n", sig.StatusMalformed, "UTF-8", true},
		"NaN":                  {`{"id":1,"method":"signal","params":{"info":{"sender":"mine","event":"e"},"data":NaN}}` + "\n", sig.StatusMalformed, "NaN", true},
		"10,000 deep":          {`{"id":1,"method":"signal","params":{"info":{"sender":"mine","event":"e"},"data":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}}\n", sig.StatusLimit, "MaxDepth", true},
		"too long":             {`{"id":1,"method":"signal","params":{"info":{"sender":"mine","event":"e"},"data":"` + strings.Repeat("x", 2<<20) + "\"}}\n", sig.StatusLimit, "MaxMessage", true},
		"a member twice":       {`{"id":1,"id":2,"method":"get_version"}` + "\n", sig.StatusMalformed, "", false},
		"no method":            {`{"id":1}` + "\n", sig.StatusNoName, "", false},
		"an unknown method":    {`{"id":1,"method":"frobnicate"}` + "\n", sig.StatusNoMethod, "frobnicate", false},
		"params no object":     {`{"id":1,"method":"add_sender","params":[]}` + "\n", sig.StatusFailed, "add_sender needs", false},
		"a mistyped name":      {`{"id":1,"method":"add_sender","params":{"sender":5,"events":["e"]}}` + "\n", sig.StatusFailed, "sender has to be a string; it came as number", false},
		"no name":              {`{"id":1,"method":"add_sender","params":{"sender":"","events":["e"]}}` + "\n", sig.StatusFailed, "sender", false},
		"a name too long":      {`{"id":1,"method":"add_sender","params":{"sender":"` + strings.Repeat("x", 256) + `","events":["e"]}}` + "\n", sig.StatusFailed, "255", false},
		"a control character":  {`{"id":1,"method":"add_sender","params":{"sender":"a\u0007","events":["e"]}}` + "\n", sig.StatusFailed, "control", false},
		"a pattern as a name":  {`{"id":1,"method":"add_sender","params":{"sender":"a.*","events":["e"]}}` + "\n", sig.StatusFailed, "pattern", false},
		"an unknown policy":    {`{"id":1,"method":"add_listener","params":{"policy":"hope"}}` + "\n", sig.StatusFailed, "drop_oldest", false},
		"no info":              {`{"id":1,"method":"signal","params":{}}` + "\n", sig.StatusFailed, "info", false},
		"a built-in event":     {add + `{"id":2,"method":"signal","params":{"info":{"sender":"mine","event":"#connect"}}}` + "\n", sig.StatusRefused, "built in", false},
		"a channel":            {add + `{"id":2,"method":"signal","params":{"info":{"sender":"mine","event":"#chat"}}}` + "\n", sig.StatusDone, "", false},
		"someone else's":       {`{"id":1,"method":"signal","params":{"info":{"sender":"theirs","event":"e"}}}` + "\n", sig.StatusRefused, "not yours", false},
		"a second holder":      {`{"id":1,"method":"add_sender","params":{"sender":"theirs","events":["e"]}}` + "\n", sig.StatusFailed, "already connected", false},
		"a repeated id":        {add + `{"id":1,"method":"remove_sender","params":{"sender":"mine"}}` + "\n", sig.StatusDone, "", false},
		"a stray reply":        {`{"id":77,"status":0,"response":null}` + "\n" + add, sig.StatusDone, "", false},
		"a megabyte of blanks": {strings.Repeat(" ", 1<<20) + add, sig.StatusDone, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, router.ServerOptions{})
			good := s.dial(t, router.ClientOptions{})
			got := newCollect()
			listenRemote(t, good, "theirs", "e", got.listen)
			e := addRemote(t, good, "theirs", "e")

			conn, err := net.Dial("tcp", s.hostport(t))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			_, _ = io.WriteString(conn, c.in) // the router may close before it has read all
			replies := bufio.NewReader(conn)
			if !c.ends {
				_, err = io.WriteString(conn, `{"id":"still here","method":"get_version"}`+"\n")
				require.NoError(t, err)
			}
			var last, reply rawReply
			for string(reply.ID) != `"still here"` {
				last = reply
				line, err := replies.ReadString('\n')
				if c.ends && err != nil {
					require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is still open")
					break
				}
				require.NoError(t, err)
				reply = rawReply{}
				require.NoError(t, json.Unmarshal([]byte(line), &reply), line)
			}
			// Where input is left unread the kernel may drop the reply with the connection.
			if !c.ends || last.ID != nil || last.Status != 0 {
				require.Equal(t, int(c.status), last.Status, "%+v", last)
				require.Contains(t, last.Exception, c.says)
			}
			require.NoError(t, e.Trigger(name))
			require.Equal(t, name, got.data(t), "nobody else is disturbed")
		})
	}
}
