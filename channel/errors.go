package channel

import (
	"fmt"

	"github.com/sigrouter/sigrouter/sig"
)

// Errors of channels, to be told apart with errors.Is.
var (
	// ErrType is for a party that gives a channel another type than it has.
	ErrType = &sig.Error{Status: sig.StatusRefused, Code: "channel_type", Message: "the channel has another type"}
	// ErrFull is for a publisher that has as many messages on their way as it may.
	ErrFull = &sig.Error{Status: sig.StatusLimit, Code: "channel_full", Message: "too many messages on their way"}
	// ErrLost is for messages that did not arrive whole, or were dropped here.
	ErrLost = &sig.Error{Status: sig.StatusFailed, Code: "channel_lost", Message: "a message was lost"}
	// ErrClosed is for what was closed by its owner.
	ErrClosed = &sig.Error{Status: sig.StatusFailed, Code: "channel_closed", Message: "closed"}
)

func typeError(channel, has, given string) error {
	return sig.Errorf(ErrType, "channel %q carries %q, not %q: give it that type, or take another channel", channel, has, given)
}

// lost says that messages of a channel were lost.
func lost(channel, format string, args ...any) error {
	return sig.Errorf(ErrLost, "channel %q: %s", channel, fmt.Sprintf(format, args...))
}
