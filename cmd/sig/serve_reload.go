package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onHangup returns a channel that gets the signals which ask for reloading.
func onHangup() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reload reads the certificates and the file of tokens again. What is no good leaves all as
// it was. Clients that are connected stay, as far as they still may.
func (d *daemon) reload() {
	for _, l := range d.listeners {
		r, ok := l.(interface{ Reload() error })
		if !ok {
			continue
		}
		if err := r.Reload(); err != nil {
			d.log.Error("cannot reload, going on with what was there", "listen", l.URL(), "err", err)
			continue
		}
		d.log.Info("reloaded", "listen", l.URL())
	}
	if d.flags.tokenFile == "" {
		return
	}
	login, err := d.flags.login()
	if err != nil {
		d.log.Error("cannot reload, going on with what was there", "file", d.flags.tokenFile, "err", err)
		return
	}
	d.srv.SetLogin(login)
	d.log.Info("reloaded", "file", d.flags.tokenFile)
	d.warnOpen(login)
}
