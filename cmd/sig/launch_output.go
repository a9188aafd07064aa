package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/sigrouter/sigrouter/internal/supervise"
)

// A launchLine is what sig launch --json prints for each line of a program. It may grow, and
// keeps what it has.
type launchLine struct {
	Component string `json:"component"`
	Stream    string `json:"stream"`
	Line      string `json:"line"`
}

// printLine prints a line that a program has written, on the stream it was written to.
func (l *launcher) printLine(name string, s supervise.Stream, line []byte) {
	if l.json {
		stream := "stdout"
		if s == supervise.Stderr {
			stream = "stderr"
		}
		l.written(l.object(launchLine{name, stream, strings.ToValidUTF8(string(line), "\uFFFD")}))
		return
	}
	prefix := fmt.Sprintf("%-*s |", l.width, visible(name))
	if s == supervise.Stderr {
		fmt.Fprintf(l.app.err, "%s %s\n", prefix, line)
		return
	}
	l.written(l.line(l.styled(styleName, prefix) + " " + string(line)))
}

// written notes that nobody reads the output any more, which ends everything.
func (l *launcher) written(err error) {
	if err != nil {
		l.breaking.Do(func() { close(l.broken) })
	}
}

// keepFromBrokenPipe has writing to a closed pipe fail, instead of ending this program
// and leaving the others to themselves, until stop is called.
func keepFromBrokenPipe() (stop func()) { return heedBrokenPipe(make(chan os.Signal, 1)) }
