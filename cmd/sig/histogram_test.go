package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h, half histogram
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(1<<r.IntN(40)) + time.Duration(r.Int64N(1<<30))
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			half.add(d)
		}
	}
	h.merge(&half)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.9, 0.99} {
		require.InEpsilon(t, float64(all[int(q*float64(len(all)))]), float64(h.quantile(q)), 0.035, "quantile %v", q)
	}
	require.Equal(t, all[len(all)-1], h.quantile(1))
	require.Equal(t, all[len(all)-1], h.max)
}

func TestHistogramSteps(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 31, 32, 33, 63, 64, 65, 66, 127, 128, 1 << 20, 1<<63 - 1} {
		i := step(v)
		require.GreaterOrEqual(t, i, last)
		require.Less(t, i, len(histogram{}.counts))
		require.InDelta(t, float64(v), float64(middle(i)), float64(v)/steps)
		last = i
	}
	require.Zero(t, (&histogram{}).quantile(0.5))
	var h histogram
	h.add(-time.Second) // a clock that went back
	require.Zero(t, h.max)
}
