//go:build !linux

package pty

import (
	"errors"
	"os"
)

// Open fails: only Linux is provided for.
func Open() (master *os.File, slavePath string, err error) {
	return nil, "", errors.New("no pseudo terminal to be had: not made for this system")
}
