package api

import (
	"context"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// enter finds or adds the entry of a call and counts the call. The entry is the
// caller's to make when mine is set.
func (x *Instances[T]) enter(ctx context.Context, sender, id string) (o *owner[T], e *entry[T], mine bool, err error) {
	key, client := id, ""
	caller, known := sig.CallerFrom(ctx)
	if x.config.perClient {
		client = MetaFrom(ctx)[metaFrom]
		key = client
		if known {
			key = caller.ID + "\x00" + client // nobody gets at another's by using its name
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, nil, false, sig.Errorf(sig.ErrRemoved, "%s was removed", sender)
	}
	o = x.owners[key]
	if o == nil || o.entries[id] == nil {
		if most := x.most(); x.count >= most {
			return nil, nil, false, sig.Errorf(sig.ErrLimit, "%s has %d instances, the most it may have", sender, most)
		}
	}
	if o == nil {
		o = x.addOwner(key, client)
		if known && x.config.perClient && caller.Done != nil {
			x.wg.Go(func() { x.awaitLeaving(o, caller.Done) })
		}
	}
	if e = o.entries[id]; e == nil {
		e = &entry[T]{info: &Instance{id: id, client: client}, ready: make(chan struct{})}
		if peer, ok := Caller(ctx); ok && x.config.perClient {
			e.info.peer = peer.Instance(sender).Instance(id)
		}
		o.entries[id] = e
		x.count++
		mine = true
	}
	o.calls++
	e.calls++
	return o, e, mine, nil
}

func (x *Instances[T]) most() int {
	if x.config.most > 0 {
		return x.config.most
	}
	return 10_000
}

func (x *Instances[T]) addOwner(key, client string) *owner[T] {
	o := &owner[T]{key: key, client: client, entries: map[string]*entry[T]{}, left: make(chan struct{})}
	x.owners[key] = o
	if client != "" {
		x.clients[client] = o
	}
	if x.config.idle > 0 {
		o.timer = time.AfterFunc(x.config.idle, func() { x.silent(o) })
	}
	return o
}

// leave counts a call out. An entry that could not be made goes, so that the next call
// tries again.
func (x *Instances[T]) leave(o *owner[T], e *entry[T]) {
	x.mu.Lock()
	o.calls--
	e.calls--
	o.last = time.Now()
	if !e.gone && e.failed() {
		delete(o.entries, e.info.id)
		e.gone = true
		x.count--
	}
	last := e.gone && e.calls == 0
	if len(o.entries) == 0 && x.owners[o.key] == o {
		x.forget(o)
	}
	x.mu.Unlock()
	if last {
		x.closeValue(e)
	}
}

// failed reports whether making the value has failed.
func (e *entry[T]) failed() bool {
	select {
	case <-e.ready:
		return e.err != nil
	default:
		return false
	}
}

// awaitLeaving removes an owner when its connection has gone.
func (x *Instances[T]) awaitLeaving(o *owner[T], gone <-chan struct{}) {
	select {
	case <-gone:
		x.removeAndClose(func() *owner[T] { return o })
	case <-o.left:
	case <-x.done:
	}
}

// clientLeft removes the owner whose sender has gone.
func (x *Instances[T]) clientLeft(sender string) {
	x.removeAndClose(func() *owner[T] { return x.clients[sender] })
}

// silent is called when an owner's time may be over.
func (x *Instances[T]) silent(o *owner[T]) {
	x.removeAndClose(func() *owner[T] {
		if x.owners[o.key] != o {
			return nil
		}
		rest := x.config.idle - time.Since(o.last)
		if o.calls > 0 {
			rest = x.config.idle
		}
		if rest > 0 {
			o.timer.Reset(rest)
			return nil
		}
		return o
	})
}

// removeAndClose removes the owner that find, called with x.mu held, returns.
func (x *Instances[T]) removeAndClose(find func() *owner[T]) {
	x.mu.Lock()
	var idle []*entry[T]
	if o := find(); o != nil {
		idle = x.remove(o)
	}
	x.mu.Unlock()
	for _, e := range idle {
		x.closeValue(e)
	}
}

// remove takes an owner and its entries out, and returns those to be closed. x.mu is
// held.
func (x *Instances[T]) remove(o *owner[T]) []*entry[T] {
	if x.owners[o.key] != o {
		return nil
	}
	x.forget(o)
	var idle []*entry[T]
	for _, e := range o.entries {
		e.gone = true
		x.count--
		if e.calls == 0 {
			idle = append(idle, e)
		}
	}
	o.entries = map[string]*entry[T]{}
	return idle
}

// forget takes an owner out. x.mu is held.
func (x *Instances[T]) forget(o *owner[T]) {
	delete(x.owners, o.key)
	if x.clients[o.client] == o {
		delete(x.clients, o.client)
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	close(o.left)
}
