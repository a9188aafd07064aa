package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// signalNamed returns what a snapshot says of one signal.
func signalNamed(t testing.TB, s Snapshot, sender, event string) SignalStatus {
	t.Helper()
	for _, st := range s.Signals {
		if st.Sender == sender && st.Event == event {
			return st
		}
	}
	require.FailNow(t, "no such signal", "%s %s in %v", sender, event, s.Signals)
	panic("unreachable")
}

func TestInspectCountsTriggers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		early := addSignal(t, r, "early", "e")
		trigger(t, early, "before anybody looked")
		require.Zero(t, signalNamed(t, r.Inspect(), "early", "e").Count)

		addListener(t, r, "timer", "tic", func(sig.Event) {})
		tic := addSignal(t, r, "timer", "tic")
		time.Sleep(time.Millisecond) // after the ticks
		for range 10 {
			for n := range 20 {
				trigger(t, tic, n)
			}
			trigger(t, early, 1.5)
			time.Sleep(time.Second)
		}
		s := r.Inspect()
		st := signalNamed(t, s, "timer", "tic")
		require.EqualValues(t, 200, st.Count)
		require.EqualValues(t, 20, st.Rate)
		require.Equal(t, 1, st.Listeners)
		require.False(t, st.Approximate)
		require.Equal(t, "19", st.Last.Data, "the last value, though not every one is kept")
		require.EqualValues(t, 200, st.Last.N)
		st = signalNamed(t, s, "early", "e")
		require.EqualValues(t, 10, st.Count, "a list that was built before is counted too")
		require.EqualValues(t, 1, st.Rate)
		require.Equal(t, "1.5", st.Last.Data)
		require.EqualValues(t, 210, s.Router.Events)

		time.Sleep(6 * time.Second)
		require.Zero(t, signalNamed(t, r.Inspect(), "timer", "tic").Rate)
		require.NoError(t, r.RemoveSender("timer"))
		s = r.Inspect()
		require.EqualValues(t, 210, s.Router.Events, "what has gone still counts")
		require.Len(t, s.Signals, 1)
		require.Len(t, s.Senders, 1)
	})
}

func TestInspectHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		tic := addSignal(t, r, "timer", "tic")
		time.Sleep(time.Millisecond) // after the ticks
		for n := range 130 {
			for range n {
				trigger(t, tic, n)
			}
			time.Sleep(time.Second)
		}
		h := r.History()
		require.Len(t, h, 120)
		for i, s := range h {
			require.EqualValues(t, 10+i, s.In)
		}
	})
}

// TestInspectWaitable counts where a list takes another short way.
func TestInspectWaitable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		n := 0
		sub := addListener(t, r, "timer", "tic", func(sig.Event) { n++ }, sig.Waitable())
		tic := addSignal(t, r, "timer", "tic").(*signal)
		for range countEvents + 10 {
			trigger(t, tic, 1)
		}
		require.True(t, tic.list.Load().extra.gateOnly)
		time.Sleep(time.Second)
		synctest.Wait()
		trigger(t, tic, 1)
		require.EqualValues(t, countEvents+2, tic.meter.Load().n, "the first built the list, the last is counted again")
		sub.RemoveAndWait()
		trigger(t, tic, 1)
		require.Equal(t, countEvents+11, n)
	})
}

