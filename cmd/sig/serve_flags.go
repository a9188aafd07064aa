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

// validate finds what makes no sense before anything has begun.
func (f *serveFlags) validate(wrong *problems) {
	f.http.validate(f.listen != nil, f.cert != "" || wrong.has("tls.cert"), wrong)
	if f.drain < 0 {
		wrong.add("drain", usagef("--drain is %v; it cannot be less than nothing", f.drain))
	}
	if f.listen == nil {
		f.listen = []string{defaultURL}
	}
	if len(f.listen) == 0 && f.http.atURL == nil && !wrong.has("http") {
		wrong.add("listen", usagef("nowhere to listen; give an address with --listen"))
	}
	f.bounds = parseLimits(f.limits, wrong).withDefaults()
	f.validateFiles(wrong)
	usable := !wrong.has("tls.cert", "tls.key", "tls.client-ca")
	for _, address := range f.listen {
		wrong.add("listen", cmp.Or(f.validateAddress(address, usable), f.http.checkShared(address)))
	}
	f.checkUseless(wrong)
}

// checkUseless reports settings that would do nothing: whoever gives them believes in an
// address that there is not.
func (f *serveFlags) checkUseless(wrong *problems) {
	secure := wrong.has("http", "metrics", "listen") || encryptedURL(f.http.atURL) || encryptedURL(f.http.metricURL) || slices.ContainsFunc(f.listen, encrypted)
	for _, s := range []struct{ name, value string }{{"tls-cert", f.cert}, {"tls-client-ca", f.clientCA}} {
		if s.value != "" && !secure && !wrong.has(settingName(s.name)) {
			wrong.add(settingName(s.name), usagef("--%s has no effect without TLS; leave it out, or listen at a tls:// or wss:// address, or give --http https://host:port", s.name))
		}
	}
	f.http.checkUseless(slices.ContainsFunc(f.listen, isWeb) || wrong.has("listen"), wrong)
}

// validateAddress reports what is wrong with an address. Usable says that nothing is known
// against the certificates.
func (f *serveFlags) validateAddress(address string, usable bool) error {
	if isHandover(address) {
		if _, err := parseHandover(address); err != nil {
			return err
		}
	} else if err := checkURL(address); err != nil {
		return err
	}
	switch {
	case encrypted(address) && !usable:
		return nil
	case encrypted(address) && f.cert == "":
		return usagef("%s needs a certificate; give it with --tls-cert and --tls-key", address)
	case isHandover(address):
		return nil
	}
	if err := f.schemes(nil).Check(address); err != nil {
		return usageError{error: err}
	}
	return nil
}

// validateFiles finds certificates that cannot be used, also where none is needed yet.
func (f *serveFlags) validateFiles(wrong *problems) {
	if f.cert == "" && f.key != "" && !wrong.has("tls.cert") {
		wrong.add("tls.key", usagef("--tls-key is given and --tls-cert is not; they go together"))
	}
	if f.clientOptional && f.clientCA == "" && !wrong.has("tls.client-ca") {
		wrong.add("tls.client-optional", usagef("--tls-client-optional needs --tls-client-ca, which says whose certificates count"))
	}
	if f.cert != "" && !wrong.has("tls.key") {
		if _, err := cryptotls.LoadX509KeyPair(f.cert, cmp.Or(f.key, f.cert)); err != nil {
			wrong.add("tls.cert", usagef("--tls-cert and --tls-key: %w", err))
		}
	}
	if f.clientCA != "" {
		pem, err := os.ReadFile(f.clientCA)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			err = fmt.Errorf("no certificate in %s; it must be PEM", f.clientCA)
		}
		if err != nil {
			wrong.add("tls.client-ca", usagef("--tls-client-ca: %w", err))
		}
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
