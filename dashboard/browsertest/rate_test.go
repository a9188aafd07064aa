package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However much happens, the page is drawn ten times a second at most, and asks the router no
// oftener than it draws.
func TestTenDrawingsASecond(t *testing.T) {
	w := newWorld(t)
	c, err := w.Client("busy", "tcp")
	require.NoError(t, err)
	var events []string
	for i := range 20 {
		events = append(events, fmt.Sprintf("e%02d", i))
	}
	s, err := w.Sender(c, "busy", events)
	require.NoError(t, err)
	w.Every(5*time.Millisecond, func(n int) { s[events[n%20]](n) })
	p := newPage(t)
	p.open(w, "signals")
	p.until(cell("e19", "value") + ` > 0`)
	before := messagesOf(t, w, "dashboard")
	drawn := eval[float64](p, `new Promise((done) => {
		let n = 0, last = 0;
		const watch = new MutationObserver(() => { const now = performance.now(); if (now - last > 20) n++; last = now; });
		watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
		setTimeout(() => { watch.disconnect(); done(n); }, 2000);
	})`)
	require.LessOrEqual(t, drawn, 21.0)
	require.GreaterOrEqual(t, drawn, 2.0, "it is live")
	require.LessOrEqual(t, messagesOf(t, w, "dashboard")-before, uint64(40))
}
