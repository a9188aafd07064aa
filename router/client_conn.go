package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// Waits between attempts to connect: the first comes after a random part of
// firstBackoff, the next after a random part of a bound that doubles from minBackoff
// to ClientOptions.MaxBackoff. A connection that held for goodAfter begins anew.
const (
	firstBackoff = 250 * time.Millisecond
	minBackoff   = 500 * time.Millisecond
	maxBackoff   = 4 * time.Second
	goodAfter    = 30 * time.Second
)

// Dial connects to a server with default options, which know no carrier: use Dial of
// package sigrouter, or ClientOptions with Schemes.
func Dial(ctx context.Context, address string) (*ClientRouter, error) {
	return ClientOptions{}.Dial(ctx, address)
}

// Dial connects to the server at the address, for instance tcp://127.0.0.1:3000. It
// fails when the first attempt does, unless the options say Lazy. ctx bounds the first
// attempt only.
func (o ClientOptions) Dial(ctx context.Context, address string) (*ClientRouter, error) {
	c := o.newClient()
	c.address = address
	c.dial = func(ctx context.Context) (carrier.Conn, error) { return o.Schemes.Dial(ctx, address) }
	return c.start(ctx)
}

// AttachCarrier connects to a server by a Carrier, which knows it by the name given, as
// Dial does by address. It connects again when the carrier has told that the server was
// lost (PeerDisconnected), and keeps trying while HandleTX fails. A carrier serves one
// client; closing it is up to who made it, after the client.
func (o ClientOptions) AttachCarrier(ctx context.Context, via carrier.Carrier, server string) (*ClientRouter, error) {
	c := o.newClient()
	c.address = server
	bridge := carrier.NewBridge(c.engine, via, true)
	c.dial = func(context.Context) (carrier.Conn, error) { return bridge.Dial(server) }
	return c.start(ctx)
}

// start makes the first connection, and sees to the later ones.
func (c *ClientRouter) start(ctx context.Context) (*ClientRouter, error) {
	if c.opts.Lazy {
		c.wg.Go(func() { c.keepConnected(nil) })
		return c, nil
	}
	p, _, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		c.Router.Close()
		return nil, err
	}
	c.wg.Go(func() { c.keepConnected(p) })
	return c, nil
}

// Attach runs a client on a connection that was made elsewhere. It does not connect
// again when that ends.
func (o ClientOptions) Attach(ctx context.Context, conn carrier.Conn) (*ClientRouter, error) {
	o.NoReconnect = true
	c := o.newClient()
	p, _, err := c.begin(ctx, conn)
	if err != nil {
		c.cancel()
		_ = c.engine.Shutdown(c.ctx, "not connected")
		c.Router.Close()
		return nil, err
	}
	c.wg.Go(func() { c.keepConnected(p) })
	return c, nil
}

func (o ClientOptions) newClient() *ClientRouter {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	def(&o.MaxBackoff, maxBackoff)
	def(&o.Outbox, 65536)
	def(&o.OutboxBytes, 8<<20)
	c := &ClientRouter{Router: o.Options.New(), opts: o, log: log, ready: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.handling = sig.WithHops(context.Background(), 1)
	c.engine = carrier.NewEngine(clientHandler{c}, carrier.Options{Limits: o.Limits, Logger: log})
	c.wire = c.engine.NewSession()
	c.serial.init(&c.workers, c.runBatch, c.kick)
	c.crew.init(&c.workers)
	c.books.Store(&books{})
	c.Router.buildFanout = c.forwarder
	c.Router.checkHopsAt = c.engine.CheckHops
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// connect makes one attempt.
func (c *ClientRouter) connect(ctx context.Context) (*carrier.Peer, State, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, State{}, fmt.Errorf("cannot connect to %s: %w", c.address, &dialError{err})
	}
	p, state, err := c.begin(ctx, conn)
	if err != nil {
		return nil, State{}, fmt.Errorf("cannot connect to %s: %w", c.address, err)
	}
	return p, state, nil
}

// dialError makes every failure to connect match sig.ErrNotConnected.
type dialError struct{ err error }

func (e *dialError) Error() string   { return e.err.Error() }
func (e *dialError) Unwrap() []error { return []error{e.err, sig.ErrNotConnected} }

// begin says hello on a connection and adds what the client has at the server.
func (c *ClientRouter) begin(ctx context.Context, conn carrier.Conn) (*carrier.Peer, State, error) {
	ctx, cancel := context.WithTimeout(ctx, c.engine.Limits().ClassicTimeout)
	defer cancel()
	p, err := c.engine.AttachDialed(conn, nil)
	if err != nil {
		return nil, State{}, err
	}
	state, err := c.hello(ctx, p)
	if err == nil {
		c.untold.add(&state)
		err = c.register(ctx, p, state.Resumed)
		state.Resumed = !c.untold.anew
	}
	if err != nil {
		if p.Reason() != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, sig.ErrRefused) {
			err = lostFor{err, p.Reason()}
		}
		p.Close(sig.Errorf(sig.ErrShuttingDown, "%v", err))
		<-p.Done()
		return nil, State{}, err
	}
	c.untold = untold{}
	c.connected(p, state)
	return p, state, nil
}

