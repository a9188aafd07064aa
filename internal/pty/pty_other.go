//go:build !linux

package pty

import (
	"errors"
	"os"
)

var errNotHere = errors.New("no pseudo terminal to be had: not made for this system")

// Open fails: only Linux is provided for.
func Open() (master *os.File, slavePath string, err error) {
	return nil, "", errNotHere
}

// Resize fails: only Linux is provided for.
func Resize(*os.File, int, int) error { return errNotHere }

// Cook fails: only Linux is provided for.
func Cook(*os.File) error { return errNotHere }

// Cooked fails: only Linux is provided for.
func Cooked(*os.File) (bool, error) { return false, errNotHere }
