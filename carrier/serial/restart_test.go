package serial

import (
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/needs"
)

const (
	hello     = `{"id":1,"method":"hello","params":{"version":1}}`
	addSender = `{"id":1,"method":"add_sender","params":{"sender":"thermo","events":"t","requests":["get"]}}`
	addOther  = `{"id":2,"method":"add_sender","params":{"sender":"other","events":"t"}}`
	signal    = `{"id":3,"method":"signal","params":{"info":{"sender":"thermo","event":"t"},"data":"hello"}}`
)

// TestPeerRestarts shows how a connection ends when the device at the other end starts
// anew, at any point, and that the next begins with its first message.
func TestPeerRestarts(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // received on the first connection
		print  string   // ends it
		after  []string // received on the next
	}{
		{"a second hello", []string{hello, signal}, hello + "\n" + signal + "\n", []string{hello, signal}},
		{"another hello", []string{addSender}, hello + "\n", []string{hello}},
		{"the first message again", []string{addSender, addOther, signal}, addSender + "\n" + signal + "\n", []string{addSender, signal}},
		{"in mid-line", []string{addSender, signal}, signal[:40] + addSender + "\n", []string{addSender}},
		{"after a loader's rubbish", []string{addSender}, signal[:7] + "\x80\xfe\x12rl\x00" + addSender + "\n", []string{addSender}},
		{"the start mark", []string{signal}, "\n#start\n" + addSender + "\n", []string{addSender}},
		{"the start mark in mid-line", []string{signal}, signal[:9] + "\n#start\n" + addSender + "\n", []string{addSender}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBoard(t)
			l := listenAt(t, Scheme{}, b.url())
			conn := accept(t, l)
			b.print(t, "#start\n") // of a peer that has just opened the line: no restart
			for _, m := range c.before {
				b.print(t, m+"\n")
				require.Equal(t, m, recv(t, conn))
			}
			b.print(t, c.print)
			require.ErrorIs(t, recvErr(t, conn), io.EOF)
			require.ErrorIs(t, recvErr(t, conn), io.EOF, "again")
			require.ErrorIs(t, conn.Send([]byte("{}")), io.ErrClosedPipe)
			require.NoError(t, conn.Close())
			require.ErrorIs(t, conn.Send([]byte("{}")), carrier.ErrClosed)
			conn = accept(t, l)
			for _, m := range c.after {
				require.Equal(t, m, recv(t, conn))
			}
			require.NoError(t, conn.Send([]byte(`{"id":1,"status":0}`)))
			require.Equal(t, `{"id":1,"status":0}`, b.line(t))
		})
	}
}

// TestGoodbye checks that a peer which says that it goes has gone, on a line that will
// not say so, and that the port stays open for the next.
func TestGoodbye(t *testing.T) {
	const bye = `{"method":"bye","params":{"reason":"stopping"}}`
	b := newBoard(t)
	l := listenAt(t, Scheme{}, b.url())
	for range 3 {
		c := accept(t, l)
		b.print(t, hello+"\n"+bye+"\n")
		require.Equal(t, hello, recv(t, c))
		require.Equal(t, bye, recv(t, c))
		require.ErrorIs(t, recvErr(t, c), io.EOF)
		require.NoError(t, c.Close())
	}
}

// TestNoRestart shows what does not end a connection.
func TestNoRestart(t *testing.T) {
	b := newBoard(t)
	c := accept(t, listenAt(t, Scheme{}, b.url()))
	list := `{"id":1,"method":"list_senders"}`
	note := `{"id":4,"method":"signal","params":{"info":{"sender":"thermo","event":"t"},"data":"bye"}}`
	for _, m := range []string{list, list, note, signal, signal, addSender, addOther, `{"id":1,"status":0,"method":"hello"}`} {
		b.print(t, m+"\n")
		require.Equal(t, m, recv(t, c))
	}
}

// TestRestartsOverANullModem restarts either of two ends of ours, in mid-frame, at every
// framing, and never touches the other.
func TestRestartsOverANullModem(t *testing.T) {
	for _, frame := range []string{"lines", "cobs"} {
		t.Run(frame, func(t *testing.T) {
			pathA, pathB := needs.Cable(t, nil)
			query := "?frame=" + frame
			l := listenAt(t, Scheme{}, "serial://"+pathA+query)
			server := accept(t, l)
			client := dial(t, "serial://"+pathB+query)
			exchange(t, client, server)

			// The client dies in mid-frame, and another comes.
			cutFrame(t, client)
			require.NoError(t, client.Close())
			client = dial(t, "serial://"+pathB+query)
			require.ErrorIs(t, recvErr(t, server), io.EOF)
			require.NoError(t, server.Close())
			server = accept(t, l)
			exchange(t, client, server)

			// The server dies in mid-frame, and another comes.
			cutFrame(t, server)
			require.NoError(t, server.Close())
			require.NoError(t, l.Close())
			l = listenAt(t, Scheme{}, "serial://"+pathA+query)
			server = accept(t, l)
			require.ErrorIs(t, recvErr(t, client), io.EOF)
			require.NoError(t, client.Close())
			client = dial(t, "serial://"+pathB+query)
			exchange(t, client, server)
		})
	}
}

// exchange sends a hello and its answer, and lets the server end a connection first
// that it holds for an older one.
func exchange(t *testing.T, client, server carrier.Conn) {
	t.Helper()
	require.NoError(t, client.Send([]byte(hello)))
	require.Equal(t, hello, recv(t, server))
	require.NoError(t, server.Send([]byte(`{"id":1,"status":0}`)))
	require.Equal(t, `{"id":1,"status":0}`, recv(t, client))
}

