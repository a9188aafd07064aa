//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/internal/programs"
	"github.com/sigrouter/sigrouter/internal/testcert"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// openPTY returns the two ends of a pseudo terminal: the device, and the path of its port.
func openPTY(t *testing.T) (device *os.File, port string) {
	t.Helper()
	device, port = needs.Terminal(t)
	// A terminal that nobody has open cannot be read from its other end.
	keep, err := os.OpenFile(port, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = keep.Close() })
	return device, port
}

// everywhere is one sig serve with every carrier at once.
type everywhere struct {
	*server
	urls        map[string]string // by scheme, for clients
	ca          string
	thermometer *os.File // prints lines
}

func startEverywhere(t *testing.T, more ...string) *everywhere {
	t.Helper()
	ca := testcert.NewCA(t)
	cert, key := testcert.Files(t, ca.Server(t, testcert.Leaf{}))
	near, far := needs.Cable(t, nil)
	thermometer, port := openPTY(t)
	e := &everywhere{urls: map[string]string{}, ca: ca.File(t), thermometer: thermometer}
	e.server = startServer(t, append(more, "--tls-cert", cert, "--tls-key", key,
		"--listen", "tcp://127.0.0.1:0", "--listen", "tls://127.0.0.1:0", "--listen", "unix://"+filepath.Join(t.TempDir(), "sock"),
		"--listen", "ws://127.0.0.1:0/sig", "--listen", "serial://"+near+"?baud=4000000",
		"--listen", "serial://"+port+"?baud=9600&sender=thermo&event=temperature")...)
	for _, url := range e.ready.Listen[:4] {
		scheme, _, _ := strings.Cut(url, ":")
		e.urls[scheme] = url
	}
	e.urls["serial"] = "serial://" + far + "?baud=4000000"
	return e
}

// join connects a program by a carrier.
func (e *everywhere) join(scheme string) *router.ClientRouter {
	e.t.Helper()
	s := sigrouter.Schemes()
	s["tls"] = tls.Scheme{CAFile: e.ca}
	c, err := router.ClientOptions{Schemes: s, Name: "over " + scheme}.Dial(e.t.Context(), e.urls[scheme])
	require.NoError(e.t, err, scheme)
	e.t.Cleanup(func() { _ = c.Close() }) // the router may have gone first
	return c
}

// A streamed event has a number and some weight.
type streamed struct {
	N   int    `json:"n"`
	Pad string `json:"pad"`
}

// One router passes one stream of events to a program on each carrier, in order, while a
// sixth that reads nothing is cut off for that; Node takes part, and a thermometer that
// knows nothing but its readings.
func TestEverywhere(t *testing.T) {
	// The slow one may keep 256 KiB waiting. The stream stays less than that ahead of the
	// others, however slow the machine is.
	const count, ahead, pad = 3000, 100, 1000
	e := startEverywhere(t, "--limit", "queue-bytes=262144")
	source := e.join("unix")
	stream, err := source.AddRemoteSender(t.Context(), "stream", sig.Events("n"),
		sig.Answer("double", func(_ context.Context, r sig.Request) (any, error) {
			var n int
			err := r.Decode(&n)
			return 2 * n, err
		}))
	require.NoError(t, err)
	signal, err := stream.Signal("n")
	require.NoError(t, err)

	listening, measured := e.audience("stream"), e.audience("thermo")
	heard := map[string]chan int{}
	for scheme := range e.urls {
		ch := make(chan int, count)
		_, err := e.join(scheme).AddRemoteListener(t.Context(), "stream", "n", func(ev sig.Event) {
			var s streamed
			if err := ev.Decode(&s); err != nil {
				s.N = -1
			}
			ch <- s.N
		})
		require.NoError(t, err, scheme)
		heard[scheme] = ch
	}
	node := e.runNode(count)
	slow, err := net.Dial("tcp", strings.TrimPrefix(e.urls["tcp"], "tcp://"))
	require.NoError(t, err)
	defer slow.Close()
	_, err = fmt.Fprintln(slow, `{"id":1,"method":"hello","params":{"version":1,"name":"sloth"}}`)
	require.NoError(t, err)
	_, err = fmt.Fprintln(slow, `{"id":2,"method":"add_listener","params":{"sender":"stream","event":"n"}}`)
	require.NoError(t, err)
	programs := len(e.urls) + 1
	if node != nil {
		programs++
	}
	listening(programs)

	expect := func(n int) {
		for scheme, ch := range heard {
			select {
			case got := <-ch:
				require.Equal(t, n, got, "over %s", scheme)
			case <-time.After(testPatience):
				require.FailNow(t, "an event did not come", "%d over %s", n, scheme)
			}
		}
	}
	byNode := 0
	for n := range count {
		for node != nil && n-byNode > 5*ahead {
			byNode = await(node, node.progress)
		}
		require.NoError(t, signal.Trigger(streamed{n, strings.Repeat("x", pad)}))
		if n >= ahead {
			expect(n - ahead)
		}
	}
	for n := count - ahead; n < count; n++ {
		expect(n)
	}
	sloth := "sloth (tcp:" + slow.LocalAddr().String() + ")"
	e.await(func() bool {
		for line := range strings.Lines(e.Errors()) {
			if strings.Contains(line, sloth) && strings.Contains(line, "too slow") && strings.Contains(line, "QueueBytes") {
				return true
			}
		}
		return false
	}, "the log to say why %s was cut off", sloth)
	require.Equal(t, 1, strings.Count(e.Errors(), "QueueBytes"), "nobody else was")
	if node != nil {
		require.JSONEq(t, fmt.Sprintf(`{"inOrder":true,"count":%d,"answer":42}`, count), await(node, node.answer))
		require.NoError(t, await(node, node.ended), node.out.String())
	}

	shown := start(t, "listen", "thermo", "--count", "2", "--url", e.urls["tls"], "--ca", e.ca)
	measured(1)
	_, err = e.thermometer.WriteString("21.5\n21.6\n")
	require.NoError(t, err)
	require.Contains(t, shown.Line(), `"sender":"thermo","event":"temperature","data":21.5`)
	require.Contains(t, shown.Line(), `"data":21.6`)
}

