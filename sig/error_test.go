package sig_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func TestErrorIs(t *testing.T) {
	err := sig.Errorf(sig.ErrTaken, "sender %q is already connected", "s")
	require.Equal(t, `sender "s" is already connected`, err.Error())
	require.ErrorIs(t, err, sig.ErrTaken)
	require.ErrorIs(t, fmt.Errorf("at the server: %w", err), sig.ErrTaken)
	require.NotErrorIs(t, err, sig.ErrRemoved)
	require.ErrorIs(t, &sig.Error{Status: sig.StatusFailed, Code: "taken"}, sig.ErrTaken, "what a far side reports")
	require.NotErrorIs(t, &sig.Error{Status: sig.StatusFailed}, sig.ErrTaken)
	require.NotErrorIs(t, &sig.Error{Status: -2}, &sig.Error{Status: -2}, "without a code there is nothing to tell by")
	require.ErrorIs(t, sig.ErrTimeout, context.DeadlineExceeded)
	require.ErrorIs(t, sig.ErrCanceled, context.Canceled)
	require.NotErrorIs(t, sig.ErrTimeout, context.Canceled)
	require.NotErrorIs(t, sig.ErrTaken, io.EOF)
	require.Equal(t, "failed with status -7", (&sig.Error{Status: sig.StatusTimeout}).Error())
}

// The statuses and codes are on the wire: they may not change.
func TestErrorsOfTheWire(t *testing.T) {
	for err, want := range map[*sig.Error]string{
		sig.ErrInvalid: "-2 invalid", sig.ErrNoSender: "-2 no_sender", sig.ErrNoEvent: "-2 no_event", sig.ErrNoMethod: "-2 no_method",
		sig.ErrNoListener: "-2 no_listener", sig.ErrTaken: "-2 taken", sig.ErrRemoved: "-2 removed", sig.ErrMalformed: "-4 malformed",
		sig.ErrRefused: "-5 refused", sig.ErrLimit: "-6 limit", sig.ErrSlow: "-6 slow", sig.ErrTimeout: "-7 timeout",
		sig.ErrNotConnected: "-8 not_connected", sig.ErrShuttingDown: "-9 shutting_down", sig.ErrCanceled: "-10 canceled",
	} {
		require.Equal(t, want, fmt.Sprint(int(err.Status), " ", err.Code))
	}
}

func TestAsError(t *testing.T) {
	require.Nil(t, sig.AsError(nil))
	typed := &sig.Error{Status: sig.StatusFailed, Code: "too_far", Message: "too far", Data: 7}
	require.Same(t, typed, sig.AsError(typed))
	wrapped := sig.AsError(fmt.Errorf("asking: %w", typed))
	require.Equal(t, &sig.Error{Status: sig.StatusFailed, Code: "too_far", Message: "asking: too far", Data: 7}, wrapped)
	require.Equal(t, &sig.Error{Status: sig.StatusFailed, Message: "boom"}, sig.AsError(errors.New("boom")))
	require.ErrorIs(t, sig.AsError(context.DeadlineExceeded), sig.ErrTimeout)
	require.ErrorIs(t, sig.AsError(fmt.Errorf("x: %w", context.Canceled)), sig.ErrCanceled)
	require.EqualError(t, sig.AsError(fmt.Errorf("x: %w", context.Canceled)), "x: context canceled")
}
