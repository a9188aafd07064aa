package router

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A door keeps the books of connections that are not logged in yet, and of logins that
// failed.
type door struct {
	who atomic.Pointer[decider] // nil: everybody may come in
	ctx context.Context         // ends when the server does
	end context.CancelFunc

	setting sync.Mutex // held by SetLogin

	mu       sync.Mutex
	waiting  int                 // connections
	byHost   map[string]int      // the same, by address
	strikes  map[string]*strikes // failed logins by address
	failures uint64
}

// A decider is a Login that was set, told apart from the same one set again.
type decider struct{ auth.Authenticator }

func (d *decider) authenticator() auth.Authenticator {
	if d == nil {
		return nil
	}
	return d.Authenticator
}

// strikes counts the failures of an address in the minute that began at since.
type strikes struct {
	since time.Time
	n     int
}

// maxStrikes bounds the addresses whose failures are remembered. When there are more,
// those of whole minutes ago go, or all.
const maxStrikes = 4096

func (d *door) open(a auth.Authenticator) {
	d.ctx, d.end = context.WithCancel(context.Background())
	d.byHost, d.strikes = map[string]int{}, map[string]*strikes{}
	d.set(a)
}

// close ends logins under way.
func (d *door) close() { d.end() }

func (d *door) set(a auth.Authenticator) {
	if a == nil {
		d.who.Store(nil)
	} else {
		d.who.Store(&decider{a})
	}
}

// limit returns the context of a login.
func (d *door) limit(timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(d.ctx, timeout, sig.Errorf(sig.ErrTimeout, "no decision within %v (LoginTimeout)", timeout))
	return ctx, cancel
}

// wait notes a connection that is to log in. It fails when there are too many.
func (d *door) wait(l *link, info carrier.Info, e *carrier.Engine) error {
	host, lim := info.Host(), e.Limits()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.waiting >= lim.MaxLogins:
		return e.Over("MaxLogins", "%d connections that are not logged in are the most", lim.MaxLogins)
	case !info.Loopback && d.byHost[host] >= lim.MaxLoginsAddress:
		return e.Over("MaxLoginsAddress", "%d connections from one address that are not logged in are the most", lim.MaxLoginsAddress)
	}
	d.waiting++
	d.byHost[host]++
	l.waits = true
	return nil
}

// leave notes that a connection waits no longer.
func (d *door) leave(l *link, info carrier.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !l.waits {
		return
	}
	l.waits = false
	d.waiting--
	host := info.Host()
	if d.byHost[host]--; d.byHost[host] == 0 {
		delete(d.byHost, host)
	}
}

// counts returns how many connections wait, and how many logins failed.
func (d *door) counts() (waiting int, failures uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting, d.failures
}

// failed notes a failed login. It reports whether the address fails too often.
func (d *door) failed(info carrier.Info, e *carrier.Engine) bool {
	const window = time.Minute
	host, now := info.Host(), time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures++
	s := d.strikes[host]
	if s == nil {
		d.forget(now.Add(-window))
		s = &strikes{since: now}
		d.strikes[host] = s
	}
	if now.Sub(s.since) >= window {
		*s = strikes{since: now}
	}
	if s.n++; s.n <= e.Limits().MaxLoginFailures {
		return false
	}
	e.Over("MaxLoginFailures", "")
	return true
}

// forget makes room for another address.
func (d *door) forget(before time.Time) {
	if len(d.strikes) < maxStrikes {
		return
	}
	for host, s := range d.strikes {
		if !s.since.After(before) {
			delete(d.strikes, host)
		}
	}
	if len(d.strikes) >= maxStrikes {
		clear(d.strikes)
	}
}
