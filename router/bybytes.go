package router

// byBytes is a map whose keys are bytes of messages. Most messages are about the same as the
// one before, so it looks there first. It is used by one goroutine; the zero value is empty.
type byBytes[V any] struct {
	all  map[string]keyed[V]
	last keyed[V]
}

type keyed[V any] struct {
	key   string
	value V
}

// get finds a value. An empty key has none.
func (m *byBytes[V]) get(key []byte) (v V, ok bool) {
	if len(key) == 0 {
		return v, false
	}
	if string(key) == m.last.key {
		return m.last.value, true
	}
	e, ok := m.all[string(key)]
	if ok {
		m.last = e
	}
	return e.value, ok
}

// put adds a value. When there are as many as most, it forgets them all first.
func (m *byBytes[V]) put(key []byte, v V, most int) {
	if len(key) == 0 {
		return
	}
	if m.all == nil || len(m.all) >= most {
		m.all = map[string]keyed[V]{}
	}
	m.last = keyed[V]{string(key), v}
	m.all[m.last.key] = m.last
}
