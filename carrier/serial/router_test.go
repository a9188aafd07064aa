package serial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/needs"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A station is a router with a serial port.
type station struct {
	*router.ServerRouter
	events chan string
}

func newStation(t *testing.T, address string) *station {
	t.Helper()
	s := &station{router.ServerOptions{Schemes: carrier.NewSchemes(Scheme{Log: quiet()})}.New(), make(chan string, 10_000)}
	t.Cleanup(func() { s.Close() })
	_, err := s.AddListener(sig.Any, sig.Any, func(e sig.Event) {
		if raw, ok := e.Data.(*sig.Raw); ok {
			s.events <- fmt.Sprintf("%s %s %s", e.Sender, e.Name, raw)
		} else {
			s.events <- fmt.Sprintf("%s %s", e.Sender, e.Name)
		}
	})
	require.NoError(t, err)
	_, err = s.Listen(t.Context(), address)
	require.NoError(t, err)
	return s
}

func (s *station) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-s.events:
			require.Equal(t, w, got)
		case <-time.After(patience):
			t.Fatalf("%q never came", w)
		}
	}
}

// TestThermometerAtARouter is a device that prints 21.5 and knows nothing else.
func TestThermometerAtARouter(t *testing.T) {
	at := newSocket(t)
	s := newStation(t, "serial://"+string(at)+"?sender=thermo&event=temperature")
	for range 2 { // plugged in, pulled out, plugged in again
		b := at.plug(t)
		b.print(t, "\n") // a line that is whole comes next
		s.expect(t, "thermo #connect")
		b.print(t, "21.5\r\n{\"t\":22}\r\ntoo hot\r\n")
		s.expect(t, "thermo temperature 21.5", `thermo temperature {"t":22}`, `thermo temperature "too hot"`)
		_, err := s.Request(t.Context(), "thermo", "led", "on")
		require.NoError(t, err)
		require.Equal(t, "led on", b.line(t))
		at.unplug(t, b)
		s.expect(t, "thermo #disconnect")
	}
}

// TestInstrumentAtARouter asks a device that answers with a line.
func TestInstrumentAtARouter(t *testing.T) {
	b := newBoard(t)
	s := newStation(t, b.url()+"?sender=meter&reply=next&listen=alarm/ring")
	s.expect(t, "meter #connect")
	go func() {
		for {
			question, err := b.in.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprintf(b, "%q\n", "answer to "+question[:len(question)-1])
		}
	}()
	b.print(t, "\n") // what it prints next is a whole line
	response, err := s.Request(t.Context(), "meter", "READ?", nil)
	require.NoError(t, err)
	answer, err := sig.As[string](response.Data)
	require.NoError(t, err)
	require.Equal(t, "answer to READ?", answer)

	alarm, err := s.AddSender("alarm", sig.Events("ring"))
	require.NoError(t, err)
	ring, err := alarm.Signal("ring")
	require.NoError(t, err)
	require.NoError(t, ring.Trigger("fire"))
	s.expect(t, "alarm #connect", "alarm ring", `meter line "answer to fire"`)
}

// TestSketchAtARouter is a microcontroller that speaks the protocol by hand, and
// restarts at any moment.
func TestSketchAtARouter(t *testing.T) {
	b := newBoard(t)
	s := newStation(t, b.url())
	asked := make(chan error, 1)
	for i := range 5 {
		b.print(t, addSender+"\n")
		require.Equal(t, `{"id":1,"status":0,"response":null}`, b.line(t))
		if i > 0 {
			s.expect(t, "thermo #disconnect")
			require.ErrorIs(t, <-asked, sig.ErrNotConnected)
		}
		s.expect(t, "thermo #connect")
		b.print(t, `{"id":2,"method":"signal","params":{"info":{"sender":"thermo","event":"t"},"data":21.5}}`+"\n")
		require.Equal(t, `{"id":2,"status":0,"response":null}`, b.line(t))
		s.expect(t, "thermo t 21.5")
		go func() {
			_, err := s.Request(t.Context(), "thermo", "get", nil)
			asked <- err
		}()
		require.Contains(t, b.line(t), `"method":"request"`)
		b.print(t, `{"id":3,"method":"si`) // it restarts in mid-line, with a request to answer
	}
	require.NoError(t, b.Close())
	require.ErrorIs(t, <-asked, sig.ErrNotConnected)
}

