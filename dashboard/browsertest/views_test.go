package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/dashboard/browsertest/world"
	"github.com/sigrouter/sigrouter/sig"
)

// views are all views, with something that each says of the household.
var views = []struct{ name, address, says string }{
	{"signals", "signals", "kitchen"},
	{"signal", "signal?s=kitchen.thermo&e=temperature", "recorder"},
	{"signal-object", "signal?s=garden.weather&e=report&diff=1", "wind"},
	{"peers", "peers", "garden-gateway"},
	{"peer", "peer?id=2", "garden.gate"},
	{"tail", "tail", "grid.meter.l1"},
	{"send", "send?kind=request&sender=garden.gate&name=open&data=%7B%22for%22%3A%205%7D", "Send a request"},
	{"routes", "routes", "nobody sends it"},
	{"requests", "requests", "wrong_code"},
	{"links", "links", "not plugged in"},
}

// Every view shows the household, in dark, in light and on a phone, without a word from the
// browser and without running out of its frame.
func TestViews(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Household())
	for _, look := range []string{"dark", "light", "phone"} {
		t.Run(look, func(t *testing.T) {
			p := newPage(t)
			switch look {
			case "light":
				require.NoError(t, p.Prefer("light", true))
			case "phone":
				require.NoError(t, p.Phone())
			}
			for _, v := range views {
				p.visit(w, v.address)
				p.says("#main", v.says)
				p.until(`document.querySelector(".figure-in .value").textContent !== "0"`)
				p.shot(v.name + "-" + look)
				wide := eval[[]string](p, `[...document.querySelectorAll("body, main, .view-head, .scroll, nav, .grid, .top")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className || e.tagName)`)
				require.Empty(t, wide, "wider than their frames in %s", v.name)
				require.Equal(t, 1.0, eval[float64](p, `document.querySelectorAll("nav a[aria-current=page]").length`), v.name)
			}
			ground := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
			require.Equal(t, look == "light", strings.HasPrefix(ground, "rgb(24"), ground)
		})
	}
}

