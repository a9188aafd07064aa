package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A server is a running sig serve.
type server struct {
	*process
	ready readyLine
	url   string // the first
}

// startServer starts a router on a free port of this machine, unless the arguments say
// where to listen.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--listen") {
		args = append(args, "--listen", "tcp://127.0.0.1:0")
	}
	return serverOf(t, start(t, append([]string{"serve"}, args...)...))
}

// serverOf reads the line by which a sig serve says that it is ready.
func serverOf(t *testing.T, p *process) *server {
	t.Helper()
	s := &server{process: p}
	line := s.Line()
	require.NoError(t, json.Unmarshal([]byte(line), &s.ready), line)
	require.True(t, s.ready.Ready)
	s.url = s.ready.Listen[0]
	return s
}

func (s *server) addr() string { return strings.TrimPrefix(s.url, "tcp://") }

// dial connects a Go program to the router.
func (s *server) dial() *router.ClientRouter {
	s.t.Helper()
	c, err := sigrouter.Dial(s.t.Context(), s.url)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() }) // the router may have gone first
	return c
}

// A raw is a program that knows nothing but sockets and JSON.
type rawPeer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *server) raw() *rawPeer {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	return &rawPeer{s.t, conn, bufio.NewReader(conn)}
}

// call writes a line and returns the line that comes back.
func (p *rawPeer) call(line string) string {
	p.t.Helper()
	_, err := p.conn.Write([]byte(line + "\n"))
	require.NoError(p.t, err)
	require.NoError(p.t, p.conn.SetReadDeadline(time.Now().Add(testPatience)))
	reply, err := p.in.ReadString('\n')
	require.NoError(p.t, err)
	return strings.TrimSpace(reply)
}

// addSender adds a sender to the router from a program of its own, and returns a function
// that triggers its event.
func (s *server) addSender(name, event string, opts ...sig.SenderOption) func(any) {
	s.t.Helper()
	sender, err := s.dial().Remote().AddSender(name, append(opts, sig.Events(event))...)
	require.NoError(s.t, err)
	signal, err := sender.Signal(event)
	require.NoError(s.t, err)
	return func(data any) {
		s.t.Helper()
		require.NoError(s.t, signal.Trigger(data))
	}
}

// awaitListener waits until somebody listens to the event of the sender.
func (s *server) awaitListener(sender, event string) {
	s.t.Helper()
	c := s.dial()
	s.await(func() bool {
		list, err := c.RemoteSenders(s.t.Context())
		require.NoError(s.t, err)
		return slices.ContainsFunc(list, func(info sig.SenderInfo) bool {
			return info.Name != nil && *info.Name == sender && !info.Connected && slices.Contains(info.Events, event)
		})
	}, "a listener of %s of %s", event, sender)
}

// A gate is a sender whose method "wait" waits.
type gate struct {
	asked   chan struct{} // gets one for each request
	release chan struct{} // closed to answer
}

func newGate() *gate { return &gate{make(chan struct{}, 100), make(chan struct{})} }

func (g *gate) awaitAsked(t *testing.T) {
	t.Helper()
	select {
	case <-g.asked:
	case <-time.After(testPatience):
		require.FailNow(t, "no request came")
	}
}

// answers are the requests of a sender that tests ask.
func (g *gate) answers() []sig.SenderOption {
	return []sig.SenderOption{
		sig.Answer("echo", func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }),
		sig.Answer("text", func(context.Context, sig.Request) (any, error) { return "plain\ntext", nil }),
		sig.Answer("divide", func(context.Context, sig.Request) (any, error) { return nil, errors.New("division by zero") }),
		sig.Answer("refuse", func(context.Context, sig.Request) (any, error) { return nil, sig.ErrRefused }),
		sig.Answer("wait", func(ctx context.Context, _ sig.Request) (any, error) {
			g.asked <- struct{}{}
			select {
			case <-g.release:
				return "released", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}),
	}
}

// ticking adds a sender whose event is triggered all the time, until the test ends.
func (s *server) ticking(name, event string, every time.Duration, opts ...sig.SenderOption) {
	s.t.Helper()
	trigger := s.addSender(name, event, opts...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; pause(ctx, every) == nil; n++ {
			trigger(n)
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
}
