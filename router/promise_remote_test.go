package router_test

// The promises of docs/semantics.md that hold across a carrier, by their numbers, each
// over memory and over TCP. Promises 14 and 16 have more in files of their own.

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/carriertest"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// overCarriers runs a check over each of two carriers.
func overCarriers(t *testing.T, opts router.ServerOptions, check func(t *testing.T, s *site)) {
	for _, url := range []string{"local://router", "tcp://127.0.0.1:0"} {
		name, _, _ := strings.Cut(url, ":")
		t.Run(name, func(t *testing.T) { check(t, newSiteAt(t, url, opts)) })
	}
}

// faulty returns the same site, reached by connections that can be made to fail.
func (s *site) faulty(t *testing.T) (*site, *carriertest.Injector) {
	in := carriertest.NewInjector(carriertest.Faults{})
	t.Cleanup(func() { require.NoError(t, in.Close()) })
	schemes := carrier.Schemes{}
	for name, scheme := range s.schemes {
		schemes[name] = in.Scheme(scheme)
	}
	return &site{srv: s.srv, schemes: schemes, url: s.url}, in
}

// message reads what comes next, whatever it is.
func (r *rawPeer) message() (m struct {
	ID     json.RawMessage
	Method string
	Status *int
	Ack    uint64
	N      uint64
	Params struct {
		Reason string
		Data   json.RawMessage
	}
	Refused   uint64
	Exception string
}) {
	r.t.Helper()
	frame, err := r.Recv()
	require.NoError(r.t, err)
	require.NoError(r.t, json.Unmarshal(frame, &m), "%s", frame)
	return m
}

func (r *rawPeer) send(format string, args ...any) {
	r.t.Helper()
	require.NoError(r.t, r.Send(fmt.Appendf(nil, format, args...)))
}

// done sends a call, and fails the test unless it is done.
func (r *rawPeer) done(format string, args ...any) rawReply {
	r.t.Helper()
	out := r.ask(fmt.Sprintf(format, args...))
	require.Zero(r.t, out.Status, out.Exception)
	return out
}

func addRemote(t *testing.T, c *router.ClientRouter, sender, event string, opts ...sig.SenderOption) sig.Signal {
	t.Helper()
	s, err := c.AddRemoteSender(t.Context(), sender, append(opts, sig.Events(event))...)
	require.NoError(t, err)
	sg, err := s.Signal(event)
	require.NoError(t, err)
	return sg
}

func listenRemote(t *testing.T, c *router.ClientRouter, sender, event string, fn sig.Listener, opts ...sig.ListenOption) sig.Subscription {
	t.Helper()
	sub, err := c.AddRemoteListener(t.Context(), sender, event, fn, opts...)
	require.NoError(t, err)
	return sub
}

// Promise 9: every message gets exactly one reply, its own, however many are under way.
func TestPromise9_OneReplyEach(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
		addRemote(t, a, "echo", "e", sig.AnswerRest(func(_ context.Context, r sig.Request) (any, error) { return r.Params, nil }))
		var wg sync.WaitGroup
		for g := range 20 {
			wg.Go(func() {
				for i := range 50 {
					want := fmt.Sprint(g, " ", i)
					if got, err := sig.Ask[string](t.Context(), b.Remote(), "echo", "m", want); err != nil || got != want {
						t.Errorf("asked for %q, got %q, %v", want, got, err)
					}
				}
			})
		}
		wg.Wait()
		for _, p := range s.srv.Peers() {
			require.Zero(t, p.Strays)
		}
	})
}

