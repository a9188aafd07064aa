//go:build !unix

package main

import "os"

func heedBrokenPipe(chan os.Signal) (stop func()) { return func() {} }
