// Package carrier moves messages between routers.
//
// Most carriers supply a Conn, which sends and receives whole frames, and a Scheme,
// which dials and listens by URL; the Engine of this package does the rest: ids and
// pending replies, the outbound queue, keepalive, limits and shutdown. Packages tcp,
// unix, ws, serial, stdio and local below this one are such carriers, and
// carriertest proves theirs and yours.
//
// A carrier that is no connection at all, because its replies come back some other
// way, implements Carrier instead, most easily by embedding Base.
package carrier
