package router

import (
	"math/bits"
	"time"
)

// latencies counts durations in steps of a quarter of each power of two, from a
// microsecond on, so that quantiles are right within an eighth.
type latencies struct {
	n      uint64
	sum    time.Duration
	max    time.Duration
	counts [latencySteps]uint32
}

const (
	latencyParts = 4                       // steps to a power of two
	latencySteps = (1 + 27) * latencyParts // the last is for everything above two minutes
)

func (l *latencies) add(d time.Duration) {
	d = max(d, 0)
	l.n++
	l.sum += d
	l.max = max(l.max, d)
	l.counts[latencyStep(d)]++
}

// latencyStep returns the step of a duration.
func latencyStep(d time.Duration) int {
	v := uint64(d / time.Microsecond)
	if v < latencyParts {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(latencyParts)
	return min(shift*latencyParts+int(v>>shift), latencySteps-1)
}

// latencyOf returns the middle of a step.
func latencyOf(step int) time.Duration {
	low, width := uint64(step), uint64(1)
	if step >= 2*latencyParts {
		shift := step/latencyParts - 1
		low, width = uint64(step-shift*latencyParts)<<shift, 1<<shift
	}
	return time.Duration(low)*time.Microsecond + time.Duration(width)*time.Microsecond/2
}

func (l *latencies) merge(o *latencies) {
	if o == nil {
		return
	}
	l.n += o.n
	l.sum += o.sum
	l.max = max(l.max, o.max)
	for i, c := range o.counts {
		l.counts[i] += c
	}
}

// quantile returns the duration that a part q of all do not exceed; 0 when there are none.
func (l *latencies) quantile(q float64) time.Duration {
	rank := uint64(q * float64(l.n))
	for i, c := range l.counts {
		if rank < uint64(c) {
			return min(latencyOf(i), l.max)
		}
		rank -= uint64(c)
	}
	return l.max
}
