// Package api makes the methods of a Go value the requests of a sender, and calls such
// methods from anywhere.
//
//	type Calc struct{}
//
//	func (Calc) Multiply(a, b int) int { return a * b }
//
//	api.Expose(bus, "calc", Calc{}, api.Doc("Multiply", "Multiplies two numbers.", api.Param("a", ""), api.Param("b", "")))
//
//	n, err := api.Call[int](ctx, bus, "calc", "multiply", 7, 6)                        // by position
//	n, err = api.Call[int](ctx, bus, "calc", "multiply", api.Named{"a": 7, "b": 6})    // by name
//
// The bus may be a router in the same process or a client's view of one far away. On the
// wire these are ordinary requests, with a JSON array or object of parameters, so every
// client in any language can call an exposed method, and api can call any sender.
//
// # Methods
//
// A method may take a context first, then parameters, and may return values and, last,
// an error. Its name on the wire is the Go name in snake case. Go does not keep the names
// of parameters: name them with Param, or let the method take one struct, whose fields are
// the parameters then; package schema says which tags describe a field. Method exposes a
// function instead of a method, without reflection on the way of a call.
//
// Parameters are checked before the method runs. What is missing, unknown, of the wrong
// type or out of range comes back to the caller as a *ParamError, which matches
// sig.ErrInvalid. A method that panics costs its caller an error and the log a stack.
//
// Every exposed sender also answers "describe" with a Description.
//
// # Errors
//
// An error that both sides name with WithErrors comes back to the caller as itself: errors.As
// and errors.Is find it, whatever lies between. All others arrive with their text.
//
// # Around and both ways
//
// Use puts a Middleware around calls, on the side that exposes and on the side that
// calls. NewClient exposes methods of the calling side, which the other side finds with
// Watch or, inside a handler, with Caller. ExposeEach exposes one value for each id, shared
// or per client. Deferred answers later.
//
// # Speed
//
// Caller and callee in one process pass Go values as they are, without encoding; slices,
// maps and pointers in them are shared. A function exposed with Method is called directly.
// So are methods of a few common shapes: up to two parameters of type int, float64, string
// or bool and at most one such result. Others are called by reflection, half a microsecond.
package api