// audience returns a function that waits until so many programs listen to an event of a
// sender.
func (e *everywhere) audience(sender string) (await func(n int)) {
	e.t.Helper()
	counts := make(chan int, 100)
	_, err := e.join("unix").AddRemoteListener(e.t.Context(), sender, sig.Subscribe, func(ev sig.Event) {
		var l sig.Listening
		if ev.Decode(&l) == nil {
			counts <- l.Listeners
		}
	})
	require.NoError(e.t, err)
	return func(n int) {
		for have := 0; have < n; {
			select {
			case have = <-counts:
			case <-time.After(testPatience):
				require.FailNow(e.t, "somebody does not listen", "%d of %d to %s", have, n, sender)
			}
		}
	}
}

// A nodeProgram is a program in Node that listens to the stream.
type nodeProgram struct {
	t        *testing.T
	out      programs.Text
	ready    chan struct{}
	progress chan int    // how many events it has heard
	answer   chan string // what it has to say in the end
	ended    chan error
}

// runNode starts the program; nil where there is no Node.
func (e *everywhere) runNode(count int) *nodeProgram {
	e.t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		require.Empty(e.t, os.Getenv("CI"), "%v", err)
		e.t.Log("without Node: it is not installed")
		return nil
	}
	client, err := filepath.Abs("../../clients/js/sig-node.js")
	require.NoError(e.t, err)
	p := &nodeProgram{t: e.t, ready: make(chan struct{}), progress: make(chan int, count), answer: make(chan string, 1), ended: make(chan error, 1)}
	listener := e.join("ws")
	_, err = listener.AddRemoteListener(e.t.Context(), "node", sig.Any, p.event)
	require.NoError(e.t, err)
	cmd := exec.CommandContext(e.t.Context(), program, "testdata/everywhere.mjs", client, e.urls["tcp"], fmt.Sprint(count))
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	require.NoError(e.t, cmd.Start())
	go func() { p.ended <- cmd.Wait() }()
	await(p, p.ready)
	name, err := listener.RemoteRequest(e.t.Context(), "node", "name", nil)
	require.NoError(e.t, err)
	require.Contains(e.t, fmt.Sprint(name), "node v")
	return p
}

// event takes what the program triggers.
func (p *nodeProgram) event(ev sig.Event) {
	switch ev.Name {
	case "ready":
		close(p.ready)
	case "progress":
		var n int
		if ev.Decode(&n) == nil {
			p.progress <- n
		}
	case "heard":
		var raw json.RawMessage
		if ev.Decode(&raw) == nil {
			p.answer <- string(raw)
		}
	}
}

// await waits for something of the program.
func await[T any](p *nodeProgram, ch <-chan T) T {
	p.t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(testPatience):
		require.FailNow(p.t, "nothing comes from Node", p.out.String())
		var none T
		return none
	}
}