// TestInspectBudget triggers more than is counted one by one.
func TestInspectBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		in := r.inspect()
		n := 0
		addListener(t, r, "timer", "tic", func(sig.Event) { n++ })
		tic := addSignal(t, r, "timer", "tic").(*signal)
		burst := func(count int) {
			for range count {
				trigger(t, tic, 1)
			}
		}
		burst(1) // this one builds the list
		burst(countEvents - 1)
		require.True(t, tic.list.Load().extra.tap)
		time.Sleep(500 * time.Millisecond)
		burst(1)
		require.Nil(t, tic.list.Load().extra, "the budget is spent: from here on a trigger is as fast as can be")
		burst(1000)
		got, guessed := tic.meter.Load().total()
		require.EqualValues(t, countEvents+1, got)
		require.Zero(t, guessed)
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		require.True(t, tic.list.Load().extra.tap, "and is counted again soon")
		_, guessed = tic.meter.Load().total()
		require.EqualValues(t, countEvents/5, guessed, "20,000 in 500 ms make 4,000 in the 100 ms nobody counted")
		require.True(t, signalNamed(t, r.Inspect(), "timer", "tic").Approximate)
		require.Equal(t, countEvents+1001, n)

		// A listener that comes while the list is not tapped, and goes while it is.
		burst(countEvents)
		sub := addListener(t, r, "timer", "tic", func(sig.Event) { n += 2 })
		burst(10)
		time.Sleep(time.Second)
		synctest.Wait()
		burst(10)
		sub.Remove()
		burst(10)
		require.Equal(t, 2*countEvents+1001+30+40, n)
		in.mu.Lock()
		defer in.mu.Unlock()
		require.Len(t, in.meters, 1)
	})
}

func TestInspectValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		s := addSender(t, r, "s", sig.Events("e", "never"), sig.RetainValue("kept", 7), sig.Answer("m", nil2))
		e := signalOf(t, s, "e")
		time.Sleep(time.Millisecond) // after the ticks
		for n := range 250 {
			trigger(t, e, map[string]int{"n": n})
			if n%10 == 9 {
				time.Sleep(time.Second)
			}
		}
		ask := func(event string, after uint64) SignalDetail {
			resp, err := r.Request(t.Context(), Inspector, "signal", map[string]any{"sender": "s", "event": event, "after": after})
			require.NoError(t, err)
			return resp.Data.(SignalDetail)
		}
		d := ask("e", 0)
		require.Len(t, d.Values, 100)
		for i, v := range d.Values {
			require.Equal(t, fmt.Sprintf(`{"n":%d}`, 150+i), v.Data)
			require.EqualValues(t, 151+i, v.N)
		}
		require.Equal(t, d.Values[99], *d.Last)
		require.Equal(t, []string{"m"}, d.Methods)
		require.Len(t, ask("e", 240).Values, 10)

		require.Nil(t, ask("never", 0).Last)
		kept := ask("kept", 0)
		require.True(t, kept.Retained)
		require.Equal(t, "7", kept.Last.Data, "the value it began with")
		_, err := r.Request(t.Context(), Inspector, "signal", map[string]any{"sender": "s", "event": "other"})
		require.ErrorIs(t, err, sig.ErrNoEvent)
	})
}

func nil2(context.Context, sig.Request) (any, error) { return nil, nil }

// hostileValue cannot be encoded, and does what it can to harm who tries.
type hostileValue struct {
	encode func() ([]byte, error)
}

func (h hostileValue) MarshalJSON() ([]byte, error) { return h.encode() }

func TestInspectHostileValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		e := addSignal(t, r, "s", "e")
		for what, data := range map[string]any{
			"channel": make(chan int),
			"panics":  hostileValue{encode: func() ([]byte, error) { panic("no") }},
			"fails":   hostileValue{encode: func() ([]byte, error) { return nil, errors.New("no") }},
			"triggers": hostileValue{encode: func() ([]byte, error) {
				r.Inspect()
				return []byte("1"), e.Trigger(2)
			}},
		} {
			t.Log(what)
			trigger(t, e, data)
			time.Sleep(time.Second)
		}
		before := signalNamed(t, r.Inspect(), "s", "e").Count
		require.EqualValues(t, 5, before)
		trigger(t, e, strings.Repeat("é", 5000))
		v := signalNamed(t, r.Inspect(), "s", "e").Last
		require.Len(t, v.Data, keepBytes)
		require.Equal(t, 10_002, v.Size)
		_, err := json.Marshal(v)
		require.NoError(t, err)
	})
}