// Promise 9: a reply that is late, comes twice or was never asked for is counted and
// dropped; the caller has had its error, and the next call gets the next reply.
func TestPromise9_LateReplies(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		owner, c := hello(t, s), s.dial(t, router.ClientOptions{})
		owner.done(`{"id":1,"method":"add_sender","params":{"sender":"s","requests":["m"]}}`)
		failed := make(chan error, 1)
		go func() {
			_, err := c.RemoteRequest(shortly(t), "s", "m", 1)
			failed <- err
		}()
		late := owner.message().ID
		require.ErrorIs(t, <-failed, context.DeadlineExceeded)
		require.Equal(t, "cancel", owner.message().Method, "who answers is told that nobody waits any more")
		owner.send(`{"id":%s,"status":0,"response":"late"}`, late)
		owner.send(`{"id":%s,"status":0,"response":"twice"}`, late)
		owner.send(`{"id":123456,"status":0,"response":"not asked for"}`)
		require.Equal(t, "7", string(owner.done(`{"id":7,"method":"ping"}`).ID), "the connection is as good as before")
		require.EqualValues(t, 2, s.srv.Peers()[0].Strays, "the late reply is that of the canceled call, the others are nobody's")

		got := make(chan string, 1)
		go func() {
			v, err := sig.Ask[string](t.Context(), c.Remote(), "s", "m", 2)
			require.NoError(t, err)
			got <- v
		}()
		owner.send(`{"id":%s,"status":0,"response":"in time"}`, owner.message().ID)
		require.Equal(t, "in time", <-got)
	})
}

// Promise 10: from one connection through the router to another order holds across all
// senders and events; #connect comes first, #disconnect last.
func TestPromise10_Order(t *testing.T) {
	const senders, n = 3, 3000
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		a, b := s.dial(t, router.ClientOptions{}), s.dial(t, router.ClientOptions{})
		var got []string
		next, gone := 0, make(chan struct{})
		listenRemote(t, b, "s.*", sig.Any, func(e sig.Event) {
			if sig.IsBuiltin(e.Name) {
				got = append(got, e.Sender+e.Name)
				if len(got) == 2*senders+1 {
					close(gone)
				}
				return
			}
			var i int
			if err := e.Decode(&i); err != nil || i != next {
				t.Errorf("got %v of %s, want %d", e.Data, e.Sender, next)
			}
			next++
			if next == n {
				got = append(got, "all")
			}
		})
		var signals []sig.Signal
		for i := range senders {
			snd, err := a.AddRemoteSender(t.Context(), fmt.Sprint("s.", i), sig.Events("e", "f"))
			require.NoError(t, err)
			for _, event := range []string{"e", "f"} {
				sg, err := snd.Signal(event)
				require.NoError(t, err)
				signals = append(signals, sg)
			}
		}
		for i := range n {
			require.NoError(t, signals[i%len(signals)].Trigger(i))
		}
		require.NoError(t, a.Close())
		<-gone
		require.Equal(t, []string{"s.0#connect", "s.1#connect", "s.2#connect", "all", "s.0#disconnect", "s.1#disconnect", "s.2#disconnect"}, got)
	})
}

// Promise 11: a signal is acknowledged when it has been handed to every local listener
// and to the queue of every remote one, and not before.
func TestPromise11_AcknowledgedIsDispatched(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		owner, far := hello(t, s), hello(t, s)
		far.done(`{"id":1,"method":"add_listener","params":{"sender":"s","event":"e"}}`)
		owner.done(`{"id":1,"method":"add_sender","params":{"sender":"s","events":["e"]}}`)
		entered, leave := make(chan struct{}), make(chan struct{})
		_, err := s.srv.AddListener("s", "e", func(sig.Event) {
			close(entered)
			<-leave
		})
		require.NoError(t, err)
		owner.send(`{"n":1,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":42}}`)
		<-entered
		owner.done(`{"id":2,"method":"ping"}`) // its reply would come after an acknowledgement
		close(leave)
		require.EqualValues(t, 1, owner.message().Ack)
		p := s.srv.Peers()[1]
		require.Equal(t, 1, p.Queue+p.InFlight, "it is in the queue of the remote listener, which has not acknowledged it")
		require.Equal(t, "42", string(far.message().Params.Data))
	})
}

