package router

import (
	"sync"
	"sync/atomic"

	"github.com/sigrouter/sigrouter/sig"
)

// A queue stands between triggers and a listener: a reader of a shared ring for the
// policy Block, a box of its own for the others.
type queue interface {
	// expect puts retained values before all other events. It is called before start,
	// and before the subscription is published.
	expect(missed []sig.Event)
	// start starts the goroutine that calls the listener.
	start()
	// consume does the work of that goroutine in the calling one: it calls fn until
	// that returns false, the queue has ended or stop is closed. It recovers no panic.
	consume(stop <-chan struct{}, fn func(sig.Event) bool)
	// finish ends the queue once it is empty.
	finish()
	// leave ends it at once; its subscription has been removed. r.mu is held.
	leave()
	// last returns the event of the newest call, to its own goroutine.
	last() sig.Event
	busy() bool // a call may be under way
	depth() int // events that wait
	policyName() string
	common() *worker
}

// A worker is what both kinds of queue have: the goroutine that calls the listener.
type worker struct {
	sub       *subscription
	wake      chan struct{} // capacity 1
	ended     chan struct{} // closed when no more calls will come
	goroutine atomic.Uint64 // its number
	drops     atomic.Uint64
	givenUp   atomic.Bool // what waits when the queue is left counts as dropped
	reads     *ring       // nil for a box
	waitsFor  *ring       // that has no room for what the listener triggers; guarded by r.blocking.mu
	awaits    *worker     // that is to end; guarded by r.blocking.mu
}

func newWorker(s *subscription, reads *ring) worker {
	return worker{sub: s, wake: make(chan struct{}, 1), ended: make(chan struct{}), reads: reads}
}

func (w *worker) common() *worker { return w }

// lose counts events that the listener does not get.
func (w *worker) lose(n uint64) {
	w.drops.Add(n)
	w.sub.r.drops.Add(n)
}

// poke lets the goroutine look at its queue again.
func (w *worker) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// sleep waits for poke. It reports false when stop, which may be nil, was closed.
func (w *worker) sleep(stop <-chan struct{}) bool {
	if stop == nil { // a receive takes half the time of a select
		<-w.wake
		return true
	}
	select {
	case <-w.wake:
		return true
	case <-stop:
		return false
	}
}

// mayCall reports whether the subscription is still there, and shows the watchdog that
// a call begins.
func (w *worker) mayCall() bool {
	return w.sub.state.And(^uint32(stateProbed))&stateRemoved == 0
}

// run calls work until that returns false. After a panic or runtime.Goexit in the
// listener it goes on with what comes next.
func (w *worker) run(q queue, work func() bool) {
	w.begin()
	finished := false
	defer func() {
		if finished {
			w.end()
			return
		}
		w.sub.r.blocking.remove(w)
		go w.run(q, work) // the listener called runtime.Goexit
	}()
	for w.guard(q, work) {
	}
	finished = true
}

// guard is work that recovers. It reports whether there may be more to do.
func (w *worker) guard(q queue, work func() bool) (more bool) {
	defer func() {
		if v := recover(); v != nil {
			w.sub.r.caught(v, q.last(), w.sub)
			more = true
		}
	}()
	return work()
}

func (w *worker) begin() {
	w.goroutine.Store(goroutineID())
	w.sub.r.blocking.add(w)
}

func (w *worker) end() {
	r := w.sub.r
	r.blocking.remove(w)
	close(w.ended)
	if w.sub.removed() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.leaving, w)
	}
}

// wait returns when the listener is not running any more; at once for the listener
// itself, and for one that it waits for.
func (w *worker) wait(me *worker) {
	b := &w.sub.r.blocking
	if isClosed(w.ended) || !b.await(me, w) {
		return
	}
	<-w.ended
	b.await(me, nil)
}

// blocking knows which listeners' goroutines wait for room in a queue, so that none
// waits for itself.
type blocking struct {
	mu      sync.Mutex
	workers map[uint64]*worker // by the number of their goroutines
}

func (b *blocking) add(w *worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.workers == nil {
		b.workers = map[uint64]*worker{}
	}
	b.workers[w.goroutine.Load()] = w
}

func (b *blocking) remove(w *worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.workers, w.goroutine.Load())
}

// enter notes that the calling goroutine is going to wait for room in q. It reports a
// circle, and notes nothing, when q's readers wait for that goroutine already, directly
// or by way of other queues.
func (b *blocking) enter(q *ring) (me *worker, circle bool) {
	id := goroutineID()
	b.mu.Lock()
	defer b.mu.Unlock()
	if me = b.workers[id]; me == nil {
		return nil, false
	}
	seen := map[*ring]bool{q: true}
	for todo := []*ring{q}; len(todo) > 0; todo = todo[1:] {
		for _, w := range b.workers {
			if w.reads != todo[0] {
				continue
			}
			if w == me {
				return me, true
			}
			if next := w.waitsFor; next != nil && !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	me.waitsFor = q
	return me, false
}

// me returns the worker whose listener the calling goroutine is in; nil for none.
func (b *blocking) me() *worker {
	id := goroutineID()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.workers[id]
}

// await notes that me, which may be nil, is going to wait for w to end. It reports false
// when w waits for me already, directly or by way of others.
func (b *blocking) await(me, w *worker) bool {
	if me == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for next := w; next != nil; next = next.awaits {
		if next == me {
			return false
		}
	}
	me.awaits = w
	return true
}

// exit ends what enter has noted.
func (b *blocking) exit(w *worker) {
	if w != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		w.waitsFor = nil
	}
}

// enqueue gives a subscription its queue. r.mu is held.
func (r *Router) enqueue(s *subscription, cfg sig.ListenConfig) {
	x := s.extend()
	if cfg.Policy == sig.Block || cfg.Policy == sig.PolicyDefault {
		x.queue = r.ringFor(s, cfg.Queue).join(s)
	} else {
		x.queue = newBox(s, cfg)
	}
	r.queues[x.queue] = struct{}{}
	r.watch()
}

// dequeue ends a queue whose subscription has been removed. r.mu is held.
func (r *Router) dequeue(q queue) {
	q.leave()
	delete(r.queues, q)
	if w := q.common(); !isClosed(w.ended) && !w.sub.ext.pulled {
		r.leaving[w] = struct{}{}
	}
	if len(r.queues) == 0 {
		r.unwatch()
	}
}
