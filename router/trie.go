package router

import "strings"

// A names trie holds names, and finds those that a pattern matches: which signals a
// subscription is about.
type names[V any] struct{ root nameNode[V] }

type nameNode[V any] struct {
	kids  map[string]*nameNode[V]
	value *V
}

// at returns the place of a name's value; nil when the name is not there and create
// does not ask for it.
func (t *names[V]) at(name string, create bool) *V {
	n := &t.root
	for more := true; more; {
		var part string
		part, name, more = strings.Cut(name, ".")
		kid := n.kids[part]
		if kid == nil {
			if !create {
				return nil
			}
			kid = &nameNode[V]{}
			if n.kids == nil {
				n.kids = map[string]*nameNode[V]{}
			}
			n.kids[part] = kid
		}
		n = kid
	}
	if n.value == nil && create {
		n.value = new(V)
	}
	return n.value
}

// remove takes a name out, and the nodes that are there for it alone.
func (t *names[V]) remove(name string) { t.root.remove(name) }

func (n *nameNode[V]) remove(name string) {
	part, rest, more := strings.Cut(name, ".")
	kid := n.kids[part]
	if kid == nil {
		return
	}
	if more {
		kid.remove(rest)
	} else {
		kid.value = nil
	}
	if kid.value == nil && len(kid.kids) == 0 {
		delete(n.kids, part)
	}
}

// visit calls fn with the value of each name that the pattern matches by the rules of
// sig.Match, or of sig.MatchBelow.
func (t *names[V]) visit(pattern string, below bool, fn func(*V)) {
	t.root.visit(pattern, below, fn)
}

func (n *nameNode[V]) visit(pattern string, below bool, fn func(*V)) {
	part, rest, more := strings.Cut(pattern, ".")
	switch {
	case part == ">" && !more:
		for _, kid := range n.kids {
			kid.all(fn)
		}
	case part == "*":
		for _, kid := range n.kids {
			kid.reached(rest, more, below, fn)
		}
	default:
		if kid := n.kids[part]; kid != nil {
			kid.reached(rest, more, below, fn)
		}
	}
}

// reached goes on at a node whose part has matched.
func (n *nameNode[V]) reached(rest string, more, below bool, fn func(*V)) {
	switch {
	case more:
		n.visit(rest, below, fn)
	case below:
		n.all(fn)
	case n.value != nil:
		fn(n.value)
	}
}

func (n *nameNode[V]) all(fn func(*V)) {
	if n.value != nil {
		fn(n.value)
	}
	for _, kid := range n.kids {
		kid.all(fn)
	}
}

// A patterns trie holds patterns, and finds those that match a name: which
// subscriptions a signal is about. The same text stands for two patterns, one that also
// matches names below and one that does not.
type patterns[V any] struct{ root patternNode[V] }

type patternNode[V any] struct {
	kids        map[string]*patternNode[V]
	here, below *V
}

func (n *patternNode[V]) place(below bool) **V {
	if below {
		return &n.below
	}
	return &n.here
}

// at is names.at for a pattern.
func (t *patterns[V]) at(pattern string, below, create bool) *V {
	n := &t.root
	for more := true; more; {
		var part string
		part, pattern, more = strings.Cut(pattern, ".")
		kid := n.kids[part]
		if kid == nil {
			if !create {
				return nil
			}
			kid = &patternNode[V]{}
			if n.kids == nil {
				n.kids = map[string]*patternNode[V]{}
			}
			n.kids[part] = kid
		}
		n = kid
	}
	v := n.place(below)
	if *v == nil && create {
		*v = new(V)
	}
	return *v
}

// remove takes a pattern out, and the nodes that are there for it alone.
func (t *patterns[V]) remove(pattern string, below bool) { t.root.remove(pattern, below) }

func (n *patternNode[V]) remove(pattern string, below bool) {
	part, rest, more := strings.Cut(pattern, ".")
	kid := n.kids[part]
	if kid == nil {
		return
	}
	if more {
		kid.remove(rest, below)
	} else {
		*kid.place(below) = nil
	}
	if kid.here == nil && kid.below == nil && len(kid.kids) == 0 {
		delete(n.kids, part)
	}
}

func (t *patterns[V]) empty() bool { return len(t.root.kids) == 0 }

// match calls fn with the value of each pattern that matches the name.
func (t *patterns[V]) match(name string, fn func(*V)) { t.root.match(name, fn) }

func (n *patternNode[V]) match(name string, fn func(*V)) {
	if rest := n.kids[">"]; rest != nil {
		rest.found(true, fn)
	}
	part, name, more := strings.Cut(name, ".")
	n.kids[part].step(name, more, fn)
	n.kids["*"].step(name, more, fn)
}

// step goes on at a node, which may be nil, whose part has matched.
func (n *patternNode[V]) step(name string, more bool, fn func(*V)) {
	if n == nil {
		return
	}
	n.found(!more, fn)
	if more {
		n.match(name, fn)
	}
}

func (n *patternNode[V]) found(whole bool, fn func(*V)) {
	if n.below != nil {
		fn(n.below)
	}
	if whole && n.here != nil {
		fn(n.here)
	}
}

// each calls fn with every pattern and its value, in no order.
func (t *patterns[V]) each(fn func(pattern string, below bool, v *V)) {
	for part, kid := range t.root.kids {
		kid.each(part, fn)
	}
}

func (n *patternNode[V]) each(prefix string, fn func(string, bool, *V)) {
	if n.here != nil {
		fn(prefix, false, n.here)
	}
	if n.below != nil {
		fn(prefix, true, n.below)
	}
	for part, kid := range n.kids {
		kid.each(prefix+"."+part, fn)
	}
}
