// Package bustest is for the tests of what joins a Bus: it has to do the same wherever the
// Bus is.
package bustest

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// Everywhere runs a test, in virtual time, with all who join in one process, at several
// clients of a router, and with some in the router's own process. Each call of bus is for
// another one of them.
func Everywhere(t *testing.T, test func(t *testing.T, bus func() sig.Bus)) {
	run := func(name string, place func(t *testing.T) func() sig.Bus) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, place(t)) })
		})
	}
	run("in process", func(t *testing.T) func() sig.Bus {
		r := router.New()
		t.Cleanup(func() { _ = r.Close() })
		return func() sig.Bus { return r }
	})
	run("at clients", func(t *testing.T) func() sig.Bus {
		site := routertest.New(t)
		return func() sig.Bus { return site.Client("").Remote() }
	})
	run("at both", func(t *testing.T) func() sig.Bus {
		site := routertest.New(t)
		n := 0
		return func() sig.Bus {
			if n++; n%2 == 1 {
				return site.Server
			}
			return site.Client("").Remote()
		}
	})
}

// Errors collects what is reported.
type Errors struct {
	mu  sync.Mutex
	all []error
}

// Add adds an error.
func (l *Errors) Add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, err)
}

// Take returns what was reported since the last call.
func (l *Errors) Take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := errors.Join(l.all...)
	l.all = nil
	return err
}
