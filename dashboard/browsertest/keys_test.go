package browsertest

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

func escape(s string) string { return url.QueryEscape(s) }

// active describes the element that has the focus.
const active = `(document.activeElement.id || document.activeElement.className || document.activeElement.tagName)`

// Everything can be reached by the keyboard, and is named for a screen reader.
func TestKeyboard(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Household())
	p := newPage(t)
	p.open(w, "signals")
	p.says("#main", "power")
	p.keys(kb.Tab)
	require.Equal(t, "skip", eval[string](p, active))
	p.keys(kb.Enter)
	require.Equal(t, "main", eval[string](p, active))
	p.keys("/")
	require.Equal(t, "Find signals", eval[string](p, `document.activeElement.getAttribute("aria-label")`))
	eval[bool](p, `document.activeElement.value = "", true`) // the driver types the slash all the same
	p.keys("volt")
	p.says(".summary", "3 found")
	require.Contains(t, eval[string](p, `location.hash`), "q=volt")
	p.keys(kb.Tab + kb.Tab + kb.Tab) // the two buttons, the table
	require.Equal(t, "treegrid", eval[string](p, `document.activeElement.getAttribute("role")`))
	p.until(`document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).textContent.includes("l1")`)
	p.keys(kb.ArrowDown)
	p.until(`document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).textContent.includes("l2")`)
	p.keys(kb.Enter)
	p.until(`location.hash.startsWith("#/signal?s=grid.meter.l2&e=voltage")`)

	p.open(w, "signals")
	p.says("#main", "power")
	eval[bool](p, `document.querySelector(".grid").focus(), true`)
	row := `document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))`
	for range 20 {
		if eval[bool](p, row+`.textContent.includes("grid.meter")`) {
			break
		}
		p.keys(kb.ArrowDown)
	}
	require.Equal(t, "true", eval[string](p, row+`.getAttribute("aria-expanded")`))
	rows := eval[string](p, `document.querySelector(".grid").getAttribute("aria-rowcount")`)
	p.keys(kb.ArrowLeft)
	p.until(row + `.getAttribute("aria-expanded") === "false"`)
	p.until(`document.querySelector(".grid").getAttribute("aria-rowcount") < ` + rows)
	p.keys(kb.ArrowRight)
	p.until(`document.querySelector(".grid").getAttribute("aria-rowcount") === "` + rows + `"`)
	p.keys(kb.End)
	p.until(row + `.getAttribute("aria-rowindex") === "` + rows + `"`)

	p.open(w, "peers")
	p.says("#main", "kitchen-pi")
	eval[bool](p, `document.querySelector(".c-in .sort").focus(), true`)
	p.keys(kb.Enter)
	p.until(`document.querySelector("[role=columnheader].c-in").getAttribute("aria-sort") === "descending"`)
	p.until(`document.querySelector("[aria-rowindex='2'] .c-name").textContent.match(/meter|recorder/)`)
	nameless := eval[[]string](p, `[...document.querySelectorAll("button, input, select, textarea, a[href], [role=grid], [role=img]")].filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length)).map((e) => e.outerHTML)`)
	require.Empty(t, nameless, "a screen reader has no name for these")
	require.True(t, eval[bool](p, `(() => { document.querySelector(".c-in .sort").focus(); return getComputedStyle(document.activeElement).outlineStyle !== "none"; })()`), "the focus is seen")
}

// The address keeps the view and what was filtered; going back goes back.
func TestAddressKeepsTheView(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Household())
	p := newPage(t)
	p.open(w, "peers?q=garden&sort=out&down=1")
	p.says("#main", "garden-gateway")
	require.NotContains(t, eval[string](p, `document.querySelector(".grid").innerText`), "kitchen")
	require.Equal(t, "garden", eval[string](p, `document.querySelector("input[type=search]").value`))
	p.click(`nav a[data-view="tail"]`)
	p.says("h2", "Tail")
	p.enter("input[list=tail-s]", "kitchen.>\r")
	p.until(`location.hash.includes("s=kitchen")`)
	p.says(".grid-tail", "kitchen.thermo")
	require.False(t, eval[bool](p, `[...document.querySelectorAll(".grid-tail .space .row:not([hidden]) .c-sender")].some((c) => c.textContent.startsWith("grid"))`))
	eval[bool](p, `history.back(), true`)
	p.says("h2", "Peers")
	p.says("#main", "garden-gateway")

	p.open(w, "tail?s=a.%3E.b")
	p.until(`document.querySelector("#tail-error").textContent.length > 5`) // says what is wrong with the pattern
}

// The tail pauses without losing count, says how many it has passed over, and can be taken
// along.
func TestTail(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("burst", "tcp")
	require.NoError(t, err)
	s, err := w.Sender(c, "burst", []string{"n"})
	require.NoError(t, err)
	p := newPage(t)
	p.open(w, "tail?s=burst")
	p.says(".summary", "0 passed")
	s["n"](map[string]any{"x": 1})
	p.says(".summary", "1 passed · 1 here")
	p.click(".view-head .primary")
	p.says(".view-head .primary", "Resume")
	for i := range 20 {
		s["n"](i)
	}
	p.says(".view-head .primary", "20 wait")
	p.says(".summary", "21 passed · 1 here")
	p.click(".view-head .primary")
	p.says(".summary", "21 passed · 21 here")
	for i := range 2000 {
		s["n"](i)
	}
	p.says(".summary", "2,021 passed")
	p.until(`/ [\d,]+ skipped/.test(document.querySelector(".summary").textContent)`)
	p.says(".grid-tail", "skipped here")
	p.shot("tail-skipped")

	lines := eval[string](p, `(async () => {
		let blob;
		const make = URL.createObjectURL;
		URL.createObjectURL = (b) => (blob = b, make(b));
		[...document.querySelectorAll("button")].find((b) => b.textContent.startsWith("Export")).click();
		return await blob.text();
	})()`)
	first := fmt.Sprintf("%.400s", lines)
	require.Contains(t, first, `"sender":"burst","event":"n","data":{"x":1}}`)
	require.Equal(t, eval[string](p, `document.querySelector(".summary").textContent.match(/· ([\d,]+) here/)[1].replace(",", "")`), fmt.Sprint(countLines(lines)))
	p.click(".grid-tail .space .row:nth-child(2)")
	p.until(`!document.querySelector(".tail-detail").hidden`)
}

func countLines(s string) (n int) {
	for _, c := range s {
		if c == '\n' {
			n++
		}
	}
	return n
}
