package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A client publishes, listens, asks and answers.
type client struct {
	w      *world
	id     int
	kind   string
	slow   bool // its listeners take their time
	faulty bool
	in     *carriertest.Injector
	proxy  *carriertest.Proxy
	rt     *router.ClientRouter
	rng    *rand.Rand // for the goroutine that publishes

	signals       []*published
	triggered     atomic.Uint64
	refused       atomic.Uint64 // signals that the server said it did not dispatch
	refusedBefore uint64        // of these, in the time of faults
	tooSlow       atomic.Bool   // it was cut off for that
	reconnect     atomic.Int64
	resumed       atomic.Int64

	mu      sync.Mutex
	ledgers []*ledger
	passing []*ledger // of listeners that came and went
	errs    []string
}

// published is one signal, and how many of it were triggered.
type published struct {
	stream
	sig.Signal
	k uint64
}

func (c *client) String() string { return fmt.Sprintf("client %d (%s)", c.id, c.kind) }

func (w *world) newClient(id int, kind string, faulty bool) (*client, error) {
	c := &client{
		w: w, id: id, kind: kind, faulty: faulty, slow: faulty && w.rng.IntN(4) == 0,
		in: carriertest.NewInjector(carriertest.Faults{Seed: w.c.Seed + uint64(id)}), rng: rand.New(rand.NewPCG(w.c.Seed, uint64(1000+id))),
	}
	url := w.urls[kind]
	switch kind {
	case "tcp", "tls", "ws":
		p, err := c.in.Proxy(hostport(url))
		if err != nil {
			return nil, err
		}
		c.proxy = p
		url = strings.Replace(url, hostport(url), p.Addr(), 1)
	case "serial":
		url = "serial://" + w.cables.B + "?frame=cobs"
	}
	opts := router.ClientOptions{
		Options: router.Options{Logger: w.log.With("at", c.String())}, Name: fmt.Sprintf("c%d", id),
		Schemes: w.schemes(c.in), Limits: w.limits, TextOnly: w.rng.IntN(2) == 0, MaxBackoff: 500 * time.Millisecond,
		OnState: c.state, OnError: c.failed,
	}
	var err error
	for range 3 { // a serial line may need a moment
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		c.rt, err = opts.Dial(ctx, url)
		cancel()
		if err == nil {
			return c, c.prepare()
		}
	}
	return nil, fmt.Errorf("%s: %w", c, err)
}

func (c *client) state(st router.State) {
	if !st.Connected {
		if st.Err != nil && strings.Contains(st.Err.Error(), "too slow") {
			c.tooSlow.Store(true)
		}
		return
	}
	c.reconnect.Add(1)
	if st.Resumed {
		c.resumed.Add(1)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range slices.Concat(c.ledgers, c.passing) {
		l.forgetNotices()
	}
}

func (c *client) failed(err error) {
	if strings.Contains(err.Error(), "refused a signal") {
		c.refused.Add(1)
		return
	}
	c.note("%v", err)
}

// refusedSince returns how many signals were refused after the time of faults.
func (c *client) refusedSince() uint64 { return c.refused.Load() - c.refusedBefore }

// note keeps what is no fault by itself, for the report.
func (c *client) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, fmt.Sprintf(format, args...))
}

// prepare adds senders and listeners.
func (c *client) prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, s := range []string{"a", "b"} {
		snd, err := c.rt.AddRemoteSender(ctx, fmt.Sprintf("p%d.%s", c.id, s), sig.Events("x", "y"), sig.Answer("echo", c.w.calls.answer))
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		if err := c.publishes(snd, "x", "y"); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) publishes(snd sig.Sender, events ...string) error {
	for _, e := range events {
		sg, err := snd.Signal(e)
		if err != nil {
			return err
		}
		c.signals = append(c.signals, &published{stream: stream{snd.Name(), e}, Signal: sg})
	}
	return nil
}

