package carrier_test

import (
	"context"
	"fmt"
	"net"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// whispers is a whole Conn: frames go to and fro over Go channels.
type whispers struct {
	out  chan<- []byte
	in   <-chan []byte
	done chan struct{} // closed by the first Close of either end
	end  func()
}

func (w whispers) Send(frame []byte) error {
	select {
	case w.out <- append([]byte(nil), frame...): // the frame is the caller's
		return nil
	case <-w.done:
		return carrier.ErrClosed
	}
}

func (w whispers) Recv() ([]byte, error) {
	select {
	case frame := <-w.in:
		return frame, nil
	case <-w.done:
		return nil, carrier.ErrClosed
	}
}

func (w whispers) Close() error { w.end(); return nil }

// A connection of one's own in thirty lines. Frames are JSON objects or binary ones; a Conn
// does not look inside.
func ExampleConn() {
	up, down, done := make(chan []byte), make(chan []byte), make(chan struct{})
	end := closer(done)
	ours, theirs := whispers{down, up, done, end}, whispers{up, down, done, end}

	srv := router.NewServer()
	defer srv.Close()
	if err := srv.Attach(ours); err != nil {
		fmt.Println(err)
		return
	}
	client, err := router.ClientOptions{}.Attach(context.Background(), theirs)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, _ = srv.AddSender("echo", sig.AnswerRest(func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }))
	fmt.Println(sig.Ask[string](context.Background(), client.Remote(), "echo", "say", "hello"))
	// Output:
	// hello <nil>
}

// closer closes a channel once.
func closer(c chan struct{}) func() {
	once := make(chan struct{}, 1)
	once <- struct{}{}
	return func() {
		select {
		case <-once:
			close(c)
		default:
		}
	}
}

// Anything that moves bytes both ways becomes a Conn: here one end of a net.Pipe, whose
// other end speaks the protocol by hand.
func ExampleNewStream() {
	here, there := net.Pipe()
	srv := router.NewServer()
	defer srv.Close()
	if err := srv.Attach(carrier.NewStream(there, carrier.Info{Carrier: "pipe", Loopback: true})); err != nil {
		fmt.Println(err)
		return
	}
	c := carrier.NewStream(here, carrier.Info{Carrier: "pipe"})
	defer c.Close()
	_ = c.Send([]byte("{\"id\":\"a\",\"method\":\"get_version\"}\n"))
	frame, err := c.Recv()
	fmt.Println(string(frame), err)
	// Output:
	// {"id":"a","status":0,"response":"1.01"} <nil>
}
