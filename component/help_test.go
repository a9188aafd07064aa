package component_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everywhere runs a test, in virtual time, with all components in one process, at several
// clients of a backplane, and with some in the backplane's own process.
func everywhere(t *testing.T, test func(t *testing.T, bus func() sig.Bus)) {
	run := func(name string, place func(t *testing.T) func() sig.Bus) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, place(t)) })
		})
	}
	run("in process", func(t *testing.T) func() sig.Bus {
		r := router.New()
		t.Cleanup(func() { r.Close() })
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

// errorList collects what a component reports.
type errorList struct {
	mu  sync.Mutex
	all []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, err)
}

// take returns what was reported since the last call.
func (l *errorList) take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := errors.Join(l.all...)
	l.all = nil
	return err
}

// join adds a component that must have nothing to report, unless its options say where to.
func join(t *testing.T, b sig.Bus, o component.Options) *component.Component {
	t.Helper()
	var errs errorList
	if o.OnError == nil {
		o.OnError = errs.add
	}
	c, err := component.Join(t.Context(), b, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, errs.take(), "what %s reported", o.Name)
	})
	return c
}

// take returns the topics and payloads that have come for the component, as text.
func take(t *testing.T, c *component.Component) []string {
	t.Helper()
	synctest.Wait()
	got := []string{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.Waiting() == 0 {
		return got
	}
	require.NoError(t, c.Receive(ctx, func(m component.Message) error {
		var text string
		require.NoError(t, m.Decode(&text))
		got = append(got, m.Topic+" "+text)
		if c.Waiting() == 0 {
			return component.ErrStop
		}
		return nil
	}))
	return got
}
