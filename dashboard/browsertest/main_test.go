package browsertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/dashboard/browsertest/browser"
	"github.com/sigrouter/sigrouter/dashboard/browsertest/world"
)

// chromium is the browser of all tests.
var chromium *browser.Browser

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if _, err := exec.LookPath("chromium"); err != nil && os.Getenv("CI") == "" {
			fmt.Println("no chromium here, nothing is tested; apt-get install chromium")
			return 0
		}
		var err error
		if chromium, err = browser.Start(context.Background()); err != nil {
			fmt.Println(err)
			return 1
		}
		defer chromium.Close()
		return m.Run()
	}())
}

// artefacts is where pictures are kept.
func artefacts() string {
	return cmp.Or(os.Getenv("SIG_ARTIFACTS"), filepath.Join("..", "..", "artefacts", "browser"))
}

func newWorld(t testing.TB) *world.World {
	t.Helper()
	w, err := world.New()
	require.NoError(t, err)
	t.Cleanup(w.Close)
	w.Server.Inspect()
	return w
}

// newPage opens a tab. When the test ends, nothing may have been written to its console but
// what complains of a connection that the test has cut.
func newPage(t testing.TB) *tab {
	t.Helper()
	p, err := chromium.Page()
	require.NoError(t, err)
	x := &tab{t: t, Page: p}
	t.Cleanup(func() {
		defer p.Close()
		if t.Failed() {
			x.shot("failed-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()))
		}
		for _, line := range p.Said() {
			if strings.Contains(line, "WebSocket connection to") && x.cut {
				continue
			}
			t.Errorf("the console says %s", line)
		}
	})
	require.NoError(t, p.Prefer("dark", true))
	require.NoError(t, p.Size(1440, 900))
	return x
}

// A tab fails its test when something does not work.
type tab struct {
	t testing.TB
	*browser.Page
	cut bool // the test cuts connections
}

// open goes to a view and waits until it is live.
func (p *tab) open(w *world.World, view string) {
	p.t.Helper()
	require.NoError(p.t, p.Open("about:blank"))
	require.NoError(p.t, p.Open(w.URL+"#/"+view))
	p.until(live)
}

// visit goes to another view of a page that is open, without loading it again.
func (p *tab) visit(w *world.World, view string) {
	p.t.Helper()
	if !strings.HasPrefix(eval[string](p, `location.href`), w.URL) {
		p.open(w, view)
		return
	}
	eval[bool](p, `(location.hash = `+quote("#/"+view)+`, true)`)
	p.until(`document.querySelector("#main").className.endsWith(` + quote("-"+strings.Split(view, "?")[0]) + `)`)
}

const live = `document.querySelector("#link").dataset.state === "live"`

func (p *tab) until(expression string) {
	p.t.Helper()
	require.NoError(p.t, p.Until(expression))
}

// says waits until an element shows a text.
func (p *tab) says(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%s)?.textContent.includes(%s)`, quote(selector), quote(text)))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%s)`, quote(selector)))
	require.NoError(p.t, p.Click(selector))
}

func (p *tab) enter(selector, text string) {
	p.t.Helper()
	require.NoError(p.t, p.Type(selector, text))
}

// choose picks an option, as a user does.
func (p *tab) choose(selector, value string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const s = document.querySelector(%s); s.value = %s; s.dispatchEvent(new Event("change", { bubbles: true })); return true; })()`, quote(selector), quote(value)))
}

func (p *tab) keys(keys string) {
	p.t.Helper()
	require.NoError(p.t, p.Keys(keys))
}

func (p *tab) shot(name string) {
	p.t.Helper()
	require.NoError(p.t, p.Save(artefacts(), name))
}

func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := browser.Eval[T](p.Page, expression)
	require.NoError(p.t, err, expression)
	return v
}

// quote makes a JavaScript string.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// unlock enters the token.
func (p *tab) unlock(token string) {
	p.t.Helper()
	p.until(`document.querySelector("dialog[open]") || (document.querySelector("#lock").click(), true)`)
	p.enter("dialog[open] input[name=token]", token)
	p.keys("\r")
}

// messagesOf is how many messages a peer has sent.
func messagesOf(t testing.TB, w *world.World, name string) uint64 {
	t.Helper()
	for _, p := range w.Server.Peers() {
		if p.Name == name {
			return p.MessagesIn
		}
	}
	t.Fatalf("no peer %s", name)
	return 0
}
