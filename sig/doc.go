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
package sig
