package router

import (
	"context"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// MayInspect reports why somebody who is no peer, a web page for instance, may not use
// a method of the built-in sender Inspector. Where there is a Login it takes the right to
// request that method of that sender, where there is none it takes a program of this
// machine, or ServerOptions.InspectFromAnywhere. The method may be one that only the
// asker knows.
//
// id is what ServerRouter.Authenticate has returned for info.
func (s *ServerRouter) MayInspect(id auth.Identity, info carrier.Info, method string) error {
	if s.door.who.Load() != nil {
		return id.Rights.Check(auth.Request, Inspector, method)
	}
	if info.Loopback || s.opts.InspectFromAnywhere {
		return nil
	}
	return errNotHere
}

// InspectAs answers a request to the built-in sender Inspector for somebody who is no
// peer, and who sees only events that it may listen to. It fails as MayInspect does.
func (s *ServerRouter) InspectAs(ctx context.Context, id auth.Identity, info carrier.Info, method string, params any) (any, error) {
	if err := s.MayInspect(id, info, method); err != nil {
		return nil, err
	}
	answer, ok := inspectMethods[method]
	if !ok {
		return nil, sig.Errorf(sig.ErrNoMethod, "sender %q has no method %s", Inspector, quoted(method))
	}
	in := s.inspect()
	if in == nil {
		return nil, sig.ErrShuttingDown
	}
	return answer(&inspection{in: in, ctx: ctx, params: params, eyes: eyes{id.Rights}})
}

// snapshot answers with all there is, for those who are near: a connection takes no answer
// longer than MaxMessage.
func (i *inspection) snapshot() (any, error) {
	s := i.in.r.Inspect()
	s.Signals = i.seen(s.Signals)
	return s, nil
}

func (i *inspection) peers() (any, error)    { return i.in.r.Inspect().Peers, nil }
func (i *inspection) senders() (any, error)  { return i.in.r.Inspect().Senders, nil }
func (i *inspection) carriers() (any, error) { return i.in.r.Inspect().Carriers, nil }

// A SignalPage is a part of the signals.
type SignalPage struct {
	Total   int            `json:"total"` // signals that the question matches
	Signals []SignalStatus `json:"signals"`
}

func (i *inspection) signals() (any, error) {
	var q struct {
		Query  string `json:"query"` // a part of the name of the sender or event
		Offset int    `json:"offset"`
		Limit  int    `json:"limit"` // 0: 100; 1,000 at most
	}
	if err := i.read(&q); err != nil {
		return nil, err
	}
	const usual, most = 100, 1000
	if q.Limit <= 0 {
		q.Limit = usual
	}
	all := slices.DeleteFunc(i.seen(i.in.r.Inspect().Signals), func(s SignalStatus) bool {
		return !strings.Contains(strings.ToLower(s.Sender+" "+s.Event), strings.ToLower(q.Query))
	})
	from := min(max(q.Offset, 0), len(all))
	return SignalPage{len(all), all[from:min(from+min(q.Limit, most), len(all))]}, nil
}

// seen removes the signals that whoever asks may not listen to.
func (i *inspection) seen(all []SignalStatus) []SignalStatus {
	return slices.DeleteFunc(all, func(s SignalStatus) bool { return !i.eyes.see(s.Sender, s.Event) })
}
