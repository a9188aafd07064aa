package router

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// A world is the router, or the model of it: what a random history is played on.
type world interface {
	addListener(id int, sender, event string, below bool) error
	removeListener(id int)
	addSender(name string, events []string) error
	removeSender(name string) error
	trigger(sender, event string) error
	request(sender string) error
}

// A history is a random sequence of actions, some of them inside of calls, at any
// depth. It is the same for the same seed as long as the world does the same.
type history struct {
	world
	rng   *rand.Rand
	depth int
	left  int // actions
	ids   int
	log   []string
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf("%*s", 2*h.depth, "")+fmt.Sprintf(format, args...))
}

// called is called by each listener and handler.
func (h *history) called(what string) {
	h.note("%s", what)
	if h.depth < 64 {
		h.depth++
		for range h.rng.IntN(3) {
			h.act()
		}
		h.depth--
	}
}

func pick[T any](h *history, from ...T) T { return from[h.rng.IntN(len(from))] }

func (h *history) act() {
	if h.left--; h.left < 0 {
		return
	}
	name := pick(h, "a", "a.x", "b")
	event := pick(h, "e", "e.x", "f")
	switch h.rng.IntN(10) {
	case 0, 1, 2:
		h.ids++
		id := h.ids
		sender := pick(h, name, name, sig.Any, "a.*", "*")
		event := pick(h, event, event, sig.Any, "*.x", "*", sig.Connect, sig.Disconnect)
		below := h.rng.IntN(4) == 0
		h.note("listen %d %s %s %v", id, sender, event, below)
		h.note("listened %d: %v", id, h.addListener(id, sender, event, below))
	case 3:
		id := 1 + h.rng.IntN(h.ids+1)
		h.note("remove %d", id)
		h.removeListener(id)
	case 4, 5:
		events := [][]string{{"e"}, {"e", "f"}, {"e.x", "e", "f"}}[h.rng.IntN(3)]
		h.note("add %s %v", name, events)
		h.note("added %s: %v", name, h.addSender(name, events))
	case 6:
		h.note("drop %s", name)
		h.note("dropped %s: %v", name, h.removeSender(name))
	case 7:
		h.note("ask %s", name)
		h.note("asked %s: %v", name, h.request(name))
	default:
		h.note("trigger %s %s", name, event)
		h.note("triggered %s %s: %v", name, event, h.trigger(name, event))
	}
}

// The real one.

type realWorld struct {
	r    *Router
	h    *history
	subs map[int]sig.Subscription
}

func (w *realWorld) addListener(id int, sender, event string, below bool) error {
	var opts []sig.ListenOption
	if below {
		opts = append(opts, sig.Below())
	}
	s, err := w.r.AddListener(sender, event, func(e sig.Event) { w.h.called(fmt.Sprint(id, " ", e.Sender, " ", e.Name)) }, opts...)
	if err == nil {
		w.subs[id] = s
	}
	return kindOfError(err)
}

func (w *realWorld) removeListener(id int) {
	if s := w.subs[id]; s != nil {
		s.Remove()
	}
}

func (w *realWorld) addSender(name string, events []string) error {
	_, err := w.r.AddSender(name, sig.Events(events...), sig.Answer("m", func(context.Context, sig.Request) (any, error) {
		w.h.called("asked of " + name)
		return nil, nil
	}))
	return kindOfError(err)
}

func (w *realWorld) removeSender(name string) error { return kindOfError(w.r.RemoveSender(name)) }

func (w *realWorld) trigger(sender, event string) error {
	s, ok := w.r.Sender(sender)
	if !ok {
		return sig.ErrNoSender
	}
	sg, err := s.Signal(event)
	if err != nil {
		return kindOfError(err)
	}
	return kindOfError(sg.Trigger(nil))
}

func (w *realWorld) request(sender string) error {
	_, err := w.r.Request(context.Background(), sender, "m", nil)
	return kindOfError(err)
}

// kindOfError replaces an error by the one it matches.
func kindOfError(err error) error {
	for _, kind := range []error{sig.ErrNoSender, sig.ErrNoEvent, sig.ErrTaken} {
		if e := sig.AsError(err); e != nil && e.Is(kind) {
			return kind
		}
	}
	return err
}

// The model: the promises as one would write them down without a thought of speed.

type model struct {
	h       *history
	senders map[string]*modelSender
	subs    []*modelSub // in order of registration
	notices map[string][]*modelNotice
	busy    map[string]bool
}

type modelSender struct {
	events    []string
	announced bool
}

type modelSub struct {
	id            int
	sender, event string
	below         bool
	removed       bool
}

type modelNotice struct {
	event string
	subs  []*modelSub // still to be called
}

