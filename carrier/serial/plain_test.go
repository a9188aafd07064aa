package serial

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

const (
	thermo     = `{"id":1,"method":"add_sender","params":{"events":["line"],"requests":[null],"sender":"thermo"}}`
	addedFirst = `{"id":1,"status":0,"response":null}`
)

func lineEvent(id int, data string) string {
	return fmt.Sprintf(`{"id":%d,"method":"signal","params":{"info":{"sender":"thermo","event":"line"},"data":%s}}`, id, data)
}

func sendTo(t *testing.T, c carrier.Conn, frame string) {
	t.Helper()
	within(t, "Send", func() error { return c.Send([]byte(frame)) })
}

// plainOver makes a plain connection over a device that is held in a synctest bubble,
// enrolled already, and past the moment in which a line might be partial.
func plainOver(t *testing.T, query string) (*plain, *heldDevice) {
	t.Helper()
	cfg, err := parse(mustParse(t, "serial:///dev/x?sender=thermo"+query))
	require.NoError(t, err)
	d := newHeldDevice()
	c := newPlain(newPort("/dev/x", cfg, &Scheme{Log: quiet()}, d, 0), func(*port) {})
	t.Cleanup(func() { c.Close() })
	time.Sleep(time.Second)
	require.Equal(t, thermo, recv(t, c))
	sendTo(t, c, addedFirst)
	return c, d
}

// TestThermometer is a device that knows nothing of the protocol, on a pseudo terminal.
func TestThermometer(t *testing.T) {
	b := newBoard(t)
	c := accept(t, listenAt(t, Scheme{}, b.url()+"?sender=thermo"))
	b.print(t, "1.5\n") // perhaps the end of 21.5
	b.print(t, "21.5\r\n  22\r\n\r\ntoo hot\n{\"t\":23}\n")
	require.Equal(t, thermo, recv(t, c))
	sendTo(t, c, addedFirst)
	for i, data := range []string{"21.5", "22", `"too hot"`, `{"t":23}`} {
		require.Equal(t, lineEvent(i+2, data), recv(t, c))
	}
	sendTo(t, c, `{"id":2,"status":0}`)
	require.Equal(t, Stats{Frames: 4, Partial: 1, SkippedBytes: 3}, c.(*plain).Stats())
	sendTo(t, c, `{"id":1,"method":"request","params":{"sender":"thermo","method":"led","params":"on"}}`)
	require.Equal(t, "led on", b.line(t), "and nothing of ours before it")
	require.Equal(t, `{"id":1,"status":0,"response":null}`, recv(t, c))
	require.NoError(t, b.Close())
	require.ErrorIs(t, recvErr(t, c), io.EOF)
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Send([]byte("{}")), carrier.ErrClosed)
	require.ErrorIs(t, recvErr(t, c), carrier.ErrClosed)
}

func TestPlainRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := plainOver(t, "&eol=crlf")
		for _, r := range []struct{ params, line string }{
			{`null`, "get"}, {`"on"`, "get on"}, {`5`, "get 5"}, {`{"a":1}`, `get {"a":1}`}, {`"a\nb"`, "get a b"}, {`""`, "get"},
		} {
			sendTo(t, c, `{"id":"x7","method":"request","params":{"sender":"thermo","method":"get","params":`+r.params+`}}`)
			require.Equal(t, r.line+"\r\n", <-d.out)
			require.Equal(t, `{"id":"x7","status":0,"response":null}`, recv(t, c))
		}
		for _, other := range []string{"list_senders", "cancel"} {
			sendTo(t, c, `{"id":8,"method":"`+other+`","params":{}}`)
			require.Equal(t, `{"id":8,"status":-1,"response":null,"exception":"a plain device has no method `+other+`","error":{"code":"no_method"}}`, recv(t, c))
		}
		sendTo(t, c, `{"id":9,"method":"ping"}`)
		require.Equal(t, `{"id":9,"status":0,"response":null}`, recv(t, c))
		sendTo(t, c, `{"method":"bye","params":{}}`) // not answered
		d.in <- "5\n"
		require.Equal(t, lineEvent(2, "5"), recv(t, c))
		require.Error(t, c.Send([]byte("no JSON")))
	})
}

// TestPlainReplies has the device's next line answer a request, with reply=next.
func TestPlainReplies(t *testing.T) {
	const ask = `{"id":%d,"method":"request","params":{"sender":"thermo","method":"READ?"}}`
	synctest.Test(t, func(t *testing.T) {
		c, d := plainOver(t, "&reply=next&timeout=500ms")
		d.in <- "early\n" // printed before it was asked
		synctest.Wait()
		sendTo(t, c, fmt.Sprintf(ask, 1))
		sendTo(t, c, fmt.Sprintf(ask, 2))
		require.Equal(t, "READ?\n", <-d.out)
		require.Equal(t, "READ?\n", <-d.out)
		d.in <- "21.5\n22.5\nlate\n"
		require.Equal(t, lineEvent(2, `"early"`), recv(t, c))
		require.Equal(t, `{"id":1,"status":0,"response":21.5}`, recv(t, c))
		require.Equal(t, `{"id":2,"status":0,"response":22.5}`, recv(t, c))
		require.Equal(t, lineEvent(3, `"late"`), recv(t, c))

		begin := time.Now()
		sendTo(t, c, fmt.Sprintf(ask, 3))
		require.Equal(t, `{"id":3,"status":-7,"response":null,"exception":"the device at /dev/x printed no line within 500ms","error":{"code":"timeout"}}`, recv(t, c))
		require.Equal(t, 500*time.Millisecond, time.Since(begin))
	})
}