// TestInspectSlowEncoding checks that a value which takes long to encode is encoded
// seldom.
func TestInspectSlowEncoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		e := addSignal(t, r, "s", "e")
		encoded := 0
		slow := hostileValue{encode: func() ([]byte, error) {
			encoded++
			time.Sleep(10 * time.Millisecond)
			return []byte("1"), nil
		}}
		for range 95 {
			trigger(t, e, slow)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 1, encoded, "10 ms of work are followed by 10 s of rest")
		time.Sleep(time.Second)
		trigger(t, e, slow)
		require.Equal(t, 2, encoded)
	})
}

// TestInspectSlowEncodingAtOnce is for the race detector: values that take long to encode are
// triggered by several goroutines, each of which notes how long that took.
func TestInspectSlowEncodingAtOnce(t *testing.T) {
	r, _ := newRouter(t, Options{})
	r.Inspect()
	e := addSignal(t, r, "s", "e")
	slow := hostileValue{encode: func() ([]byte, error) {
		time.Sleep(time.Millisecond) // is how long it takes
		return []byte("1"), nil
	}}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range keepSecond / 2 {
		wg.Go(func() {
			<-start
			_ = e.Trigger(slow)
		})
	}
	close(start)
	wg.Wait()
	require.EqualValues(t, keepSecond/2, signalNamed(t, r.Inspect(), "s", "e").Count)
}

func TestInspectBoundsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		in := r.inspect()
		var signals []sig.Signal
		for i := range 400 {
			signals = append(signals, addSignal(t, r, fmt.Sprintf("s%d", i), "e"))
		}
		big := strings.Repeat("x", 4000)
		for range 60 {
			for _, s := range signals {
				trigger(t, s, big)
			}
			time.Sleep(time.Second)
		}
		// Each signal keeps one value, whatever there is.
		require.Less(t, in.kept.Load(), int64(keepTotal+400*2*keepBytes))
		require.Greater(t, in.kept.Load(), int64(keepTotal-keepBytes))
		require.NotNil(t, signalNamed(t, r.Inspect(), "s399", "e").Last)
		for i := range 400 {
			require.NoError(t, r.RemoveSender(fmt.Sprintf("s%d", i)))
		}
		require.Zero(t, in.kept.Load())
	})
}

func TestInspectRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		r.Inspect()
		release := make(chan struct{})
		addSender(t, r, "s", sig.Answer("slow", func(ctx context.Context, q sig.Request) (any, error) {
			d, err := sig.As[int](q.Params)
			time.Sleep(time.Duration(d) * time.Millisecond)
			return nil, err
		}), sig.Answer("hang", func(context.Context, sig.Request) (any, error) {
			<-release
			return nil, nil
		}), sig.AnswerRest(func(context.Context, sig.Request) (any, error) {
			return nil, sig.Errorf(sig.ErrLimit, "no more")
		}))
		for ms := 1; ms <= 100; ms++ {
			_, err := r.Request(context.Background(), "s", "slow", ms)
			require.NoError(t, err)
		}
		for _, name := range []string{"a", "b"} {
			_, err := r.Request(context.Background(), "s", name, nil)
			require.ErrorIs(t, err, sig.ErrLimit)
		}
		done := make(chan error)
		go func() {
			ctx := sig.WithCaller(context.Background(), &sig.Caller{Name: "ana"})
			_, err := r.Request(ctx, "s", "hang", nil)
			done <- err
		}()
		synctest.Wait()
		time.Sleep(3 * time.Second)
		_, err := r.Request(context.Background(), "nobody", "get", nil)
		require.ErrorIs(t, err, sig.ErrNoSender)

		s := r.Inspect()
		require.Len(t, s.Methods, 3)
		rest, hang, slow := s.Methods[0], s.Methods[1], s.Methods[2]
		require.Equal(t, otherCalls, rest.Method)
		require.Equal(t, map[string]uint64{"limit": 2}, rest.Codes)
		require.EqualValues(t, 2, rest.Failed)
		require.Equal(t, 1, hang.InFlight)
		require.Equal(t, 3*time.Second, hang.Oldest)
		require.EqualValues(t, 100, slow.Count)
		require.InEpsilon(t, 50*time.Millisecond, slow.P50, 0.13)
		require.InEpsilon(t, 95*time.Millisecond, slow.P95, 0.13)
		require.InEpsilon(t, 99*time.Millisecond, slow.P99, 0.13)
		require.Equal(t, 100*time.Millisecond, slow.Max)
		require.Equal(t, []CallStatus{{Sender: "s", Method: "hang", Caller: "ana", For: 3 * time.Second}}, s.Calls)
		require.Len(t, s.Missed, 1)
		require.Equal(t, "nobody", s.Missed[0].Sender)
		require.EqualValues(t, 102, s.Router.Requests)
		require.EqualValues(t, 2, s.Router.Failed)
		close(release)
		require.NoError(t, <-done)

		time.Sleep(3 * time.Minute)
		s = r.Inspect()
		require.Empty(t, s.Calls)
		require.Zero(t, s.Methods[2].P50, "quantiles are of the last minutes")
		require.EqualValues(t, 100, s.Methods[2].Count)
	})
}