// cell is the text of a cell of the row of a signal.
func cell(name, column string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".space .row:not([hidden])")].find((r) => r.querySelector(".c-name").textContent.includes(%s))?.querySelector(".c-%s").textContent`, quote(name), column)
}

// What happens at the router shows: values, rates, listeners, signals and peers that come
// and go.
func TestLiveUpdates(t *testing.T) {
	w := newWorld(t)
	p := newPage(t)
	p.open(w, "signals")
	p.says("#main", "No sender has declared a signal yet")

	c, err := w.Client("workshop", "tcp")
	require.NoError(t, err)
	saw, err := w.Sender(c, "workshop.saw", []string{"speed", "state.on"})
	require.NoError(t, err)
	p.until(cell("speed", "value") + ` === "–"`)
	for _, v := range []any{1200, map[string]any{"rpm": 5}, "stopped", nil, 0.25} {
		saw["speed"](v)
		p.until(cell("speed", "value") + ` === ` + quote(string(must(sig.JSON{}.Marshal(v)))))
	}
	p.until(cell("speed", "count") + ` === "5"`)
	p.until(cell("speed", "listeners") + ` === "nobody"`)
	_, err = c.AddRemoteListener(t.Context(), "workshop.saw", "speed", func(sig.Event) {})
	require.NoError(t, err)
	p.until(cell("speed", "listeners") + ` === "1"`)
	p.until(`document.querySelector(".figure-peers .value").textContent === "2"`)

	p.open(w, "peers")
	p.says("#main", "workshop")
	require.NoError(t, c.Close())
	p.until(`!document.querySelector(".grid-peers").innerText.includes("workshop")`)
	p.open(w, "signals")
	p.until(`!document.querySelector("#main").innerText.includes("speed")`)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// One signal's page has its last values, draws those that are numbers, and shows what is
// new in the last.
func TestSignalPage(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("meter", "tcp")
	require.NoError(t, err)
	m, err := w.Sender(c, "meter", []string{"read"}, sig.Answer("reset", func(context.Context, sig.Request) (any, error) { return true, nil }))
	require.NoError(t, err)
	p := newPage(t)
	p.open(w, "signal?s=meter&e=read")
	for i := range 6 { // one by one: of a burst the router does not keep all
		m["read"](map[string]any{"power": 10*i + 10, "phase": "l1", "big": 9007199254740993})
		p.says(".shown", fmt.Sprintf(`"power": %d`, 10*i+10))
	}
	p.until(`document.querySelector(".grid-values").getAttribute("aria-rowcount") === "7"`) // and the header
	p.until(`document.querySelector(".grid-values .row:not([hidden]) .c-n").textContent`)
	p.says(".shown", "9007199254740993")
	p.until(`document.querySelector(".chart-panel select").options.length === 2`)
	p.until(`document.querySelector(".chart svg").getAttribute("aria-label").includes("6 values from 9,007")`)
	p.choose(".chart-panel select", "power")
	p.until(`document.querySelector(".chart .high").textContent === "60"`)

	m["read"](map[string]any{"power": 7, "phase": "l1", "big": 9007199254740993})
	p.until(`document.querySelector(".chart .low").textContent === "7"`)
	p.choose(".panel-head select", "diff")
	p.until(`document.querySelector(".diff .gone")?.textContent.includes("60") && document.querySelector(".diff .new")?.textContent.includes("7")`)
	require.Equal(t, 1.0, eval[float64](p, `document.querySelectorAll(".diff .new").length`), "nothing else is new")
	p.click(".grid-values .space .row:nth-child(2)")
	p.says(".panel-head h3", "Value 6 ")
	p.says(".methods", "reset")
	p.shot("signal-diff")

	p.open(w, "signal?s=nobody&e=nothing")
	p.says(".error", "no sender")
}

// What a sender declares is shown to who has a token to ask for it.
func TestDeclared(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("thermo", "tcp")
	require.NoError(t, err)
	described := api.Description{
		Sender:  "thermo",
		Methods: []api.MethodInfo{{Name: "calibrate", Doc: "Sets it right.", Params: []schema.Field{{Name: "by", Type: schema.Type{Kind: schema.Number, Name: "double"}}}}},
		Events:  []api.EventInfo{{Name: "read", Doc: "Once a minute.", Type: schema.Type{Kind: schema.Object, Name: "Reading"}}},
		Types:   map[string]schema.ObjectType{"Reading": {Fields: []schema.Field{{Name: "celsius", Doc: "of the air", Type: schema.Type{Kind: schema.Number, Name: "double"}}}}},
	}
	asked := make(chan bool, 10)
	m, err := w.Sender(c, "thermo", []string{"read"}, sig.Answer(api.DescribeMethod, func(context.Context, sig.Request) (any, error) {
		asked <- true
		return described, nil
	}), sig.Answer("calibrate", func(context.Context, sig.Request) (any, error) { return nil, nil }))
	require.NoError(t, err)
	m["read"](map[string]any{"celsius": 21.5})
	p := newPage(t)
	p.open(w, "signal?s=thermo&e=read")
	p.says(".methods", "calibrate")
	require.Empty(t, asked, "nobody is asked anything without a token")
	p.unlock(world.Token)
	p.says(".declared", "Reading")
	p.says(".declared", "of the air")
	p.visit(w, "send?kind=request&sender=thermo&name=calibrate")
	p.says(".usage", "calibrate(by: double)")
	p.shot("declared")
}

// A router that is started again has other things in it; the page takes them for what they
// are.
func TestRouterStartedAgain(t *testing.T) {
	var at atomic.Pointer[http.Handler]
	worlds := []*world.World{newWorld(t), newWorld(t)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*at.Load()).ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	for i, w := range worlds {
		c, err := w.Client("lamp", "tcp")
		require.NoError(t, err)
		s, err := w.Sender(c, "lamp", []string{"on"})
		require.NoError(t, err)
		for k := range 3 - i {
			s["on"](fmt.Sprintf("run %d value %d", i+1, k+1))
		}
	}
	run := func(i int) {
		h := http.Handler(worlds[i].Mux())
		at.Store(&h)
	}
	run(0)
	p := newPage(t)
	p.cut = true
	require.NoError(t, p.Open(web.URL+"/dash/#/signal?s=lamp&e=on"))
	p.says(".shown", "run 1 value 3")
	run(1)
	require.NoError(t, worlds[0].Server.Close())
	p.says(".shown", "run 2 value 2")
	p.until(`!document.querySelector(".grid-values").innerText.includes("run 1")`)
	eval[bool](p, `(location.hash = "#/signals", true)`)
	p.until(cell("on", "value") + ` === '"run 2 value 2"'`)
	p.until(`document.querySelector(".summary").textContent === "1 signal of 1 sender"`)
}

// A connection that is cut shows as such, and the page goes on by itself when the router
// is back.
func TestCutAndRecovered(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("lamp", "tcp")
	require.NoError(t, err)
	lamp, err := w.Sender(c, "lamp", []string{"on"})
	require.NoError(t, err)
	lamp["on"](1)
	p := newPage(t)
	p.cut = true
	p.open(w, "signals")
	p.until(cell("on", "value") + ` === "1"`)
	p.says("#router", "house")

	w.Down()
	lamp["on"](2)
	p.says("#link", "stale since")
	p.until(`document.body.classList.contains("stale")`)
	p.says("#said", "stale since")
	p.until(`document.title === "stale: Signals · house"`)
	require.Equal(t, "1", eval[string](p, cell("on", "value")), "what was known stays")
	said := eval[string](p, `document.querySelector("#link").textContent`)
	p.until(`document.querySelector("#link").textContent !== ` + quote(said)) // it counts on
	p.shot("stale")

	require.NoError(t, w.Up())
	p.until(live)
	p.until(cell("on", "value") + ` === "2"`)
	p.until(`!document.body.classList.contains("stale")`)
	p.says("#said", "live")
	p.until(`document.title === "Signals · house"`)
}

// A tab that nobody looks at asks for nothing and draws nothing.
func TestHiddenTab(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("lamp", "tcp")
	require.NoError(t, err)
	lamp, err := w.Sender(c, "lamp", []string{"on"})
	require.NoError(t, err)
	p := newPage(t)
	p.open(w, "signals")
	lamp["on"](1)
	p.until(cell("on", "value") + ` === "1"`)

	require.NoError(t, p.Hide())
	p.until(`document.hidden`)
	eval[bool](p, `window.changes = 0, new MutationObserver((all) => { window.changes += all.length; }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true }), true`)
	before := messagesOf(t, w, "dashboard")
	for i := range 5 {
		lamp["on"](2 + i)
		time.Sleep(400 * time.Millisecond) // long enough for what must not come
	}
	require.LessOrEqual(t, messagesOf(t, w, "dashboard")-before, uint64(3), "what was under way, and a ping")
	require.Zero(t, eval[float64](p, `window.changes`))
	require.Equal(t, "1", eval[string](p, cell("on", "value")))

	require.NoError(t, p.Show())
	p.until(`!document.hidden`)
	p.until(cell("on", "value") + ` === "6"`)
	require.Equal(t, "live", eval[string](p, `document.querySelector("#link").dataset.state`))
}