// Promise 12: when a peer goes, however it does, its listeners and senders go,
// #disconnect fires for each, and requests it was asked fail at once.
func TestPromise12_PeerGoes(t *testing.T) {
	for how, leave := range map[string]func(c *router.ClientRouter, in *carriertest.Injector){
		"closed": func(c *router.ClientRouter, _ *carriertest.Injector) { _ = c.Close() },
		"reset":  func(_ *router.ClientRouter, in *carriertest.Injector) { in.Reset() },
		"silent": func(_ *router.ClientRouter, in *carriertest.Injector) { in.Cut() },
	} {
		t.Run(how, func(t *testing.T) {
			limits := carrier.Limits{PingAfter: 500 * time.Millisecond, DeadAfter: 2 * time.Second, ResumeFor: 100 * time.Millisecond}
			overCarriers(t, router.ServerOptions{Limits: limits}, func(t *testing.T, s *site) {
				away, in := s.faulty(t)
				a := away.dial(t, router.ClientOptions{NoReconnect: true, Limits: carrier.Limits{DrainTimeout: 100 * time.Millisecond}})
				b := s.dial(t, router.ClientOptions{})
				entered := make(chan struct{}, 2)
				hang := sig.AnswerRest(func(ctx context.Context, _ sig.Request) (any, error) {
					entered <- struct{}{}
					<-ctx.Done()
					return nil, ctx.Err()
				})
				addRemote(t, a, "s1", "e", hang)
				addRemote(t, a, "s2", "e")
				listenRemote(t, a, "other", "e", func(sig.Event) {})
				gone := newCollect()
				listenRemote(t, b, sig.Any, sig.Disconnect, gone.listen)
				failed := make(chan error, 2)
				for _, bus := range []sig.Bus{b.Remote(), s.srv} {
					go func() {
						_, err := bus.Request(t.Context(), "s1", "m", nil)
						failed <- err
					}()
				}
				<-entered
				<-entered

				leave(a, in)
				for _, name := range []string{"s1", "s2"} {
					e := gone.next(t)
					require.Equal(t, name, e.Sender)
					var d sig.Declaration
					require.NoError(t, e.Decode(&d))
					require.NotEmpty(t, d.Reason)
				}
				for range 2 {
					require.ErrorIs(t, <-failed, sig.ErrNotConnected)
				}
				require.True(t, eventually(func() bool {
					st := s.srv.Stats()
					return st.Conns == 1 && st.Away == 0 && st.Senders == 0 && st.Listeners == 1
				}), "%+v", s.srv.Stats())
			})
		})
	}
}

// Promise 13: a peer that does not read holds up nobody: it is cut off past its bound,
// with a reason that it, the program and #disconnect are told, and what it did not get
// is counted.
func TestPromise13_SlowPeerIsCutOff(t *testing.T) {
	const n = 500
	gone := make(chan error, 10)
	opts := router.ServerOptions{Limits: carrier.Limits{Window: 10, QueueBytes: 100 << 10}, OnPeer: func(e router.PeerEvent) {
		if e.Gone {
			gone <- e.Reason
		}
	}}
	overCarriers(t, opts, func(t *testing.T, s *site) {
		slow, good := hello(t, s), s.dial(t, router.ClientOptions{})
		slow.done(`{"id":1,"method":"add_sender","params":{"sender":"slow","events":["e"]}}`)
		slow.done(`{"id":2,"method":"add_listener","params":{"sender":"fast","event":"e"}}`)
		reasons, got := newCollect(), newCollect()
		listenRemote(t, good, "slow", sig.Disconnect, reasons.listen)
		listenRemote(t, good, "fast", "e", got.listen)
		fast, err := s.srv.AddSender("fast", sig.Events("e"))
		require.NoError(t, err)
		e, err := fast.Signal("e")
		require.NoError(t, err)
		for i := range n {
			require.NoError(t, e.Trigger(fmt.Sprint(i, strings.Repeat("x", 1000))))
			require.True(t, strings.HasPrefix(got.data(t).(string), fmt.Sprint(i, "x")))
		}
		reason := <-gone
		require.ErrorIs(t, reason, sig.ErrSlow)
		require.ErrorContains(t, reason, "QueueBytes")
		var d sig.Declaration
		require.NoError(t, reasons.next(t).Decode(&d))
		require.Contains(t, d.Reason, "QueueBytes")
		require.Positive(t, s.srv.Stats().Dropped)
		for {
			if m := slow.message(); m.Method == "bye" {
				require.Contains(t, m.Params.Reason, "QueueBytes")
				break
			}
		}
		require.NoError(t, good.Close())
		<-gone
	})
}