// TestInspectManyMethods checks that what is measured is bounded.
func TestInspectManyMethods(t *testing.T) {
	r, _ := newRouter(t, Options{})
	in := r.inspect()
	for i := range callsMost + 50 {
		s := addSender(t, r, fmt.Sprintf("s%d", i), sig.Answer("m", nil2))
		_, err := r.Request(t.Context(), s.Name(), "m", nil)
		require.NoError(t, err)
		_, err = r.Request(t.Context(), fmt.Sprintf("nobody%d", i), "m", nil)
		require.Error(t, err)
	}
	s := r.Inspect()
	require.LessOrEqual(t, len(s.Methods), callsMost+1)
	require.Equal(t, otherCalls, s.Methods[0].Sender)
	require.EqualValues(t, 50, s.Methods[0].Count)
	require.Len(t, s.Missed, missedMost)
	for i := range callsMost {
		require.NoError(t, r.RemoveSender(fmt.Sprintf("s%d", i)))
	}
	s2 := addSender(t, r, "late", sig.Answer("m", nil2))
	_, err := r.Request(t.Context(), s2.Name(), "m", nil)
	require.NoError(t, err)
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Contains(t, in.callsBy, callName{"late", "m"}, "there is room again when senders have gone")
}

func TestInspectGoexitInHandler(t *testing.T) {
	r, _ := newRouter(t, Options{})
	r.Inspect()
	addSender(t, r, "s", sig.Answer("exit", func(context.Context, sig.Request) (any, error) {
		runtime.Goexit()
		return nil, nil
	}))
	_, err := r.Request(t.Context(), "s", "exit", nil)
	require.Error(t, err)
	require.Empty(t, r.Inspect().Calls)
}

func TestInspectTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		read := func(id, sender, event string, most int) TailPart {
			resp, err := r.Request(t.Context(), Inspector, "tail", map[string]any{"id": id, "sender": sender, "event": event, "most": most})
			require.NoError(t, err)
			return resp.Data.(TailPart)
		}
		require.Empty(t, read("1", "room.*", "", 5).Events)
		kitchen, other := addSignal(t, r, "room.kitchen", "celsius"), addSignal(t, r, "door", "opened")
		for n := range 8 {
			trigger(t, kitchen, n)
			trigger(t, other, n)
		}
		part := read("1", "room.*", "", 5)
		require.Len(t, part.Events, 5)
		require.Equal(t, sig.Connect, part.Events[0].Event)
		require.Equal(t, "0", part.Events[1].Data)
		require.EqualValues(t, 4, part.Skipped)
		require.EqualValues(t, 9, part.Seen)
		require.Zero(t, kitchen.Listeners(), "who looks is no listener")

		require.NoError(t, r.RemoveSender("room.kitchen"))
		part = read("1", "room.*", "", 5)
		require.Equal(t, sig.Disconnect, part.Events[0].Event)
		require.Empty(t, read("1", "door", "opened", 5).Events, "other patterns make another tail")
		trigger(t, other, 1)
		require.Len(t, read("1", "door", "opened", 5).Events, 1)

		time.Sleep(tailIdle + 2*time.Second)
		in := r.inspect()
		in.mu.Lock()
		require.Empty(t, in.tails, "what nobody reads ends")
		in.mu.Unlock()
		require.Nil(t, other.(*signal).meter.Load().tails.Load())
		for i := range tailsMost {
			read(fmt.Sprint(i), ">", ">", 0)
		}
		_, err := r.Request(t.Context(), Inspector, "tail", map[string]any{"id": "one more"})
		require.ErrorIs(t, err, sig.ErrLimit)
		_, err = r.Request(t.Context(), Inspector, "tail", map[string]any{"sender": "a.>.b"})
		require.ErrorIs(t, err, sig.ErrInvalid)
	})
}

func TestInspectTailOfBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		addListener(t, r, "s", "e", func(sig.Event) {})
		e := addSignal(t, r, "s", "e")
		in := r.inspect()
		tail, err := in.tail("", "s", "e", 10, time.Now())
		require.NoError(t, err)
		for n := range 100 {
			trigger(t, e, []int{n})
		}
		events, skipped, seen := tail.take(time.Now())
		require.Len(t, events, 10)
		require.Equal(t, "[9]", events[9].Data)
		require.EqualValues(t, 90, skipped)
		require.EqualValues(t, 100, seen)
	})
}

func TestInspectRoutes(t *testing.T) {
	r, _ := newRouter(t, Options{})
	addSender(t, r, "timer", sig.Events("tic", "toc"))
	addSender(t, r, "door", sig.Events("opened"))
	_, err := r.AddListener("timer", "tic", func(sig.Event) {})
	require.NoError(t, err)
	addListener(t, r, "t*", "x", func(sig.Event) {})
	addListener(t, r, sig.Any, "tic", func(sig.Event) {}, sig.Queue(10, sig.DropOldest))
	addListener(t, r, "nobody", sig.Any, func(sig.Event) {})
	ask := func(params map[string]any) Routes {
		resp, err := r.Request(t.Context(), Inspector, "routes", params)
		require.NoError(t, err)
		return resp.Data.(Routes)
	}
	all := ask(nil)
	require.Equal(t, 3, all.Total)
	require.Equal(t, 2, all.Unheard)
	require.Equal(t, "door", all.Routes[0].Sender)
	tic := all.Routes[1]
	require.Equal(t, "tic", tic.Event)
	require.Len(t, tic.Listeners, 2)
	require.Equal(t, sig.Any, tic.Listeners[0].Sender, "in the order of the calls")
	require.Equal(t, "drop_oldest", tic.Listeners[0].Policy)
	require.Contains(t, tic.Listeners[1].Where, "inspect_test.go:")
	require.Len(t, all.Waiting, 2)
	require.Equal(t, "x", all.Waiting[0].Event)

	require.Equal(t, 2, ask(map[string]any{"unheard": true}).Total)
	require.Len(t, ask(map[string]any{"query": "OPEN"}).Routes, 1)
	require.Len(t, ask(map[string]any{"offset": 2, "limit": 5}).Routes, 1)
	require.Empty(t, ask(map[string]any{"offset": 20}).Routes)
	_, err = r.Request(t.Context(), Inspector, "routes", map[string]any{"offset": "x"})
	require.ErrorIs(t, err, sig.ErrInvalid)
}

