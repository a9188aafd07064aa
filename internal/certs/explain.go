package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// Explain adds to an error of a handshake what can be done about it. Other errors, and
// nil, it returns unchanged.
func Explain(err error) error {
	advice := adviceFor(err)
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, advice)
}

func adviceFor(err error) string {
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		remote  *net.OpError
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another name; connect to a name it has, or say which name to expect"
	case errors.As(err, &unknown):
		return "the certificate is signed by an authority that is not trusted here; name the file of that authority"
	case errors.As(err, &invalid):
		return adviceForInvalid(invalid)
	case errors.As(err, &record):
		return "the other end does not speak TLS here; use the address without TLS, or another port"
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return "the TLS handshake took too long; does the other end speak TLS on this port?"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return adviceForAlert(remote.Err.Error())
	}
	return ""
}

func adviceForInvalid(err x509.CertificateInvalidError) string {
	switch err.Reason {
	case x509.Expired:
		return "the certificate has expired or is not valid yet; renew it, or set the clock"
	case x509.IncompatibleUsage:
		return "the certificate is not for this use: a server's must allow server authentication, a client's client authentication"
	}
	return ""
}

// adviceForAlert is for what the other end has to say of us.
func adviceForAlert(text string) string {
	for _, a := range []struct{ alert, advice string }{
		{"certificate required", "the server wants a certificate from its clients; name the files of one and of its key"},
		{"handshake failure", "the ends could not agree; perhaps the server wants a certificate from its clients, or the ends have no cipher in common"},
		{"unknown certificate authority", "the other end does not trust the authority that signed this end's certificate"},
		{"expired certificate", "this end's certificate has expired or is not valid yet; renew it, or set the clock"},
		{"protocol version not supported", "the ends have no version of TLS in common; this one wants 1.2 or 1.3"},
		{"bad certificate", "the other end refused this end's certificate; it must be of an authority that the other end trusts, and for this use"},
	} {
		if strings.Contains(text, a.alert) {
			return a.advice
		}
	}
	return ""
}