// untold is what the application was not told of sessions that were begun on connections
// which ended before everything was added.
type untold struct {
	anew   bool
	unsure int
}

func (u *untold) add(s *State) {
	u.anew = u.anew || !s.Resumed
	u.unsure += s.Unsure
	s.Unsure = u.unsure
}

// hello agrees with the server on how to talk.
func (c *ClientRouter) hello(ctx context.Context, p *carrier.Peer) (State, error) {
	in := helloParams{
		Version: protocolVersion, Name: c.opts.Name, Codecs: carrier.Codecs(nil).Names(), Token: c.opts.Token,
		Window: c.engine.Limits().Window, WindowBytes: c.engine.Limits().WindowBytes,
		MaxMessage: c.engine.Limits().MaxMessage,
	}
	if !c.opts.TextOnly && !p.TextOnly() {
		in.Envelope = envelopeFrame
		in.Codecs = c.opts.Codecs.Names()
	}
	c.mu.Lock()
	if c.session != "" {
		in.Resume = &resumeParam{Session: c.session, Epoch: c.epoch, Last: c.wire.Last()}
	}
	c.mu.Unlock()
	params, err := sig.JSON{}.Marshal(in)
	if err != nil {
		return State{}, err
	}
	data, err := p.Call(ctx, "hello", params)
	if e := sig.AsError(err); err != nil && e.Status == sig.StatusNoMethod {
		return c.helloClassic(p), nil
	}
	if errors.Is(err, sig.ErrRefused) {
		return State{}, fmt.Errorf("the server says: %w", err)
	}
	if err != nil {
		return State{}, fmt.Errorf("the server did not answer hello: %w", err)
	}
	var out helloReply
	if err := json.Unmarshal(data, &out); err != nil {
		return State{}, sig.Errorf(sig.ErrMalformed, "the server's answer to hello is not understood: %v", err)
	}
	codec, err := c.chosen(&out)
	if err != nil {
		return State{}, err
	}
	return c.agree(p, &out, codec), nil
}

// chosen returns the codec that the server has chosen; nil for JSON.
func (c *ClientRouter) chosen(out *helloReply) (carrier.Codec, error) {
	if out.Envelope != envelopeFrame || out.Codec == "" || out.Codec == (sig.JSON{}).Name() {
		return nil, nil
	}
	codec := c.opts.Codecs.Find(out.Codec)
	if codec == nil {
		return nil, sig.Errorf(sig.ErrMalformed, "the server chose the codec %s, which it was not offered", quoted(out.Codec))
	}
	return codec, nil
}

// agree takes over what the server answered.
func (c *ClientRouter) agree(p *carrier.Peer, out *helloReply, codec carrier.Codec) State {
	state := State{Connected: true, Resumed: out.Resumed}
	p.SetName(out.Name)
	if out.Resumed && !c.wire.Resume(out.Last) {
		state.Resumed = false // it believes to have more than we sent: begin anew
	}
	if !state.Resumed {
		c.refusedBefore(out.Refused)
		known := out.Dispatched != nil && c.wire.Acknowledged(*out.Dispatched)
		if unsure := c.beginAnew(); !known {
			state.Unsure = unsure
		}
		c.unsure.Add(uint64(state.Unsure))
	}
	c.wire.Out.SetWindow(out.Window, out.WindowBytes)
	c.mu.Lock()
	c.session, c.epoch = out.Session, out.Epoch
	c.mu.Unlock()
	p.SetFast(out.Envelope == envelopeFrame, codec, c.wire)
	p.SetTakes(out.MaxMessage) // of the session, too
	if out.OneLine {
		p.SetOneLine()
	}
	if codec != nil {
		c.codec.Store(&agreed{codec})
	} else {
		c.codec.Store(nil)
	}
	return state
}

// helloClassic goes on with a server that knows no hello, as an existing pysig server.
func (c *ClientRouter) helloClassic(p *carrier.Peer) State {
	state := State{Connected: true, Unsure: c.beginAnew()}
	c.unsure.Add(uint64(state.Unsure))
	c.mu.Lock()
	c.session, c.epoch = "", ""
	c.mu.Unlock()
	p.SetSession(c.wire)
	p.SetTakes(0)
	p.SetClassic()
	return state
}

// connected lets signals flow on a connection that is the client's own.
func (c *ClientRouter) connected(p *carrier.Peer, state State) {
	p.Release()
	c.log.Info("connected", "server", p.String(), "resumed", state.Resumed, "unsure", state.Unsure)
}

// keepConnected owns the connection: it connects again whenever it is lost, until the
// client is closed. p is the first connection, nil when there is none yet.
func (c *ClientRouter) keepConnected(p *carrier.Peer) {
	state := State{Connected: true}
	bound := min(minBackoff, c.opts.MaxBackoff)
	for {
		if p != nil {
			c.tell(state)
			since := time.Now()
			<-p.Done()
			state = c.disconnected(p)
			c.tell(state)
			if time.Since(since) > goodAfter {
				bound = min(minBackoff, c.opts.MaxBackoff)
			}
		}
		if c.opts.NoReconnect || c.ctx.Err() != nil {
			c.giveUp(state.Err)
			return
		}
		if p, state = c.reconnect(p, &bound); p == nil {
			c.giveUp(state.Err)
			return
		}
	}
}

