package channel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/channel"
	"github.com/sigrouter/sigrouter/internal/bustest"
	"github.com/sigrouter/sigrouter/sig"
)

// pattern returns bytes that show when some are missing or in the wrong place.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// requireWhole is Equal without a page of bytes when it fails.
func requireWhole(t *testing.T, want []byte, got [][]byte) {
	t.Helper()
	require.Len(t, got, 1, "messages of %d bytes", len(want))
	require.True(t, bytes.Equal(want, got[0]), "%d bytes are not those that were sent", len(want))
}

func TestLargeMessages(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		a, b, c := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		var raw, other list[[]byte]
		subscribe(t, a, "frames", "bytes", raw.message)
		subscribe(t, b, "frames", "bytes", other.message)
		pub := publisher[[]byte](t, c, "frames", "bytes")
		for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 2 << 20} {
			want := pattern(size)
			require.NoError(t, pub.Publish(want))
			for _, l := range []*list[[]byte]{&raw, &other} {
				requireWhole(t, want, l.take())
			}
		}

		type page struct {
			Title string
			Lines []string
		}
		var pages list[page]
		subscribe(t, a, "pages", "page", pages.message)
		want := page{"long", strings.Split(strings.Repeat("line\n", 50_000), "\n")}
		require.NoError(t, publisher[page](t, c, "pages", "page").Publish(want))
		require.Equal(t, []page{want}, pages.take())
	})
}

// Nobody to get a large message is no reason to send it.
func TestLargeMessageToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var events list[string]
		_, err := n.srv.AddListener(sig.Any, sig.Any, func(e sig.Event) { events.add(e.Name) })
		require.NoError(t, err)
		p := join(t, n.dial().Remote(), channel.Options{})
		pub := publisher[[]byte](t, p, "c", "")
		events.take()
		require.NoError(t, pub.Publish(pattern(1<<20)))
		require.Empty(t, events.take())
	})
}

// Small messages overtake a large one that is waiting for a subscriber to go on.
func TestSmallMessagesAreNotHeldUp(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		from, to := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		release := make(chan struct{})
		// A subscriber that is silent until it is released.
		name := "channel.sub.slow.large"
		s, err := bus().AddSender(name, sig.Events("large:got"))
		require.NoError(t, err)
		gotSignal, err := s.Signal("large:got")
		require.NoError(t, err)
		var parts list[int]
		_, err = bus().AddListener("channel.pub.>", "large:part", func(e sig.Event) {
			var p struct {
				ID       uint64
				Index    int `json:"i"`
				Count    int `json:"n"`
				Released bool
			}
			require.NoError(t, e.Decode(&p))
			parts.add(p.Index)
			select {
			case <-release:
				require.NoError(t, gotSignal.Trigger(map[string]any{"to": e.Sender, "id": p.ID, "have": p.Index + 1}))
			default:
			}
			if p.Index == 0 {
				go func() {
					<-release
					_ = gotSignal.Trigger(map[string]any{"to": e.Sender, "id": p.ID, "have": 16})
				}()
			}
		})
		require.NoError(t, err)

		large, small := publisher[[]byte](t, from, "large", ""), publisher[int](t, from, "small", "")
		var heard list[int]
		subscribe(t, to, "small", "", heard.message)
		done := make(chan error, 1)
		go func() { done <- large.Publish(pattern(2 << 20)) }()
		synctest.Wait()
		require.Len(t, parts.take(), 16, "it waits for the slow one")
		require.NoError(t, small.Publish(1))
		require.Equal(t, []int{1}, heard.take())
		close(release)
		require.NoError(t, <-done)
		require.Len(t, parts.take(), 32-16)
	})
}

// A subscriber that says nothing for long is left behind; one that leaves is not waited for.
func TestSilentSubscribersAreLeftBehind(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		from := join(t, bus(), channel.Options{OnError: errs.Add})
		to := join(t, bus(), channel.Options{})
		for _, name := range []string{"dead", "leaves"} {
			s, err := bus().AddSender("channel.sub."+name+".c", sig.Events("c:got"))
			require.NoError(t, err)
			if name == "leaves" {
				time.AfterFunc(time.Second, func() { _ = s.Remove() })
			}
		}
		var heard list[[]byte]
		subscribe(t, to, "c", "", heard.message)
		pub := publisher[[]byte](t, from, "c", "")
		begin := time.Now()
		want := pattern(2 << 20)
		require.NoError(t, pub.Publish(want))
		require.Equal(t, 10*time.Second, time.Since(begin))
		requireWhole(t, want, heard.take())
		err := errs.Take()
		require.ErrorIs(t, err, channel.ErrLost)
		require.EqualError(t, err, `channel "c": a large message goes on without channel.sub.dead.c, of which nothing was heard for 10s`)
	})
}

