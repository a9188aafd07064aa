package browsertest

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// frames measures how long each frame takes, while a step of script runs in each of them
// for a time. It returns the times between frames and the length of the longest task.
const frames = `(step, ms) => new Promise((done) => {
	const gaps = [], tasks = [0];
	const watch = new PerformanceObserver((l) => { for (const e of l.getEntries()) tasks.push(e.duration); });
	watch.observe({ entryTypes: ["longtask"] });
	let before = performance.now();
	const end = before + ms;
	const frame = (now) => {
		gaps.push(now - before);
		before = now;
		step(gaps.length);
		if (now < end) requestAnimationFrame(frame);
		else { watch.disconnect(); done({ gaps: gaps.slice(1), task: Math.max(...tasks) }); }
	};
	requestAnimationFrame(frame);
})`

// measured is what frames returns.
type measured struct {
	Gaps []float64 `json:"gaps"`
	Task float64   `json:"task"`
}

func (m measured) p95() float64 {
	slices.Sort(m.Gaps)
	return m.Gaps[int(math.Ceil(0.95*float64(len(m.Gaps))))-1]
}

// measure measures frames with a step in each.
func (p *tab) measure(step string) measured {
	p.t.Helper()
	return eval[measured](p, fmt.Sprintf(`(%s)(%s, 2500)`, frames, step))
}

const (
	crowdPeers   = 1000
	crowdSignals = 10 // of each
)

// crowd connects a thousand peers with ten thousand signals, of which many are triggered all
// the time.
func crowd(t *testing.T, srv *router.ServerRouter, url string) {
	t.Helper()
	var triggers []sig.Signal
	for i := range crowdPeers {
		c, err := router.ClientOptions{Name: fmt.Sprintf("sensor-%04d", i), Schemes: sigrouter.Schemes()}.Dial(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		var events []string
		for k := range crowdSignals {
			events = append(events, fmt.Sprintf("value%d", k))
		}
		s, err := c.AddRemoteSender(t.Context(), fmt.Sprintf("plant.hall%02d.sensor%04d", i%20, i), sig.Events(events...))
		require.NoError(t, err)
		for _, e := range events {
			signal, err := s.Signal(e)
			require.NoError(t, err)
			triggers = append(triggers, signal)
		}
	}
	require.Equal(t, crowdPeers*crowdSignals, srv.Status().Signals)
	var ended atomic.Bool
	stopped := make(chan struct{})
	go func() { // about 5,000 events a second, over all signals
		defer close(stopped)
		for n := 0; !ended.Load(); n++ {
			for k := range 50 {
				_ = triggers[(n*50+k)*7%len(triggers)].Trigger(n)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { ended.Store(true); <-stopped })
}

// With a thousand peers and ten thousand signals, a third of which change every second, the
// page stays smooth while it is scrolled. What counts as smooth depends on what else the
// machine does: an empty page is measured beside it.
func TestCrowd(t *testing.T) {
	w := newWorld(t)
	crowd(t, w.Server, w.TCP())
	p := newPage(t)
	require.NoError(t, p.Open("about:blank"))
	idle := p.measure(`() => {}`)
	budget := max(120, 4*idle.p95()) // ms; the cores are shared with the thousand peers, and with whatever else runs
	t.Logf("%-22s frames %4d, p95 %5.1f ms, longest task %4.0f ms", "an empty page", len(idle.Gaps), idle.p95(), idle.Task)

	for _, c := range []struct{ view, ready, step string }{
		{"signals", `document.querySelector(".summary").textContent.startsWith("10,000 signals of 1,000")`, `(n) => { const g = document.querySelector(".grid"); g.scrollTop = (n * 37) % Math.max(1, g.scrollHeight - g.clientHeight); }`},
		{"signals?q=sensor", `document.querySelector(".summary").textContent.includes("10,000 found")`, `(n) => { document.querySelector(".grid").scrollTop = (n * 331) % 300000; }`},
		{"peers?sort=in&down=1", `document.querySelector(".summary").textContent.startsWith("1,001 connected")`, `(n) => { document.querySelector(".grid").scrollTop = (n * 37) % 30000; }`},
		{"tail", `/[1-9]\d* here/.test(document.querySelector(".summary").textContent)`, `(n) => { document.querySelector(".grid").scrollTop = (n * 17) % 600; }`},
	} {
		p.open(w, c.view)
		p.until(c.ready)
		if c.view == "signals" {
			p.until(`([...document.querySelectorAll(".controls button")].find((b) => b.textContent === "Open all").click(), document.querySelector(".grid").getAttribute("aria-rowcount") > 10000)`)
		}
		m := p.measure(c.step)
		t.Logf("%-22s frames %4d, p95 %5.1f ms, longest task %4.0f ms", c.view, len(m.Gaps), m.p95(), m.Task)
		require.LessOrEqual(t, m.p95(), budget, "frames of %s", c.view)
		require.LessOrEqual(t, m.Task, 8*budget, "the longest task of %s", c.view)
		require.Less(t, eval[float64](p, `document.querySelectorAll("*").length`), 2500.0, "only the rows in sight exist")
		p.shot("crowd-" + c.view[:min(len(c.view), 5)])
	}
}
