package router

import (
	"hash/maphash"
	"iter"
	"sync/atomic"
)

// A table finds senders by name. Readers take no lock; writers hold the router's. A
// change costs the same at ten senders and at ten thousand, which a map that is copied
// with each change does not.
type table struct {
	seed  maphash.Seed
	cells atomic.Pointer[[]atomic.Pointer[cell]]
	n     int
}

// A cell is one entry of a chain. It never changes after it was published: a reader
// may be walking the chain.
type cell struct {
	name   string
	sender *sender
	next   *cell
}

const smallTable = 16 // chains at least; a power of two, as every table's size

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	cells := make([]atomic.Pointer[cell], smallTable)
	t.cells.Store(&cells)
	return t
}

// get returns the sender of that name, or nil.
func (t *table) get(name string) *sender {
	cells := *t.cells.Load()
	for c := cells[maphash.String(t.seed, name)&uint64(len(cells)-1)].Load(); c != nil; c = c.next {
		if c.name == name {
			return c.sender
		}
	}
	return nil
}

// put adds a sender whose name is not in the table.
func (t *table) put(name string, s *sender) {
	t.n++
	if cells := *t.cells.Load(); t.n > len(cells) {
		t.resize(2 * len(cells))
	}
	head := t.chain(name)
	head.Store(&cell{name, s, head.Load()})
}

// remove takes the name out. The cells before it in its chain are made anew.
func (t *table) remove(name string) {
	head := t.chain(name)
	head.Store(head.Load().without(name))
	t.n--
	if cells := *t.cells.Load(); len(cells) > smallTable && t.n < len(cells)/8 {
		t.resize(len(cells) / 2)
	}
}

func (c *cell) without(name string) *cell {
	switch {
	case c == nil:
		return nil
	case c.name == name:
		return c.next
	}
	return &cell{c.name, c.sender, c.next.without(name)}
}

func (t *table) chain(name string) *atomic.Pointer[cell] {
	cells := *t.cells.Load()
	return &cells[maphash.String(t.seed, name)&uint64(len(cells)-1)]
}

// resize builds new chains; readers stay with the old ones until all are there.
func (t *table) resize(size int) {
	cells := make([]atomic.Pointer[cell], size)
	for s := range t.all() {
		head := &cells[maphash.String(t.seed, s.name)&uint64(size-1)]
		head.Store(&cell{s.name, s, head.Load()})
	}
	t.cells.Store(&cells)
}

// all yields the entries in no order.
func (t *table) all() iter.Seq[*sender] {
	return func(yield func(*sender) bool) {
		cells := *t.cells.Load()
		for i := range cells {
			for c := cells[i].Load(); c != nil; c = c.next {
				if !yield(c.sender) {
					return
				}
			}
		}
	}
}
