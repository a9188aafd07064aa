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
// # When things go wrong
//
// A listener that panics is logged and told to Options.OnPanic; the others are called
// as if nothing had happened. A handler that panics is reported too, and the request
// fails.
package router
