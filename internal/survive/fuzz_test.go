package survive

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
)

type contextT = context.Context

func timeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// grammar is what peers say; the fuzzer changes it.
var grammar = []string{
	`{"id":1,"method":"hello","params":{"version":1,"name":"x","envelope":"frame","codecs":["json"],"window":10}}`,
	`{"id":1,"method":"hello","params":{"version":1,"resume":{"session":"00","epoch":"00","last":3}}}`,
	`{"id":1,"method":"hello","params":{"version":1,"envelope":"json"}}`,
	`{"id":2,"method":"add_sender","params":{"sender":"lorem","events":["ipsum","#chat"],"requests":["get",null],"retain":["ipsum"]}}`,
	`{"id":"3","method":"add_listener","params":{"sender":null,"event":"ipsum","below":true,"policy":"latest","queue":4}}`,
	`{"id":4,"method":"remove_listener","params":{"listener_id":1}}`,
	`{"id":5,"method":"remove_sender","params":{"sender":"lorem"}}`,
	`{"id":6,"method":"signal","params":{"info":{"sender":"lorem","event":"ipsum"},"data":{"a":[1,2.5e3,"\u00e9\ud83d\ude00",null,true]}}}`,
	`{"n":1,"info":{"sender":"lorem","event":"ipsum"},"data":7}`,
	`{"n":2,"info":{"sender":"lorem","event":"ipsum"},"data":"x","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`,
	`{"n":3,"info":{"sender":"lorem","event":"ipsum"},"data":"x","hops":3}`,
	`{"id":7,"method":"request","params":{"sender":"lorem","method":"get","params":[1]}}`,
	`{"id":8,"method":"request","params":{"sender":"lorem","method":"get","hops":17,"params":[1]}}`,
	`{"id":8,"method":"list_senders","params":{"list_events":true}}`,
	`{"id":9,"method":"get_version"}`, `{"id":9,"method":"ping"}`, `{"method":"cancel","params":{"id":7}}`,
	`{"method":"bye","params":{"reason":"x","retry_ms":1}}`,
	`{"id":1,"status":0,"response":null}`, `{"id":1,"status":-2,"exception":"x","error":{"code":"c","data":1}}`,
	`{"ack":1}`, `{"gap":{"sender":"s","event":"e","n":3},"n":1,"listeners":[1]}`, `{"refused":1,"status":-2}`,
	"\x01\x00\x00\x00\x0a0123456789", "\x02\x00\x00\x00\x00", "\x83\x00\x00\x00\x05hello",
}

// mutate makes an input of what peers say.
func mutate(rng *rand.Rand) []byte {
	var b []byte
	if rng.IntN(3) > 0 {
		b = append(b, grammar[rng.IntN(3)]...)
		b = append(b, '\n')
	}
	for range 1 + rng.IntN(6) {
		b = append(b, grammar[rng.IntN(len(grammar))]...)
		if rng.IntN(4) > 0 {
			b = append(b, '\n')
		}
	}
	for range rng.IntN(5) {
		if len(b) == 0 {
			break
		}
		at := rng.IntN(len(b))
		switch rng.IntN(7) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1:
			b = append(b[:at], b[at+1:]...)
		case 2:
			b = append(b[:at], append([]byte{byte(rng.IntN(256))}, b[at:]...)...)
		case 3:
			b = b[:at]
		case 4:
			end := at + rng.IntN(len(b)-at)
			b = append(b, b[at:end]...)
		case 5:
			if at+8 <= len(b) {
				binary.BigEndian.PutUint64(b[at:], []uint64{0, 1, 1 << 31, 1<<32 - 1, 1 << 63, 1<<64 - 1}[rng.IntN(6)])
			}
		case 6:
			word := []string{`null`, `{}`, `[]`, `1e999`, `-0`, `"`, `\u0000`, `99999999999999999999`, `{"a":`, `"id":`, "\x00", "\xff"}[rng.IntN(12)]
			b = append(b[:at], append([]byte(word), b[at:]...)...)
		}
	}
	return b
}

// G8: a server is sent what no client sends, on many connections, while others talk. It may
// refuse all of it; it may not crash, hang, leak, or harm the others. SIG_SEED chooses the
// inputs.
func TestNetworkFuzz(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("SIG_SEED"), 10, 64)
	n := amount(4_000, 300_000)
	if text := os.Getenv("SIG_INPUTS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	s := newSite(t, router.ServerOptions{Options: router.Options{}})
	done := s.bystanders()
	before := resources(t)
	const lanes = 8
	each(func(lane int) error {
		rng := rand.New(rand.NewPCG(seed, uint64(lane)))
		for range n / lanes {
			if err := s.try(mutate(rng)); err != nil {
				return err
			}
		}
		return nil
	}, lanes, t)
	s.left(2)
	done()
	require.True(t, within(patience, func() bool { return s.srv.Stats().Senders <= 1 }), "%+v", s.srv.Stats())
	after := resources(t)
	t.Logf("seed %d: %d inputs; descriptors %+d, goroutines %+d, heap %+d KiB; %d sessions may come back",
		seed, n/lanes*lanes, after.files-before.files, after.goroutines-before.goroutines, (int64(after.heap)-int64(before.heap))>>10, s.srv.Stats().Away)
	require.LessOrEqual(t, after.files, before.files+2)
	require.LessOrEqual(t, after.goroutines, before.goroutines+5)
	require.Less(t, int64(after.heap)-int64(before.heap), int64(128<<20))
}

// try sends one input on a connection of its own, and reads until the server has had enough
// or has answered.
func (s *site) try(input []byte) error {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(input); err != nil {
		return nil // it has had enough
	}
	_ = c.(*net.TCPConn).CloseWrite()
	_, err = io.Copy(io.Discard, c)
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return errors.New("hangs after " + strconv.QuoteToASCII(string(input)))
	}
	return nil
}
