// Package router is where senders and listeners meet, in one process and between
// processes.
//
// A Router calls the listeners of an event directly:
//
//	r := router.New()
//	r.AddListener("timer", "tic", func(e sig.Event) { fmt.Println(e.Sender, e.Name, e.Data) })
//	timer, err := r.AddSender("timer", sig.Events("tic"))
//	tic, err := timer.Signal("tic")
//	tic.Trigger(42)
//
// A listener names a sender and an event, or one of the two, or neither: sig.Any stands for
// every name, "*" in a pattern for one part of a dotted name, a last ">" for the rest, and
// sig.Below takes in what is below an event. It may be there before its sender, and
// stays when that goes: #connect and #disconnect tell of that, #subscribe and
// #unsubscribe of listeners.
//
// # Order
//
// Trigger calls every matching listener before it returns, in the calling goroutine:
// first the listeners of everything, then those of all events of the sender, then those
// of the event of any sender, then those that name both or a pattern for both; among
// these in the order in which they were added. A listener may do anything with the
// router, at any depth: add and remove listeners and senders, trigger, request. What it
// adds takes part from the next Trigger on, what it removes is not called any more.
//
// Less formally: a Trigger is a row of function calls, and no lock is held meanwhile.
//
// # Queues
//
// A listener with sig.Queue has a goroutine of its own, and events wait for it in a
// bounded queue. With the policy Block, a Trigger that finds no room waits, unless it
// is made by the very goroutine that would have to make room: then the queue grows, and
// that is logged. The other policies drop events; Dropped counts them, and sig.OnDrop
// is told of them in their place among the others.
//
// A loop over Router.Events is a queued listener too, whose body is the function.
//
// # Requests
//
// A sender also answers requests: sig.Answer declares a method, sig.AnswerRest all others.
// Request asks by name, and returns one response or one error. Method holds on to a method
// that is asked often.
//
// # What passes
//
// A retained event (sig.Retain) keeps its last value, which listeners that come later get
// at once. Use puts a Middleware between triggers and listeners, to observe events, change
// them or stop them. Inspect tells what there is, and how much passes.
//
// # Servers and clients
//
// A ServerRouter is a Router that other programs reach, over any number of carriers at once:
//
//	srv := sigrouter.NewServer() // of the package at the root, which knows every carrier
//	l, err := srv.Listen(ctx, "tcp://127.0.0.1:3000")
//
// A ClientRouter is a Router of its own that also has senders and listeners there:
//
//	c, err := sigrouter.Dial(ctx, "tcp://127.0.0.1:3000")
//	sub, err := c.AddRemoteListener(ctx, "timer", "tic", func(e sig.Event) { … })
//	door, err := c.AddRemoteSender(ctx, "door", sig.Events("opened"))
//	resp, err := c.RemoteRequest(ctx, "timer", "interval", nil)
//
// Its Remote method returns the server as a sig.Bus: code that takes a Bus does not know
// whether it is near or far. When the connection is lost the client comes back by
// itself, with everything it had; what is triggered meanwhile waits. A server knows what each
// client has, and removes it when the client goes. It waits for no client: one that does
// not take its events is closed, or misses some and is told, as the listener's policy says.
//
// ServerOptions.Login says who may come in and do what; see package auth. Limits bounds
// what a peer may do. Package routertest has a server and clients in memory, for tests.
//
// This package links no carrier: Schemes of the options name those that a program wants.
//
// The promises are in docs/semantics.md, by number, each with the tests that show it.
//
// # When things go wrong
//
// A listener that panics is logged and told to Options.OnPanic; the others are called
// as if nothing had happened. A handler that panics is reported too, and the request
// fails.
package router
