package main

import (
	"errors"
	"os"
)

// A readyLine is what sig serve prints when it is ready.
type readyLine struct {
	Ready   bool     `json:"ready"`
	Listen  []string `json:"listen"`
	HTTP    string   `json:"http,omitempty"`    // where the dashboard is
	Metrics string   `json:"metrics,omitempty"` // where metrics and health are alone
	PID     int      `json:"pid"`
	Name    string   `json:"name"`
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
