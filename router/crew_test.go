package router

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A crew that never has nothing to do needs no more memory than what waits.
func TestCrewIsBounded(t *testing.T) {
	var c crew
	c.add(&served{})
	for range 100_000 {
		c.add(&served{})
		c.mu.Lock()
		c.take()
		c.mu.Unlock()
	}
	require.LessOrEqual(t, cap(c.waiting), 16)
	require.Equal(t, 1, len(c.waiting)-c.next)
}
