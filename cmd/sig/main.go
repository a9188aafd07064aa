// Sig runs a router, and talks to one: it listens, triggers, asks and looks.
//
//	sig serve                          # a router on 127.0.0.1:3000
//	sig listen timer tic --count 3     # three events, then done
//	sig trigger door opened '{"by":"ana"}'
//	sig request timer interval
//
// Results go to standard output, everything else to standard error. See sig --help.
package main

import (
	"context"
	"os"
)

func main() {
	a := &app{
		in:     os.Stdin,
		out:    os.Stdout,
		err:    os.Stderr,
		getenv: os.Getenv,
		hurry:  &hurry{},
	}
	ctx, stop := untilInterrupted(context.Background(), a.hurry.call)
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
