// Package sigrouter is the whole of Sig behind one import: a router with every carrier
// that comes with it, so that any address a URL can name is ready for use.
//
// Sig lets the parts of a program tell each other things, and then the programs of a
// network: senders trigger events, listeners are called with them, requests are
// answered. It begins in one process and grows to sockets, serial devices and
// browsers, and the code that triggers and listens stays the same.
//
// The parts, for programs that want to link less:
//
//   - Package sig has the words: Event, Listener, Request, Bus, names and errors.
//   - Package router has the Router, where senders and listeners meet.
//   - Package carrier has what moves messages between routers, and the packages below
//     it each one way of doing so.
//
// The wire is described in docs/protocol.md.
package sigrouter
