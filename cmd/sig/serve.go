package main

import (
	"cmp"
	"context"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/carrier/serial"
	"github.com/sigrouter/sigrouter/carrier/stdio"
	"github.com/sigrouter/sigrouter/carrier/tls"
	"github.com/sigrouter/sigrouter/carrier/ws"
	"github.com/sigrouter/sigrouter/router"
)

// defaultWS is where sig serve listens for browsers.
const defaultWS = "ws://127.0.0.1:3080/sig"

// serveFlags are the flags of sig serve.
type serveFlags struct {
	listen  []string
	name    string
	log     string
	readyFD int
	drain   time.Duration

	cert, key, clientCA string

	limits []string
	config string
	check  bool // the configuration, and end

	untilEOF bool // for a parent that starts it: stop when standard input ends
	quiet    bool // log warnings and errors alone
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a router",
		Long: `Run a router until interrupted or told to stop; then it takes no more clients, lets
what is on its way arrive, and ends with exit code 0.

When it is ready it prints one line with its real addresses, and nothing else, on
standard output:

  {"ready":true,"listen":["tcp://127.0.0.1:3000"],"pid":4242,"name":"router"}

SIGHUP makes it read its certificates again.

Whoever reaches an address may talk to the router. The default is for programs of this
machine only.

Settings may also stand in a file, in TOML, which --config names. The environment goes
before the file: SIG_LISTEN, SIG_TLS_CERT and so on, as the flags are called. Flags go
before both. Limits have names such as max-message and call-timeout:

  listen = ["tcp://0.0.0.0:3000", "tls://0.0.0.0:3443"]
  name = "kitchen"
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
			if err := fillIn(cmd.Flags(), a.getenv, f.config); err != nil {
				return err
			}
			return a.serve(cmd.Context(), f)
		},
	}
	f.add(cmd.Flags())
	fixed := cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("log", fixed); err != nil {
		panic(err) // only when there is no such flag, or twice
	}
	return cmd
}

func (f *serveFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.listen, "listen", []string{defaultURL, defaultWS}, "`address` to listen at; may be given several times")
	flags.StringVar(&f.name, "name", "router", "what the router calls itself")
	flags.StringVar(&f.log, "log", "text", "how to log to standard error: text or json")
	flags.IntVar(&f.readyFD, "ready-fd", 0, "also write the line that says ready to this file `descriptor`, and close it")
	flags.DurationVar(&f.drain, "drain", 5*time.Second, "how long stopping may take")
	flags.StringVar(&f.cert, "tls-cert", "", "`file` with the certificate to show at tls:// and wss:// addresses, PEM")
	flags.StringVar(&f.key, "tls-key", "", "`file` with the key of --tls-cert, PEM")
	flags.StringVar(&f.clientCA, "tls-client-ca", "", "`file` with the authorities of clients' certificates, which are demanded then, PEM")
	flags.BoolVar(&f.quiet, "quiet", false, "log warnings and errors alone")
	flags.BoolVar(&f.untilEOF, "until-eof", false, "also stop when standard input ends, as it does when the program that started the router goes")
	flags.StringArrayVar(&f.limits, "limit", nil, "a limit of what clients may do, as `NAME=VALUE`; may be given several times")
	flags.StringVar(&f.config, "config", "", "`file` with settings, TOML (env SIG_CONFIG)")
	flags.BoolVar(&f.check, "check-config", false, "say what is wrong with the settings, or nothing, and end")
}

// validate reports what makes no sense before anything has begun.
func (f *serveFlags) validate() error {
	if len(f.listen) == 0 {
		return usagef("nowhere to listen; give an address with --listen")
	}
	schemes := f.schemes(nil)

	for _, address := range f.listen {
		if err := checkURL(address); err != nil {
			return err
		}
		encrypted := strings.HasPrefix(address, "tls:") || strings.HasPrefix(address, "wss:")
		if encrypted && f.cert == "" {
			return usagef("%s needs a certificate; give it with --tls-cert and --tls-key", address)
		}
		scheme, _, _ := strings.Cut(address, ":")
		if _, ok := schemes[scheme]; !ok {
			return usagef("no carrier for %q; known are %s", address, strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
		}
	}
	return f.validateFiles()
}

// validateFiles reports certificates that cannot be read.
func (f *serveFlags) validateFiles() error {
	if f.cert != "" {
		if _, err := cryptotls.LoadX509KeyPair(f.cert, cmp.Or(f.key, f.cert)); err != nil {
			return usagef("--tls-cert and --tls-key: %w", err)
		}
	}
	if f.clientCA != "" {
		if _, err := os.ReadFile(f.clientCA); err != nil {
			return usagef("--tls-client-ca: %w", err)
		}
	}
	return nil
}

// A readyLine is what sig serve prints when it is ready.
type readyLine struct {
	Ready  bool     `json:"ready"`
	Listen []string `json:"listen"`
	PID    int      `json:"pid"`
	Name   string   `json:"name"`
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	log, err := a.logger(f)
	if err != nil {
		return err
	}
	if err := f.validate(); err != nil {
		return err
	}
	limits, err := parseLimits(f.limits)
	if err != nil || f.check {
		return err
	}
	ready, err := readyFile(f.readyFD)
	if err != nil {
		return err
	}
	srv := router.ServerOptions{
		Options: router.Options{Logger: log}, Name: f.name, Schemes: f.schemes(log), Limits: limits,
	}.New()
	listeners, err := listenAll(ctx, srv, f.listen)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	line := readyLine{Ready: true, PID: os.Getpid(), Name: srv.Name()}
	for _, l := range listeners {
		line.Listen = append(line.Listen, l.URL())
		warnIfOpen(log, l.URL(), f.clientCA != "")
	}
	reload, stopReload := onHangup()
	defer stopReload()
	if err := a.sayReady(line, ready); err != nil {
		return errors.Join(err, srv.Close())
	}
	tellSystemd(a.getenv, "READY=1")
	ctx, cancelWait := context.WithCancel(ctx)
	defer cancelWait()
	stopWith(ctx, listeners, cancelWait)
	a.untilStopped(ctx, f.untilEOF, reload, func() { reloadAll(log, listeners) })
	tellSystemd(a.getenv, "STOPPING=1")
	log.Info("stopping", "within", f.drain)
	stop, cancel := context.WithTimeout(context.Background(), f.drain)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		log.Warn("stopped before everything had arrived", "err", err)
		return nil
	}
	log.Info("stopped")
	return nil
}

// schemes returns the carriers, with what the flags say of certificates.
func (f *serveFlags) schemes(log *slog.Logger) carrier.Schemes {
	s := sigrouter.Schemes()
	s["tls"] = tls.Scheme{CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Log: log}
	w := ws.Scheme{CertFile: f.cert, KeyFile: f.key, ClientCAFile: f.clientCA, Options: ws.Options{Log: log}}
	s["ws"], s["wss"] = w, w
	s["serial"] = serial.Scheme{Log: log}
	s["stdio"], s["exec"] = stdio.Scheme{Log: log}, stdio.Scheme{Log: log}
	return s
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

// listenAll listens at every address.
func listenAll(ctx context.Context, srv *router.ServerRouter, addresses []string) ([]carrier.Listener, error) {
	var listeners []carrier.Listener
	for _, address := range addresses {
		l, err := srv.Listen(ctx, address)
		if err != nil {
			return nil, cannotListen(address, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// cannotListen says what to do about it.
func cannotListen(address string, err error) error {
	if strings.Contains(err.Error(), address) {
		err = fmt.Errorf("cannot listen: %w", err)
	} else {
		err = fmt.Errorf("cannot listen at %s: %w", address, err)
	}
	_, network := errors.AsType[*net.OpError](err)
	_, file := errors.AsType[*fs.PathError](err)
	_, system := errors.AsType[syscall.Errno](err)
	if network || file || system {
		return err
	}
	return usageError{error: err} // an address that makes no sense
}

// sayReady prints the line, and to the file if there is one.
func (a *app) sayReady(line readyLine, ready *os.File) error {
	if err := writeJSON(a.out, line); err != nil {
		return err
	}
	if ready == nil {
		return nil
	}
	err := writeJSON(ready, line)
	return errors.Join(err, ready.Close())
}

func readyFile(fd int) (*os.File, error) {
	if fd == 0 {
		return nil, nil
	}
	if fd < 3 {
		return nil, usagef("--ready-fd is %d; it has to be a descriptor of its own, 3 or above", fd)
	}
	f := os.NewFile(uintptr(fd), "--ready-fd")
	if _, err := f.Stat(); err != nil {
		return nil, usagef("--ready-fd is %d, and no such descriptor is open", fd)
	}
	return f, nil
}

// untilStopped waits for the end of ctx, or also of standard input, and reloads what can be
// when asked to. A read that nothing ends is left behind, in a program that is about
// to end.
func (a *app) untilStopped(ctx context.Context, eof bool, hangup <-chan os.Signal, reload func()) {
	ended := make(chan struct{})
	if eof {
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, a.in)
		}()
	}
	for {
		select {
		case <-hangup:
			reload()
		case <-ctx.Done():
			return
		case <-ended:
			return
		}
	}
}

// onHangup returns a channel that gets the signals which ask for reloading.
func onHangup() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reloadAll has listeners read their certificates again. What is connected stays so.
func reloadAll(log *slog.Logger, listeners []carrier.Listener) {
	for _, l := range listeners {
		r, ok := l.(interface{ Reload() error })
		if !ok {
			continue
		}
		if err := r.Reload(); err != nil {
			log.Error("cannot reload, going on with what was there", "listen", l.URL(), "err", err)
			continue
		}
		log.Info("reloaded", "listen", l.URL())
	}
}

// logger makes the logger that the flags ask for.
func (a *app) logger(f serveFlags) (*slog.Logger, error) {
	o := &slog.HandlerOptions{}
	if f.quiet {
		o.Level = slog.LevelWarn
	}
	switch f.log {
	case "text":
		return slog.New(slog.NewTextHandler(a.err, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.err, o)), nil
	}
	return nil, usagef("--log is %q; it can be text or json", f.log)
}

// warnIfOpen warns of an address that others can reach.
func warnIfOpen(log *slog.Logger, address string, login bool) {
	encrypted := strings.HasPrefix(address, "tls:") || strings.HasPrefix(address, "wss:")
	lacks := "without login or encryption"
	switch {
	case isLocal(address), encrypted && login:
		return
	case encrypted:
		lacks = "without login"
	}
	log.Warn("LISTENING BEYOND THIS MACHINE "+lacks+": whoever reaches this address can listen to everything "+
		"and speak as any sender; listen at 127.0.0.1 unless you mean that", "listen", address)
}

// isLocal reports whether only programs of this machine can reach an address.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return err == nil // unix:..., stdio:, exec:...
	}
	switch u.Scheme {
	case "unix", "local", "serial":
		return true
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return host == "localhost"
}
