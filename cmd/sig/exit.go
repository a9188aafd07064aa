package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// Exit codes. Scripts rely on them: they may be added to, never changed.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConnect     = 3
	exitRefused     = 4
	exitTimeout     = 5
	exitNobody      = 6
	exitRemote      = 7
	exitInterrupted = 130
)

// exitHelp ends the help of every command.
const exitHelp = `
Exit codes:
    0  done
    1  failed for another reason
    2  the command line is wrong
    3  cannot connect, or the connection was lost
    4  refused: not permitted
    5  no answer in time
    6  nobody listens, or there is no such sender, event or method
    7  the other side answered with an error
  130  interrupted
`

// errInterrupted is the cause of a context that ended because the user or the system
// asked the program to.
var errInterrupted = errors.New("interrupted")

// A usageError is a command line that makes no sense.
type usageError struct {
	error
	command string // "sig listen"; "" when help would not help
}

func (e usageError) Unwrap() error { return e.error }

// usagef returns a usageError with a text that needs no help page beside it.
func usagef(format string, args ...any) error {
	return usageError{error: fmt.Errorf(format, args...)}
}

// A connectError is a connection that did not come about.
type connectError struct {
	error
	url string
}

func (e connectError) Unwrap() error { return e.error }

// exitCode returns the exit code for what a command failed with.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, sig.ErrRefused) { // also while connecting
		return exitRefused
	}
	if _, ok := errors.AsType[connectError](err); ok {
		return exitConnect
	}
	return exitCodeOfCall(err)
}

// exitCodeOfCall is exitCode for a call over a connection that was there.
func exitCodeOfCall(err error) int {
	for _, c := range []struct {
		is   error
		code int
	}{
		{sig.ErrTimeout, exitTimeout},
		{context.DeadlineExceeded, exitTimeout},
		{sig.ErrNotConnected, exitConnect},
		{sig.ErrShuttingDown, exitConnect},
		{net.ErrClosed, exitConnect},
		{sig.ErrNoSender, exitNobody},
		{sig.ErrNoEvent, exitNobody},
		{sig.ErrNoMethod, exitNobody},
		{sig.ErrNoListener, exitNobody},
	} {
		if errors.Is(err, c.is) {
			return c.code
		}
	}
	if _, ok := errors.AsType[*sig.Error](err); ok {
		return exitRemote
	}
	return exitFailed
}

// connectHint is hint for a connection that did not come about, or was lost.
func connectHint(e connectError) string {
	dial, dialed := errors.AsType[*net.OpError](e.error)
	if _, ok := errors.AsType[*net.DNSError](e.error); ok {
		return "Is the name right? SIG_URL or --url says which router is meant."
	}
	scheme, _, _ := strings.Cut(e.url, ":")
	switch {
	case scheme == "exec" || scheme == "serial" || scheme == "stdio":
		return "" // what is at the other end need not be sig serve
	case !(dialed && dial.Op == "dial") && !errors.Is(e.error, sig.ErrTimeout):
		return "" // somebody is there, or was
	case e.url == defaultURL:
		return "Is a router running? Start one with: sig serve"
	}
	return "Is a router running there? Start one with: sig serve --listen " + e.url
}

// hint says what the user may try after err, or nothing.
func hint(err error) string {
	if e, ok := errors.AsType[usageError](err); ok {
		if e.command == "" {
			return ""
		}
		return fmt.Sprintf("See %s --help.", e.command)
	}
	if e, ok := errors.AsType[connectError](err); ok && !errors.Is(err, sig.ErrRefused) {
		return connectHint(e)
	}
	switch {
	case errors.Is(err, sig.ErrRefused):
		return "If the router asks for a login, give it with --token-file, or with --cert and --key."
	case errors.Is(err, sig.ErrTaken):
		return "Another program is this sender. Stop it, or trigger as another sender."
	case errors.Is(err, sig.ErrNoSender), errors.Is(err, sig.ErrNoEvent):
		return "See what there is with: sig senders --events"
	}
	return ""
}
