// Package channel is typed publishing and subscribing: named channels, each of which
// carries one type of message, whoever publishes and whoever listens.
//
//	party, err := channel.Join(ctx, bus, channel.Options{Name: "ana"})
//	pub, err := channel.NewPublisher[Line](ctx, party, "chat", "line")
//	sub, err := channel.Subscribe(ctx, party, "chat", "line", func(m channel.Message[Line]) {
//		fmt.Println(m.From, m.Data)
//	})
//	err = pub.Publish(Line{"hello"})
//
// The bus may be a router in the same process or a client's view of one far away; the router
// needs to know nothing of channels. On the bus a channel is the events of its name, of any
// sender: who listens to those without this package, sig listen for instance, hears the
// messages too, and events that somebody triggers by hand arrive at the subscribers.
//
// # Types
//
// The type of a channel is a string, and the first party that gives one fixes it. Whoever
// comes with another is refused with ErrType, on its own side, wherever it is connected. The
// type lasts for as long as anybody is there who publishes or subscribes under it, also when
// connections are lost and when the router is started anew. TypeOf makes a type of a Go type.
//
// # Three ways to receive
//
// A callback is called where a message arrives, or, with Queue, in a goroutine of its own.
// In a party with the option Loop callbacks wait until Wait calls them. Messages is a loop
// over a channel.
//
// # Large messages
//
// A message of more than 64 KiB goes in parts, and smaller ones overtake it. The publisher
// waits for the router and for the slowest subscriber, within bounds: at most half a
// megabyte is in its own queue and one in the router's for each subscriber. A subscriber
// puts at most ten messages together at a time, in bounded memory; see MaxSize. Parts that
// are missing or out of order cost the message, and a report.
//
// # Who is there
//
// OnSubscribers and Watch tell how many listen, so that a camera films only while
// somebody looks. Retain keeps the last value for those who come later. Limit bounds how
// many messages are on their way, and Waiting tells.
//
// # Binary payloads
//
// Channels of []byte carry bytes as they are. Writer and Reader put typed fields into them
// and take them out again, in the format of Echo.
package channel
