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
//   - Package auth says who may come in and do what.
//   - Package router/routertest is for tests of programs that use routers.
//
// On top of these:
//
//   - Package api calls methods of Go values from anywhere, idl makes both sides from an
//     interface file.
//   - Package channel has channels that carry one type of message.
//   - Package component is for processes that publish and subscribe by topic, path for
//     messages to dotted paths.
//   - Package dashboard is a page that shows a router, metrics its numbers, observe those,
//     its health and more over HTTP.
//   - Package codec/msgpack encodes payloads shorter than JSON does.
//
// What is promised is in docs/semantics.md, the wire in docs/protocol.md, programs to begin
// with in examples.
package sigrouter
