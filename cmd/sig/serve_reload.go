package main

import (
	"os"
	"os/signal"
	"syscall"
)

// signals are what the daemon is asked for while it runs.
type signals struct{ reload, dump chan os.Signal }

func onSignals() *signals {
	s := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	onDumpSignal(s.dump)
	return s
}

func (s *signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.dump)
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
