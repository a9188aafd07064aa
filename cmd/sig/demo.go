package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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

Meanwhile other commands can talk to the router; the first lines say how.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.length, "for", 10*time.Second, "how long; 0 is until interrupted")
	flags.StringVar(&f.listen, "listen", "tcp://127.0.0.1:0", "`address` of the router; port 0 is any free one")
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
	if err := checkURL(f.listen); err != nil {
		return err
	}
	d := &demo{printer: p, app: a, srv: sigrouter.NewServer(), begin: time.Now(), here: make(chan struct{})}
	run, cancel := withLimit(ctx, f.length)
	defer cancel()
	err = d.run(run, f.listen)
	stop := d.srv.Shutdown(context.Background())
	if err = errors.Join(err, stop); err != nil {
		return err
	}
	if err := d.say("Done: %s, %s, %s.", plural(d.tics.Load(), "tic"), plural(d.readings.Load(), "reading"), plural(d.requests.Load(), "request")); err != nil {
		return err
	}
	return context.Cause(ctx) // interrupted, if at all
}

// withLimit is context.WithTimeout, but for d of 0 without an end.
func withLimit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// run runs everything until ctx ends.
func (d *demo) run(ctx context.Context, address string) error {
	l, err := d.srv.Listen(ctx, address)
	if err != nil {
		return cannotListen(address, err)
	}
	d.url = l.URL()
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

func (d *demo) introduce() error {
	hint := ""
	if d.url != defaultURL {
		hint = " --url " + d.url
	}
	return d.line(fmt.Sprintf(`A router listens at %s. Join in from another shell:

    sig listen%s
    sig trigger door opened '{"by":"you"}'%s
    sig request thermometer unit%s
`, d.url, hint, hint, hint))
}

// say prints a line with the time since the beginning.
func (d *demo) say(format string, a ...any) error {
	at := fmt.Sprintf("%5.1f s  ", time.Since(d.begin).Seconds())
	return d.line(d.styled(styleDim, at) + fmt.Sprintf(format, a...))
}

// event prints each event of the router. What it cannot print it leaves out: the demo goes
// on, and ends with the error of its last line.
func (d *demo) event(e sig.Event) {
	name := d.styled(styleName, visible(e.Sender))
	switch e.Name {
	case sig.Connect:
		_ = d.say("+ %s has come, with %s", name, d.declared(e))
		if e.Sender == thermometerName {
			d.once.Do(func() { close(d.here) })
		}
	case sig.Disconnect:
		_ = d.say("- %s has gone", name)
	default:
		_ = d.say("  %s %s %s", name, d.styled(styleBold, visible(e.Name)), visibleJSON(jsonText(e.Data)))
	}
	switch e.Sender {
	case "timer":
		d.count(e, &d.tics)
	case thermometerName:
		d.count(e, &d.readings)
	}
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
	text := "events"
	for _, name := range decl.Events {
		if !sig.IsBuiltin(name) {
			text += " " + visible(name)
		}
	}
	for i, name := range decl.Requests {
		if i == 0 {
			text += ", requests"
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
		_ = d.say("? %s unit, it answers %q after %v", d.styled(styleName, thermometerName), unit, time.Since(begin).Round(10*time.Microsecond))
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