// A context, the end of the publisher and that of its party end the waiting.
func TestLargeMessageEnds(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		_, err := bus().AddSender("channel.sub.dead.c", sig.Events("c:got"))
		require.NoError(t, err)
		p := join(t, bus(), channel.Options{})
		pub := publisher[[]byte](t, p, "c", "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, pub.PublishContext(ctx, pattern(4<<20)), context.DeadlineExceeded)
		time.AfterFunc(time.Second, func() { _ = pub.Close() })
		require.ErrorIs(t, pub.Publish(pattern(4<<20)), channel.ErrClosed)
		pub = publisher[[]byte](t, p, "c", "")
		time.AfterFunc(time.Second, func() { _ = p.Close() })
		require.ErrorIs(t, pub.Publish(pattern(4<<20)), channel.ErrClosed)
	})
}

// Two at once from one publisher go one after the other, each whole.
func TestLargeMessagesTogether(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		from, to := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		var heard list[string]
		subscribe(t, to, "c", "", func(m channel.Message[string]) {
			heard.add(fmt.Sprint(m.Data[:1], len(m.Data), strings.Trim(m.Data, m.Data[:1]) == ""))
		})
		pubs := []*channel.Publisher[string]{publisher[string](t, from, "c", "", channel.Part(16<<10)), publisher[string](t, from, "c", "", channel.Part(16<<10))}
		errs := make(chan error, 10)
		for i := range 10 {
			go func() { errs <- pubs[i%2].Publish(strings.Repeat(string(rune('a'+i)), 1<<18)) }()
		}
		for range 10 {
			require.NoError(t, <-errs)
		}
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprint(string(rune('a'+i)), 1<<18, true))
		}
		require.ElementsMatch(t, want, heard.take())
	})
}

// A retained large value reaches those who come later, and them alone.
func TestLargeValuesAreRetained(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		from, to := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		var first, second list[int]
		count := func(l *list[int]) func(channel.Message[[]byte]) {
			return func(m channel.Message[[]byte]) { l.add(len(m.Data)) }
		}
		subscribe(t, to, "c", "", count(&first))
		pub := publisher[[]byte](t, from, "c", "", channel.Retain())
		require.NoError(t, pub.Publish(pattern(1<<20)))
		require.Equal(t, []int{1 << 20}, first.take())
		subscribe(t, to, "c", "", count(&second))
		require.Equal(t, []int{1 << 20}, second.take())
		require.Empty(t, first.take())
		require.NoError(t, pub.Publish(pattern(10)))
		require.Equal(t, []int{10}, first.take())
		require.Equal(t, []int{10}, second.take())
	})
}

// A partFeed is a publisher that sends what a test makes up.
type partFeed struct {
	t      *testing.T
	signal sig.Signal
}

func newPartFeed(t *testing.T, b sig.Bus) partFeed {
	s, err := b.AddSender("channel.pub.evil.c", sig.Events("c:part"))
	require.NoError(t, err)
	sg, err := s.Signal("c:part")
	require.NoError(t, err)
	return partFeed{t, sg}
}

func (f partFeed) send(text string) {
	f.t.Helper()
	require.NoError(f.t, f.signal.Trigger(json.RawMessage(text)))
}

