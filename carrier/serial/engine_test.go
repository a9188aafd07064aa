package serial

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
)

// A diary is an engine's handler that notes what it is told, and answers every call.
type diary chan string

func (d diary) Connected(p *carrier.Peer) error { d <- "connected"; return nil }

func (d diary) Message(p *carrier.Peer, m *wire.Msg) {
	d <- string(m.Method)
	p.Reply(carrier.IDOf(m), nil)
	p.Touch(p)
}

func (d diary) Disconnected(p *carrier.Peer, _ error) {
	time.Sleep(5 * time.Millisecond) // a router has senders to remove
	d <- "disconnected"
}

// TestRestartUnderAnEngine checks that the connection before a restart is done with
// before the one after it begins: else the device's sender would be taken, by itself.
func TestRestartUnderAnEngine(t *testing.T) {
	b := newBoard(t)
	notes := make(diary, 1000)
	e := carrier.NewEngine(notes, carrier.Options{})
	l := listenAt(t, Scheme{}, b.url())
	served := make(chan error, 1)
	go func() { served <- e.Serve(l) }()
	const restarts = 20
	for range restarts {
		b.print(t, addSender+"\n")
		require.Equal(t, `{"id":1,"status":0,"response":null}`, b.line(t))
		b.print(t, signal[:12]) // it dies in mid-line
	}
	require.NoError(t, e.Shutdown(context.Background(), "test"))
	require.NoError(t, <-served)
	for i := range restarts {
		require.Equal(t, "connected", <-notes, i)
		require.Equal(t, "add_sender", <-notes, i)
		require.Equal(t, "disconnected", <-notes, i)
	}
	require.Empty(t, notes)
}

// TestUnplugUnderAnEngine does the same with the port gone.
func TestUnplugUnderAnEngine(t *testing.T) {
	at := newSocket(t)
	notes := make(diary, 1000)
	e := carrier.NewEngine(notes, carrier.Options{})
	l := listenAt(t, Scheme{}, "serial://"+string(at)+"?frame=cobs")
	served := make(chan error, 1)
	go func() { served <- e.Serve(l) }()
	for i := range 3 {
		b := at.plug(t)
		require.Equal(t, "connected", <-notes)
		_, err := b.Write(cobs{}.append(nil, fmt.Appendf(nil, `{"id":%d,"method":"get_version"}`, i), nil))
		require.NoError(t, err)
		require.Equal(t, "get_version", <-notes)
		at.unplug(t, b)
		require.Equal(t, "disconnected", <-notes)
	}
	require.NoError(t, e.Shutdown(context.Background(), "test"))
	require.NoError(t, <-served)
}
