package router

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// Reports name the line that added a listener, also where a helper is between.
func TestPlaces(t *testing.T) {
	r, _ := newRouter(t, Options{})
	here := func(above int) string {
		_, file, line, ok := runtime.Caller(1)
		require.True(t, ok)
		return file + ":" + strconv.Itoa(line-above)
	}
	sub, err := r.AddListener("s", "a", func(sig.Event) {})
	require.Equal(t, here(1), sub.(*subscription).place.String())
	require.NoError(t, err)
	sub, err = sig.On(r, "s", "a", func(sig.Event, int) {}, nil, sig.Waitable())
	require.Equal(t, here(1), sub.(*subscription).place.String())
	require.NoError(t, err)
	var mine sig.Subscription
	helper := func() { mine, err = r.AddListener("s", "a", func(sig.Event) {}, sig.Helper()) }
	helper()
	require.Equal(t, here(1), mine.(*subscription).place.String())
	require.NoError(t, err)
	s, err := r.AddSender("s", sig.Events("a"))
	require.Equal(t, here(1), s.(*sender).place.String())
	require.NoError(t, err)
	require.Equal(t, "unknown", place(0).String())
}
