package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
)

// login reads who may log in and what they may do. It is nil when everybody may do
// everything.
func (f *serveFlags) login() (auth.Authenticator, error) {
	if f.tokenFile == "" {
		return nil, nil
	}
	file, err := auth.Load(f.tokenFile)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, usagef("--token-file: %w", err)
	}
	if err != nil {
		return nil, usageError{error: err} // names file and line
	}
	return file, nil
}

// open reports whether somebody who shows nothing may do everything.
func open(login auth.Authenticator) bool {
	if login == nil {
		return true
	}
	id, err := login.Authenticate(context.Background(), "", carrier.Info{})
	return err == nil && id.Rights == nil
}

// warnOpen warns of addresses that others can reach, and of what they could do there.
func (d *daemon) warnOpen(login auth.Authenticator) {
	demands := d.flags.clientCA != "" && !d.flags.clientOptional
	for _, l := range d.listeners {
		if lacks, danger := exposure(l.URL(), !open(login), demands); lacks != "" {
			d.log.Warn("LISTENING BEYOND THIS MACHINE "+lacks+": "+danger, "listen", l.URL())
		}
	}
}
