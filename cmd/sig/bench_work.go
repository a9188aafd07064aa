package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A bencher measures one workload.
type bencher struct {
	app   *app
	flags benchFlags
	begin time.Time
	conns []*connection
}

// dial connects one more client.
func (b *bencher) dial(ctx context.Context) (*connection, error) {
	f := b.flags.client
	c, err := b.app.dial(ctx, &f, true)
	if err == nil {
		b.conns = append(b.conns, c)
	}
	return c, err
}

func (b *bencher) close() {
	var wg sync.WaitGroup
	for _, c := range b.conns {
		wg.Go(func() { _ = c.close() }) // everything was counted already
	}
	wg.Wait()
}

// senderName is a name that another bench at the same router does not have.
func (b *bencher) senderName() string { return fmt.Sprintf("sig-bench-%d", b.begin.UnixNano()) }

// minBenchSize is room for the time in an event's data.
const minBenchSize = 32

// data is what each event carries: when it was triggered, and padding.
func (b *bencher) data() *sig.Raw {
	text := fmt.Appendf(nil, `{"t":%019d`, time.Since(b.begin))
	// The leading digit keeps JSON from taking exception to leading zeros.
	text[len(`{"t":`)] = '1'
	text = append(text, `,"x":"`...)
	text = append(text, strings.Repeat("x", max(0, b.flags.size-len(text)-2))...)
	return &sig.Raw{Codec: sig.JSON{}, Bytes: append(text, `"}`...)}
}

// age is how long ago data was made.
func (b *bencher) age(data any) time.Duration {
	raw, ok := data.(*sig.Raw)
	const at = len(`{"t":1`)
	if !ok || len(raw.Bytes) < at+18 || !bytes.HasPrefix(raw.Bytes, []byte(`{"t":1`)) {
		return 0
	}
	n, err := strconv.ParseInt(string(raw.Bytes[at:at+18]), 10, 64)
	if err != nil {
		return 0
	}
	return time.Since(b.begin) - time.Duration(n)
}

// requests measures requests from one client to another.
func (b *bencher) requests(ctx context.Context) (benchLine, error) {
	answerer, err := b.dial(ctx)
	if err != nil {
		return benchLine{}, err
	}
	name := b.senderName()
	echo := func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }
	if _, err := answerer.bus.AddSender(name, sig.Answer("echo", echo)); err != nil {
		return benchLine{}, err
	}
	caller, err := b.dial(ctx)
	if err != nil {
		return benchLine{}, err
	}
	run, cancel := context.WithTimeout(ctx, b.flags.length)
	defer cancel()
	times := make([]histogram, b.flags.inFlight)
	errs := make([]error, b.flags.inFlight)
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range b.flags.inFlight {
		wg.Go(func() {
			for params := b.data(); run.Err() == nil && errs[i] == nil; {
				start := time.Now()
				_, errs[i] = caller.bus.Request(ctx, name, "echo", params)
				times[i].add(time.Since(start))
			}
		})
	}
	wg.Wait()
	line := lineOf("requests", time.Since(begin), times)
	if ctx.Err() != nil {
		return line, context.Cause(ctx)
	}
	return line, errors.Join(errs...)
}

// events measures events to a number of clients.
func (b *bencher) events(ctx context.Context, title string, listeners int) (benchLine, error) {
	name := b.senderName()
	times := make([]histogram, listeners)
	f := newFlight(b.flags.inFlight, listeners)
	for i := range listeners {
		c, err := b.dial(ctx)
		if err != nil {
			return benchLine{}, fmt.Errorf("client %d: %w", i+1, err)
		}
		_, err = c.bus.AddListener(name, "tic", func(e sig.Event) {
			times[i].add(b.age(e.Data))
			f.arrived()
		})
		if err != nil {
			return benchLine{}, fmt.Errorf("client %d: %w", i+1, err)
		}
	}
	c, err := b.dial(ctx)
	if err != nil {
		return benchLine{}, err
	}
	s, err := c.bus.AddSender(name, sig.Events("tic"))
	if err != nil {
		return benchLine{}, err
	}
	signal, err := s.Signal("tic")
	if err != nil {
		return benchLine{}, err
	}
	begin := time.Now()
	sent, err := b.trigger(ctx, signal, f)
	if err != nil {
		return benchLine{}, err
	}
	lost := f.settle(ctx, sent*int64(listeners), b.flags.client.timeout)
	took := time.Since(begin)
	b.close() // from here on nobody adds to times
	b.conns = nil
	line := lineOf(title, took, times)
	line.Lost = lost
	if ctx.Err() != nil {
		return line, context.Cause(ctx)
	}
	return line, c.failure()
}

// trigger triggers as long as it is told to, and returns how many times.
func (b *bencher) trigger(ctx context.Context, signal sig.Signal, f *flight) (sent int64, err error) {
	end := time.NewTimer(b.flags.length)
	defer end.Stop()
	for ; ; sent++ {
		select {
		case <-f.room:
		case <-end.C:
			return sent, nil
		case <-ctx.Done():
			return sent, nil
		}
		if err := signal.Trigger(b.data()); err != nil {
			return sent, err
		}
	}
}

// A flight bounds the events on their way: an event has arrived when all listeners have
// had it, which is counted without telling events apart.
type flight struct {
	room      chan struct{} // holds one for each event that may start
	listeners int64
	n         atomic.Int64 // arrivals
	all       chan struct{}
	want      atomic.Int64 // arrivals that close all
	once      sync.Once
}

func newFlight(inFlight, listeners int) *flight {
	f := &flight{room: make(chan struct{}, inFlight), listeners: int64(listeners), all: make(chan struct{})}
	for range inFlight {
		f.room <- struct{}{}
	}
	return f
}

// arrived counts one event at one listener.
func (f *flight) arrived() {
	n := f.n.Add(1)
	if n%f.listeners == 0 {
		f.room <- struct{}{}
	}
	f.check(n)
}

func (f *flight) check(n int64) {
	if want := f.want.Load(); want > 0 && n >= want {
		f.once.Do(func() { close(f.all) })
	}
}

// settle waits until so many have arrived, or patience ends, and returns how many are
// missing.
func (f *flight) settle(ctx context.Context, want int64, patience time.Duration) int64 {
	if want == 0 {
		return 0
	}
	f.want.Store(want)
	f.check(f.n.Load())
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-f.all:
	case <-t.C:
	case <-ctx.Done():
	}
	return want - f.n.Load()
}

func lineOf(name string, took time.Duration, parts []histogram) benchLine {
	var all histogram
	for i := range parts {
		all.merge(&parts[i])
	}
	us := func(d time.Duration) float64 {
		return float64(d.Round(100*time.Nanosecond)) / float64(time.Microsecond)
	}
	return benchLine{
		Workload: name, Count: all.n, Seconds: took.Round(time.Millisecond).Seconds(),
		PerSecond: math.Round(float64(all.n) / took.Seconds()),
		P50:       us(all.quantile(0.5)), P90: us(all.quantile(0.9)), P99: us(all.quantile(0.99)), Max: us(all.max),
	}
}
