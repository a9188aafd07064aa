package sig

import (
	"context"
	"errors"
	"fmt"
)

// A Status says on the wire how a call went.
type Status int

// Statuses of the wire. Down to StatusNoName they are those of pysig.
const (
	StatusDone         Status = 0   // the method returned
	StatusNoMethod     Status = -1  // there is no such method
	StatusFailed       Status = -2  // the method failed; the message says why
	StatusNoName       Status = -3  // the call names no method
	StatusMalformed    Status = -4  // the message is not JSON, or not an object
	StatusRefused      Status = -5  // it is not permitted
	StatusLimit        Status = -6  // a limit was passed; the message names it
	StatusTimeout      Status = -7  // no answer in time
	StatusNotConnected Status = -8  // the other end is not there
	StatusShuttingDown Status = -9  // the router is closing
	StatusCanceled     Status = -10 // the caller gave up
)

// An Error is a failure as it crosses a carrier: a status and a code to act on, a
// message to read, and data for errors that carry some. Two Errors are the same to
// errors.Is when their codes are equal.
type Error struct {
	Status  Status
	Code    string // stable, short, lower case; "" when the far side gave none
	Message string
	Data    any // for typed errors, else nil
}

// Errors that callers tell apart with errors.Is. What a far side reports matches
// them too.
var (
	ErrInvalid      = &Error{Status: StatusFailed, Code: "invalid", Message: "invalid argument"}
	ErrNoSender     = &Error{Status: StatusFailed, Code: "no_sender", Message: "no such sender"}
	ErrNoEvent      = &Error{Status: StatusFailed, Code: "no_event", Message: "no such event"}
	ErrNoMethod     = &Error{Status: StatusFailed, Code: "no_method", Message: "no such method"}
	ErrNoListener   = &Error{Status: StatusFailed, Code: "no_listener", Message: "no such listener"}
	ErrTaken        = &Error{Status: StatusFailed, Code: "taken", Message: "the name has a holder already"}
	ErrRemoved      = &Error{Status: StatusFailed, Code: "removed", Message: "the sender was removed"}
	ErrMalformed    = &Error{Status: StatusMalformed, Code: "malformed", Message: "malformed message"}
	ErrRefused      = &Error{Status: StatusRefused, Code: "refused", Message: "not permitted"}
	ErrLimit        = &Error{Status: StatusLimit, Code: "limit", Message: "over a limit"}
	ErrSlow         = &Error{Status: StatusLimit, Code: "slow", Message: "too slow"}
	ErrTimeout      = &Error{Status: StatusTimeout, Code: "timeout", Message: "timed out"}
	ErrNotConnected = &Error{Status: StatusNotConnected, Code: "not_connected", Message: "not connected"}
	ErrShuttingDown = &Error{Status: StatusShuttingDown, Code: "shutting_down", Message: "shutting down"}
	ErrCanceled     = &Error{Status: StatusCanceled, Code: "canceled", Message: "canceled by the caller"}
)

// Errorf returns an error of the given kind with a message of its own.
func Errorf(kind *Error, format string, args ...any) *Error {
	return &Error{Status: kind.Status, Code: kind.Code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("failed with status %d", e.Status)
	}
	return e.Message
}

// Is reports whether target has the same code. ErrTimeout also matches
// context.DeadlineExceeded, ErrCanceled context.Canceled.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == ErrTimeout.Code
	case context.Canceled:
		return e.Code == ErrCanceled.Code
	}
	t, ok := target.(*Error)
	return ok && t.Code != "" && t.Code == e.Code
}

// AsError returns err as the Error a far side is told: the Error it is or wraps, a
// timeout or a cancellation for the context's errors, else a failure with err's text.
// It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Error() == err.Error() {
			return e
		}
		return &Error{Status: e.Status, Code: e.Code, Message: err.Error(), Data: e.Data}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(ErrTimeout, "%v", err)
	case errors.Is(err, context.Canceled):
		return Errorf(ErrCanceled, "%v", err)
	}
	return &Error{Status: StatusFailed, Message: err.Error()}
}
