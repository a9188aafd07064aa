package api

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A Group is the connected senders whose names match a pattern, kept up to date. It may
// be used by several goroutines at once.
type Group struct {
	bus    sig.Bus
	joined func(context.Context, *Remote)
	left   func(context.Context, *Remote)
	subs   []sig.Subscription
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	listing  bool            // senders that come or go meanwhile
	touched  map[string]bool // are noted here
	members  map[string]*member
	watchers map[string]*watcher
}

// A member is a sender while it is connected.
type member struct {
	remote *Remote
	gone   context.CancelFunc
}

// A GroupOption tunes Watch.
type GroupOption func(*Group)

// Joined sets a function that is called for each member, those of the beginning too, in
// a goroutine of the member's own, so that it runs for several members at once: what it
// shares needs a lock. It may take its time and call the member; ctx ends when the member
// leaves. It must not close the group.
func Joined(fn func(ctx context.Context, member *Remote)) GroupOption {
	return func(g *Group) { g.joined = fn }
}

// Left sets a function that is called when a member has gone, after what Joined set has
// returned for it, and in the same goroutine. ctx ends when the group is closed.
func Left(fn func(ctx context.Context, member *Remote)) GroupOption {
	return func(g *Group) { g.left = fn }
}

// Watch follows the senders whose names match the pattern, for instance "client.*". ctx
// bounds only the setting up. Close the group when it is no longer needed.
func Watch(ctx context.Context, b sig.Bus, pattern string, opts ...GroupOption) (*Group, error) {
	g := &Group{bus: b, listing: true, touched: map[string]bool{}, members: map[string]*member{}, watchers: map[string]*watcher{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	for _, o := range opts {
		o(g)
	}
	for event, fn := range map[string]sig.Listener{
		sig.Connect:    func(e sig.Event) { g.connected(e.Sender, true) },
		sig.Disconnect: func(e sig.Event) { g.disconnected(e.Sender) },
	} {
		sub, err := b.AddListener(pattern, event, fn)
		if err != nil {
			g.Close()
			return nil, err
		}
		g.subs = append(g.subs, sub)
	}
	all, err := b.Senders(ctx)
	if err != nil {
		g.Close()
		return nil, err
	}
	for _, s := range all {
		if s.Name != nil && s.Connected && sig.Match(pattern, *s.Name) {
			g.connected(*s.Name, false)
		}
	}
	g.mu.Lock()
	g.listing, g.touched = false, nil
	g.mu.Unlock()
	return g, nil
}

// Members lists the members, by name.
func (g *Group) Members() []*Remote {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*Remote, 0, len(g.members))
	for _, m := range g.members {
		all = append(all, m.remote)
	}
	slices.SortFunc(all, func(a, b *Remote) int { return strings.Compare(a.sender, b.sender) })
	return all
}

// Where lists the members that the function chooses, by name.
func (g *Group) Where(choose func(*Remote) bool) []*Remote {
	return slices.DeleteFunc(g.Members(), func(r *Remote) bool { return !choose(r) })
}

// Close ends the watch and the contexts it gave, and waits for the functions that Joined
// and Left set.
func (g *Group) Close() {
	for _, s := range g.subs {
		s.Remove()
	}
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	g.wg.Wait()
}

// connected adds a member. What an event says is newer than what a list says.
func (g *Group) connected(name string, event bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || !event && g.touched[name] {
		return
	}
	g.touch(name)
	if g.members[name] != nil {
		return
	}
	m := &member{remote: At(g.bus, name)}
	var ctx context.Context
	ctx, m.gone = context.WithCancel(g.ctx)
	g.members[name] = m
	if g.joined != nil {
		g.tell(name, notice{true, func() { g.joined(ctx, m.remote) }})
	}
}

func (g *Group) disconnected(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.touch(name)
	m := g.members[name]
	if m == nil || g.closed {
		return
	}
	delete(g.members, name)
	m.gone()
	if g.left != nil {
		g.tell(name, notice{false, func() { g.left(g.ctx, m.remote) }})
	}
}

func (g *Group) touch(name string) {
	if g.listing {
		g.touched[name] = true
	}
}

// A watcher is the goroutine that tells of one name's comings and goings, in order. At
// most two notices wait: that it left, and that it came again.
type watcher struct{ next []notice }

type notice struct {
	joined bool
	tell   func()
}

// tell has a notice told in the goroutine of the name. One who comes and goes before
// that could be told is not told of. g.mu is held.
func (g *Group) tell(name string, n notice) {
	if w := g.watchers[name]; w != nil {
		if last := len(w.next) - 1; last >= 0 && w.next[last].joined && !n.joined {
			w.next = w.next[:last]
			return
		}
		w.next = append(w.next, n)
		return
	}
	w := &watcher{next: []notice{n}}
	g.watchers[name] = w
	g.wg.Go(func() {
		for tell := g.untold(name, w); tell != nil; tell = g.untold(name, w) {
			tell()
		}
	})
}

// untold takes what is next to be told, or ends the watcher.
func (g *Group) untold(name string, w *watcher) func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(w.next) == 0 || g.closed {
		delete(g.watchers, name)
		return nil
	}
	n := w.next[0]
	w.next = w.next[1:]
	return n.tell
}

// An Answer is what one of many answered.
type Answer[R any] struct {
	From  *Remote
	Value R
	Err   error
}

// AskAll calls a method of each at the same time, and returns their answers in the same
// order. It waits for all of them, at most until ctx ends. At most 64 calls run at once.
func AskAll[R any](ctx context.Context, all []*Remote, method string, args ...any) []Answer[R] {
	answers := make([]Answer[R], len(all))
	var wg sync.WaitGroup
	room := make(chan struct{}, 64)
	for i, r := range all {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			v, err := Ask[R](ctx, r, method, args...)
			answers[i] = Answer[R]{r, v, err}
		})
	}
	wg.Wait()
	return answers
}