// listen adds the client's listeners: each kind of subscription, some with a policy.
func (c *client) listen() error {
	other := fmt.Sprintf("p%d.a", c.w.rng.IntN(len(c.w.clients)))
	plans := []struct {
		sender, event string
		watched       bool
		policy        sig.Policy
		queue         int
	}{
		{sig.Any, sig.Any, true, sig.PolicyDefault, 0},
		{other, sig.Any, false, sig.PolicyDefault, 0},
		{sig.Any, "x", false, sig.DropOldest, 16},
		{sig.Any, "y", false, sig.DropNewest, 16},
		{other, "x", false, sig.Latest, 16},
	}
	if c.kind == "serial" {
		plans = plans[1:2] // a slow line
	} else if c.faulty && c.w.rng.IntN(2) == 0 {
		plans = plans[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, p := range plans {
		l := newLedger(fmt.Sprintf("%s, %s of %s", c, show(p.event), show(p.sender)), p.sender, p.event)
		if p.watched {
			l.watch()
		}
		var opts []sig.ListenOption
		if p.queue > 0 {
			opts = append(opts, sig.Queue(p.queue, p.policy))
			l.name += ", " + policyName(p.policy)
		}
		if err := c.add(ctx, l, opts...); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (c *client) add(ctx context.Context, l *ledger, opts ...sig.ListenOption) error {
	rng := rand.New(rand.NewPCG(c.w.c.Seed, uint64(c.id)))
	sub, err := c.rt.AddRemoteListener(ctx, l.sender, l.event, func(e sig.Event) {
		if c.slow && rng.IntN(20) == 0 {
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}
		l.listen(e)
	}, opts...)
	if err != nil {
		return err
	}
	l.dropped = sub.Dropped
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledgers = append(c.ledgers, l)
	return nil
}

func show(name string) string {
	if name == sig.Any {
		return "any"
	}
	return name
}

func policyName(p sig.Policy) string {
	return map[sig.Policy]string{sig.DropOldest: "drop oldest", sig.DropNewest: "drop newest", sig.Latest: "latest"}[p]
}

// publish triggers events until the world stops.
func (c *client) publish() {
	rate := c.w.c.Rate
	if c.kind == "serial" {
		rate = min(rate, 50)
	}
	for turn := 0; ; turn++ {
		select {
		case <-c.w.stop:
			return
		case <-time.After(time.Duration(5+c.rng.IntN(30)) * time.Millisecond):
		}
		n := 1 + c.rng.IntN(max(1, rate/25))
		if c.rng.IntN(50) == 0 && c.kind != "serial" {
			n *= 10
		}
		c.w.paused.RLock()
		for range n {
			c.trigger(c.signals[c.rng.IntN(len(c.signals))])
		}
		if c.faulty && turn%40 == 39 && c.kind != "serial" {
			c.comeAndGo(turn)
		}
		c.w.paused.RUnlock()
	}
}

func (c *client) trigger(p *published) {
	n := c.triggered.Add(1)
	p.k++
	if err := p.Trigger(entry{c.id, n, p.k}); err != nil {
		c.triggered.Add(^uint64(0))
		p.k--
		c.note("trigger: %v", err)
	}
}

// comeAndGo adds a sender, lets it say something and removes it; and the same with a
// listener of one's own.
func (c *client) comeAndGo(turn int) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l := newLedger(fmt.Sprintf("%s, passing listener %d", c, turn), sig.Any, "x")
	sub, err := c.rt.AddRemoteListener(ctx, l.sender, l.event, l.listen)
	if err != nil {
		c.excuse("listener", err)
		return
	}
	c.mu.Lock()
	c.passing = append(c.passing, l)
	c.mu.Unlock()
	snd, err := c.rt.AddRemoteSender(ctx, fmt.Sprintf("p%d.t%d", c.id, turn), sig.Events("z"))
	if err != nil {
		c.excuse("sender", err)
	} else {
		before := len(c.signals)
		if err := c.publishes(snd, "z"); err != nil {
			c.note("signal: %v", err)
		}
		for _, p := range c.signals[before:] {
			for range 5 {
				c.trigger(p)
			}
		}
		c.signals = c.signals[:before]
		if err := snd.Remove(); err != nil {
			c.note("remove: %v", err)
		}
	}
	sub.Remove()
}

// excuse notes an error, unless it is one of the ends of the server.
func (c *client) excuse(what string, err error) {
	if !errors.Is(err, sig.ErrShuttingDown) {
		c.note("%s: %v", what, err)
	}
}

// harm makes faults until stop is closed.
func (c *client) harm(stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(c.w.c.Seed, uint64(2000+c.id)))
	c.in.Set(carriertest.Faults{
		Seed: c.w.c.Seed + uint64(c.id), Latency: time.Duration(rng.IntN(5)) * time.Millisecond,
		Jitter: time.Duration(1+rng.IntN(5)) * time.Millisecond, Slice: rng.IntN(3) * 100,
		ResetAfter: rng.IntN(2) * 200_000, CutAfter: rng.IntN(2) * 400_000,
	})
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(100+rng.IntN(1500)) * time.Millisecond):
		}
		switch rng.IntN(4) {
		case 0, 1:
			c.in.Reset()
		case 2:
			c.in.Cut()
		case 3:
			c.in.Stall()
			select {
			case <-stop:
			case <-time.After(time.Duration(rng.IntN(3000)) * time.Millisecond):
			}
			c.in.Heal()
		}
	}
}

// mend ends the faults.
func (c *client) mend() {
	c.in.Set(carriertest.Faults{})
	c.in.Heal()
	c.in.Reset()
}

func (c *client) close() error {
	err := c.rt.Close()
	if c.proxy != nil {
		err = errors.Join(err, c.proxy.Close())
	}
	return errors.Join(err, c.in.Close())
}

// lost returns how many of the client's sessions ended.
func (c *client) lost() int {
	n := 0
	for _, l := range c.ledgers {
		n += l.lostSessions()
	}
	return n
}
