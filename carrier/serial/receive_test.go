package serial

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunks reads size bytes at a time, or less.
func chunks(r io.Reader, size int) io.Reader { return &chunkReader{r, min(max(size, 1), 1<<12)} }

type chunkReader struct {
	r    io.Reader
	size int
}

func (c *chunkReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(c.size, len(p))]) }

// taken runs a receiver over the input and returns its frames, and what it skipped.
func taken(f framing, max int, input string, size int) (frames, skipped []string) {
	r := newReceiver(chunks(strings.NewReader(input), size), f, func(why Reason, b []byte) {
		if why != more {
			skipped = append(skipped, string(why))
		}
	})
	r.max.Store(int64(max))
	for {
		frame, v, err := r.recv()
		switch {
		case err != nil:
			return frames, skipped
		case v == mark:
			frames = append(frames, "mark")
		default:
			frames = append(frames, string(frame))
		}
	}
}

func TestReceiver(t *testing.T) {
	long := fmt.Sprintf(`{"x":%q}`, strings.Repeat("y", 300))
	for _, c := range []struct {
		name, input     string
		frames, skipped []string
	}{
		{"lines", "{\"a\":1}\n\r\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}, nil},
		{"noise between", "{}\nwhat?\n{\"a\":1}\n", []string{"{}", `{"a":1}`}, []string{"noise"}},
		{"message behind noise", "boot{\"method\":1}\n{}\n", []string{`{"method":1}`, "{}"}, []string{"noise"}},
		{"mark", "{}\n{\"cut\n#start\n{}\n", []string{"{}", "mark", "{}"}, []string{"noise"}},
		{"cut at the end", "{}\n{\"a\":", []string{"{}"}, []string{"noise"}},
		{"no line break at the end", "{}\n{\"a\":1}", []string{"{}"}, []string{"noise"}},
		{"too long", "{}\n" + long + "\n{\"a\":1}\n", []string{"{}", `{"a":1}`}, []string{"too long"}},
		{"twice too long", long + "\n" + long + "\n{}\n", []string{"{}"}, []string{"too long", "too long"}},
		{"too long without end", "{}\n" + strings.Repeat(long, 40), []string{"{}"}, []string{"too long"}},
	} {
		for _, size := range []int{1, 2, 7, 64, 4096} {
			frames, skipped := taken(lines{}, 100, c.input, size)
			require.Equal(t, c.frames, frames, "%s, %d at a time", c.name, size)
			require.Equal(t, c.skipped, skipped, "%s, %d at a time", c.name, size)
		}
	}
}

func TestReceiverMemoryIsBounded(t *testing.T) {
	r := newReceiver(io.LimitReader(zeros{}, 8<<20), lines{}, func(Reason, []byte) {})
	r.max.Store(10_000)
	_, _, err := r.recv()
	require.ErrorIs(t, err, io.EOF)
	require.LessOrEqual(t, len(r.buf), 32<<10)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReceiverLargeFrameAndBack(t *testing.T) {
	big := fmt.Sprintf(`{"x":%q}`, strings.Repeat("y", 200<<10))
	r := newReceiver(strings.NewReader(big+"\n{}\n"), lines{}, func(Reason, []byte) {})
	frame, _, err := r.recv()
	require.NoError(t, err)
	require.Equal(t, big, string(frame))
	frame, _, err = r.recv()
	require.NoError(t, err)
	require.Equal(t, "{}", string(frame))
	_, _, err = r.recv()
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, r.buf, firstBuffer)
}

// TestPeekMovesNothing checks that looking ahead leaves the frame received last alone,
// and is not taken in by noise.
func TestPeekMovesNothing(t *testing.T) {
	r := newReceiver(strings.NewReader("{\"a\":1}\nnoise\n{\"b\":2}\nnoise\n{\"c\""), lines{}, func(Reason, []byte) {})
	frame, _, err := r.recv()
	require.NoError(t, err)
	require.True(t, r.peek())
	require.Equal(t, `{"a":1}`, string(frame))
	frame, _, err = r.recv()
	require.NoError(t, err)
	require.False(t, r.peek())
	require.Equal(t, `{"b":2}`, string(frame))
}
