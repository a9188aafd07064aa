package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/sigrouter/sigrouter/sig"
)

// outputFlags say how results are written.
type outputFlags struct {
	json  bool
	color string
}

func (f *outputFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.json, "json", false, "one JSON object a line, as when standard output is no terminal")
	flags.StringVar(&f.color, "color", "auto", "`when` to colour: auto, always or never; NO_COLOR is heeded")
}

// complete offers the values of the flags to the shell.
func (f *outputFlags) complete(cmd *cobra.Command) {
	completeFlag(cmd, "color", "auto", "always", "never")
}

// A printer writes results. Each call writes whole lines, in one piece, at once. It may
// be used by several goroutines at once.
type printer struct {
	mu    sync.Mutex
	w     io.Writer
	json  bool // one JSON object a line
	color bool
	tty   bool
}

func (a *app) printer(f outputFlags) (*printer, error) {
	tty := term.IsTerminal(int(a.out.Fd()))
	p := &printer{w: a.out, json: f.json || !tty, tty: tty}
	switch f.color {
	case "always":
		p.color = true
	case "never":
	case "auto":
		p.color = tty && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	default:
		return nil, usagef("--color is %q; it can be auto, always or never", f.color)
	}
	return p, nil
}

// line writes one line.
func (p *printer) line(text string) error {
	return p.write(append([]byte(text), '\n'))
}

// object writes v as one line of JSON.
func (p *printer) object(v any) error {
	b, err := sig.JSON{}.Marshal(v)
	if err != nil {
		return err
	}
	return p.write(append(b, '\n'))
}

func (p *printer) write(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.w.Write(b); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	return nil
}

// Styles of text on a terminal.
const (
	styleBold = "1"
	styleDim  = "2"
	styleRed  = "31"
	styleName = "36"

	styleReverse = "7"
)

// styled returns the text in a style, where colours are wanted.
func (p *printer) styled(style, text string) string {
	if !p.color || style == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// writeJSON writes v as one line of JSON.
func writeJSON(f *os.File, v any) error {
	p := printer{w: f}
	return p.object(v)
}
