package survive

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// lasting is how long something goes on: in CI, and with SIG_LONG; SIG_FOR says otherwise.
func lasting(t *testing.T, ci, long time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv("SIG_FOR"); text != "" {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		return d
	}
	return time.Duration(amount(int(ci), int(long)))
}

// P3: while two goroutines trigger without a pause, listeners come and go; none is called by a
// trigger that started after its Remove had returned.
func TestNoCallAfterRemove(t *testing.T) {
	r := router.New()
	defer r.Close()
	snd, err := r.AddSender("s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	want := int64(amount(200_000, 10_000_000))
	var round, triggers, calls, late atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				_ = e.Trigger(round.Load()) // the round in which it started
				triggers.Add(1)
				if n%20 == 0 {
					runtime.Gosched() // to who adds and removes
				}
			}
		})
	}
	kinds := [][2]string{{"s", "e"}, {sig.Any, "e"}, {"s", sig.Any}, {sig.Any, sig.Any}, {"*", "*"}}
	removals := 0
	for calls.Load() < want {
		now, kind := round.Load(), kinds[removals%len(kinds)]
		called := make(chan struct{}, 1)
		sub, err := r.AddListener(kind[0], kind[1], func(ev sig.Event) {
			if calls.Add(1); ev.Name != "e" {
				return // #connect
			}
			if started, ok := ev.Data.(int64); !ok || started > now {
				late.Add(1)
			}
			select {
			case called <- struct{}{}:
			default:
			}
		})
		require.NoError(t, err)
		<-called
		sub.Remove()
		round.Store(now + 1) // what reads this started after Remove
		removals++
	}
	close(stop)
	wg.Wait()
	t.Logf("%d triggers, %d calls, %d removals: %d late", triggers.Load(), calls.Load(), removals, late.Load())
	require.Zero(t, late.Load())
	require.Greater(t, removals, int(want/1000))
}

// O6: 10,000 senders and 10,000 listeners of all kinds in one router, a thousand of which come and go each
// second. To trigger takes no longer at the end than at the beginning, and memory is flat.
func TestManyComeAndGo(t *testing.T) {
	n := amount(2000, 10_000)
	r := router.New()
	defer r.Close()
	c := crowd{t: t, r: r, rng: rand.New(rand.NewPCG(6, 6)), senders: make([]sig.Sender, n), signals: make([]sig.Signal, n), subs: make([]sig.Subscription, n)}
	for i := range n {
		c.addSender(i)
		c.addListener(i)
	}
	const windows = 20
	length := lasting(t, 4*time.Second, 10*time.Minute) / windows
	took := make([]time.Duration, 0, 50*int(length/(10*time.Millisecond)+100))
	var p99s []time.Duration
	var first, last used
	changes, triggers := 0, 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w := range windows {
		took = took[:0]
		for end := time.Now().Add(length); time.Now().Before(end); {
			<-tick.C
			for range 10 {
				c.change(changes)
				changes++
			}
			for range 50 {
				at := time.Now()
				require.NoError(t, c.signals[c.rng.IntN(n)].Trigger(1))
				took = append(took, time.Since(at))
			}
		}
		triggers += len(took)
		slices.Sort(took)
		p99s = append(p99s, took[len(took)*99/100])
		if w == 1 {
			first = c.settled()
		}
	}
	last = c.settled()
	runtime.KeepAlive(took)
	begin, end := median(p99s[:windows/2]), median(p99s[windows/2:])
	t.Logf("%d senders, %d listeners, %d changes, %d triggers, %d calls: p99 %v, then %v; heap %d KiB, then %d KiB",
		n, n, changes, triggers, c.calls.Load(), begin, end, first.heap>>10, last.heap>>10)
	require.Positive(t, c.calls.Load())
	require.LessOrEqual(t, last.goroutines, first.goroutines+2)
	if os.Getenv("SIG_LONG") != "" {
		require.LessOrEqual(t, end, begin*12/10)
		require.LessOrEqual(t, last.heap, first.heap*105/100)
	} else {
		require.LessOrEqual(t, end, 5*begin+time.Millisecond)
		require.LessOrEqual(t, last.heap, first.heap*12/10)
	}
}

// A crowd is senders and listeners in one router.
type crowd struct {
	t       *testing.T
	r       *router.Router
	rng     *rand.Rand
	senders []sig.Sender
	signals []sig.Signal
	subs    []sig.Subscription
	calls   atomic.Int64
}

// settled tells what is used when queues are empty and each signal has been triggered, so that the
// router knows again who listens to it: the least of several times.
func (c *crowd) settled() used {
	for _, s := range c.signals {
		require.NoError(c.t, s.Trigger(1))
	}
	least := resources(c.t)
	within(time.Second, func() bool {
		if now := resources(c.t); now.heap < least.heap {
			least = now
		}
		return false
	})
	return least
}

func (c *crowd) addSender(i int) {
	var err error
	c.senders[i], err = c.r.AddSender(fmt.Sprint("s.", i), sig.Events(fmt.Sprint("e", i%500)))
	require.NoError(c.t, err)
	c.signals[i], err = c.senders[i].Signal(fmt.Sprint("e", i%500))
	require.NoError(c.t, err)
}

// addListener adds the listener with a number, of the kind that goes with it.
func (c *crowd) addListener(i int) {
	sender, event := fmt.Sprint("s.", i), fmt.Sprint("e", i%500)
	var opts []sig.ListenOption
	switch i % 100 {
	case 0:
		sender = sig.Any
	case 1:
		sender = "s.*"
	case 2, 3, 4:
		opts = append(opts, sig.Queue(8, sig.DropOldest))
	}
	if i%3 == 0 && sender != sig.Any {
		event = sig.Any
	}
	if i%1000 == 0 {
		event = sig.Any // hears everything
	} else if i%100 == 1 {
		event = fmt.Sprint("e", i%500)
	}
	var err error
	c.subs[i], err = c.r.AddListener(sender, event, func(sig.Event) { c.calls.Add(1) }, opts...)
	require.NoError(c.t, err)
}

// change replaces a sender or a listener, in turn.
func (c *crowd) change(turn int) {
	i := c.rng.IntN(len(c.subs))
	if turn%2 == 0 {
		require.NoError(c.t, c.senders[i].Remove())
		c.addSender(i)
		return
	}
	c.subs[i].Remove()
	c.addListener(i)
}
