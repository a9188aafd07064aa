package main

import (
	"math/bits"
	"time"
)

// A histogram counts durations in steps of a thirty-second of their size, so that quantiles
// are right within 3 %, however many there are.
type histogram struct {
	n      int64
	max    time.Duration
	counts [64 * steps]int64
}

const steps = 32

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.n++
	h.max = max(h.max, d)
	h.counts[step(uint64(d))]++
}

// step numbers the steps: one each below steps, then steps to each power of two.
func step(v uint64) int {
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(steps)
	return shift*steps + int(v>>shift)
}

// middle is the inverse of step.
func middle(i int) time.Duration {
	if i < 2*steps {
		return time.Duration(i)
	}
	shift := i/steps - 1
	low := uint64(i-shift*steps) << shift
	return time.Duration(low + 1<<shift/2)
}

func (h *histogram) merge(o *histogram) {
	h.n += o.n
	h.max = max(h.max, o.max)
	for i, c := range o.counts {
		h.counts[i] += c
	}
}

// quantile returns the duration that a part q of all do not exceed; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(q * float64(h.n))
	for i, c := range h.counts {
		if rank < c {
			return min(middle(i), h.max)
		}
		rank -= c
	}
	return h.max
}
