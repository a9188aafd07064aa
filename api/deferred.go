package api

import (
	"context"
	"reflect"
	"sync"
)

// A Deferred is an answer that comes later. A method returns one at once; whoever
// holds it answers with Complete or Fail, from any goroutine. The caller waits meanwhile,
// at most until its context ends.
type Deferred[T any] struct {
	once  sync.Once
	done  chan struct{}
	value T
	err   error
}

// NewDeferred returns an answer that is still open.
func NewDeferred[T any]() *Deferred[T] { return &Deferred[T]{done: make(chan struct{})} }

// Complete answers with v. Only the first answer counts; it reports whether this was it.
func (d *Deferred[T]) Complete(v T) bool { return d.settle(v, nil) }

// Fail answers with an error. Only the first answer counts; it reports whether this was
// it.
func (d *Deferred[T]) Fail(err error) bool {
	var none T
	return d.settle(none, err)
}

func (d *Deferred[T]) settle(v T, err error) (first bool) {
	d.once.Do(func() {
		d.value, d.err = v, err
		close(d.done)
		first = true
	})
	return first
}

// Wait returns the answer, or ctx's error when that ends before.
func (d *Deferred[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-d.done:
		return d.value, d.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func (d *Deferred[T]) await(ctx context.Context) (any, error) {
	if d == nil {
		return nil, nil
	}
	v, err := d.Wait(ctx)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (d *Deferred[T]) resultType() reflect.Type { return reflect.TypeFor[T]() }

// deferred is a *Deferred of any type.
type deferred interface {
	await(ctx context.Context) (any, error)
	resultType() reflect.Type
}
