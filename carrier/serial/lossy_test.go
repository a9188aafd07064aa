package serial

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	lossyFrames = flag.Int("frames", 50_000, "frames that the test of lossy lines sends")
	lossySeed   = flag.Uint64("seed", 1, "seed of the damage it does to them")
)

// A lossyLine is an endless line of numbered frames on which one byte in a thousand is
// damaged.
type lossyLine struct {
	f       framing
	rand    *rand.Rand
	frames  int // that are still to come
	sent    int
	damaged map[int]bool // frames at least one of whose bytes was hit, delimiters included
	hit     int
	buf     []byte
}

// numbered is the frame with a number: a signal whose data depends on it.
func numbered(n int) []byte {
	x := uint64(n) * 0x9E3779B97F4A7C15
	return fmt.Appendf(nil, `{"n":%d,"method":"signal","params":{"info":{"sender":"s%d","event":"e"},"data":"%x"}}`, n, x%7, x>>(x%40))
}

func numberOf(frame []byte) int {
	digits, ok := bytes.CutPrefix(frame, []byte(`{"n":`))
	end := bytes.IndexByte(digits, ',')
	if !ok || end < 0 {
		return -1
	}
	n, err := strconv.Atoi(string(digits[:end]))
	if err != nil {
		return -1
	}
	return n
}

func (l *lossyLine) Read(p []byte) (int, error) {
	for len(l.buf) == 0 {
		if l.sent == l.frames {
			return 0, io.EOF
		}
		l.buf = l.damage(l.f.append(nil, numbered(l.sent), nil))
		l.sent++
	}
	n := copy(p, l.buf)
	l.buf = l.buf[n:]
	return n, nil
}

// damage flips, replaces, loses, doubles or adds a byte in a thousand.
func (l *lossyLine) damage(b []byte) []byte {
	out := make([]byte, 0, len(b)+4)
	for _, c := range b {
		if l.rand.IntN(1000) != 0 {
			out = append(out, c)
			continue
		}
		l.hit++
		l.damaged[l.sent] = true
		switch l.rand.IntN(5) {
		case 0:
			out = append(out, c^1<<l.rand.IntN(8))
		case 1:
			out = append(out, byte(l.rand.IntN(256)))
		case 2: // lost
		case 3:
			out = append(out, c, c)
		case 4:
			out = append(out, c, byte(l.rand.IntN(256)))
		}
	}
	return out
}

type tally struct{ got, wrong, lostUndamaged, damaged int }

func runLossy(t *testing.T, f framing) tally {
	l := &lossyLine{f: f, rand: rand.New(rand.NewPCG(*lossySeed, 0)), frames: *lossyFrames, damaged: map[int]bool{}}
	r := newReceiver(l, f, func(Reason, []byte) {})
	var sum tally
	next := 0
	for {
		frame, v, err := r.recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, good, v)
		n := numberOf(frame)
		if n < next || n >= l.sent || !bytes.Equal(frame, numbered(n)) {
			sum.wrong++
			continue
		}
		for ; next < n; next++ {
			if !l.damaged[next] {
				sum.lostUndamaged++
			}
		}
		next = n + 1
		sum.got++
	}
	sum.damaged = len(l.damaged)
	t.Logf("%d frames, %d bytes and %d frames damaged: %d received, %d wrong, %d undamaged ones lost",
		l.sent, l.hit, sum.damaged, sum.got, sum.wrong, sum.lostUndamaged)
	return sum
}

// TestCOBSNeverLies is goal G11: with a checksum no damaged frame is taken for a good
// one. Run it with -frames 1000000 for the whole of it.
func TestCOBSNeverLies(t *testing.T) {
	sum := runLossy(t, cobs{})
	require.Zero(t, sum.wrong)
	require.Zero(t, sum.lostUndamaged, "damage in one frame must not cost its neighbour")
	require.Greater(t, sum.damaged, *lossyFrames/20, "the line was not bad enough to show anything")
}

// TestLinesRecover shows what lines alone promise: all but a few of the undamaged lines
// come through, and next to them some that are good JSON and not what was sent.
func TestLinesRecover(t *testing.T) {
	sum := runLossy(t, lines{})
	undamaged := *lossyFrames - sum.damaged
	require.GreaterOrEqual(t, undamaged-sum.lostUndamaged, undamaged*99/100)
	require.Positive(t, sum.wrong, "without a checksum this line should have lied; is it damaged at all?")
}
