package router

import "strconv"

// books is where arriving events find their listeners. Each session with a server has books
// of its own, because another server gives out the same ids again.
type books struct {
	session uint32
	byID    map[uint32]*remoteSub // of the fast lane
	byRaw   map[string]*remoteSub // of a classic server
	before  *books                // of the session before: some of its events may still wait
}

// find returns the listener that had the id in the session; nil when there is none.
func (b *books) find(session, id uint32) *remoteSub {
	for ; b != nil; b = b.before {
		if b.session == session {
			return b.byID[id]
		}
	}
	return nil
}

func (b *books) findRaw(session uint32, id string) *remoteSub {
	for ; b != nil; b = b.before {
		if b.session == session {
			return b.byRaw[id]
		}
	}
	return nil
}

// newBooks begins books for a new session, in which no listener has an id yet.
func (c *ClientRouter) newBooks() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range c.listeners {
		sub.id = nil
	}
	old := *c.books.Load()
	old.before = nil
	c.books.Store(&books{session: old.session + 1, before: &old})
}

// indexListeners writes the books of this session anew. Called with mu held.
func (c *ClientRouter) indexListeners() {
	old := c.books.Load()
	b := &books{
		session: old.session, before: old.before,
		byID:  make(map[uint32]*remoteSub, len(c.listeners)),
		byRaw: make(map[string]*remoteSub, len(c.listeners)),
	}
	for _, sub := range c.listeners {
		if sub.id == nil {
			continue
		}
		b.byRaw[string(sub.id)] = sub
		if n, err := strconv.ParseUint(string(sub.id), 10, 32); err == nil {
			b.byID[uint32(n)] = sub
		}
	}
	c.books.Store(b)
}

// find returns the listener with an id of the fast lane; nil when it was removed. One
// that is being added is waited for.
func (c *ClientRouter) find(session, id uint32) *remoteSub {
	if sub := c.books.Load().find(session, id); sub != nil {
		return sub
	}
	c.added()
	return c.books.Load().find(session, id)
}

func (c *ClientRouter) findRaw(session uint32, id string) *remoteSub {
	if sub := c.books.Load().findRaw(session, id); sub != nil {
		return sub
	}
	c.added()
	return c.books.Load().findRaw(session, id)
}

// added returns when the listeners that were being added are in the books.
func (c *ClientRouter) added() {
	c.adding.Lock()
	defer c.adding.Unlock()
}