// TestInspectChanges plays a reader of changes and compares what it knows with the truth.
func TestInspectChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		mirror := newMirror(r)
		mirror.read(t)
		time.Sleep(time.Millisecond) // after the ticks
		for i := range 3000 {
			addSender(t, r, fmt.Sprintf("s%d", i), sig.Events("a", "b"))
		}
		require.Greater(t, mirror.read(t), 3, "in parts that fit into a message")
		mirror.same(t, r)
		for i := range 3000 {
			s, _ := r.Sender(fmt.Sprintf("s%d", i))
			if i%3 == 0 {
				trigger(t, signalOf(t, s, "a"), i)
			}
			if i%7 == 0 {
				require.NoError(t, s.Remove())
			}
		}
		time.Sleep(time.Second)
		mirror.read(t)
		mirror.same(t, r)
		for range 8 { // the rates go down
			time.Sleep(time.Second)
			require.Equal(t, 1, mirror.read(t))
			mirror.same(t, r)
		}
		require.Zero(t, len(mirror.last.Counts), "nothing happens, nothing is told")

		// So much has gone that the reader has to begin anew.
		for range tombstones {
			s := addSender(t, r, "brief", sig.Events("e"))
			require.NoError(t, s.Remove())
		}
		mirror.read(t)
		mirror.same(t, r)
		require.True(t, mirror.reset)
		mirror.cursor = "1-2-3-4-elsewhere"
		mirror.read(t)
		require.True(t, mirror.reset)
		mirror.same(t, r)
	})
}

// A mirror is what a reader of changes knows.
type mirror struct {
	r       *Router
	cursor  string
	signals map[uint64]SignalStatus
	senders map[uint64]SenderStatus
	last    Changes
	reset   bool
	seconds int
}

func newMirror(r *Router) *mirror {
	return &mirror{r: r, signals: map[uint64]SignalStatus{}, senders: map[uint64]SenderStatus{}}
}

// read asks until there is no more, and returns in how many parts it came.
func (m *mirror) read(t *testing.T) (parts int) {
	for m.reset = false; ; {
		resp, err := m.r.Request(t.Context(), Inspector, "changes", map[string]any{"cursor": m.cursor})
		require.NoError(t, err)
		c := resp.Data.(Changes)
		text, err := json.Marshal(c)
		require.NoError(t, err)
		require.Less(t, len(text), 512<<10)
		m.take(c)
		parts++
		if !c.More {
			return parts
		}
	}
}

func (m *mirror) take(c Changes) {
	m.last, m.cursor = c, c.Cursor
	if c.Reset {
		m.reset = true
		clear(m.signals)
		clear(m.senders)
	}
	m.seconds += len(c.Samples)
	for _, s := range c.Senders {
		m.senders[s.ID] = s
	}
	for _, id := range c.SendersGone {
		delete(m.senders, id)
	}
	for _, s := range c.Signals {
		m.signals[s.ID] = s
	}
	for _, id := range c.SignalsGone {
		delete(m.signals, id)
	}
	for _, n := range c.Counts {
		s := m.signals[uint64(n[0])]
		s.Count, s.Rate, s.Listeners = uint64(n[1]), n[2], int(n[3])
		m.signals[uint64(n[0])] = s
	}
}

func (m *mirror) same(t *testing.T, r *Router) {
	t.Helper()
	s := r.Inspect()
	require.Len(t, m.signals, len(s.Signals))
	for _, want := range s.Signals {
		want.Last = nil
		require.Equal(t, want, m.signals[want.ID])
	}
	require.Len(t, m.senders, len(s.Senders))
	for _, want := range s.Senders {
		require.Equal(t, want, m.senders[want.ID])
	}
}

