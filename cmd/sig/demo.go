package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// demoFlags are the flags of sig demo.
type demoFlags struct {
	length time.Duration
	listen string
	color  string
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a router, a timer, a thermometer in another process",
		Long: `See it work. The demo needs nothing but itself:

  a router        in this process, for programs of this machine
  a timer         a sender in this process: event tic, once a second
  a thermometer   a sender in another process, over TCP: event celsius, request unit
  a listener      of everything, in this process; it prints what you see

A line is an event, "+" a sender that comes, "-" one that goes, "?" a request and its
answer. Meanwhile other commands can talk to the router; the first lines say how.`,
		Example: `  sig demo
  sig demo --for 0`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.length, "for", 10*time.Second, "how long; 0 is until interrupted")
	flags.StringVar(&f.listen, "listen", "", "`address` of the router (default "+defaultURL+", or any free port where that is taken)")
	flags.StringVar(&f.color, "color", "auto", "`when` to colour: auto, always or never; NO_COLOR is heeded")
	return cmd
}

// A demo is what sig demo runs.
type demo struct {
	*printer
	app   *app
	srv   *router.ServerRouter
	url   string
	begin time.Time

	tics, readings, requests atomic.Int64
	here                     chan struct{} // closed when the thermometer has come
	once                     sync.Once
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	if f.length < 0 {
		return usagef("--for is %v; it cannot be less than nothing", f.length)
	}
	p, err := a.printer(outputFlags{color: f.color})
	if err != nil {
		return err
	}
	addresses := []string{defaultURL, "tcp://127.0.0.1:0"}
	if f.listen != "" {
		addresses = []string{f.listen}
	}
	for _, address := range addresses {
		if err := checkURL(address); err != nil {
			return err
		}
	}
	d := &demo{printer: p, app: a, srv: sigrouter.NewServer(), begin: time.Now(), here: make(chan struct{})}
	run, cancel := withLimit(ctx, f.length)
	defer cancel()
	err = d.run(run, addresses)
	stop := d.srv.Shutdown(context.Background())
	if err = errors.Join(err, stop); err != nil {
		return err
	}
	if err := d.line(fmt.Sprintf("\nDone: %s, %s, %s.\n%s", plural(d.tics.Load(), "tic"), plural(d.readings.Load(), "reading"), plural(d.requests.Load(), "request"), whatNext)); err != nil {
		return err
	}
	return context.Cause(ctx) // interrupted, if at all
}

// whatNext ends the demo.
const whatNext = `What next: sig serve runs a router that stays, sig listen prints its events,
sig top shows what it does, and sig --help lists the rest.`

// withLimit is context.WithTimeout, but for d of 0 without an end.
func withLimit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// run runs everything until ctx ends.
func (d *demo) run(ctx context.Context, addresses []string) (err error) {
	if d.url, err = listenFirst(ctx, d.srv, addresses); err != nil {
		return err
	}
	if err := d.introduce(); err != nil {
		return err
	}
	if _, err := d.srv.AddListener(sig.Any, sig.Any, d.event); err != nil {
		return err
	}
	timer, err := d.srv.AddSender("timer", sig.Events("tic"))
	if err != nil {
		return err
	}
	tic, err := timer.Signal("tic")
	if err != nil {
		return err
	}
	thermometer, err := startThermometer(ctx, d.url)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { d.tick(ctx, tic) })
	wg.Go(func() { d.ask(ctx) })
	err = thermometer.wait(ctx)
	wg.Wait()
	return err
}

// listenFirst listens at the first of the addresses where that is possible.
func listenFirst(ctx context.Context, srv *router.ServerRouter, addresses []string) (url string, err error) {
	for _, address := range addresses {
		l, failed := srv.Listen(ctx, address)
		if failed == nil {
			return l.URL(), nil
		}
		err = cannotListen(address, failed)
	}
	return "", err
}

func (d *demo) introduce() error {
	hint := ""
	if d.url != cmp.Or(d.app.getenv("SIG_URL"), defaultURL) {
		hint = " --url " + d.url
	}
	return d.line(fmt.Sprintf(`A router listens at %s. Join in from another shell:

    sig listen%s
    sig trigger door opened '{"by":"you"}'%s
    sig request thermometer unit%s
`, d.url, hint, hint, hint))
}

// say prints a line: when, what kind of thing, of which sender, its name, and the rest.
func (d *demo) say(kind, sender, name, rest string) error {
	at := fmt.Sprintf("%5.1f s", time.Since(d.begin).Seconds())
	line := d.styled(styleDim, at) + "  " + kind + " " + d.styled(styleName, cell(visible(sender), 11, false))
	if name != "" {
		line += "  " + d.styled(styleBold, cell(name, 7, false))
	}
	return d.line(line + "  " + rest)
}

