package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/dashboard/browsertest/world"
	"github.com/sigrouter/sigrouter/sig"
)

// Without a token the page acts on nothing, and neither does a script that asks the socket
// itself. With the token it does, until that is forgotten.
func TestActionsNeedAToken(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("victim", "tcp")
	require.NoError(t, err)
	_, err = w.Sender(c, "adder", []string{"sum"}, sig.Answer("add", func(_ context.Context, r sig.Request) (any, error) {
		var n []int
		if err := r.Decode(&n); err != nil {
			return nil, err
		}
		if len(n) == 0 {
			return nil, &sig.Error{Code: "empty", Message: "nothing to add"}
		}
		sum := 0
		for _, v := range n {
			sum += v
		}
		return map[string]int{"sum": sum}, nil
	}))
	require.NoError(t, err)
	heard := make(chan string, 8)
	_, err = w.Server.AddListener("bell", "ring", func(e sig.Event) { heard <- e.Data.(*sig.Raw).String() })
	require.NoError(t, err)
	victim := w.Server.Peers()[0].ID

	p := newPage(t)
	p.open(w, fmt.Sprintf("peer?id=%d", victim))
	p.says("#lock", "Read only")
	p.click(".view-head .danger")
	p.until(`document.querySelector("dialog[open] input[name=token]")`) // asked for, instead of acting
	refusals := eval[map[string]string](p, `(async () => {
		const { connect } = await import("./sig.js");
		const c = await connect("socket", { name: "script" });
		const code = (promise) => promise.then(() => "done", (err) => err.code);
		return {
			disconnect: await code(c.request("#router", "disconnect", { peer: `+fmt.Sprint(victim)+` })),
			request: await code(c.request("adder", "add", [1])),
			sender: await code(c.addSender("bell", { events: ["ring"] })),
			look: await code(c.request("#router", "status")),
			end: await code(c.close()),
		};
	})()`)
	require.Equal(t, map[string]string{"disconnect": "refused", "request": "refused", "sender": "refused", "look": "done", "end": "done"}, refusals)

	p.unlock("guess")
	p.says("dialog[open] .error", "does not know this token")
	p.shot("token-refused")
	p.unlock(world.Token)
	p.until(`!document.querySelector("dialog[open]")`)
	p.says("#lock", "Actions on")
	require.NotContains(t, eval[string](p, `location.href`), "sesame")
	require.NotContains(t, eval[string](p, `document.documentElement.outerHTML`), "sesame")

	p.open(w, "send?kind=request&sender=adder&name=add&data=%5B19%2C23%5D")
	p.says("#lock", "Actions on") // it is kept for this tab
	p.says(".send-form .primary", "Send")
	p.click(".send-form .primary")
	p.says(".reply", `"sum": 42`)
	p.until(`/Answered in [\d.]+ (µs|ms|s)/.test(document.querySelector(".reply").textContent)`)
	p.shot("request")
	p.open(w, "send?kind=request&sender=adder&name=add&data=%5B%5D")
	p.says(".send-form .primary", "Send")
	p.click(".send-form .primary")
	p.says(".reply", "nothing to add")
	p.says(".reply .tag", "empty")

	p.open(w, "send?kind=trigger&sender=bell&name=ring&data=%7B%22times%22%3A3%7D")
	p.says(".send-form .primary", "Trigger")
	p.click(".send-form .primary")
	p.says(".reply", "Triggered")
	require.Equal(t, `{"times":3}`, <-heard)
	p.open(w, "send?kind=trigger&sender=adder&name=sum&data=1")
	p.says(".send-form .primary", "Trigger")
	p.click(".send-form .primary")
	p.says(".reply", "Only its holder can trigger its events")
	p.says(".sent-before", "bell ring")

	p.open(w, fmt.Sprintf("peer?id=%d", victim))
	p.says("h2", "victim")
	p.click(".view-head .danger")
	p.says("dialog[open]", "loses its connection")
	p.shot("disconnect")
	p.click("dialog[open] .buttons button:first-child") // Cancel
	p.until(`!document.querySelector("dialog[open]")`)
	require.Equal(t, victim, w.Server.Peers()[0].ID, "cancelled")
	p.click(".view-head .danger")
	p.click("dialog[open] .danger")
	p.says(".view-peer .error", "Disconnected")
	for _, peer := range w.Server.Peers() {
		require.NotEqual(t, victim, peer.ID)
	}

	p.click("#lock")
	p.says("#lock", "Read only")
	p.until(live)
	require.Zero(t, eval[float64](p, `sessionStorage.length`))
}

