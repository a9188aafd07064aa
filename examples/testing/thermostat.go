// Package thermostat is a part of an application, and its tests: how to test what talks over
// a router without a socket and without waiting.
//
//	go test -v ./examples/testing
//
// The part knows nothing but sig.Bus, so it does not know where it runs: in one process with its
// thermometer, over any carrier, or in a test. The tests are what to read.
package thermostat

import (
	"context"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Silence is how long a thermometer may say nothing before the heating is turned off.
const Silence = 10 * time.Minute

// A Thermostat heats while it is colder than it should be.
type Thermostat struct {
	heating sig.TypedSignal[bool]
	timer   *time.Timer

	mu   sync.Mutex
	goal float64
	on   bool
}

// New adds a thermostat to a bus: it listens to "thermometer", triggers "heating", and answers
// "set".
func New(bus sig.Bus, goal float64) (*Thermostat, error) {
	t := &Thermostat{goal: goal}
	s, err := bus.AddSender("thermostat", sig.Retain("heating"), sig.Answer("set", sig.Handle(t.set)))
	if err != nil {
		return nil, err
	}
	if t.heating, err = sig.SignalOf[bool](s, "heating"); err != nil {
		return nil, err
	}
	t.timer = time.AfterFunc(Silence, func() { t.heat(false) })
	_, err = sig.On(bus, "thermometer", "temperature", func(_ sig.Event, celsius float64) {
		t.timer.Reset(Silence)
		t.mu.Lock()
		cold := celsius < t.goal
		t.mu.Unlock()
		t.heat(cold)
	}, nil)
	return t, err
}

// Close ends its timer.
func (t *Thermostat) Close() { t.timer.Stop() }

func (t *Thermostat) set(_ context.Context, goal float64) (bool, error) {
	if goal > 30 {
		return false, sig.Errorf(sig.ErrInvalid, "%v °C is too hot", goal)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.goal = goal
	return true, nil
}

// heat tells of a change, without the lock: listeners may call back.
func (t *Thermostat) heat(on bool) {
	t.mu.Lock()
	changed := t.on != on
	t.on = on
	t.mu.Unlock()
	if changed {
		_ = t.heating.Trigger(on) // fails only when the bus is closed
	}
}