// TestPlainListens writes events to the device.
func TestPlainListens(t *testing.T) {
	b := newBoard(t)
	c := accept(t, listenAt(t, Scheme{}, b.url()+"?listen=alarm.*/ring"))
	require.Equal(t, `{"id":1,"method":"add_listener","params":{"event":"ring","sender":"alarm.*"}}`, recv(t, c))
	sendTo(t, c, `{"id":1,"status":0,"response":{"listener_id":4}}`)
	b.print(t, "\nwhat it prints is nobody's event\n")
	for _, e := range []struct{ data, line string }{{`"fire!"`, "fire!"}, {"3", "3"}, {`{"floor":2}`, `{"floor":2}`}} {
		sendTo(t, c, `{"id":5,"method":"signal","params":{"listener_id":4,"info":{"sender":"alarm.1","event":"ring"},"data":`+e.data+`}}`)
		require.Equal(t, e.line, b.line(t))
		require.Equal(t, `{"id":5,"status":0,"response":null}`, recv(t, c))
	}
}

// TestPlainRetries keeps lines while the sender's name is taken, and asks again.
func TestPlainRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := parse(mustParse(t, "serial:///dev/x?sender=thermo"))
		require.NoError(t, err)
		d := newHeldDevice()
		c := newPlain(newPort("/dev/x", cfg, &Scheme{Log: quiet()}, d, 0), func(*port) {})
		defer c.Close()
		time.Sleep(time.Second)
		d.in <- "21.5\n"
		require.Equal(t, thermo, recv(t, c))
		require.False(t, c.Buffered())
		id := 1
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			sendTo(t, c, fmt.Sprintf(`{"id":%d,"status":-2,"response":null,"exception":"taken"}`, id))
			begin := time.Now()
			id++
			frame, err := c.Recv()
			require.NoError(t, err)
			require.Contains(t, string(frame), fmt.Sprintf(`{"id":%d,"method":"add_sender"`, id))
			require.Equal(t, pause*time.Second, time.Since(begin))
		}
		sendTo(t, c, fmt.Sprintf(`{"id":%d,"status":0}`, id))
		require.True(t, c.Buffered())
		require.Equal(t, lineEvent(id+1, "21.5"), recv(t, c))
		require.False(t, c.Buffered())

		sendTo(t, c, fmt.Sprintf(`{"id":%d,"status":-2,"exception":"removed"}`, id+1))
		require.EqualValues(t, 1, c.Stats().Refused)
	})
}

// TestPlainOverflow checks that lines for which there is no room are counted, and those
// for which there was none left at the end.
func TestPlainOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := plainOver(t, "")
		const extra = 10
		for i := range plainLines + extra {
			d.in <- fmt.Sprintf("%d\n", i)
		}
		synctest.Wait()
		require.EqualValues(t, extra, c.Stats().Overflow)
		require.Equal(t, lineEvent(2, "0"), recv(t, c))
		require.NoError(t, c.Close())
		require.EqualValues(t, extra+plainLines-1, c.Stats().Overflow)
	})
}

// TestPlainGone checks that what the device printed last still comes when it is gone.
func TestPlainGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := plainOver(t, "")
		for i := range 5 {
			d.in <- fmt.Sprintf("%d\n", i)
		}
		synctest.Wait()
		close(d.in) // reads give io.EOF from here on
		for i := range 5 {
			require.Equal(t, lineEvent(i+2, fmt.Sprint(i)), recv(t, c))
		}
		require.ErrorIs(t, recvErr(t, c), io.EOF)
	})
}

func TestPlainAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := plainOver(t, "")
		for range plainAnswers {
			require.NoError(t, c.Send([]byte(`{"id":1,"method":"ping"}`)))
		}
		require.Error(t, c.Send([]byte(`{"id":1,"method":"ping"}`)))
	})
}

func TestPlainIsListenedFor(t *testing.T) {
	_, err := Scheme{}.Dial(context.Background(), mustParse(t, "serial:///dev/ttyUSB0?sender=thermo"))
	require.ErrorContains(t, err, "a router listens at this address")
}

// TestPlainMessagesAreSound checks that whatever a device prints becomes a message that
// a router reads.
func TestPlainMessagesAreSound(t *testing.T) {
	for _, line := range []string{"a\"b", "\\", "\xb0C", "<&>", "\u2028", "{", "+1"} {
		value, _ := lineValue([]byte(line))
		frame := call(1, "signal", signalParams{originOf{`se"nder`, "e"}, value})
		var m message
		require.NoError(t, json.Unmarshal(frame, &m))
		_, err := (&sig.Raw{Codec: sig.JSON{}, Bytes: m.Params.Data}).Value()
		require.NoError(t, err)
	}
}
