package main

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// defaultURL is where sig serve listens and where the other commands look for it.
const defaultURL = "tcp://127.0.0.1:3000"

// clientFlags say which router a command talks to, and as whom.
type clientFlags struct {
	url       string
	timeout   time.Duration
	name      string
	tokenFile string
	ca        string
	cert      string
	key       string
	insecure  bool
}

func (f *clientFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "url", "", "`address` of the router (default "+defaultURL+"; env SIG_URL)")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "give up connecting, or waiting for an answer, after this long")
	flags.StringVar(&f.name, "name", "", "`name` to be known by at the router")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with the token to log in with (env SIG_TOKEN_FILE)")
	flags.StringVar(&f.ca, "ca", "", "`file` with the certificates to trust, PEM (env SIG_CA)")
	flags.StringVar(&f.cert, "cert", "", "`file` with the certificate to show, PEM (env SIG_CERT)")
	flags.StringVar(&f.key, "key", "", "`file` with the key of --cert, PEM (env SIG_KEY)")
	flags.BoolVar(&f.insecure, "insecure", false, "do not check the router's certificate")
}

// resolve fills in what the environment says and checks what was given.
func (f *clientFlags) resolve(getenv func(string) string) error {
	f.url = cmp.Or(f.url, getenv("SIG_URL"), defaultURL)
	f.tokenFile = cmp.Or(f.tokenFile, getenv("SIG_TOKEN_FILE"))
	f.ca = cmp.Or(f.ca, getenv("SIG_CA"))
	f.cert = cmp.Or(f.cert, getenv("SIG_CERT"))
	f.key = cmp.Or(f.key, getenv("SIG_KEY"))
	switch {
	case f.timeout <= 0:
		return usagef("--timeout is %v; it has to be more than nothing", f.timeout)
	case (f.cert == "") != (f.key == ""):
		return usagef("--cert and --key go together; one of them is missing")
	}
	return checkURL(f.url)
}

// checkURL reports why an address cannot be one, whatever carriers there are.
func checkURL(address string) error {
	u, err := url.Parse(address)
	hostPort := err != nil || u.Scheme == "" || u.Opaque != "" && strings.Trim(u.Opaque, "0123456789") == ""
	if !hostPort && (u.Host != "" || u.Opaque != "" || u.Path != "" || strings.HasSuffix(address, ":")) {
		return nil
	}
	if hostPort && !strings.Contains(address, "://") && strings.Contains(address, ":") {
		return usagef("%q is no address; did you mean tcp://%s?", address, address)
	}
	return usagef("%q is no address; write it as tcp://127.0.0.1:3000", address)
}