// Parts that make no sense, come out of order, or never end cost a report and nothing else.
func TestBadParts(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		p := join(t, bus(), channel.Options{OnError: errs.Add})
		var heard list[string]
		subscribe(t, p, "c", "", heard.message, channel.MaxSize(1000))
		f := newPartFeed(t, bus())
		said := func(says string) {
			t.Helper()
			require.Empty(t, heard.take())
			err := errs.Take()
			require.Error(t, err)
			require.ErrorIs(t, err, channel.ErrLost)
			require.ErrorContains(t, err, says)
		}
		const noSense = "a part of a message of channel.pub.evil.c makes no sense: "
		for data, says := range map[string]string{
			`null`:                                 noSense + "it is empty",
			`"x"`:                                  noSense,
			`{"n":-1}`:                             noSense + "it says that it is part 0 of -1",
			`{"n":2,"i":2,"size":9,"data":"AAAA"}`: noSense + "it says that it is part 2 of 2",
			`{"n":1,"size":2,"data":"AAAA"}`:       noSense + "it carries 3 bytes of 2 in 1 parts",
			`{"n":9,"size":3,"data":"AAAA"}`:       noSense + "it carries 3 bytes of 3 in 9 parts",
			`{"n":1,"size":3,"data":""}`:           noSense + "it carries 0 bytes of 3 in 1 parts",
			`{"n":1,"size":3,"data":"AAAA"}`:       "a message of channel.pub.evil.c arrived damaged",
			`{"n":9,"size":1001,"data":"AAAA"}`:    "a message of channel.pub.evil.c has 1001 bytes; the subscriber takes 1000 (MaxSize)",
		} {
			f.send(data)
			said(says)
		}
		f.send(`{"id":1,"n":3,"size":9,"data":"AAAA"}`)
		f.send(`{"id":1,"n":3,"i":2,"size":9,"data":"AAAA"}`)
		said("part 1 of a message of channel.pub.evil.c did not come")
		f.send(`{"id":2,"n":2,"size":4,"data":"AAAA"}`)
		f.send(`{"id":2,"n":2,"i":1,"size":4,"data":"AAAA"}`)
		said("a message of channel.pub.evil.c is longer than it said")
		// Not JSON, though whole: the sum is that of the bytes {{{.
		f.send(`{"id":3,"n":1,"size":3,"data":"e3t7","sum":2396019480}`)
		err := errs.Take()
		synctest.Wait()
		if err == nil {
			err = errs.Take()
		}
		require.Error(t, err)

		// The end of one whose beginning was missed, one part twice, one for somebody else.
		f.send(`{"id":4,"n":2,"i":1,"size":6,"data":"AAAA"}`)
		f.send(`{"id":5,"n":2,"size":6,"data":"AAAA","to":"channel.sub.x.c"}`)
		f.send(`{"id":6,"n":2,"size":6,"data":"AAAA"}`)
		f.send(`{"id":6,"n":2,"size":6,"data":"AAAA"}`)
		require.Empty(t, heard.take())
		require.NoError(t, errs.Take())

		// Many begun and not ended: ten are kept, the oldest make room.
		for i := range 20 {
			f.send(fmt.Sprintf(`{"id":%d,"n":2,"size":6,"data":"AAAA"}`, 100+i))
			time.Sleep(time.Millisecond)
		}
		said("a message of channel.pub.evil.c was given up unfinished: there were too many at once, or its parts stopped coming")
		// What has had no part for long makes room for anything.
		time.Sleep(time.Minute)
		f.send(`{"id":200,"n":2,"size":6,"data":"AAAA"}`)
		synctest.Wait()
		require.Equal(t, 10, strings.Count(errs.Take().Error(), "given up"))
	})
}

// A subscriber that takes no message of that size does not hold up the others.
func TestTooLargeForOne(t *testing.T) {
	bustest.Everywhere(t, func(t *testing.T, bus func() sig.Bus) {
		var errs bustest.Errors
		small := join(t, bus(), channel.Options{OnError: errs.Add})
		from, to := join(t, bus(), channel.Options{}), join(t, bus(), channel.Options{})
		subscribe(t, small, "c", "", func(channel.Message[[]byte]) { t.Error("it was delivered") }, channel.MaxSize(1<<20))
		var heard list[[]byte]
		subscribe(t, to, "c", "", heard.message)
		begin := time.Now()
		require.NoError(t, publisher[[]byte](t, from, "c", "").Publish(pattern(2<<20)))
		require.Len(t, heard.take(), 1)
		require.Zero(t, time.Since(begin))
		require.ErrorContains(t, errs.Take(), "has 2097152 bytes; the subscriber takes 1048576 (MaxSize)")
	})
}

// Without parts a message has to fit into one of the carrier's.
func TestPartsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		from, to := join(t, n.dial().Remote(), channel.Options{}), join(t, n.dial().Remote(), channel.Options{})
		var heard list[int]
		subscribe(t, to, "c", "", func(m channel.Message[string]) { heard.add(len(m.Data)) })
		pub := publisher[string](t, from, "c", "", channel.Part(-1))
		require.NoError(t, pub.Publish(strings.Repeat("x", 500<<10)))
		require.ErrorIs(t, pub.Publish(strings.Repeat("x", 2<<20)), sig.ErrLimit)
		require.Equal(t, []int{500 << 10}, heard.take())
		// Escapes make it longer than it seemed: it goes in parts after all.
		pub = publisher[string](t, from, "c", "", channel.Part(900<<10))
		require.NoError(t, pub.Publish(strings.Repeat("\x00", 800<<10)))
		require.Equal(t, []int{800 << 10}, heard.take())
	})
}
