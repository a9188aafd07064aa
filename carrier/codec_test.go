package carrier

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// shout is JSON in capitals, and counts what is turned into it and back.
type shout struct {
	sig.JSON
	mu       sync.Mutex
	from, to int
}

func (*shout) Name() string { return "shout" }

func (*shout) Check(data []byte, _ int) (int, error) { return 3 * len(data), nil }

func (s *shout) AppendJSON(dst, data []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to++
	return append(dst, bytes.ToLower(data)...), nil
}

func (s *shout) AppendFromJSON(dst, text []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from++
	if bytes.ContainsAny(text, "0123456789") {
		return dst, errors.New("nobody can shout numbers")
	}
	return append(dst, bytes.ToUpper(text)...), nil
}

// TestForms: a payload is encoded once for all peers of a codec, in whatever it came, and
// counts in queues what it takes as JSON.
func TestForms(t *testing.T) {
	loud, other := &shout{}, &shout{}
	e := NewEngine(nil, Options{})
	quiet := Payload{Data: []byte(`"hi"`)}.Several(nil, 0, e)
	shouted := Payload{Data: []byte(`"HI"`)}.Several(loud, 12, e)
	queue := func(p Payload) *item {
		s := e.NewSession()
		_, err := s.Push(NewRoute("s", "e"), NewTarget([]uint32{1}, nil), []Payload{p}, false, 1<<20)
		require.NoError(t, err)
		return s.Out.items.at(0)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for _, c := range []struct {
				it   *item
				as   Codec
				want string
			}{
				{queue(quiet), nil, `"hi"`}, {queue(quiet), loud, `"HI"`}, {queue(quiet), other, `"HI"`},
				{queue(shouted), loud, `"HI"`}, {queue(shouted), nil, `"hi"`}, {queue(shouted), other, `"HI"`},
			} {
				got, ok := c.it.in(c.as)
				require.True(t, ok)
				require.Equal(t, c.want, string(got))
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, loud.from, "from JSON, for ten peers")
	require.Equal(t, 2, loud.to, "once to JSON, and once on the way to another codec")
	require.Equal(t, 2, other.from)
	require.Equal(t, itemOverhead+12, queue(shouted).size())
	require.Equal(t, itemOverhead+4, queue(quiet).size())

	number := queue(Payload{Data: []byte(`17`)}.Several(nil, 0, e))
	_, ok := number.in(loud)
	require.False(t, ok)
	require.Equal(t, `17`, string(number.json()))
	require.Contains(t, string(appendFast(nil, number, 1, shape{true, loud})), `"data":17}}`, "as a JSON message")
	_, ok = queue(Payload{Data: []byte(`true`)}).in(loud)
	require.False(t, ok, "nobody said that it may be wanted")
	data, ok := queue(Payload{}).in(loud)
	require.True(t, ok)
	require.Empty(t, data)

	// What waits counts as long as it may get, and nothing is left of it at the end.
	s := e.NewSession()
	l := &Line{Policy: sig.DropOldest, Size: 1}
	to := NewTarget([]uint32{1}, l)
	for range 3 {
		_, err := s.Push(NewRoute("s", "e"), to, []Payload{shouted}, false, 1<<20)
		require.NoError(t, err)
	}
	require.Equal(t, 2*itemOverhead+12, s.Out.Stats().WaitingBytes)
	require.NoError(t, s.PushUp(context.Background(), NewRoute("s", "e"), &shouted, 1<<20, 10, false))
	for {
		if it, _ := s.Out.take(); it == nil {
			break
		}
	}
	require.Zero(t, s.Out.Stats().WaitingBytes)
	require.True(t, s.Out.ack(3))
	require.Zero(t, s.Out.Stats().InFlightBytes)
}
