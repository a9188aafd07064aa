package api

import (
	"errors"
	"fmt"

	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// A ParamError says why a call was refused before its method ran. It matches
// sig.ErrInvalid.
type ParamError struct {
	Method string `json:"method"` // "sender.method"
	Usage  string `json:"usage"`  // how the method wants to be called
	schema.Problem
}

// Error says it in one line.
func (e *ParamError) Error() string {
	return fmt.Sprintf("%s: %s (call it as %s)", e.Method, e.Problem.Error(), e.Usage)
}

// Unwrap returns sig.ErrInvalid and the Problem.
func (e *ParamError) Unwrap() []error { return []error{sig.ErrInvalid, &e.Problem} }

// CodePanic is the code of the error a caller gets when the method panicked.
const CodePanic = "panic"

// An ErrorCase is one error that travels as itself.
type ErrorCase struct {
	info   ErrorInfo
	encode func(err error) (data any, ok bool)
	decode func(*sig.Error) (error, bool)
}

// Doc returns the case with a text for descriptions.
func (c ErrorCase) Doc(text string) ErrorCase {
	c.info.Doc = text
	return c
}

// ErrorType makes errors of type E travel under a code, with what encoding/json writes of
// them. E is a struct or a pointer to one; the caller finds it with errors.As. A pointer
// type with a method SetMessage(string) is given the text of the error as it arrives.
func ErrorType[E error](code string) ErrorCase {
	return ErrorCase{
		info: ErrorInfo{Code: code},
		encode: func(err error) (any, bool) {
			return errors.AsType[E](err)
		},
		decode: func(e *sig.Error) (error, bool) {
			data := e.Data
			if data == nil {
				data = struct{}{}
			}
			v, err := sig.As[E](data)
			if m, ok := any(v).(interface{ SetMessage(string) }); ok && err == nil {
				m.SetMessage(e.Message)
			}
			return v, err == nil
		},
	}
}

// ErrorValue makes one error value travel under a code. The caller finds it with
// errors.Is.
func ErrorValue(code string, value error) ErrorCase {
	return ErrorCase{
		info:   ErrorInfo{Code: code},
		encode: func(err error) (any, bool) { return nil, errors.Is(err, value) },
		decode: func(*sig.Error) (error, bool) { return value, true },
	}
}

// carried is an error that travels as itself: what it is in this process, and what
// carriers make of it.
type carried struct {
	self error
	wire *sig.Error
}

func (e *carried) Error() string { return e.wire.Message }

// Unwrap names the wire form first, for that is the one sig.AsError is to find, whatever
// the error itself wraps.
func (e *carried) Unwrap() []error { return []error{e.wire, e.self} }

// leaving prepares an error of a method for its way to the caller.
func (c *common) leaving(err error) error {
	if p, ok := err.(*ParamError); ok {
		return &carried{p, &sig.Error{Status: sig.StatusFailed, Code: sig.ErrInvalid.Code, Message: p.Error(), Data: p}}
	}
	for i := range c.errors {
		k := &c.errors[i]
		if data, ok := k.encode(err); ok {
			return &carried{err, &sig.Error{Status: sig.StatusFailed, Code: k.info.Code, Message: err.Error(), Data: data}}
		}
	}
	return err
}

// arrived turns what a call failed with into what it was.
func (c *common) arrived(err error) error {
	e, ok := errors.AsType[*sig.Error](err)
	if !ok {
		return err
	}
	if _, ok := errors.AsType[*carried](err); ok {
		return err // it never left the process
	}
	if e.Code == sig.ErrInvalid.Code && e.Data != nil {
		if p, err := sig.As[*ParamError](e.Data); err == nil && p != nil && p.Code != "" {
			return &carried{p, e}
		}
	}
	for i := range c.errors {
		k := &c.errors[i]
		if k.info.Code != e.Code {
			continue
		}
		if self, ok := k.decode(e); ok {
			return &carried{self, e}
		}
	}
	return err
}