// reconnect tries until it succeeds; nil: the client was closed.
func (c *ClientRouter) reconnect(last *carrier.Peer, bound *time.Duration) (*carrier.Peer, State) {
	wait := rand.N(min(firstBackoff, c.opts.MaxBackoff))
	if last != nil && last.GoodBye() != nil {
		wait += last.GoodBye().Retry
	}
	if last == nil {
		wait = 0
	}
	for attempts := 1; ; attempts++ {
		if !c.sleep(wait) {
			return nil, State{Attempts: attempts, Err: sig.ErrShuttingDown}
		}
		p, state, err := c.connect(c.ctx)
		if err == nil {
			state.Attempts = attempts
			return p, state
		}
		if attempts&(attempts-1) == 0 { // the first failure, then each doubling
			c.log.Warn("cannot connect, trying on", "attempts", attempts, "err", err)
			if errors.Is(err, sig.ErrRefused) && c.ctx.Err() == nil {
				c.tell(State{Attempts: attempts, Err: err})
			}
		}
		wait = rand.N(*bound)
		*bound = min(2**bound, c.opts.MaxBackoff)
	}
}

// sleep waits; false: the client was closed.
func (c *ClientRouter) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return c.ctx.Err() == nil
	case <-c.ctx.Done():
		return false
	}
}

// disconnected notes that the connection is gone.
func (c *ClientRouter) disconnected(p *carrier.Peer) State {
	c.mu.Lock()
	if c.peer.CompareAndSwap(p, nil) {
		c.ready = make(chan struct{})
	}
	c.mu.Unlock()
	reason := p.Reason()
	if bye := p.GoodBye(); bye != nil {
		reason = sig.Errorf(sig.ErrShuttingDown, "the server said goodbye: %s", bye.Reason)
	}
	if c.ctx.Err() == nil {
		c.log.Warn("connection lost", "server", p.String(), "reason", reason)
	}
	return State{Err: reason}
}

func (c *ClientRouter) tell(s State) {
	if c.opts.OnState != nil {
		c.opts.OnState(s)
	}
}

func (c *ClientRouter) report(err error) {
	c.log.Warn("error", "err", err)
	if c.opts.OnError != nil {
		c.opts.OnError(err)
	}
}

// giveUp ends what waits for a connection.
func (c *ClientRouter) giveUp(err error) {
	if err == nil {
		err = sig.ErrShuttingDown
	}
	c.mu.Lock()
	if c.failed == nil {
		c.failed = sig.Errorf(sig.ErrNotConnected, "the client has ended: %v", err)
		if c.peer.Load() == nil { // else it is closed
			close(c.ready)
		}
	}
	c.mu.Unlock()
	if lost := c.wire.Out.Forget(sig.ErrNotConnected); lost > 0 {
		c.report(sig.Errorf(sig.ErrNotConnected, "%d signals were not delivered: %v", lost, err))
	}
}

// server waits for the connection.
func (c *ClientRouter) server(ctx context.Context) (*carrier.Peer, error) {
	if p := c.peer.Load(); p != nil {
		return p, nil
	}
	for {
		c.mu.Lock()
		p, ready, failed := c.peer.Load(), c.ready, c.failed
		c.mu.Unlock()
		switch {
		case failed != nil:
			return nil, failed
		case p != nil:
			return p, nil
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, sig.Errorf(sig.ErrNotConnected, "not connected to %s: %v", c.address, ctx.Err())
		}
	}
}

// Connected reports whether there is a connection now.
func (c *ClientRouter) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer.Load() != nil
}

// Shutdown ends the client: signals that wait are sent and acknowledged, as far as that
// can be done until ctx ends, or within 5 s when it has no deadline; the connection and
// the Router are closed. The error says what was lost.
func (c *ClientRouter) Shutdown(ctx context.Context) error {
	p := c.peer.Load()
	c.cancel()
	err := c.engine.Shutdown(ctx, "the client is closing")
	if p == nil {
		c.giveUp(sig.ErrShuttingDown)
	}
	c.wg.Wait()
	return errors.Join(err, c.workers.wait(ctx), c.Router.Close())
}

// Close is Shutdown with the default time limit.
func (c *ClientRouter) Close() error { return c.Shutdown(context.Background()) }

// lostFor is an error together with why the connection was lost.
type lostFor struct{ err, reason error }

// Error names the reason once: the error of a call that was under way has it already.
func (e lostFor) Error() string {
	if strings.Contains(e.err.Error(), e.reason.Error()) {
		return e.err.Error()
	}
	return fmt.Sprintf("%v (%v)", e.err, e.reason)
}

// Unwrap returns both.
func (e lostFor) Unwrap() []error { return []error{e.err, e.reason} }
