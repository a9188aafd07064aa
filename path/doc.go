// Package path sends messages to dotted paths: "person", "address.usa". Whoever has a link
// handles the paths it cares for, at any level, and may respond; whoever sends gets the
// response, or the error.
//
//	server, err := path.Join(bus, path.Options{Name: "server"})
//	off, err := server.On("address", func(ctx context.Context, m *path.Received) error { // "address.usa" too
//		return m.Respond(path.New("thank you"))
//	})
//
//	client, err := path.Join(bus, path.Options{}) // elsewhere: it only sends
//	reply, err := client.SendAndWait(ctx, "server", "address.usa", path.New("Another Street, 123"))
//
// The bus may be a router in the same process or a client's view of one far away.
//
// # Handlers
//
// A message on person.old.x goes to the handlers of "", which are those of every path, then
// to those of "person", "person.old" and "person.old.x"; at one path in the order in which
// they were added. Messages are handled each in a goroutine of its own, but Send returns
// when the handlers have, so that what one goroutine sends is handled in that order.
//
// The first response is the one that goes back. When no handler responds, or there is none,
// an empty message does. An error of a handler goes to the sender, unless a handler has
// responded; the others are called all the same.
//
// # On the bus
//
// A link with a name is a sender that answers every method; the method is the path, the
// parameters are the message:
//
//	{"data": "Test", "args": ["an arg"], "kwargs": {"something": "extra"}, "from": "client"}
//
// of which only data is needed. Parameters that do not look like that are the data
// themselves, so that "sig request server address.usa '"Some Street"'" does what one expects.
// A response looks the same.
package path
