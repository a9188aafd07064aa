package main

import (
	"cmp"
	cryptotls "crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
)

// serveFlags are the flags of sig serve.
type serveFlags struct {
	listen  []string
	name    string
	log     string
	readyFD int
	drain   time.Duration

	cert, key, clientCA string
	clientOptional      bool
	tokenFile           string

	http   httpFlags
	limits []string
	bounds serveLimits // what limits say
	config string
	check  bool // the configuration, and end

	untilEOF bool // for a parent that starts it: stop when standard input ends
	quiet    bool // log warnings and errors alone
}

func (f *serveFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.listen, "listen", nil, "`address` to listen at, in place of "+defaultURL+" and --http; may be given several times")
	flags.StringVar(&f.name, "name", "router", "what the router calls itself")
	flags.StringVar(&f.log, "log", "text", "how to log to standard error: text or json")
	flags.IntVar(&f.readyFD, "ready-fd", 0, "also write the line that says ready to this file `descriptor`, and close it")
	flags.DurationVar(&f.drain, "drain", 5*time.Second, "how long stopping may take")
	flags.StringVar(&f.cert, "tls-cert", "", "`file` with the certificate to show at tls:// and wss:// addresses, PEM")
	flags.StringVar(&f.key, "tls-key", "", "`file` with the key of --tls-cert, PEM")
	flags.StringVar(&f.clientCA, "tls-client-ca", "", "`file` with the authorities of clients' certificates, which are demanded then, PEM")
	flags.BoolVar(&f.clientOptional, "tls-client-optional", false, "let in clients without a certificate too; they may log in with a token")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` that says who may log in and do what: tokens, certificates, users, rules; without it everybody may do everything")
	flags.BoolVar(&f.quiet, "quiet", false, "log warnings and errors alone")
	flags.BoolVar(&f.untilEOF, "until-eof", false, "also stop when standard input ends, as it does when the program that started the router goes")
	f.http.add(flags)
	flags.StringArrayVar(&f.limits, "limit", nil, "a limit of what clients may do, as `NAME=VALUE`; may be given several times")
	flags.StringVar(&f.config, "config", "", "`file` with settings, TOML (env SIG_CONFIG)")
	flags.BoolVar(&f.check, "check-config", false, "say what is wrong with the settings, or nothing, and end")
}

// validate reports what makes no sense before anything has begun.
func (f *serveFlags) validate() error {
	if err := f.http.validate(f.listen != nil, f.cert != ""); err != nil {
		return err
	}
	if f.drain < 0 {
		return usagef("--drain is %v; it cannot be less than nothing", f.drain)
	}
	if f.listen == nil {
		f.listen = []string{defaultURL}
	}
	if len(f.listen) == 0 && f.http.atURL == nil {
		return usagef("nowhere to listen; give an address with --listen")
	}
	limits, err := parseLimits(f.limits)
	if err != nil {
		return err
	}
	f.bounds = limits.withDefaults()
	for _, address := range f.listen {
		if err := cmp.Or(f.validateAddress(address), f.http.checkShared(address)); err != nil {
			return err
		}
	}
	return cmp.Or(f.validateFiles(), f.checkUseless())
}

// checkUseless reports settings that would do nothing: whoever gives them believes in an
// address that there is not.
func (f *serveFlags) checkUseless() error {
	secure := encryptedURL(f.http.atURL) || encryptedURL(f.http.metricURL) || slices.ContainsFunc(f.listen, encrypted)
	for _, s := range []struct{ name, value string }{{"tls-cert", f.cert}, {"tls-client-ca", f.clientCA}} {
		if s.value != "" && !secure {
			return usagef("--%s has no effect without TLS; leave it out, or listen at a tls:// or wss:// address, or give --http https://host:port", s.name)
		}
	}
	return f.http.checkUseless(slices.ContainsFunc(f.listen, isWeb))
}

func (f *serveFlags) validateAddress(address string) error {
	if isHandover(address) {
		if _, err := parseHandover(address); err != nil {
			return err
		}
	} else if err := checkURL(address); err != nil {
		return err
	}
	if encrypted(address) && f.cert == "" {
		return usagef("%s needs a certificate; give it with --tls-cert and --tls-key", address)
	}
	if isHandover(address) {
		return nil
	}
	if err := f.schemes(nil).Check(address); err != nil {
		return usageError{error: err}
	}
	return nil
}

// validateFiles reports certificates that cannot be used, also where none is needed yet.
func (f *serveFlags) validateFiles() error {
	if f.cert == "" && f.key != "" {
		return usagef("--tls-key is given and --tls-cert is not; they go together")
	}
	if f.clientOptional && f.clientCA == "" {
		return usagef("--tls-client-optional needs --tls-client-ca, which says whose certificates count")
	}
	if f.cert != "" {
		if _, err := cryptotls.LoadX509KeyPair(f.cert, cmp.Or(f.key, f.cert)); err != nil {
			return usagef("--tls-cert and --tls-key: %w", err)
		}
	}
	if f.clientCA != "" {
		pem, err := os.ReadFile(f.clientCA)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			err = fmt.Errorf("no certificate in %s; it must be PEM", f.clientCA)
		}
		if err != nil {
			return usagef("--tls-client-ca: %w", err)
		}
	}
	return nil
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
