// Walkthrough makes the pictures of the README and of docs/dashboard.md: it runs a router
// with a household, opens its dashboard in Chromium, and runs sig in a terminal.
//
//	make screenshots
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/dashboard/browsertest/browser"
	"github.com/sigrouter/sigrouter/dashboard/browsertest/terminal"
	"github.com/sigrouter/sigrouter/dashboard/browsertest/world"
)

// most is how large a picture may become, as it is part of the repository.
const most = 200 << 10

func main() {
	out := flag.String("out", filepath.Join("..", "..", "docs", "images"), "`directory` for the pictures")
	settle := flag.Duration("settle", 2*time.Minute, "how long to wait, so that the sparklines are full")
	flag.Parse()
	if err := run(*out, *settle); err != nil {
		log.Fatal(err)
	}
}

func run(out string, settle time.Duration) error {
	w, err := world.New()
	if err != nil {
		return err
	}
	defer w.Close()
	w.Server.Inspect()
	if err := w.Household(); err != nil {
		return err
	}
	began := time.Now()
	b, err := browser.Start(context.Background())
	if err != nil {
		return err
	}
	defer b.Close()
	p, err := b.Page()
	if err != nil {
		return err
	}
	defer p.Close()
	time.Sleep(time.Until(began.Add(settle)))
	if err := dashboards(p, w, out); err != nil {
		return err
	}
	if err := terminals(p, w, out); err != nil {
		return err
	}
	return check(out)
}

// A picture is one of the dashboard.
type picture struct {
	name, address, ready string
	light, phone         bool
}

func dashboards(p *browser.Page, w *world.World, out string) error {
	const live = `document.querySelector("#link").dataset.state === "live"`
	for _, c := range []picture{
		{name: "dashboard", address: "signals", ready: `document.querySelector("#main").innerText.includes("power")`},
		{name: "signal", address: "signal?s=grid.meter.l1&e=power", ready: `document.querySelector(".chart svg").getAttribute("aria-label")`, light: true},
		{name: "routes", address: "routes", ready: `document.querySelector(".orphan")`},
		{name: "phone", address: "signals", ready: `document.querySelector("#main").innerText.includes("power")`, phone: true},
	} {
		scheme := "dark"
		if c.light {
			scheme = "light"
		}
		shape := func() error { return p.Size(1280, 800) }
		if c.phone {
			shape = p.Phone
		}
		for _, do := range []func() error{
			func() error { return p.Prefer(scheme, true) },
			shape,
			func() error { return p.Open("about:blank") },
			func() error { return p.Open(w.URL + "#/" + c.address) },
			func() error { return p.Until(live) },
			func() error { return p.Until(c.ready) },
		} {
			if err := do(); err != nil {
				return err
			}
		}
		time.Sleep(time.Second) // for the values
		if err := p.Save(out, c.name); err != nil {
			return err
		}
	}
	return nil
}

// terminals makes the picture of sig in a terminal.
func terminals(p *browser.Page, w *world.World, out string) error {
	dir, err := os.MkdirTemp("", "sig-walkthrough-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sig := filepath.Join(dir, "sig")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", sig, "./cmd/sig")
	build.Dir = filepath.Join("..", "..") // of this module, where make runs it
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cmd/sig does not build: %w\n%s", err, text)
	}
	type window struct {
		rows  int
		lasts time.Duration
		args  []string
	}
	var page strings.Builder
	fmt.Fprintf(&page, `<!doctype html><meta charset="utf-8"><style>%s</style>`, terminal.CSS)
	for _, c := range []window{
		{24, 6 * time.Second, []string{"top"}},
		{8, 2 * time.Second, []string{"listen", "kitchen.>"}},
		{6, 5 * time.Second, []string{"request", "garden.gate", "open"}},
	} {
		s := terminal.New(110, c.rows)
		line := "sig " + strings.Join(c.args, " ")
		// How it ended does not matter: some are interrupted.
		_ = s.Run(c.lasts, []string{"SIG_URL=" + w.TCP()}, sig, c.args...)
		fmt.Fprintf(&page, `<div class="window"><div class="bar">$ %s</div>%s</div>`, line, s.HTML())
	}
	w.Mux().HandleFunc("/terminal", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte(page.String()))
	})
	if err := p.Size(1080, 100); err != nil {
		return err
	}
	if err := p.Open(strings.TrimSuffix(w.URL, "dash/") + "terminal"); err != nil {
		return err
	}
	height, err := browser.Eval[float64](p, `document.documentElement.scrollHeight`)
	if err != nil {
		return err
	}
	if err := p.Size(1080, int(height)); err != nil {
		return err
	}
	return p.Save(out, "terminal")
}

// check reports pictures that are too large for a repository.
func check(out string) error {
	names, err := filepath.Glob(filepath.Join(out, "*.png"))
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s %d KiB\n", name, info.Size()>>10)
		if info.Size() > most {
			return fmt.Errorf("%s has %d bytes; %d are the most", name, info.Size(), most)
		}
	}
	return nil
}