// newClient connects a router to another over a line.
func newClient(t *testing.T, address string) *router.ClientRouter {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := router.ClientOptions{Schemes: carrier.NewSchemes(Scheme{Log: quiet()})}.Dial(ctx, address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// TestTwoRouters joins two routers by a line and restarts either of them.
func TestTwoRouters(t *testing.T) {
	for _, frame := range []string{"lines", "cobs"} {
		t.Run(frame, func(t *testing.T) {
			pathA, pathB := needs.Cable(t, nil)
			query := "?frame=" + frame
			s := newStation(t, "serial://"+pathA+query)
			c := newClient(t, "serial://"+pathB+query)
			tic := addTimer(t, c)
			s.expect(t, "timer #connect")
			for i := range 200 {
				require.NoError(t, tic.Trigger(i))
				s.expect(t, fmt.Sprintf("timer tic %d", i))
			}

			// The client's program ends and is started again.
			require.NoError(t, c.Close())
			c = newClient(t, "serial://"+pathB+query)
			tic = addTimer(t, c)
			s.expect(t, "timer #disconnect", "timer #connect")
			require.NoError(t, tic.Trigger("again"))
			s.expect(t, `timer tic "again"`)

			// The server's ends and is started again; the client finds out by itself.
			require.NoError(t, s.Close())
			s = newStation(t, "serial://"+pathA+query)
			s.expect(t, "timer #connect")
			require.NoError(t, tic.Trigger("and again"))
			for got := ""; got != `timer tic "and again"`; { // the one before may come twice
				got = <-s.events
				require.Contains(t, []string{`timer tic "again"`, `timer tic "and again"`}, got)
			}
			require.NoError(t, c.Close())
		})
	}
}

// TestTwoRoutersOverABadCable damages one byte in 2,000, in both directions. Every event
// still arrives, once and in order, and without a new connection.
func TestTwoRoutersOverABadCable(t *testing.T) {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(*lossySeed, 3))
	damage, damaged := false, 0
	pathA, pathB := needs.Cable(t, func(p []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		for i := range p {
			if damage && r.IntN(2000) == 0 {
				p[i] ^= 1 << r.IntN(8)
				damaged++
			}
		}
		return p
	})
	s := newStation(t, "serial://"+pathA+"?frame=cobs")
	c := newClient(t, "serial://"+pathB+"?frame=cobs")
	tic := addTimer(t, c)
	s.expect(t, "timer #connect")
	mu.Lock()
	damage = true
	mu.Unlock()
	const events = 5000
	sent := make(chan error, 1)
	go func() {
		for i := range events {
			if err := tic.Trigger(i); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range events {
		s.expect(t, fmt.Sprintf("timer tic %d", i))
	}
	require.NoError(t, <-sent)
	mu.Lock()
	damage = false
	require.Greater(t, damaged, 20, "the cable was too good")
	t.Logf("%d bytes damaged", damaged)
	mu.Unlock()
	require.NoError(t, c.Close())
	s.expect(t, "timer #disconnect")
	require.Empty(t, s.events)
}

func addTimer(t *testing.T, c *router.ClientRouter) sig.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	timer, err := c.AddRemoteSender(ctx, "timer", sig.Events("tic"))
	require.NoError(t, err)
	tic, err := timer.Signal("tic")
	require.NoError(t, err)
	return tic
}

// TestSketchIsCutOff is a board whose connection the router ends, while a listener is busy
// with what it sent. The port is opened again at once, and the board makes itself known again:
// its sender of before must be gone by then, since it does not try twice.
func TestSketchIsCutOff(t *testing.T) {
	b := newBoard(t)
	s := newStation(t, b.url())
	free, busy := make(chan struct{}), make(chan struct{}, 1)
	defer close(free)
	_, err := s.AddListener("thermo", "t", func(sig.Event) { busy <- struct{}{}; <-free })
	require.NoError(t, err)
	b.print(t, addSender+"\n")
	require.Equal(t, `{"id":1,"status":0,"response":null}`, b.line(t))
	b.print(t, signal+"\n")
	<-busy
	b.print(t, `{"ack":1000}`+"\n") // of what was never sent
	for mark := ""; mark != startMark+"\n"; {
		mark, err = b.in.ReadString('\n')
		require.True(t, err == nil || errors.Is(err, syscall.EIO), err) // while nobody has the port
	}
	b.print(t, addSender+"\n")
	require.Equal(t, `{"id":1,"status":0,"response":null}`, b.line(t))
}
