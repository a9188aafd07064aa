package sig_test

import (
	"context"
	"testing"

	"github.com/sigrouter/sigrouter/sig"
)

func TestCallerFrom(t *testing.T) {
	if c, ok := sig.CallerFrom(t.Context()); ok {
		t.Errorf("CallerFrom of a plain context = %v", c)
	}
	want := &sig.Caller{ID: "7", Name: "thermometer"}
	ctx, cancel := context.WithCancel(sig.WithCaller(t.Context(), want))
	defer cancel()
	if c, ok := sig.CallerFrom(ctx); !ok || c != want {
		t.Errorf("CallerFrom = %v, %v, want %v", c, ok, want)
	}
	if c, ok := sig.CallerFrom(sig.WithCaller(ctx, nil)); ok {
		t.Errorf("CallerFrom of a context with a nil caller = %v", c)
	}
}
