package survive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A victim is a server in a process of its own, whose memory is watched.
type victim struct {
	t    *testing.T
	pid  int
	addr string
	url  string
}

func newVictim(t *testing.T, env ...string) *victim {
	t.Helper()
	cmd, url := start(t, "server", env)
	return &victim{t, cmd.Process.Pid, strings.TrimPrefix(url, "tcp://"), url}
}

// dial connects, to stay until the end of the test.
func (v *victim) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", v.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(2*patience)))
	return c
}

// memory returns a figure of /proc, in KiB: VmRSS is what it has, VmHWM the most it had.
func (v *victim) memory(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.pid))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), name+":")
	require.True(t, ok)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return n
}

// G9 and L3: whatever a server is sent, with the default limits its memory has a bound.
func TestMemoryUnderAttack(t *testing.T) {
	for _, attack := range []struct {
		name  string
		limit int // MiB above the base
		run   func(*testing.T, *victim)
	}{
		{"what no client sends", 128, sendNonsense},
		{"messages without an end", 128, sendWithoutEnd},
		{"messages of many small values", 128, sendManyValues},
		{"64 messages of a megabyte, all but done", 128, sendHalves},
		{"200 messages of a megabyte, all but the last byte", 128, sendAllButOneByte},
		{"100 listeners that read nothing", 256 + 64, readNothing}, // queue-total-bytes
	} {
		t.Run(attack.name, func(t *testing.T) {
			v := newVictim(t)
			before := v.memory(t, "VmHWM")
			attack.run(t, v)
			most := v.memory(t, "VmHWM") - before
			t.Logf("at most %d MiB more than the %d at the beginning", most>>10, before>>10)
			require.LessOrEqual(t, most>>10, attack.limit*shadow)
			c, err := sigrouter.Dial(t.Context(), v.url)
			require.NoError(t, err, "it still serves")
			require.NoError(t, c.Close())
		})
	}
}

// G9: who has not logged in costs no more than 64 KiB.
func TestMemoryBeforeLogin(t *testing.T) {
	n := amount(500, 2000)
	v := newVictim(t, fmt.Sprint("SURVIVE_LOGINS=", 2*n))
	before := v.memory(t, "VmRSS")
	for range n {
		_, err := io.WriteString(v.dial(t), `{"id":1,"method":"hello","params":{"x":"`+strings.Repeat("x", 4000))
		require.NoError(t, err)
	}
	probe := v.dial(t) // its answer comes when the others were read, more or less
	_, err := io.WriteString(probe, `{"id":1,"method":"hello","params":{"version":1,"token":"bob"}}`+"\n")
	require.NoError(t, err)
	_, err = bufio.NewReader(probe).ReadString('\n')
	require.NoError(t, err)
	one := (v.memory(t, "VmHWM") - before) / n
	t.Logf("%d connections that have not logged in: %d KiB each", n, one)
	require.LessOrEqual(t, one, 64*shadow)
}

func sendNonsense(t *testing.T, v *victim) {
	s := &site{t: t, addr: v.addr}
	each(func(lane int) error {
		rng := rand.New(rand.NewPCG(9, uint64(lane)))
		for range amount(500, 10_000) {
			if err := s.try(mutate(rng)); err != nil {
				return err
			}
		}
		return nil
	}, 8, t)
}

func sendWithoutEnd(t *testing.T, v *victim) {
	block := []byte(strings.Repeat("x", 1<<20))
	each(func(int) error {
		c := v.dial(t)
		_, err := io.WriteString(c, hello+`{"id":1,"method":"signal","params":{"data":"`)
		for sent := 0; err == nil; sent++ {
			if sent == 100 {
				return fmt.Errorf("100 MiB were taken as one message")
			}
			_, err = c.Write(block)
		}
		return nil
	}, 32, t)
}

func sendManyValues(t *testing.T, v *victim) {
	values := "[" + strings.Repeat("0,", 500_000) + "0]"
	objects := "[" + strings.Repeat(`{"":0},`, 140_000) + "0]"
	each(func(i int) error {
		c := v.dial(t)
		_, err := fmt.Fprintf(c, `%s{"id":1,"method":"add_sender","params":{"sender":"s%d","events":["e"]}}`, hello, i)
		if err != nil {
			return err
		}
		for range 10 {
			for _, data := range []string{values, objects} {
				_, err = fmt.Fprintf(c, `{"id":2,"method":"signal","params":{"info":{"sender":"s%d","event":"e"},"data":%s}}`, i, data)
				if err != nil {
					return err
				}
			}
		}
		r := bufio.NewReader(c)
		for range 2 + 20 {
			if _, err := r.ReadString('\n'); err != nil {
				return err
			}
		}
		return nil
	}, 16, t)
}

func sendHalves(t *testing.T, v *victim) {
	for range 64 {
		c := v.dial(t)
		_, err := io.WriteString(c, hello+`{"id":1,"method":"signal","params":{"data":"`+strings.Repeat("x", 1<<20-100))
		require.NoError(t, err)
	}
}

// sendAllButOneByte has 200 connections begin a message as long as may be and not end it. As
// many stay as partial-total-bytes has room for, the others are told why they are closed, and
// two clients beside them notice nothing.
func sendAllButOneByte(t *testing.T, v *victim) {
	const n, lanes = 200, 20
	const head = `{"id":1,"method":"signal","params":{"data":"`
	message := head + strings.Repeat("x", 1<<20-len(head)-len(`"}}`)) + `"}`
	check := (&site{t: t, url: v.url}).bystanders()
	conns := make([]net.Conn, n)
	each(func(lane int) error {
		for i := lane; i < n; i += lanes {
			conns[i] = v.dial(t)
			_, _ = io.WriteString(conns[i], hello+message) // it may be closed meanwhile
		}
		return nil
	}, lanes, t)
	var ended, told atomic.Int64
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			said, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			ended.Add(1)
			if strings.Contains(string(said), `"status":-6`) && strings.Contains(string(said), "PartialTotalBytes") {
				told.Add(1)
			}
		})
	}
	room := int64(carrier.Limits{}.WithDefaults().PartialTotalBytes >> 20)
	within(patience, func() bool { return ended.Load() == n-room })
	for _, c := range conns {
		require.NoError(t, c.SetReadDeadline(time.Now()))
	}
	wg.Wait()
	require.Equal(t, n-room, ended.Load(), "as many were closed as there was no room for")
	require.Equal(t, n-room, told.Load(), "and were told why")
	check()
}

func readNothing(t *testing.T, v *victim) {
	for range 100 {
		c := v.dial(t)
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
		_, err := io.WriteString(c, hello+`{"id":1,"method":"add_listener","params":{"sender":"s","event":"e"}}`)
		require.NoError(t, err)
		r := bufio.NewReader(c)
		for range 2 {
			_, err = r.ReadString('\n')
			require.NoError(t, err)
		}
	}
	c, err := sigrouter.Dial(t.Context(), v.url)
	require.NoError(t, err)
	defer c.Close()
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	var heard atomic.Int64
	_, err = c.AddRemoteListener(t.Context(), "s", "e", func(sig.Event) { heard.Add(1) })
	require.NoError(t, err)
	const events = 3000 // of 8 KiB
	for range events {
		require.NoError(t, e.Trigger(strings.Repeat("x", 8<<10)))
	}
	require.True(t, within(2*patience, func() bool { return heard.Load() == events }), "who reads has not got all")
}