// cutFrame writes half a frame.
func cutFrame(t *testing.T, c carrier.Conn) {
	t.Helper()
	whole := c.(*conn).AppendFrame(nil, []byte(signal), nil)
	_, err := c.(*conn).port.dev.Write(whole[:len(whole)/2])
	require.NoError(t, err)
}

// TestUnplugAndReplug follows a device that is not there at first, is pulled out in
// mid-frame, and comes back.
func TestUnplugAndReplug(t *testing.T) {
	at := newSocket(t)
	l := listenAt(t, Scheme{}, "serial://"+string(at))
	for range 3 {
		accepted := make(chan carrier.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				accepted <- c
			}
		}()
		b := at.plug(t)
		c := <-accepted
		b.print(t, addSender+"\n"+signal[:20])
		require.Equal(t, addSender, recv(t, c))
		at.unplug(t, b)
		require.ErrorIs(t, recvErr(t, c), io.EOF)
		require.NoError(t, c.Close())
	}
}

// TestReport follows what a listener says of its port: waited for, open, waited for again.
func TestReport(t *testing.T) {
	at := newSocket(t)
	l := listenAt(t, Scheme{}, "serial://"+string(at)+"?sender=thermo")
	report := l.(carrier.Reporter).Report
	require.Equal(t, "waiting", report().State)
	require.ErrorIs(t, report().Err, errAbsent)
	require.Empty(t, report().Counters)
	accepted := make(chan carrier.Conn)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
	}()
	require.Eventually(t, func() bool { return report().Attempts > 1 && !report().Next.IsZero() }, 5*time.Second, time.Millisecond)

	b := at.plug(t)
	c := <-accepted
	require.Equal(t, "open", report().State)
	require.NoError(t, report().Err)
	b.print(t, "1\n")
	b.print(t, "21.5\n")
	recv(t, c)
	sendTo(t, c, addedFirst)
	recv(t, c)
	require.Equal(t, "21.5", report().Last)
	require.WithinDuration(t, time.Now(), report().LastAt, time.Minute)
	// The first line counts as partial when it comes soon enough after the port was opened.
	require.EqualValues(t, 2, report().Counters["frames"]+report().Counters["partial"])

	at.unplug(t, b)
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
	require.Equal(t, "waiting", report().State)
	require.Equal(t, "21.5", report().Last, "it is still what came last")
	require.NoError(t, l.Close())
	require.Equal(t, "closed", report().State)
}

// TestReplugByIdentity plugs a device in again under another name.
func TestReplugByIdentity(t *testing.T) {
	var plugged atomic.Pointer[[]Port]
	plug := func(ports ...Port) { plugged.Store(&ports) }
	s := Scheme{ports: func() ([]Port, error) { return *plugged.Load(), nil }}
	b := newBoard(t)
	plug(Port{Name: "/dev/other", VID: "1A86", PID: "7523"}, Port{Name: b.path, VID: "2341", PID: "0043"})
	l := listenAt(t, s, "serial://usb/2341:0043")
	c := accept(t, l)
	b.print(t, "{}\n")
	require.Equal(t, "{}", recv(t, c))
	require.Equal(t, "usb 2341:0043", c.(carrier.Describer).Info().Remote)

	require.NoError(t, b.Close())
	plug()
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
	again := newBoard(t)
	plug(Port{Name: again.path, VID: "2341", PID: "0043"})
	c = accept(t, l)
	again.print(t, "{}\n")
	require.Equal(t, "{}", recv(t, c))
}

func TestReopenOff(t *testing.T) {
	b := newBoard(t)
	l := listenAt(t, Scheme{}, b.url()+"?reopen=off")
	c := accept(t, l)
	require.NoError(t, b.Close())
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
	_, err := l.Accept()
	require.ErrorIs(t, err, carrier.ErrClosed)
}

// TestListenerClose ends Accept wherever it is, and leaves no port open.
func TestListenerClose(t *testing.T) {
	waits := func(l carrier.Listener) chan error {
		failed := make(chan error, 1)
		go func() { _, err := l.Accept(); failed <- err }()
		return failed
	}
	t.Run("while the port is missing", func(t *testing.T) {
		l := listenAt(t, Scheme{}, "serial://"+string(newSocket(t)))
		failed := waits(l)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-failed, carrier.ErrClosed)
		require.ErrorIs(t, <-waits(l), carrier.ErrClosed)
	})
	t.Run("before Accept", func(t *testing.T) {
		b := newBoard(t)
		l := listenAt(t, Scheme{}, b.url())
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		dial(t, b.url()) // it is free
	})
	t.Run("while a connection is out", func(t *testing.T) {
		b := newBoard(t)
		l := listenAt(t, Scheme{}, b.url())
		c := accept(t, l)
		failed := waits(l)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-failed, carrier.ErrClosed)
		b.print(t, hello+"\n"+hello+"\n")
		require.Equal(t, hello, recv(t, c))
		require.ErrorIs(t, recvErr(t, c), io.EOF) // the port would go on, but nobody takes it
		require.NoError(t, c.Close())
		dial(t, b.url())
	})
}

// TestClosedByUs checks that a connection the router closes is followed by another, on
// the port opened again.
func TestClosedByUs(t *testing.T) {
	b := newBoard(t)
	keep, err := os.OpenFile(b.path, os.O_RDWR, 0) // or the board could not be read meanwhile
	require.NoError(t, err)
	defer keep.Close()
	l := listenAt(t, Scheme{}, b.url())
	require.Equal(t, b.url(), l.URL())
	for range 3 {
		c := accept(t, l)
		b.print(t, hello+"\n")
		require.Equal(t, hello, recv(t, c))
		require.NoError(t, c.Close())
	}
}
