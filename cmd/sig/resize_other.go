//go:build !unix

package main

import "os"

// notifyResize does nothing: the system does not tell. A key that is pressed has the screen
// measured anew.
func notifyResize(chan<- os.Signal) {}

func stopResize(chan<- os.Signal) {}
