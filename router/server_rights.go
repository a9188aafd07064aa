package router

import (
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// mayListenTo reports, as an error, when nothing that a subscription matches may be
// listened to. What it matches beside that is left out when lists are built.
func mayListenTo(r *auth.Rights, sender, event string, below bool) error {
	if r.MayMatch(auth.Listen, sender, event) {
		return nil
	}
	if below {
		s, e := sender, event
		if event == sig.Any {
			s = under(sender)
		} else {
			e = under(event)
		}
		if r.MayMatch(auth.Listen, s, e) {
			return nil
		}
	}
	return auth.Refusal(auth.Listen, sender, event)
}

// under returns the pattern for all names below those of a pattern.
func under(pattern string) string {
	if pattern == sig.Any || strings.HasSuffix(pattern, "."+sig.Any) {
		return pattern
	}
	return pattern + "." + sig.Any
}

// hearing finds out who may listen to one event.
type hearing struct {
	sender, event string
	known         map[*auth.Rights]bool
	limited       bool // somebody may not do everything
}

func (h *hearing) may(x *session) bool {
	r := x.rights()
	if r == nil {
		return true
	}
	h.limited = true
	may, ok := h.known[r]
	if !ok {
		may = r.May(auth.Listen, h.sender, h.event)
		if h.known == nil {
			h.known = map[*auth.Rights]bool{}
		}
		h.known[r] = may
	}
	return may
}

// sendBuiltin is send for an event that tells of other events and of methods: nobody
// learns of those they may neither listen to nor request.
func (f *fan) sendBuiltin(e sig.Event) error {
	known := map[*auth.Rights][]byte{}
	for _, t := range f.targets {
		r := t.session.rights()
		data, ok := known[r]
		if !ok {
			v := visible(r, e.Sender, e.Data)
			if v == nil {
				continue
			}
			var err error
			if data, err = encode(v); err != nil {
				return err
			}
			known[r] = data
		}
		t.session.send(f.route, t.target, []carrier.Payload{{Data: data}}, e.Retained, nil)
	}
	return nil
}

// visible returns what somebody may see of the data of a built-in event; nil for
// nothing.
func visible(r *auth.Rights, sender string, data any) any {
	switch d := data.(type) {
	case sig.Declaration:
		d.Events = slices.DeleteFunc(slices.Clone(d.Events), func(e string) bool { return !r.May(auth.Listen, sender, e) })
		if d.Requests != nil {
			d.Requests = slices.DeleteFunc(slices.Clone(d.Requests), func(m *string) bool { return !mayRequest(r, sender, m) })
		}
		return d
	case sig.Listening:
		if !r.May(auth.Listen, sender, d.Event) {
			return nil
		}
	}
	return data
}

// mayRequest reports whether a declared method may be requested; nil stands for all
// others.
func mayRequest(r *auth.Rights, sender string, method *string) bool {
	if method == nil {
		return r.MayMatch(auth.Request, sender, sig.Any)
	}
	return r.May(auth.Request, sender, *method)
}

// mayList reports whether the client may know of a sender, and of which of its events:
// of its own, and of those that it may listen to or request from.
func (x *session) mayList(info sig.SenderInfo) ([]string, bool) {
	r, name := x.rights(), *info.Name
	if r == nil {
		return info.Events, true
	}
	snd := x.srv.senders.get(name)
	if snd != nil && snd.owner == any(x) {
		return info.Events, true
	}
	events := slices.DeleteFunc(slices.Clone(info.Events), func(e string) bool { return !r.May(auth.Listen, name, e) })
	if len(events) > 0 || snd == nil {
		return events, len(events) > 0
	}
	visible := r.May(auth.Listen, name, sig.Connect) || slices.ContainsFunc(snd.decl.Requests, func(m *string) bool { return mayRequest(r, name, m) })
	return events, visible
}
