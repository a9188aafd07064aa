package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
)

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a router",
		Long: `Run a router until interrupted or told to stop; then it takes no more clients, lets
what is on its way arrive, and ends with exit code 0.

When it is ready it prints one line with its real addresses, and nothing else, on
standard output (here in two):

  {"ready":true,"listen":["tcp://127.0.0.1:3000","ws://127.0.0.1:3080/sig"],
   "http":"http://127.0.0.1:3080/","pid":4242,"name":"router"}

Its HTTP server has the dashboard at /, WebSocket at /sig, what the dashboard shows as
JSON below /api/, /metrics for Prometheus, /healthz and /readyz. With a --token-file all
but health wants a token that may inspect the router.

Whoever reaches an address may talk to the router, unless --token-file says who may log in
and do what; sig token makes a token for it. The default addresses are for programs of
this machine only.

SIGHUP makes it read the token file and its certificates again: clients that are connected
lose what they may no longer do. SIGUSR1 makes it write what it knows of clients, senders
and listeners to standard error. SIGTERM ends it.

Where a service manager has opened the sockets, systemd:NAME takes over those of that name,
FileDescriptorName= in the .socket unit, systemd: all of them, and fd:3 a descriptor. What is
spoken there is TCP, or as=tls, as=ws or as=wss says what; ws and wss have a path:

  sig serve --listen systemd:plain --listen 'systemd:web?as=ws&path=/sig' --http systemd:http

--http and --metrics take one TCP socket, where HTTP is spoken, or HTTPS with as=https.

Settings may also stand in a file, in TOML, which --config names. The environment goes
before the file: SIG_LISTEN, SIG_TLS_CERT and so on, as the flags are called. Flags go
before both. Limits have names such as max-message and call-timeout:

  listen = ["tcp://0.0.0.0:3000", "tls://0.0.0.0:3443"]
  token-file = "tokens"
  log = "json"

  [tls]
  cert = "server.pem"
  key = "server.key"
  client-ca = "clients.pem"

  [limits]
  max-message = 4194304
  call-timeout = "1m"`,
		Example: `  sig serve
  sig serve --listen tcp://127.0.0.1:0 --listen unix:///run/sig.sock
  sig serve --listen 'serial:///dev/ttyUSB0?baud=9600&sender=thermo'
  sig serve --listen 'exec:./thermo --fast'`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.config == "" {
				f.config = a.getenv("SIG_CONFIG")
			}
			wrong, err := fillIn(cmd.Flags(), a.getenv, f.config)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), f, wrong)
		},
	}
	f.add(cmd.Flags())
	fixed := cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("log", fixed); err != nil {
		panic(err) // only when there is no such flag, or twice
	}
	return cmd
}

// A daemon is one run of sig serve.
type daemon struct {
	app   *app
	flags serveFlags
	log   *slog.Logger

	srv       *router.ServerRouter
	sockets   []passedSocket // by the service manager
	listeners []carrier.Listener
	serving   sync.WaitGroup // of listeners that were made here; ends with srv

	http, metricsHTTP *httpServer // nil: off
	started           atomic.Bool
}

// logKept is how many lines of the log the router keeps to show them.
const logKept = 500

func (a *app) serve(ctx context.Context, f serveFlags, wrong *problems) error {
	log, err := a.logger(f)
	wrong.add("log", err)
	f.validate(wrong)
	login, err := f.login()
	wrong.add("token-file", err)
	if err := wrong.err(); err != nil || f.check {
		return err
	}
	ready, err := readyFile(f.readyFD)
	if err != nil {
		return err
	}
	log = slog.New(router.NewLogTail(log.Handler(), logKept)) // for the dashboard
	d := &daemon{app: a, flags: f, log: log}
	d.srv = router.ServerOptions{
		Options: router.Options{Logger: log}, Name: f.name, Schemes: f.schemes(log), Codecs: sigrouter.Codecs(), Limits: f.bounds.Limits, Login: login,
	}.New()
	defer d.serving.Wait()
	asked := onSignals()
	defer asked.stop()
	if err := d.start(ctx, login, ready); err != nil {
		err = errors.Join(err, d.srv.Close())
		d.stopHTTP(ctx)
		return err
	}
	d.untilStopped(ctx, asked)
	d.stop()
	return nil
}

// start listens everywhere and says so. When it fails the server is to be closed.
func (d *daemon) start(ctx context.Context, login auth.Authenticator, ready *os.File) error {
	if err := d.listen(ctx); err != nil {
		return err
	}
	if err := d.startHTTP(ctx); err != nil {
		return err
	}
	line := readyLine{Ready: true, PID: os.Getpid(), Name: d.srv.Name()}
	for _, l := range d.listeners {
		line.Listen = append(line.Listen, l.URL())
	}
	line.HTTP, line.Metrics = d.http.String(), d.metricsHTTP.String()
	d.started.Store(true)
	d.warnOpen(login)
	if err := d.app.sayReady(line, ready); err != nil {
		return err
	}
	tellSystemd(d.app.getenv, "READY=1")
	return nil
}

// stop takes no more clients and lets what is on its way arrive.
func (d *daemon) stop() {
	tellSystemd(d.app.getenv, "STOPPING=1")
	d.log.Info("stopping", "within", d.flags.drain)
	ctx, cancel := context.WithTimeout(context.Background(), d.flags.drain)
	defer cancel()
	defer d.stopHTTP(ctx)
	if err := d.srv.Shutdown(ctx); err != nil {
		d.log.Warn("stopped before everything had arrived", "err", err)
		return
	}
	d.log.Info("stopped")
}

// untilStopped waits until ctx ends, or standard input where that is asked for. Meanwhile it
// does what signals ask for, and tells the service manager that it is alive.
func (d *daemon) untilStopped(ctx context.Context, asked *signals) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopWith(ctx, d.listeners, cancel)
	ended := d.parentGone()
	alive, stop := ticker(watchdogEvery(d.app.getenv))
	defer stop()
	for {
		select {
		case <-asked.reload:
			tellSystemd(d.app.getenv, reloading())
			d.reload()
			tellSystemd(d.app.getenv, "READY=1")
		case <-asked.dump:
			d.dump()
		case <-alive:
			d.srv.Stats() // does not return from a router that hangs
			tellSystemd(d.app.getenv, "WATCHDOG=1")
		case <-ctx.Done():
			return
		case <-ended:
			return
		}
	}
}

// ticker returns a channel that gets the time every d; never, for 0.
func ticker(d time.Duration) (<-chan time.Time, func()) {
	if d == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// parentGone returns a channel that is closed at the end of standard input, or nil when
// that means nothing. A read that nothing ends is left behind, in a program that is about
// to end.
func (d *daemon) parentGone() <-chan struct{} {
	if !d.flags.untilEOF {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, d.app.in)
	}()
	return ended
}

// stopWith calls stop when the router's standard input and output have ended, if it
// listens there: whoever started it has gone.
func stopWith(ctx context.Context, listeners []carrier.Listener, stop func()) {
	for _, l := range listeners {
		own, ok := l.(interface{ Done() <-chan struct{} })
		if !ok {
			continue
		}
		go func() {
			select {
			case <-own.Done():
				stop()
			case <-ctx.Done():
			}
		}()
	}
}
