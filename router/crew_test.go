package router

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

type nothing struct{}

func (nothing) serve()            {}
func (nothing) to() *carrier.Peer { return nil }

// A crew that never has nothing to do needs no more memory than what waits.
func TestCrewIsBounded(t *testing.T) {
	var c crew
	c.add(nothing{})
	for range 100_000 {
		c.add(nothing{})
		c.mu.Lock()
		c.take()
		c.mu.Unlock()
	}
	require.LessOrEqual(t, cap(c.waiting), 16)
	require.Equal(t, 1, len(c.waiting)-c.next)
}