// Promise 13: for each listener what was acknowledged to the sender is what was delivered
// and what was reported as dropped.
func TestPromise13_Books(t *testing.T) {
	const n = 400
	for _, policy := range []sig.Policy{sig.PolicyDefault, sig.DropOldest, sig.DropNewest, sig.Latest} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			overCarriers(t, router.ServerOptions{Limits: carrier.Limits{Window: 4}}, func(t *testing.T, s *site) {
				owner := hello(t, s)
				owner.done(`{"id":1,"method":"add_sender","params":{"sender":"s","events":["e","last"]}}`)
				c := s.dial(t, router.ClientOptions{})
				var mu sync.Mutex
				var delivered, told uint64
				first, goOn, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
				opts := []sig.ListenOption{sig.OnDrop(func(d sig.Drop) {
					mu.Lock()
					defer mu.Unlock()
					told += d.Count
				})}
				if policy != sig.PolicyDefault {
					opts = append(opts, sig.Queue(8, policy))
				}
				sub := listenRemote(t, c, "s", "e", func(sig.Event) {
					mu.Lock()
					defer mu.Unlock()
					if delivered++; delivered == 1 {
						close(first)
						<-goOn
					}
				}, opts...)
				listenRemote(t, c, "s", "last", func(sig.Event) { close(last) })
				for i := range n {
					owner.send(`{"n":%d,"method":"signal","params":{"info":{"sender":"s","event":"e"},"data":%d}}`, i+1, i)
				}
				<-first
				for owner.message().Ack < n {
				}
				if policy != sig.PolicyDefault {
					require.True(t, eventually(func() bool { return sub.Dropped() > 0 }))
				}
				close(goOn)
				owner.send(`{"n":%d,"method":"signal","params":{"info":{"sender":"s","event":"last"}}}`, n+1)
				<-last
				var books string
				require.True(t, eventually(func() bool {
					mu.Lock()
					defer mu.Unlock()
					books = fmt.Sprint(delivered, " delivered, ", sub.Dropped(), " dropped, told of ", told)
					return delivered+sub.Dropped() == n && told == sub.Dropped()
				}), &books)
				if policy == sig.PolicyDefault {
					require.Zero(t, told)
				} else {
					require.Positive(t, told)
				}
			})
		})
	}
}

// Promise 14: a client comes back by itself, with its senders and listeners; what was
// triggered meanwhile arrives, once and in order.
func TestPromise14_Reconnect(t *testing.T) {
	const n = 2000
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		shaky, in := s.faulty(t)
		states := make(chan router.State, 1000)
		opts := router.ClientOptions{MaxBackoff: 10 * time.Millisecond, OnState: func(st router.State) { states <- st }}
		a, b := shaky.dial(t, opts), shaky.dial(t, opts)
		got := newCollect()
		listenRemote(t, b, "s", "e", got.listen)
		e := addRemote(t, a, "s", "e")
		for i := range n {
			require.NoError(t, e.Trigger(i))
			if i%500 == 250 {
				in.Reset()
			}
		}
		for i := range n {
			require.Equal(t, int64(i), got.data(t))
		}
		resumed := 0
		for len(states) > 0 {
			if st := <-states; st.Resumed {
				resumed++
			}
		}
		require.Positive(t, resumed)
		require.Zero(t, a.Unsure())
	})
}

// Promise 14: the outbox is bounded, and what does not fit is told to who triggers.
func TestPromise14_OutboxOverflows(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		c := s.dial(t, router.ClientOptions{Outbox: 10, OutboxPolicy: sig.DropNewest})
		e := addRemote(t, c, "s", "e")
		require.NoError(t, s.srv.Close())
		require.True(t, eventually(func() bool { return !c.Connected() }))
		for i := range 10 {
			require.NoError(t, e.Trigger(i))
		}
		err := e.Trigger(10)
		require.ErrorIs(t, err, sig.ErrSlow)
		require.ErrorContains(t, err, "outbox")

		again := router.ServerOptions{Schemes: s.schemes}.New()
		t.Cleanup(func() { require.NoError(t, again.Close()) })
		got := newCollect()
		_, err = again.AddListener("s", "e", got.listen)
		require.NoError(t, err)
		_, err = again.Listen(t.Context(), s.url)
		require.NoError(t, err)
		for i := range 10 {
			require.Equal(t, int64(i), got.data(t), "those that fitted arrive")
		}
	})
}

