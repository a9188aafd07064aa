// Package sig holds the words that everything else in this module uses: events and
// the functions that listen to them, requests and the functions that answer them,
// names and patterns, errors and statuses, and the Bus that joins them.
//
// It imports only the standard library and none of its sibling packages. Programs
// meet it together with package router, whose Router is a Bus:
//
//	r := router.New()
//	r.AddListener("timer", "tic", func(e sig.Event) { fmt.Println(e.Sender, e.Name, e.Data) })
//	timer, err := r.AddSender("timer", sig.Events("tic"))
//	tic, err := timer.Signal("tic")
//	tic.Trigger(42)
//
// # Senders and listeners
//
// A Sender declares with the options of AddSender what it may trigger and what it answers:
// Events, Retain (events whose last value is kept for who comes later), Answer, AnswerRest, Grace.
// Its Signal triggers one event. A Listener is a function that is called with each Event that
// matches; the options of AddListener give it a queue (Queue, OnDrop), the events below a name
// (Below), no old values (SkipRetained). A Handler answers a Request.
//
// On, SignalOf, Ask and Handle are the same with types:
//
//	sig.On(bus, "thermo", "reading", func(e sig.Event, r Reading) { … }, nil)
//	n, err := sig.Ask[int](ctx, bus, "calculator", "double", 21)
//
// # Names
//
// Senders, events and methods have names: 1 to 255 bytes of UTF-8 without control
// characters. Dots divide a name into parts, so that patterns can match it: a part
// "*" of a pattern stands for any one part, a last part ">" for all that follow.
// Any, which is ">", matches every name.
//
// # Payloads
//
// An event's Data, a request's Params and a response's Data are any Go value in
// process. What came over a carrier is a *Raw, still encoded. Decode reads both
// into a variable, so a listener need not know where its sender lives.
//
// # Errors
//
// What fails is an Error, or wraps one: errors.Is tells kinds apart, such as ErrTaken or
// ErrNoSender, also when the failure was on the far side. Errorf makes one; a Handler
// that returns it has it arrive at the caller with its kind. AsError says how an error goes
// over the wire: as a Status, a code and a message.
package sig