func (s *modelSub) matches(sender, event string) bool {
	match := func(below bool, pattern, name string) bool {
		return sig.Match(pattern, name) || below && sig.MatchBelow(pattern, name)
	}
	return match(s.below && s.event == sig.Any, s.sender, sender) && match(s.below && s.event != sig.Any, s.event, event)
}

func (m *model) matching(sender, event string) (list []*modelSub) {
	for kind := range 4 {
		for _, s := range m.subs {
			anySender, anyEvent := s.sender == sig.Any, s.event == sig.Any
			if !s.removed && s.matches(sender, event) && kind == map[[2]bool]int{{true, true}: 0, {false, true}: 1, {true, false}: 2, {false, false}: 3}[[2]bool{anySender, anyEvent}] {
				list = append(list, s)
			}
		}
	}
	return list
}

func (m *model) call(s *modelSub, sender, event string) {
	if !s.removed {
		m.h.called(fmt.Sprint(s.id, " ", sender, " ", event))
	}
}

func (m *model) addListener(id int, sender, event string, below bool) error {
	s := &modelSub{id: id, sender: sender, event: event, below: below}
	if sd := m.senders[sender]; sd != nil && event != sig.Any && !sig.IsPattern(event) && !sig.IsBuiltin(event) &&
		!slices.ContainsFunc(sd.events, func(e string) bool { return s.matches(sender, e) }) {
		return sig.ErrNoEvent
	}
	m.subs = append(m.subs, s)
	return nil
}

func (m *model) removeListener(id int) {
	for _, s := range m.subs {
		s.removed = s.removed || s.id == id
	}
}

func (m *model) addSender(name string, events []string) error {
	if m.senders[name] != nil {
		return sig.ErrTaken
	}
	s := &modelSender{events: events}
	m.senders[name] = s
	m.announce(name, sig.Connect, true)
	s.announced = true
	return nil
}

func (m *model) removeSender(name string) error {
	if m.senders[name] == nil {
		return sig.ErrNoSender
	}
	delete(m.senders, name)
	m.announce(name, sig.Disconnect, false)
	return nil
}

// announce delivers notices of a name in their order. While some are left to deliver, who
// is inside such a call leaves its own to that, unless it must see it delivered.
func (m *model) announce(name, event string, wait bool) {
	n := &modelNotice{event, m.matching(name, event)}
	m.notices[name] = append(m.notices[name], n)
	nested := m.busy[name]
	if nested && !wait {
		return
	}
	m.busy[name] = true
	for len(m.notices[name]) > 0 && (!nested || slices.Contains(m.notices[name], n)) {
		first := m.notices[name][0]
		if len(first.subs) == 0 {
			m.notices[name] = m.notices[name][1:]
			continue
		}
		s := first.subs[0]
		first.subs = first.subs[1:]
		m.call(s, name, first.event)
	}
	m.busy[name] = len(m.notices[name]) > 0
}

func (m *model) trigger(sender, event string) error {
	s := m.senders[sender]
	switch {
	case s == nil || !s.announced:
		return sig.ErrNoSender
	case !slices.Contains(s.events, event):
		return sig.ErrNoEvent
	}
	for _, sub := range m.matching(sender, event) {
		m.call(sub, sender, event)
	}
	return nil
}

func (m *model) request(sender string) error {
	if m.senders[sender] == nil {
		return sig.ErrNoSender
	}
	m.h.called("asked of " + sender)
	return nil
}

// TestPromise1And2_Model plays random histories, with actions inside of calls, on the
// router and on the model.
func TestPromise1And2_Model(t *testing.T) {
	histories := 10_000
	if testing.Short() || raceOn {
		histories = 500
	}
	for seed := range uint64(histories) {
		play := func(h *history) []string {
			h.rng, h.left = rand.New(rand.NewPCG(seed, 1)), 60
			for h.left > 0 {
				h.act()
			}
			return h.log
		}
		var got, want []string
		within(t, 5*time.Second, func() {
			h := &history{}
			r := Options{Logger: slog.New(slog.DiscardHandler)}.New()
			defer r.Close()
			h.world = &realWorld{r: r, h: h, subs: map[int]sig.Subscription{}}
			got = play(h)
		})
		h := &history{}
		h.world = &model{h: h, senders: map[string]*modelSender{}, notices: map[string][]*modelNotice{}, busy: map[string]bool{}}
		want = play(h)
		if !slices.Equal(got, want) {
			i := 0
			for i < len(got) && i < len(want) && got[i] == want[i] {
				i++
			}
			require.Equal(t, want[max(0, i-40):min(len(want), i+3)], got[max(0, i-40):min(len(got), i+3)], "seed %d, step %d", seed, i)
		}
	}
}
