package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime/pprof"
	"slices"
	"time"
)

// Run does what the program does.
func Run(c Config) (*Balance, error) {
	w, err := newWorld(c)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.serve(); err != nil {
		return nil, err
	}
	b := &Balance{Seed: c.Seed}
	err = w.live(b)
	close(w.stop)
	w.wg.Wait()
	if e := w.end(b); err == nil {
		err = e
	}
	return b, err
}

// live is the time of the world, in three parts: faults; the server stopped under load;
// another server in its place.
func (w *world) live(b *Balance) error {
	if err := w.populate(); err != nil {
		return err
	}
	for _, c := range w.clients {
		w.wg.Go(c.publish)
		w.wg.Go(c.ask)
	}
	w.badTimes(w.c.For * 6 / 10)
	w.pause(func() {
		w.settle(b)
		w.checkFaults(b)
	})
	<-time.After(w.c.For / 5)
	if err := w.restart(b); err != nil {
		return err
	}
	<-time.After(w.c.For / 5)
	w.paused.Lock() // and nobody publishes any more
	defer w.paused.Unlock()
	w.settleAfter(b)
	return nil
}

func (w *world) populate() error {
	for _, kind := range kinds {
		n := w.c.Clients
		if kind == "serial" {
			n = 1
		}
		for i := range n {
			c, err := w.newClient(len(w.clients), kind, i > 0 || kind == "serial") // the first of each kind is a bystander
			if err != nil {
				return err
			}
			w.clients = append(w.clients, c)
		}
	}
	for _, c := range w.clients {
		if err := c.listen(); err != nil {
			return err
		}
	}
	return nil
}

// badTimes makes faults for a time.
func (w *world) badTimes(d time.Duration) {
	stop := make(chan struct{})
	done := make(chan struct{})
	n := 0
	for _, c := range w.clients {
		if c.faulty {
			n++
			go func() { defer func() { done <- struct{}{} }(); c.harm(stop) }()
		}
	}
	n++
	go func() { defer func() { done <- struct{}{} }(); w.vandals(stop) }()
	w.cables.bad.Store(true)
	<-time.After(d)
	close(stop)
	for range n {
		<-done
	}
	w.cables.bad.Store(false)
	for _, c := range w.clients {
		if c.faulty {
			c.mend()
		}
	}
}

// vandals connect, send what no client sends, and go.
func (w *world) vandals(stop <-chan struct{}) {
	junk := []string{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "{", `{"id":1,"method":"add_sender","params":{"sender":"p0.a","events":["x"]}}`, "\x00\xff", `[1]`, `{"id":1,"method":"signal","params":{"info":{"sender":"p0.a","event":"x"},"data":{"c":0,"n":1,"k":1}}}`}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", hostport(w.urls["tcp"])); err == nil {
			_, _ = c.Write([]byte(junk[i%len(junk)]))
			_ = c.Close()
		}
	}
}

// pause calls fn while nobody publishes or asks.
func (w *world) pause(fn func()) {
	w.paused.Lock()
	defer w.paused.Unlock()
	fn()
}

// patience is how long the accounts may take to settle without any change.
const patience = 10 * time.Second

