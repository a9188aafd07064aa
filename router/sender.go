package router

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// A sender is one holder of a name. It is made by AddSender and ends with its removal:
// who adds the name again makes another.
type sender struct {
	r         *Router
	name      string
	owner     any // who removes it when it goes; nil for this process
	place     place
	decl      sig.Declaration
	signals   []*signal          // in the order they were declared
	byEvent   map[string]*signal // nil when there are few
	methods   []*method
	byMethod  map[string]*method // nil when there are few
	rest      sig.Handler        // of all other methods; nil for none
	restWatch atomic.Pointer[callMeter]
	gone      atomic.Bool // set under r.mu
	announced atomic.Bool // #connect has been delivered
	grace     time.Duration
	away      atomic.Bool // its client is not connected, and may be back: see grace
}

// few is how many names are found faster by a look at each than by a map.
const few = 8

// AddSender adds a sender with the events and requests that the options declare. When
// it returns, every listener of #connect has been called, and before these every listener
// of the #disconnect of the name's last holder. It fails with an error that matches
// sig.ErrTaken while the name has a holder; of several goroutines that add a name at
// once, one succeeds.
func (r *Router) AddSender(name string, opts ...sig.SenderOption) (sig.Sender, error) {
	s, err := r.addSender(name, nil, sig.NewSenderConfig(opts...))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// addSender is AddSender on behalf of an owner.
func (r *Router) addSender(name string, owner any, cfg sig.SenderConfig) (*sender, error) {
	s, err := r.newSender(name, owner, cfg)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	switch {
	case r.closed:
		r.mu.Unlock()
		return nil, sig.Errorf(sig.ErrShuttingDown, "cannot add sender %q: the router is closed", name)
	case r.senders.get(name) != nil:
		r.mu.Unlock()
		return nil, sig.Errorf(sig.ErrTaken, "sender %q is already connected; a name has one holder at a time", name)
	}
	r.insert(s)
	undeclared := r.undeclared(s)
	notice := r.notifyConnect(s)
	for _, sg := range s.signals {
		r.notifyCount(sg, sig.Subscribe, 1)
	}
	r.mu.Unlock()
	for _, l := range undeclared {
		r.log.Warn("a listener waits for an event that its sender does not declare", "sender", name, "event", l.event, "listener", l.place.String())
	}
	r.announce(name, notice)
	for _, sg := range s.signals {
		if v, ok := cfg.Initial[sg.name]; ok && sg.keep != nil {
			// Listeners that were there first get it as those do that come later. It
			// fails only when a listener has removed the sender.
			_ = sg.emit(sig.Event{Origin: &sg.keep.origin, Data: v})
		}
	}
	s.announced.Store(true)
	return s, nil
}

// newSender checks what a sender declares, and makes it.
func (r *Router) newSender(name string, owner any, cfg sig.SenderConfig) (*sender, error) {
	if err := sig.CheckName("sender", name); err != nil {
		return nil, err
	}
	if name == Inspector {
		return nil, sig.Errorf(sig.ErrRefused, "sender name %q is the router's own", name)
	}
	if cfg.Events == nil && len(cfg.Requests) == 0 && cfg.Default == nil {
		return nil, sig.Errorf(sig.ErrInvalid, "no events or requests for sender %q", name)
	}
	s := &sender{r: r, name: name, owner: owner, rest: cfg.Default, grace: cfg.Grace}
	s.place = callerPlace(2)
	if err := s.declareEvents(cfg); err != nil {
		return nil, err
	}
	if err := s.declareRequests(cfg); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *sender) declareEvents(cfg sig.SenderConfig) error {
	for _, name := range cfg.Events {
		if err := sig.CheckName("event", name); err != nil {
			return err
		}
		if sig.IsBuiltin(name) || slices.Contains(s.decl.Events, name) {
			continue // every sender has the built-in ones
		}
		s.decl.Events = append(s.decl.Events, name)
		sg := &signal{name: name, sender: s, origin: sig.Origin{Sender: s.name, Name: name}}
		if slices.Contains(cfg.Retained, name) {
			sg.keep = &keep{origin: sig.Origin{Sender: s.name, Name: name, Retained: true}}
		}
		s.signals = append(s.signals, sg)
	}
	s.decl.Events = append(s.decl.Events, sig.Connect, sig.Disconnect)
	slices.Sort(s.decl.Events)
	if len(s.signals) > few {
		s.byEvent = make(map[string]*signal, len(s.signals))
		for _, sg := range s.signals {
			s.byEvent[sg.name] = sg
		}
	}
	return nil
}

func (s *sender) declareRequests(cfg sig.SenderConfig) error {
	for name, h := range cfg.Requests {
		if err := sig.CheckName("method", name); err != nil {
			return err
		}
		if h == nil {
			return sig.Errorf(sig.ErrInvalid, "no function answers method %q of sender %q", name, s.name)
		}
		m := &method{sender: s, handler: h, call: sig.Call{Sender: s.name, Method: name}}
		s.methods = append(s.methods, m)
		if len(cfg.Requests) > few {
			if s.byMethod == nil {
				s.byMethod = make(map[string]*method, len(cfg.Requests))
			}
			s.byMethod[name] = m
		}
		s.decl.Requests = append(s.decl.Requests, &name)
	}
	slices.SortFunc(s.decl.Requests, func(a, b *string) int { return strings.Compare(*a, *b) })
	if s.rest != nil {
		s.decl.Requests = append(s.decl.Requests, nil)
	}
	return nil
}

// insert puts the sender where it can be found. r.mu is held.
func (r *Router) insert(s *sender) {
	r.senders.put(s.name, s)
	*r.byName.at(s.name, true) = s
	for _, sg := range s.signals {
		e := r.events.at(sg.name, true)
		sg.event, sg.inSignals = e, len(e.signals)
		e.signals = append(e.signals, sg)
		if at := r.subs.at(s.name, sg.name, false, false); at != nil {
			(*at).link(sg)
		}
		if sg.keep != nil {
			r.keepers++
		}
	}
	if in := r.insp.Load(); in != nil {
		in.addSender(s)
	}
}

// takeOut is the reverse of insert. From then on the sender's triggers and requests
// fail. r.mu is held.
func (r *Router) takeOut(s *sender) {
	s.gone.Store(true)
	r.senders.remove(s.name)
	r.byName.remove(s.name)
	for _, sg := range s.signals {
		r.drop(sg)
		if sg.subject != nil {
			sg.subject.link(nil)
		}
		e := sg.event
		last := e.signals[len(e.signals)-1]
		e.signals[sg.inSignals], last.inSignals = last, sg.inSignals
		if e.signals = shorten(e.signals); len(e.signals) == 0 {
			r.events.remove(sg.name)
		}
		if sg.keep != nil {
			r.keepers--
		}
		if sg.gate != nil {
			sg.gate.dead.Store(true)
		}
	}
	if in := r.insp.Load(); in != nil {
		in.dropSender(s)
	}
}

// undeclared returns listeners that name the sender and an event it does not declare.
// They stay: the next holder of the name may declare it. r.mu is held.
func (r *Router) undeclared(s *sender) []*subscription {
	events := r.subs.patterns.at(s.name, false, false)
	if events == nil {
		return nil
	}
	var found []*subscription
	events.each(func(event string, below bool, j **subject) {
		if !below && !sig.IsBuiltin(event) && !sig.IsPattern(event) && s.signal(event) == nil {
			found = append(found, (*j).subs[0])
		}
	})
	return found
}

// RemoveSender takes a sender out, whoever added it. It fails with an error that
// matches sig.ErrNoSender when the name has no holder.
func (r *Router) RemoveSender(name string) error {
	s := r.senders.get(name)
	if s == nil || !s.remove("") {
		return r.noSender(name)
	}
	return nil
}

// remove takes the sender out and tells the listeners of #disconnect why. It reports
// whether the sender was still there.
func (s *sender) remove(reason string) bool {
	r := s.r
	r.mu.Lock()
	if s.gone.Load() {
		r.mu.Unlock()
		return false
	}
	r.takeOut(s)
	decl := s.decl
	decl.Reason = reason
	r.notify(s.name, sig.Disconnect, decl)
	r.mu.Unlock()
	r.announce(s.name, nil)
	return true
}

// Sender returns the holder of a name, as AddSender returned it. It reports false when
// there is none, or when its #connect is still being delivered: no signal of a sender
// comes before that.
func (r *Router) Sender(name string) (sig.Sender, bool) {
	s := r.senders.get(name)
	if s == nil || !s.announced.Load() {
		return nil, false
	}
	return s, true
}

// Name returns the sender's name.
func (s *sender) Name() string { return s.name }

// Remove takes the sender out of its router; see sig.Sender. A later holder of the
// name is left alone.
func (s *sender) Remove() error {
	s.remove("")
	return nil
}

// Signal returns the handle of a declared event; see sig.Sender.
func (s *sender) Signal(event string) (sig.Signal, error) {
	if sg := s.signal(event); sg != nil && !s.gone.Load() {
		return sg, nil
	}
	return nil, s.noSignal(event)
}

// signal returns the signal of an event, or nil.
func (s *sender) signal(event string) *signal {
	if s.byEvent != nil {
		return s.byEvent[event]
	}
	for _, sg := range s.signals {
		if sg.name == event {
			return sg
		}
	}
	return nil
}

// signal returns the signal of a sender that is there, or nil.
func (r *Router) signal(sender, event string) *signal {
	if s := r.senders.get(sender); s != nil {
		return s.signal(event)
	}
	return nil
}

// noSignal says why there is no signal to be had for an event.
func (s *sender) noSignal(event string) error {
	if err := s.isGone(); err != nil {
		return err
	}
	if sig.IsBuiltin(event) {
		return sig.Errorf(sig.ErrRefused, "event %q of sender %q is built in: only the router triggers it", event, s.name)
	}
	if err := sig.CheckName("event", event); err != nil {
		return err
	}
	return s.noEvent(event)
}

func (s *sender) noEvent(event string) error {
	declared := "none"
	if len(s.signals) > 0 {
		quoted := make([]string, 0, len(s.signals))
		for _, sg := range s.signals[:min(len(s.signals), 10)] {
			quoted = append(quoted, strconv.Quote(sg.name))
		}
		declared = strings.Join(quoted, ", ")
		if len(quoted) < len(s.signals) {
			declared += ", ..."
		}
	}
	return sig.Errorf(sig.ErrNoEvent, "sender %q has no event %q; declared: %s", s.name, event, declared)
}

// isGone returns the error of a sender that was removed.
func (s *sender) isGone() error {
	switch {
	case !s.gone.Load():
		return nil
	case s.r.isClosed.Load():
		return sig.Errorf(sig.ErrShuttingDown, "sender %q has gone: the router is closed", s.name)
	}
	return sig.Errorf(sig.ErrRemoved, "sender %q was removed", s.name)
}

func (s *sender) eventNames() []string {
	all := make([]string, 0, len(s.signals))
	for _, sg := range s.signals {
		all = append(all, sg.name)
	}
	slices.Sort(all)
	return all
}
