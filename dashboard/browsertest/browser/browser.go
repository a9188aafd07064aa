// Package browser drives Debian's Chromium. All that depends on the driver, which changes
// its API often, is in here.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A Browser is one process of Chromium, without a window.
type Browser struct {
	ctx    context.Context
	cancel []context.CancelFunc
}

// Start starts one. Close ends it.
func Start(ctx context.Context) (*Browser, error) {
	dir, err := os.MkdirTemp("", "sig-browser-")
	if err != nil {
		return nil, err
	}
	alloc, endAlloc := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(dir), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en-GB"))
	tab, endTab := chromedp.NewContext(alloc)
	b := &Browser{ctx: tab, cancel: []context.CancelFunc{endTab, endAlloc, func() { _ = os.RemoveAll(dir) }}}
	if err := chromedp.Do(tab); err != nil {
		b.Close()
		return nil, fmt.Errorf("Chromium does not start; apt-get install chromium: %w", err)
	}
	return b, nil
}

// Close ends the browser.
func (b *Browser) Close() {
	for _, end := range b.cancel {
		end()
	}
}

// A Page is one tab, with storage of its own.
type Page struct {
	ctx   context.Context
	Close func()

	mu   sync.Mutex
	said []string
}

// step bounds whatever is asked of the browser.
const step = 20 * time.Second

// Page opens a tab in a window of its own. Close closes it.
func (b *Browser) Page() (*Page, error) {
	return b.open(chromedp.WithNewBrowserContext(), chromedp.WithNewWindow(true))
}

func (b *Browser) open(opts ...chromedp.ContextOption) (*Page, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, opts...)
	p := &Page{ctx: ctx, Close: cancel}
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, err
	}
	messages := chromedp.Console(ctx)
	go func() { // ends with the tab
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.said = append(p.said, fmt.Sprintf("%s: %s", m.Type, m.Text))
			p.mu.Unlock()
		}
	}()
	return p, nil
}

// Said returns what the page, or the browser about it, has written to the console.
func (p *Page) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.said...)
}

func (p *Page) do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Open goes to an address.
func (p *Page) Open(url string) error { return p.do(chromedp.Navigate(url)) }

// Size makes the page so large, in CSS pixels.
func (p *Page) Size(width, height int) error {
	return p.do(chromedp.EmulateViewport(int64(width), int64(height)))
}

// Phone makes the page that of a phone, 390 pixels wide.
func (p *Page) Phone() error {
	return p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
}

// Prefer sets what the page learns of the user: a color scheme, "dark" or "light", and
// whether motion is to be reduced.
func (p *Page) Prefer(scheme string, still bool) error {
	motion := "no-preference"
	if still {
		motion = "reduce"
	}
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	return err
}

// Hide minimises the tab's window, so that nobody sees it; Show brings it back.
func (p *Page) Hide() error { return p.window(cdpbrowser.WindowStateMinimized) }

// Show ends Hide.
func (p *Page) Show() error { return p.window(cdpbrowser.WindowStateNormal) }

func (p *Page) window(state cdpbrowser.WindowState) error {
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	w, err := chromedp.Call(ctx, cdpbrowser.GetWindowForTarget, cdpbrowser.GetWindowForTargetParams{})
	if err != nil {
		return err
	}
	_, err = chromedp.Call(ctx, cdpbrowser.SetWindowBounds, cdpbrowser.SetWindowBoundsParams{WindowID: w.WindowID, Bounds: &cdpbrowser.Bounds{WindowState: state}})
	return err
}

// Click clicks the first element of a CSS selector, as a mouse does.
func (p *Page) Click(selector string) error { return p.do(chromedp.Click(chromedp.CSS(selector))) }

// Type gives an element the focus and types into it.
func (p *Page) Type(selector, text string) error {
	return p.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(text))
}

// Keys presses keys, wherever the focus is.
func (p *Page) Keys(keys string) error { return p.do(chromedp.KeyEvent(keys)) }

// Shot is a picture of what the page shows, as PNG.
func (p *Page) Shot() ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// Save stores a picture in a directory.
func (p *Page) Save(dir, name string) error {
	png, err := p.Shot()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
}

// Eval evaluates an expression, which may be a promise.
func Eval[T any](p *Page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Until waits until an expression is true.
func (p *Page) Until(expression string) error {
	deadline := time.Now().Add(step)
	for {
		ok, err := Eval[bool](p, "Boolean("+expression+")")
		switch {
		case err == nil && ok:
			return nil
		case time.Now().After(deadline):
			text, _ := Eval[string](p, `(document.querySelector("main") ?? document.body).innerText.replace(/\s+/g, " ").slice(0, 400)`)
			return errors.Join(fmt.Errorf("for %v this did not become true: %s\nthe page says: %s\nits console: %s",
				step, expression, text, strings.Join(p.Said(), "\n")), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