// await returns when done does, or nothing has changed for a long time.
func await(done func() (ok bool, progress uint64)) bool {
	last, since := uint64(0), time.Now()
	for {
		ok, now := done()
		if ok {
			return true
		}
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > patience {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// settle waits until everything that was triggered has gone where it goes.
func (w *world) settle(b *Balance) {
	ok := await(func() (bool, uint64) {
		var triggered, refused, arrived uint64
		for _, c := range w.clients {
			triggered += c.triggered.Load()
			refused += c.refused.Load()
		}
		for _, n := range w.audit.copyGot() {
			arrived += n
		}
		if arrived+refused < triggered {
			return false, arrived + refused
		}
		missing := uint64(0)
		dispatched := w.audit.copyGot()
		for _, c := range w.clients {
			for _, l := range c.ledgers {
				if l.lostSessions() == 0 {
					got, lost, _ := l.against(dispatched)
					missing += lost - min(lost, l.dropped())
					arrived += got
				}
			}
		}
		return missing == 0, arrived
	})
	if !ok {
		b.fault("the accounts did not settle")
		w.unsettled(b)
	}
}

// unsettled says who lacks what.
func (w *world) unsettled(b *Balance) {
	for _, c := range w.clients {
		if !c.rt.Connected() {
			b.note("%s has no connection, after %d", c, c.reconnect.Load())
		}
	}
	for _, p := range w.srv.Peers() {
		if p.Queue+p.InFlight > 0 {
			b.note("%s (%s): %d events wait, %d are in flight", p.Name, p.Carrier, p.Queue, p.InFlight)
		}
	}
	if w.c.Verbose {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
	}
}

// checkFaults looks at the books after the time of faults: nothing came twice, and what is
// missing was reported.
func (w *world) checkFaults(b *Balance) {
	dispatched := w.audit.copyGot()
	for _, c := range w.clients {
		b.Triggered += c.triggered.Load()
		c.refusedBefore = c.refused.Load()
		b.Refused += c.refusedBefore
		b.Reconnects += c.reconnect.Load() - 1
		b.Resumed += c.resumed.Load()
		if n := c.rt.Unsure(); n > 0 && c.lost() == 0 {
			b.fault("%s: %d signals are unsure, though the server never went", c, n)
		}
		for _, l := range c.ledgers {
			w.checkLedger(b, c, l, dispatched)
		}
		for _, l := range c.passing {
			if l.lostSessions() == 0 && l.missing > 0 {
				b.fault("%s: %d events in between are missing", l.name, l.missing)
			}
		}
		if !c.faulty && c.reconnect.Load() > 1 {
			b.note("%s: a bystander connected again", c)
		}
	}
	b.Dispatched = sum(dispatched)
	if b.Dispatched+b.Refused != b.Triggered {
		b.fault("%d triggered, and %d dispatched and %d refused", b.Triggered, b.Dispatched, b.Refused)
	}
}

func (w *world) checkLedger(b *Balance, c *client, l *ledger, dispatched map[stream]uint64) {
	got, missing, again := l.against(dispatched)
	dropped := l.dropped()
	twice := w.dispatchedTwice()
	b.Listeners++
	b.Delivered += got
	b.Dropped += dropped
	w.checkRepeats(b, l)
	if n := l.lostSessions(); n > 0 {
		b.Lost += missing - min(missing, dropped)
		b.Ended++
		if !c.faulty {
			b.fault("%s: the session of a bystander ended %d times", l.name, n)
		}
		return
	}
	if dropped < missing || dropped > missing+twice-min(twice, again) {
		b.fault("%s: %d dispatched, %d delivered, %d missing, %d reported as dropped", l.name, got+missing, got, missing, dropped)
	}
}

// checkRepeats holds what came again to what was said to be unsure.
func (w *world) checkRepeats(b *Balance, l *ledger) {
	for id, n := range l.repeats() {
		if most := w.clients[id].rt.Unsure(); n > most {
			b.fault("%s: %d events of client %d out of order or twice, and %d were said to be unsure", l.name, n, id, most)
		}
	}
}

// dispatchedTwice returns how many events were: they may be among those that were dropped.
func (w *world) dispatchedTwice() (n uint64) {
	for _, again := range w.audit.repeats() {
		n += again
	}
	return n
}

func sum(m map[stream]uint64) (n uint64) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}

// restart stops the server while everybody talks, and puts another in its place. All that
// was dispatched has reached those who read.
func (w *world) restart(b *Balance) error {
	start := time.Now()
	err := w.srv.Shutdown(context.Background())
	b.Shutdown = time.Since(start)
	if err != nil {
		b.note("shutdown: %v", err)
	}
	if b.Shutdown > w.limits.DrainTimeout+3*time.Second {
		b.fault("shutdown took %v", b.Shutdown)
	}
	dispatched := w.audit.copyGot()
	readers := func(fn func(*client, *ledger)) {
		for _, c := range w.clients {
			for _, l := range c.ledgers {
				if !c.faulty && c.kind != "serial" && !c.tooSlow.Load() && l.lostSessions() == 0 {
					fn(c, l)
				}
			}
		}
	}
	await(func() (bool, uint64) {
		var open, got uint64
		readers(func(c *client, l *ledger) {
			n, missing, _ := l.against(dispatched)
			open += missing - min(missing, l.dropped())
			got += n
		})
		return open == 0, got
	})
	readers(func(c *client, l *ledger) {
		got, missing, again := l.against(dispatched)
		if err != nil { // it said that not everybody had everything
			b.Cut += missing - min(missing, l.dropped())
			missing = l.dropped()
		}
		if d := l.dropped(); d < missing || d > missing+w.dispatchedTwice() {
			b.fault("at shutdown, %s: %d dispatched, %d delivered, %d missing, %d reported as dropped, %d twice", l.name, got+missing, got, missing, l.dropped(), again)
		}
	})
	if st := w.srv.Stats(); b.Cut > 0 && st.Dropped == 0 {
		b.fault("%d events did not reach listeners at shutdown, and the server counts none", b.Cut)
	}
	for _, c := range w.clients {
		for _, l := range c.ledgers {
			l.unwatch() // what the second server announces does not follow on this
		}
	}
	b.first = w.audit
	return w.serve()
}

// settleAfter waits until the second server has everything, and looks at the books.
func (w *world) settleAfter(b *Balance) {
	ok := await(func() (bool, uint64) {
		whole, progress := true, uint64(0)
		for _, c := range w.clients {
			last := max(w.audit.last(c.id), b.first.last(c.id))
			progress += last
			whole = whole && last+c.refusedSince() >= c.triggered.Load()
		}
		return whole, progress
	})
	if !ok {
		b.note("not everything came to the second server")
	}
	for _, c := range w.clients {
		before, first, last := b.first.last(c.id), w.audit.first(c.id), w.audit.last(c.id)
		twice := uint64(0)
		if first > 0 && first <= before {
			twice = before - first + 1
		}
		b.Unsure += c.rt.Unsure()
		b.Twice += twice
		switch triggered := c.triggered.Load(); {
		case twice > c.rt.Unsure():
			b.fault("%s: %d events came to both servers, and %d were said to be unsure", c, twice, c.rt.Unsure())
		case first > before+1+c.refusedSince(), last+c.refusedSince() < triggered && before+c.refusedSince() < triggered:
			b.fault("%s: %d events came to the first server, %d to %d to the second, of %d", c, before, first, last, triggered)
		}
		for _, l := range c.ledgers {
			w.checkRepeats(b, l)
		}
	}
}

// end closes everything.
func (w *world) end(b *Balance) error {
	for _, c := range w.clients {
		if err := c.close(); err != nil {
			b.note("%s: %v", c, err)
		}
		for _, l := range slices.Concat(c.ledgers, c.passing) {
			b.Faults = append(b.Faults, l.problems()...)
		}
		for i, e := range c.errs {
			if i < 2 {
				b.note("%s: %s", c, e)
			}
		}
		b.Notes += max(0, len(c.errs)-2)
	}
	b.Faults = append(b.Faults, w.audit.problems()...)
	if b.first != nil {
		b.Faults = append(b.Faults, b.first.problems()...)
	}
	b.Calls, b.Answered, b.Failed = w.calls.asked, w.calls.answered, w.calls.failed
	b.Faults = append(b.Faults, w.calls.faults...)
	if st := w.srv.Stats(); st.Calls != 0 || st.Answers != 0 {
		b.fault("calls are left: %+v", st)
	}
	if err := w.srv.Shutdown(context.Background()); err != nil {
		return fmt.Errorf("shutting the second server down: %w", err)
	}
	return nil
}