// Promise 15: a client triggers only as the senders it added, and removes only what it
// added.
func TestPromise15_OnlyWhatIsOnesOwn(t *testing.T) {
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		heard := newCollect()
		_, err := s.srv.AddListener(sig.Any, "e", heard.listen)
		require.NoError(t, err)
		_, err = s.srv.AddSender("own", sig.Events("e"))
		require.NoError(t, err)
		ana, bob := hello(t, s), hello(t, s)
		ana.done(`{"id":1,"method":"add_sender","params":{"sender":"ana","events":["e"]}}`)
		var listener struct {
			ID int `json:"listener_id"`
		}
		require.NoError(t, json.Unmarshal(ana.done(`{"id":2,"method":"add_listener","params":{"sender":"nobody"}}`).Response, &listener))
		bob.done(`{"id":1,"method":"add_sender","params":{"sender":"bob","events":["e"]}}`)
		n := 0
		for _, c := range []struct {
			info string
			want sig.Status
		}{
			{`{"sender":"ana","event":"e"}`, sig.StatusRefused},
			{`{"sender":"own","event":"e"}`, sig.StatusRefused},
			{`{"sender":"nobody","event":"e"}`, sig.StatusFailed},
			{`{"sender":"bob","event":"f"}`, sig.StatusFailed},
			{`{"sender":"bob","event":"#connect"}`, sig.StatusRefused},
			{`{"sender":"bob","event":"#disconnect"}`, sig.StatusRefused},
			{`{"sender":"ana","event":"#disconnect"}`, sig.StatusRefused},
		} {
			r := bob.ask(`{"id":3,"method":"signal","params":{"info":` + c.info + `}}`)
			require.Equal(t, int(c.want), r.Status, "%s: %s", c.info, r.Exception)
			n++
			bob.send(`{"n":%d,"method":"signal","params":{"info":%s}}`, n, c.info)
			m := bob.message()
			require.EqualValues(t, n, m.Refused, c.info)
			require.Equal(t, int(c.want), *m.Status, c.info)
			require.EqualValues(t, n, bob.message().Ack)
		}
		for _, sender := range []string{"ana", "own"} {
			r := bob.ask(`{"id":4,"method":"remove_sender","params":{"sender":"` + sender + `"}}`)
			require.Equal(t, int(sig.StatusRefused), r.Status, r.Exception)
		}
		r := bob.ask(fmt.Sprintf(`{"id":5,"method":"remove_listener","params":{"listener_id":%d}}`, listener.ID))
		require.Equal(t, "no_listener", r.Error.Code, r.Exception)
		require.Equal(t, 2, s.srv.Stats().Senders)
		require.Equal(t, 1, s.srv.Stats().Listeners)
		require.Empty(t, heard)
		bob.done(`{"id":6,"method":"signal","params":{"info":{"sender":"bob","event":"e"},"data":"mine"}}`)
		require.Equal(t, "mine", heard.data(t))
	})
}

// Promise 16: Shutdown delivers what is in the queues, and takes nobody in any more.
func TestPromise16_QueuesAreFlushed(t *testing.T) {
	const n = 3000
	overCarriers(t, router.ServerOptions{}, func(t *testing.T, s *site) {
		c := s.dial(t, router.ClientOptions{NoReconnect: true})
		got := 0
		listenRemote(t, c, "s", "e", func(sig.Event) { got++ })
		snd, err := s.srv.AddSender("s", sig.Events("e"))
		require.NoError(t, err)
		e, err := snd.Signal("e")
		require.NoError(t, err)
		for i := range n {
			require.NoError(t, e.Trigger(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, s.srv.Shutdown(ctx))
		require.NoError(t, c.Close()) // its listeners have ended
		require.Equal(t, n, got)
		require.ErrorIs(t, e.Trigger(0), sig.ErrShuttingDown)
		_, err = router.ClientOptions{Schemes: s.schemes}.Dial(t.Context(), s.url)
		require.ErrorIs(t, err, sig.ErrNotConnected)
	})
}
