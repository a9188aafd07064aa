// Package carrier moves messages between routers.
//
// Most carriers supply a Conn, which sends and receives whole frames, and a Scheme,
// which dials and listens by URL; the Engine of this package does the rest: ids and
// pending replies, the outbound queue, keepalive, limits and shutdown. Packages tcp,
// unix, ws, serial, stdio and local below this one are such carriers, and
// carriertest proves theirs and yours.
//
// A Conn has three methods, and is a page long; NewStream makes one of any byte stream. What
// more it can do it says by small interfaces, which the Engine looks for: to write many
// frames at once (BatchSender), without blocking (TrySender), with a deadline (WriteDeadliner), to
// say what it is (Describer). Limits bounds what a peer may do, with a default for each.
//
// A carrier that is no connection at all, because its replies come back some other
// way, implements Carrier instead, most easily by embedding Base.
//
// # What is for whom
//
// Programs use Schemes and Limits, and Listener, which Listen of a server returns.
//
// Who writes a carrier needs Conn, Scheme, Listener, Info, NewStream, Params and ErrClosed, and of the
// small interfaces those that fit. A Conn may also be a BatchSender, Buffered, Counter, Describer, Limiter,
// Lossy, ReasonCloser, TextOnly, TrySender, WriteDeadliner; a Listener a Reporter; a Scheme a Checker. Or instead
// of a Conn: Carrier, Base, Receiver, Message, Reply, ReplyError and Failure.
//
// The rest is for routers: Engine with its Options, and its Handler, which may be a Batcher, Canceler,
// Drainer, Starter; Peer, Session, Queue, Route, Target, Line; Codec, Encoded, Payload, Copier; CallWatch, Bridge.
// Package router is the one there is, and what it needs may change with it.
package carrier
