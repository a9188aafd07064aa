// Package world is a router with a household of senders and listeners, for a look at the
// dashboard: peers of several carriers, a serial device that is a pseudo terminal, requests
// that take their time and fail, and some loose ends.
package world

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/dashboard"
	"github.com/sigrouter/sigrouter/internal/pty"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Token is the one the dashboard takes.
const Token = "open sesame"

// A World is a router that serves its dashboard, and whoever lives at it.
type World struct {
	Server *router.ServerRouter
	URL    string // of the dashboard, below a path

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	dir    string
	tcp    string
	unix   string
	web    *http.Server
	mux    *http.ServeMux

	mu      sync.Mutex
	listen  net.Listener
	address string
	conns   map[net.Conn]struct{}
}

// New starts a router with nobody at it, whose dashboard is at 127.0.0.1.
func New() (*World, error) {
	dir, err := os.MkdirTemp("", "sig-world-")
	if err != nil {
		return nil, err
	}
	w := &World{dir: dir, conns: map[net.Conn]struct{}{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.Server = router.ServerOptions{
		Options: router.Options{Logger: slog.New(router.NewLogTail(slog.NewTextHandler(nobody{}, nil), 0))},
		Name:    "house", Schemes: sigrouter.Schemes(),
	}.New()
	w.unix = "unix://" + filepath.Join(dir, "sig.sock")
	l, err := w.Server.Listen(w.ctx, "tcp://127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.tcp = l.URL()
	if _, err := w.Server.Listen(w.ctx, w.unix); err != nil {
		return nil, err
	}
	w.mux = http.NewServeMux()
	w.mux.Handle("/dash/", http.StripPrefix("/dash", dashboard.Options{Token: dashboard.Token(Token)}.Handler(w.Server)))
	return w, w.Up()
}

type nobody struct{}

func (nobody) Write(b []byte) (int, error) { return len(b), nil }

// Mux is that of the world's HTTP server.
func (w *World) Mux() *http.ServeMux { return w.mux }

// Up begins to serve the dashboard, at the address it had before.
func (w *World) Up() error {
	address := w.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	w.address = l.Addr().String()
	w.URL = "http://" + w.address + "/dash/"
	w.web = &http.Server{Handler: w.mux, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns[c] = struct{}{}
		return ctx
	}}
	w.listen = l
	w.wg.Go(func() { _ = w.web.Serve(l) })
	return nil
}

// Down cuts the dashboard off: connections end without a word, and no new ones are
// taken until Up.
func (w *World) Down() {
	_ = w.web.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns { // those of WebSockets too
		_ = c.Close()
	}
	clear(w.conns)
}

// Close ends everything.
func (w *World) Close() {
	w.cancel()
	w.Down()
	_ = w.Server.Close()
	w.wg.Wait()
	_ = os.RemoveAll(w.dir)
}

// Client connects somebody who stays until the world ends.
func (w *World) Client(name, carrier string) (*router.ClientRouter, error) {
	url := w.tcp
	if carrier == "unix" {
		url = w.unix
	}
	c, err := router.ClientOptions{Name: name, Schemes: sigrouter.Schemes()}.Dial(w.ctx, url)
	if err != nil {
		return nil, err
	}
	w.wg.Go(func() {
		<-w.ctx.Done()
		_ = c.Close()
	})
	return c, nil
}

// Every calls fn at intervals until the world ends.
func (w *World) Every(d time.Duration, fn func(n int)) {
	w.wg.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for n := 0; ; n++ {
			fn(n)
			select {
			case <-t.C:
			case <-w.ctx.Done():
				return
			}
		}
	})
}

// trigger is a signal's Trigger as callers want it.
type trigger func(data any)

// Sender adds a sender to a client and returns what triggers each of its events.
func (w *World) Sender(c *router.ClientRouter, name string, events []string, opts ...sig.SenderOption) (map[string]trigger, error) {
	s, err := c.AddRemoteSender(w.ctx, name, append(opts, sig.Events(events...))...)
	if err != nil {
		return nil, err
	}
	out := map[string]trigger{}
	for _, e := range events {
		signal, err := s.Signal(e)
		if err != nil {
			return nil, err
		}
		out[e] = func(data any) { _ = signal.Trigger(data) } // the world may be ending
	}
	return out, nil
}

// Household fills the world with people and things.
func (w *World) Household() error {
	for _, add := range []func() error{w.kitchen, w.garden, w.grid, w.office, w.thermometer, w.people} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) kitchen() error {
	c, err := w.Client("kitchen-pi", "tcp")
	if err != nil {
		return err
	}
	thermo, err := w.Sender(c, "kitchen.thermo", []string{"temperature", "humidity"})
	if err != nil {
		return err
	}
	lamp, err := w.Sender(c, "kitchen.lamp", []string{"state"}, sig.Answer("toggle", func(context.Context, sig.Request) (any, error) {
		return map[string]any{"on": true}, nil
	}))
	if err != nil {
		return err
	}
	w.Every(400*time.Millisecond, func(n int) {
		thermo["temperature"](math.Round(10*(21.4+0.9*math.Sin(float64(n)/14)+0.15*rand.Float64())) / 10)
		if n%3 == 0 {
			thermo["humidity"](math.Round(44 + 3*math.Sin(float64(n)/20)))
		}
	})
	w.Every(5*time.Second, func(n int) { lamp["state"](map[string]any{"on": n%2 == 0, "level": 60 + 10*(n%4)}) })
	return nil
}

