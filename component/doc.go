// Package component is a small base for a process that joins a backplane: it has a name,
// subscribes to topics, publishes payloads, and handles what comes in one loop.
//
//	c, err := component.Join(ctx, client.Remote(), component.Options{Name: "EchoServer"})
//	err = c.Subscribe("echo")
//	err = c.Receive(ctx, func(m component.Message) error {
//		return c.Publish("reply", m.Data)
//	})
//	err = c.Close()
//
// A backplane is any router: sig serve, a router in another program, or one in this
// process. The package connects to nothing and catches no signals; the program hands it a
// bus, and a context that ends when it is to stop, for instance that of
// signal.NotifyContext.
//
// # Topics
//
// A topic is an event of any sender. Who subscribes to "echo" gets the topic "echo" and those
// below it, "echo.left" for instance; "*" and ">" stand for parts as everywhere, and "" for
// all topics. SubscribePrefix takes any topic that begins with some letters. A message comes
// once, however many of a component's topics match it.
//
// On the bus a component is a sender of its own name, with the topics of Options.Topics as
// its events and a method "about". A topic that is not among these is published by one more
// sender, "NAME.~.TOPIC", which is added when it is first needed. So sig listen shows what
// goes on, and sig trigger publishes.
//
// # Messages
//
// What comes waits in one queue for Receive, in the order of its coming. What does not
// fit is dropped by the policy, counted and reported. Nothing that arrives ends the loop: an
// error or a panic of the function that handles a message is reported, and the next
// message follows.
//
// # Several backplanes
//
// A component may join as many as it likes: see Component.Join. It subscribes and publishes at
// one, with the methods of Backplane, or at all it has joined.
package component