func TestInspectChangedValues(t *testing.T) {
	r, _ := newRouter(t, Options{})
	e := addSignal(t, r, "s", "e")
	r.Inspect()
	id := signalNamed(t, r.Inspect(), "s", "e").ID
	ask := func(n uint64) []SignalValue {
		resp, err := r.Request(t.Context(), Inspector, "changes", map[string]any{"parts": []string{}, "values": [][2]uint64{{id, n}, {999, 0}}})
		require.NoError(t, err)
		return resp.Data.(Changes).Values
	}
	require.Empty(t, ask(0))
	trigger(t, e, strings.Repeat("x", 300))
	got := ask(0)
	require.Len(t, got, 1)
	require.Len(t, got[0].Data, valueShown)
	require.Equal(t, 302, got[0].Size)
	require.Empty(t, ask(1), "the reader has it already")
	trigger(t, e, nil)
	require.Equal(t, "null", ask(1)[0].Data)
}

func TestInspectorIsBuiltIn(t *testing.T) {
	r, _ := newRouter(t, Options{})
	_, err := r.AddSender(Inspector, sig.Events("e"))
	require.ErrorIs(t, err, sig.ErrRefused)
	list, err := r.Senders(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1, "it is not listed")
	_, err = r.Request(t.Context(), Inspector, "nonsense", nil)
	require.ErrorIs(t, err, sig.ErrNoMethod)
	_, err = r.Request(t.Context(), Inspector, "disconnect", map[string]any{"peer": 1})
	require.ErrorIs(t, err, sig.ErrInvalid, "a router in one process has no peers")
	resp, err := r.Request(t.Context(), Inspector, "links", nil)
	require.NoError(t, err)
	require.Empty(t, resp.Data)
}

func TestInspectWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRouter(t, Options{})
		e := addSignal(t, r, "s", "e")
		begin, n := time.Now(), 0
		for s := range r.Watch(t.Context(), time.Second) {
			if n++; n > 1 {
				require.EqualValues(t, n-1, signalNamed(t, s, "s", "e").Count)
			}
			if n == 4 {
				break
			}
			trigger(t, e, n)
		}
		require.Equal(t, 3*time.Second, time.Since(begin))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range r.Watch(ctx, 0) {
			cancel()
		}
	})
}

func TestInspectClosedRouter(t *testing.T) {
	r := New()
	require.NoError(t, r.Close())
	require.Empty(t, r.Inspect().Signals)
	require.Empty(t, r.History())
	for range r.Watch(t.Context(), time.Millisecond) {
		continue
	}
	_, err := r.Request(t.Context(), Inspector, "status", nil)
	require.ErrorIs(t, err, sig.ErrShuttingDown)

	r = New()
	r.Inspect()
	require.NoError(t, r.Close())
	require.Empty(t, r.Inspect().Signals)
}

// TestInspectConcurrently is for the race detector.
func TestInspectConcurrently(t *testing.T) {
	r, _ := newRouter(t, Options{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	again := func(fn func(n int)) {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					fn(n)
				}
			}
		})
	}
	addListener(t, r, sig.Any, sig.Any, func(sig.Event) {})
	tic := addSignal(t, r, "timer", "tic")
	for range 2 {
		again(func(n int) { _ = tic.Trigger(n) })
	}
	again(func(n int) { _ = tic.Trigger(map[string]int{"n": n}) })
	again(func(n int) {
		s, err := r.AddSender(fmt.Sprintf("s%d", n%5), sig.Events("e"), sig.Answer("m", nil2))
		if err == nil {
			_, _ = r.Request(context.Background(), s.Name(), "m", nil)
			_ = s.Remove()
		}
	})
	again(func(int) { addListener(t, r, "timer", sig.Any, func(sig.Event) {}).Remove() })
	again(func(int) { r.Inspect() })
	again(func(n int) {
		for _, m := range []string{"changes", "routes", "requests", "tail", "status", "history"} {
			_, _ = r.Request(context.Background(), Inspector, m, nil)
		}
		_, _ = r.Request(context.Background(), Inspector, "signal", map[string]any{"sender": "timer", "event": "tic"})
	})
	time.Sleep(300 * time.Millisecond) // is how long they go on
	close(stop)
	wg.Wait()
}