func (w *World) garden() error {
	c, err := w.Client("garden-gateway", "tcp")
	if err != nil {
		return err
	}
	weather, err := w.Sender(c, "garden.weather", []string{"report"})
	if err != nil {
		return err
	}
	gate, err := w.Sender(c, "garden.gate", []string{"moved"}, sig.Answer("open", func(ctx context.Context, _ sig.Request) (any, error) {
		select {
		case <-time.After(time.Duration(180+rand.IntN(260)) * time.Millisecond):
			return "opened", nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}), sig.Answer("code", func(context.Context, sig.Request) (any, error) {
		return nil, &sig.Error{Code: "wrong_code", Message: "that is not the code"}
	}))
	if err != nil {
		return err
	}
	w.Every(time.Second, func(n int) {
		weather["report"](map[string]any{
			"wind": map[string]any{"speed": math.Round(10*(4+3*rand.Float64())) / 10, "from": []string{"SW", "W", "W", "NW"}[n/7%4]},
			"rain": n/20%2 == 1, "lux": 8200 + 40*(n%60), "station": "roof",
		})
	})
	w.Every(7*time.Second, func(n int) { gate["moved"]([]string{"open", "closed"}[n%2]) })
	return nil
}

func (w *World) grid() error {
	c, err := w.Client("meter", "unix")
	if err != nil {
		return err
	}
	for _, phase := range []string{"l1", "l2", "l3"} {
		m, err := w.Sender(c, "grid.meter."+phase, []string{"power", "voltage"})
		if err != nil {
			return err
		}
		w.Every(100*time.Millisecond, func(n int) {
			m["power"](math.Round(380 + 140*math.Sin(float64(n)/25) + 60*rand.Float64()))
			if n%5 == 0 {
				m["voltage"](math.Round(10*(230+1.5*rand.Float64())) / 10)
			}
		})
	}
	return nil
}

func (w *World) office() error {
	c, err := w.Client("office-desk", "tcp")
	if err != nil {
		return err
	}
	p, err := w.Sender(c, "office.printer", []string{"status", "paper"}, sig.Answer("print", func(ctx context.Context, _ sig.Request) (any, error) {
		select {
		case <-time.After(time.Duration(20+rand.IntN(900)) * time.Millisecond):
			return map[string]any{"job": 812, "pages": 3}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}))
	if err != nil {
		return err
	}
	w.Every(3*time.Second, func(n int) { p["status"]([]string{"idle", "warming up", "printing", "idle"}[n%4]) })
	clock, err := w.Server.AddSender("clock", sig.Events("second"), sig.Answer("now", func(context.Context, sig.Request) (any, error) {
		return time.Now().Format(time.TimeOnly), nil
	}))
	if err != nil {
		return err
	}
	second, err := clock.Signal("second")
	if err != nil {
		return err
	}
	w.Every(time.Second, func(int) { _ = second.Trigger(time.Now().Format(time.TimeOnly)) })
	return nil
}

// thermometer is a plain device that prints lines.
func (w *World) thermometer() error {
	master, path, err := pty.Open()
	if err != nil {
		return err
	}
	w.wg.Go(func() {
		<-w.ctx.Done()
		_ = master.Close()
	})
	if _, err := w.Server.Listen(w.ctx, "serial://"+path+"?baud=9600&sender=cellar.thermo&event=celsius&settle=0s"); err != nil {
		return err
	}
	if _, err := w.Server.Listen(w.ctx, "serial:///dev/ttyUSB9?baud=115200&sender=attic.smoke&event=level"); err != nil {
		return err // it is waited for, not plugged in
	}
	w.Every(500*time.Millisecond, func(n int) { fmt.Fprintf(master, "%.1f\n", 11.5+0.4*math.Sin(float64(n)/9)) })
	return nil
}

// people listen, ask, and wait for what never comes.
func (w *World) people() error {
	phone, err := w.Client("phone", "tcp")
	if err != nil {
		return err
	}
	recorder, err := w.Client("recorder", "unix")
	if err != nil {
		return err
	}
	nothing := func(sig.Event) {}
	for _, l := range []struct {
		c             *router.ClientRouter
		sender, event string
	}{
		{phone, "kitchen.thermo", "temperature"}, {phone, "garden.gate", "moved"}, {phone, "attic.smoke", "alarm"},
		{recorder, "grid.>", sig.Any}, {recorder, "kitchen.>", sig.Any}, {recorder, "cellar.thermo", "celsius"}, {recorder, "garden.weather", "report"},
	} {
		if _, err := l.c.AddRemoteListener(w.ctx, l.sender, l.event, nothing); err != nil {
			return err
		}
	}
	ask := func(c *router.ClientRouter, every time.Duration, sender, method string) {
		w.Every(every, func(int) { _, _ = c.RemoteRequest(w.ctx, sender, method, nil) }) // some fail, which is what it is for
	}
	ask(phone, 600*time.Millisecond, "garden.gate", "open")
	ask(phone, 4*time.Second, "garden.gate", "code")
	ask(phone, 250*time.Millisecond, "clock", "now")
	ask(recorder, 300*time.Millisecond, "office.printer", "print")
	ask(recorder, 9*time.Second, "attic.smoke", "test")
	ask(recorder, time.Second, "kitchen.lamp", "toggle")
	return nil
}

// TCP is where clients reach the router over TCP.
func (w *World) TCP() string { return w.tcp }