// What is typed is checked, kept in the address and kept as presets.
func TestSendForm(t *testing.T) {
	w := newWorld(t)
	p := newPage(t)
	p.open(w, "send")
	p.enter("input[name=sender]", "bell")
	p.enter("input[name=name]", "ring")
	p.enter("textarea", `{"a": tru`)
	p.says(".check-json", "Not JSON")
	p.enter("textarea", `e}`)
	p.says(".check-json", "Good JSON")
	address := eval[string](p, `location.hash`)
	require.Contains(t, address, "sender=bell")

	other := newPage(t)
	other.open(w, strings.TrimPrefix(address, "#/"))
	require.Equal(t, `{"a": true}`, eval[string](other, `document.querySelector("textarea").value`))
	require.Equal(t, "ring", eval[string](other, `document.querySelector("input[name=name]").value`))

	p.click(".send-form .buttons button:nth-child(3)")
	p.until(`document.querySelector("dialog[open]")`)
	p.enter("dialog[open] input", " twice")
	p.click("dialog[open] .primary")
	p.says(".sent", "twice")
	p.open(w, "send")
	p.says(".sent", "twice")
	p.click(".sent .again")
	require.Equal(t, `{"a": true}`, eval[string](p, `document.querySelector("textarea").value`))
}

// hostile are names that would do harm if a page took them for markup, or would break its
// lines.
func hostile() []string {
	return []string{
		`<script>window.harm=1</script>`, `"><img src=x onerror=window.harm=1>`, `</bdi><svg onload=window.harm=1>`,
		"\u202eevil\u2066", "مرحبا", strings.Repeat("w", 255), "a\u0301\u0300\u0302", `{{constructor}}`, "${window.harm=1}", "javascript:window.harm=1",
	}
}

// Names and values of any kind are text, in every view.
func TestHostileNames(t *testing.T) {
	w := newWorld(t)
	names := hostile()
	for i, n := range names {
		c, err := w.Client(n, "tcp")
		require.NoError(t, err)
		s, err := w.Sender(c, n, []string{n, "e"}, sig.Answer(n, func(context.Context, sig.Request) (any, error) {
			return nil, &sig.Error{Code: n, Message: n, Data: n}
		}))
		require.NoError(t, err)
		s[n](map[string]any{n: n})
		s["e"](n)
		_, err = c.AddRemoteListener(t.Context(), names[(i+1)%len(names)], names[(i+1)%len(names)], func(sig.Event) {})
		require.NoError(t, err)
		_, _ = c.RemoteRequest(t.Context(), n, n, nil)   // fails, and is listed
		_, _ = c.RemoteRequest(t.Context(), n, "x", nil) // nobody answers
	}
	for _, look := range []string{"dark", "phone"} {
		p := newPage(t)
		if look == "phone" {
			require.NoError(t, p.Phone())
		}
		q := func(n string) string { return escape(n) }
		for _, view := range []string{
			"signals", "signals?q=window", "peers", "peer?id=1", "peer?id=2", "tail", "routes", "requests", "links",
			"signal?s=" + q(names[0]) + "&e=" + q(names[0]), "signal?diff=1&s=" + q(names[3]) + "&e=" + q(names[3]),
			"signal?s=" + q(names[5]) + "&e=" + q(names[5]),
			"send?kind=request&sender=" + q(names[1]) + "&name=" + q(names[1]) + "&data=" + q(`"`+names[0]+`"`),
		} {
			p.visit(w, view)
			if view == "tail" {
				p.says("#main", "Nothing has passed yet")
				for _, peer := range []int{0, 1} {
					s, err := w.Server.AddSender(names[peer]+"x", sig.Events(names[peer]))
					if err == nil {
						signal, _ := s.Signal(names[peer])
						_ = signal.Trigger(names)
						s.Remove()
					}
				}
			}
			p.until(`document.querySelector("#main").innerText.length > 40`)
			require.Equal(t, "undefined", eval[string](p, `typeof window.harm`), view)
			require.Zero(t, eval[float64](p, `document.querySelectorAll("main script, main img, main iframe, [onload], [onerror], a[href^='javascript:']").length`), view)
			require.LessOrEqual(t, eval[float64](p, `document.documentElement.scrollWidth - innerWidth`), 0.0, "wider than the window: %s %s", view, look)
		}
		p.open(w, "signals")
		p.until(`[...document.querySelectorAll(".c-name bdi")].some((b) => b.textContent === ` + quote(names[0]) + `)`)
		p.shot("hostile-" + look)
	}
}