// event prints each event of the router. What it cannot print it leaves out: the demo goes
// on, and ends with the error of its last line.
func (d *demo) event(e sig.Event) {
	switch e.Name {
	case sig.Connect:
		_ = d.say("+", e.Sender, "", "has come: "+d.declared(e))
		if e.Sender == thermometerName {
			d.once.Do(func() { close(d.here) })
		}
	case sig.Disconnect:
		_ = d.say("-", e.Sender, "", "has gone")
	default:
		_ = d.say(" ", e.Sender, visible(e.Name), visibleJSON(jsonText(e.Data))+d.bar(e))
	}
	switch e.Sender {
	case "timer":
		d.count(e, &d.tics)
	case thermometerName:
		d.count(e, &d.readings)
	}
}

// bar draws a temperature, so that it can be seen to go up and down.
func (d *demo) bar(e sig.Event) string {
	celsius, err := sig.As[float64](e.Data)
	if e.Sender != thermometerName || err != nil || celsius < 20 || celsius > 30 {
		return "" // somebody else's thermometer
	}
	return "  " + d.styled(styleRed, strings.Repeat("=", int((celsius-20)*10+0.5)))
}

func (d *demo) count(e sig.Event, n *atomic.Int64) {
	if !sig.IsBuiltin(e.Name) {
		n.Add(1)
	}
}

// declared says what a sender that has come declares.
func (d *demo) declared(e sig.Event) string {
	var decl sig.Declaration
	if err := e.Decode(&decl); err != nil {
		return err.Error()
	}
	text := "event"
	for _, name := range decl.Events {
		if !sig.IsBuiltin(name) {
			text += " " + visible(name)
		}
	}
	for i, name := range decl.Requests {
		if i == 0 {
			text += ", request"
		}
		if name != nil {
			text += " " + visible(*name)
		}
	}
	return text
}

// tick is the timer.
func (d *demo) tick(ctx context.Context, tic sig.Signal) {
	for n := 1; pause(ctx, time.Second) == nil; n++ {
		if err := tic.Trigger(n); err != nil {
			d.app.note("sig: timer: %v", err)
			return
		}
	}
}

// ask asks the thermometer something every now and then.
func (d *demo) ask(ctx context.Context) {
	select {
	case <-d.here:
	case <-ctx.Done():
		return
	}
	for wait := 1500 * time.Millisecond; pause(ctx, wait) == nil; wait = 5 * time.Second {
		begin := time.Now()
		unit, err := sig.Ask[string](ctx, d.srv, thermometerName, "unit", nil)
		if err != nil {
			if ctx.Err() == nil {
				d.app.note("sig: request: %v", err)
			}
			return
		}
		d.requests.Add(1)
		_ = d.say("?", thermometerName, "unit", fmt.Sprintf("it answers %q after %s", unit, shortDuration(time.Since(begin))))
	}
}

// A thermometerProcess is the other process of the demo.
type thermometerProcess struct {
	cmd *exec.Cmd
}

// startThermometer starts this program again, as the thermometer. It ends when its standard
// input does, so it never outlives the demo.
func startThermometer(ctx context.Context, url string) (*thermometerProcess, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, thermometerUse, "--url", url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.Cancel = in.Close
	cmd.WaitDelay = 5 * time.Second
	return &thermometerProcess{cmd}, cmd.Start()
}

// wait waits for the end of the process. An end that ctx brought about is no error.
func (t *thermometerProcess) wait(ctx context.Context) error {
	err := t.cmd.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the thermometer has ended: %w", errors.Join(err, errNotYet))
}

var errNotYet = errors.New("before its time")

const (
	thermometerName = "thermometer"
	thermometerUse  = "demo-thermometer"
)

func (a *app) thermometerCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:    thermometerUse,
		Short:  "The thermometer of sig demo",
		Hidden: true,
		Args:   args(0, 0),
		RunE:   func(cmd *cobra.Command, _ []string) error { return a.thermometer(cmd.Context(), f) },
	}
	f.add(cmd.Flags())
	return cmd
}

// thermometer is a sender until standard input ends. An interruption is for the demo, which
// then ends it.
func (a *app) thermometer(ctx context.Context, f clientFlags) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, a.in)
	}()
	c, err := a.dial(ctx, &f, true)
	if err != nil {
		return err
	}
	s, err := c.bus.AddSender(thermometerName, sig.Events("celsius"), sig.Answer("unit", unit))
	if err != nil {
		return errors.Join(err, c.close())
	}
	celsius, err := sig.SignalOf[json.RawMessage](s, "celsius")
	if err != nil {
		return errors.Join(err, c.close())
	}
	for n := 0; pause(ctx, 700*time.Millisecond) == nil; n++ {
		if err := celsius.Trigger(reading(n)); err != nil {
			return errors.Join(err, c.close())
		}
	}
	return errors.Join(s.Remove(), c.close())
}

func unit(context.Context, sig.Request) (any, error) { return "°C", nil }

// reading is a temperature that goes up and down.
func reading(n int) json.RawMessage {
	tenths := 210 + min(n%24, 24-n%24)
	return fmt.Appendf(nil, "%d.%d", tenths/10, tenths%10)
}
