package auth

import (
	"strconv"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// An Action is something that needs a permission, or a set of them.
type Action uint8

// Actions.
const (
	Add     Action = 1 << iota // add a sender
	Trigger                    // trigger an event of a sender of one's own
	Listen                     // listen to an event of a sender
	Request                    // ask a method of a sender
	Any     = Add | Trigger | Listen | Request
)

// actions are the single ones, in the order of their bits.
const actions = 4

// index returns the place of a single action.
func (a Action) index() int {
	switch a {
	case Add:
		return 0
	case Trigger:
		return 1
	case Listen:
		return 2
	}
	return 3
}

// A Rule permits or forbids.
type Rule struct {
	Deny    bool // forbids; otherwise permits
	Actions Action
	Sender  string // name or pattern
	Name    string // name or pattern of the event or method; "" means all. Add does not look at it
}

// Rights is what somebody may do. Nil means everything; the zero value nothing. It
// never changes.
type Rights struct {
	allow, deny [actions][]pair
	also        *Rights // must permit it too; nil for nothing more
}

// A pair is what a rule is about.
type pair struct{ sender, name string }

// NewRights makes Rights of rules, whose order means nothing: what one of them denies is
// refused, what none allows too. It fails when a pattern is malformed.
func NewRights(rules ...Rule) (*Rights, error) {
	r := &Rights{}
	for _, rule := range rules {
		if rule.Name == "" {
			rule.Name = sig.Any
		}
		if err := sig.CheckPattern("sender", rule.Sender); err != nil {
			return nil, err
		}
		if err := sig.CheckPattern("event or method", rule.Name); err != nil {
			return nil, err
		}
		r.add(rule)
	}
	return r, nil
}

func (r *Rights) add(rule Rule) {
	lists := &r.allow
	if rule.Deny {
		lists = &r.deny
	}
	for i := range lists {
		if rule.Actions&(1<<i) != 0 {
			lists[i] = append(lists[i], pair{rule.Sender, rule.Name})
		}
	}
}

// Within returns the Rights to what both r and other permit.
func (r *Rights) Within(other *Rights) *Rights {
	switch {
	case r == nil:
		return other
	case other == nil:
		return r
	}
	return &Rights{allow: r.allow, deny: r.deny, also: r.also.Within(other)}
}

// May reports whether one action is permitted: on a sender, and on an event or method of
// it. Of Add the name means nothing.
func (r *Rights) May(a Action, sender, name string) bool {
	for ; r != nil; r = r.also {
		if !r.may(a, sender, name) {
			return false
		}
	}
	return true
}

func (r *Rights) may(a Action, sender, name string) bool {
	i := a.index()
	for _, p := range r.deny[i] {
		if p.matches(a, sender, name) {
			return false
		}
	}
	for _, p := range r.allow[i] {
		if p.matches(a, sender, name) {
			return true
		}
	}
	return false
}

func (p pair) matches(a Action, sender, name string) bool {
	return matches(p.sender, sender) && (a == Add || matches(p.name, name))
}

func matches(pattern, name string) bool { return pattern == sig.Any || sig.Match(pattern, name) }

// MayMatch reports whether anything that the patterns match may be permitted. It never
// reports false where something is; true may turn out to mean nothing, where several
// denials leave nothing of what is allowed. Of names it is May.
func (r *Rights) MayMatch(a Action, sender, name string) bool {
	for ; r != nil; r = r.also {
		if !r.mayMatch(a, sender, name) {
			return false
		}
	}
	return true
}

func (r *Rights) mayMatch(a Action, sender, name string) bool {
	i := a.index()
	for _, p := range r.deny[i] {
		if covers(p.sender, sender) && (a == Add || covers(p.name, name)) {
			return false
		}
	}
	for _, p := range r.allow[i] {
		if overlap(p.sender, sender) && (a == Add || overlap(p.name, name)) {
			return true
		}
	}
	return false
}

// Check is May as an error that matches sig.ErrRefused and says what is missing.
func (r *Rights) Check(a Action, sender, name string) error {
	if r.May(a, sender, name) {
		return nil
	}
	return Refusal(a, sender, name)
}

// Refusal returns the error for an action that is not permitted. Sender and name may be
// patterns.
func Refusal(a Action, sender, name string) error {
	switch a {
	case Add:
		return sig.Errorf(sig.ErrRefused, "not permitted to add %s", some("sender", sender))
	case Trigger:
		return refusal("trigger", some("event", name), sender)
	case Listen:
		return refusal("listen to", some("event", name), sender)
	}
	return refusal("request", some("method", name), sender)
}

func refusal(verb, what, sender string) error {
	return sig.Errorf(sig.ErrRefused, "not permitted to %s %s of %s", verb, what, some("sender", sender))
}

// some names what a pattern stands for; hostile text is quoted on one short line.
func some(what, pattern string) string {
	const most = 64
	switch {
	case pattern == sig.Any:
		return "any " + what
	case len(pattern) > most:
		return what + " " + strconv.QuoteToASCII(pattern[:most]) + "..."
	}
	return what + " " + strconv.QuoteToASCII(pattern)
}

// overlap reports whether there is a name that both patterns match.
func overlap(p, q string) bool {
	for {
		a, pRest, pMore := strings.Cut(p, ".")
		b, qRest, qMore := strings.Cut(q, ".")
		switch {
		case a == ">" && !pMore || b == ">" && !qMore:
			return true
		case a != "*" && b != "*" && a != b, pMore != qMore:
			return false
		case !pMore:
			return true
		}
		p, q = pRest, qRest
	}
}

// covers reports whether a pattern matches every name that another one does.
func covers(p, q string) bool {
	for {
		a, pRest, pMore := strings.Cut(p, ".")
		b, qRest, qMore := strings.Cut(q, ".")
		switch {
		case a == ">" && !pMore:
			return true
		case b == ">" && !qMore:
			return false
		case a != "*" && a != b, pMore != qMore:
			return false
		case !pMore:
			return true
		}
		p, q = pRest, qRest
	}
}
