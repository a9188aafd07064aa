package router

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestByBytes(t *testing.T) {
	var m byBytes[int]
	_, ok := m.get(nil)
	require.False(t, ok)
	m.put(nil, 7, 3)
	_, ok = m.get(nil)
	require.False(t, ok, "an empty key has no value")
	key := []byte("a")
	m.put(key, 1, 3)
	key[0] = 'b' // the bytes are the caller's
	_, ok = m.get(key)
	require.False(t, ok)
	m.put(key, 2, 3)
	m.put([]byte("a"), 3, 3)
	for range 2 {
		for k, want := range map[string]int{"a": 3, "b": 2} {
			got, ok := m.get([]byte(k))
			require.True(t, ok)
			require.Equal(t, want, got)
		}
	}
	for i := range 10 {
		m.put(fmt.Append(nil, i), i, 3)
		require.LessOrEqual(t, len(m.all), 3)
		got, ok := m.get(fmt.Append(nil, i))
		require.True(t, ok)
		require.Equal(t, i, got)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { m.get([]byte("9")) }))
}
