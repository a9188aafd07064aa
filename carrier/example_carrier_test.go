package carrier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A courier is a whole Carrier: it moves messages over two Go channels to the courier at
// their other ends. What it does not write itself it has from carrier.Base.
type courier struct {
	carrier.Base
	peer string // what this end calls the other
	out  chan<- []byte
	in   <-chan []byte

	mu      sync.Mutex
	last    int
	waiting map[string]chan *carrier.Reply // by id of the call
}

// HandleTX sends a call and returns its reply.
func (c *courier) HandleTX(ctx context.Context, _ string, m *carrier.Message) (*carrier.Reply, error) {
	done := make(chan *carrier.Reply, 1)
	c.mu.Lock()
	c.last++
	id := strconv.Itoa(c.last)
	c.waiting[id] = done
	c.mu.Unlock()
	defer c.forget(id)

	m.ID = json.RawMessage(id) // any JSON string or number
	if err := c.send(ctx, m); err != nil {
		return nil, err
	}
	select {
	case r := <-done:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *courier) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// send packs a call or a reply and sends it.
func (c *courier) send(ctx context.Context, m any) error {
	data, err := c.Pack(m)
	if err != nil {
		return err
	}
	select {
	case c.out <- data:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run receives until ctx ends: calls are run, replies go to who waits for them.
func (c *courier) run(ctx context.Context) {
	var calls sync.WaitGroup
	defer calls.Wait()
	defer c.PeerDisconnected(c.peer, io.EOF) // its listeners and senders go, what waits for it fails
	for {
		select {
		case data := <-c.in:
			switch m, r, err := c.Unpack(data); {
			case err != nil: // no message; nobody waits for a reply to it
			case r != nil:
				c.settle(r)
			default:
				calls.Go(func() { _ = c.send(ctx, c.HandleRX(ctx, c.peer, m)) })
			}
		case <-ctx.Done():
			return
		}
	}
}

// settle hands a reply to the call that waits for it.
func (c *courier) settle(r *carrier.Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done := c.waiting[string(r.ID)]; done != nil {
		done <- r // has room for the one reply there is
		delete(c.waiting, string(r.ID))
	}
}

// A whole carrier by embedding carrier.Base. Where there is a connection write a Conn
// instead, which is less work. Two programs with a Carrier: examples/customcarrier.
func ExampleCarrier() {
	up, down := make(chan []byte), make(chan []byte)
	near := &courier{peer: "the client", in: up, out: down, waiting: map[string]chan *carrier.Reply{}}
	far := &courier{peer: "the server", in: down, out: up, waiting: map[string]chan *carrier.Reply{}}
	quiet := router.Options{Logger: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	running.Go(func() { near.run(ctx) })
	running.Go(func() { far.run(ctx) })

	srv := router.ServerOptions{Options: quiet}.New()
	defer srv.Close()
	if err := srv.AttachCarrier(near); err != nil {
		fmt.Println(err)
		return
	}
	if err := near.PeerConnected(near.peer); err != nil { // tells the router of a client that came
		fmt.Println(err)
		return
	}
	client, err := router.ClientOptions{Options: quiet}.AttachCarrier(ctx, far, "the server")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	heard := make(chan sig.Event)
	_, _ = client.AddRemoteListener(ctx, "timer", "tic", func(e sig.Event) { heard <- e })
	timer, _ := srv.AddSender("timer", sig.Events("tic"), sig.Answer("interval",
		func(context.Context, sig.Request) (any, error) { return 10, nil }))
	tic, _ := timer.Signal("tic")
	_ = tic.Trigger("now")
	e := <-heard
	fmt.Println(e.Sender, e.Name, e.Data)

	seconds, err := sig.Ask[int](ctx, client.Remote(), "timer", "interval", nil)
	fmt.Println(seconds, err)
	for _, p := range srv.Peers() {
		fmt.Println(p.Carrier, p.Address)
	}
	// Output:
	// timer tic "now"
	// 10 <nil>
	// custom the client
}
