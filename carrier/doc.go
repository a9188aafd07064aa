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
package carrier
