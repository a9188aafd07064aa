package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/auth"
)

// tokenFlags are the flags of sig token.
type tokenFlags struct {
	output outputFlags
	out    string
	addTo  string
}

func (a *app) tokenCommand() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token NAME [ROLE]...",
		Short: "Make a token to log in with",
		Long: `Make a token, 256 random bits, by which a program shows a router that it is NAME.

The token is printed once, with the line for the router's file, which holds the token's
hash alone. Give the token to the program, and nobody else; put the line into the file
that sig serve --token-file names, and have the router read it again with SIGHUP.

With --out the token goes to a file that only its owner may read, with --add-to the line
to the end of the router's file; what goes there is not printed. Neither file is
overwritten.

The rules of the file say what a role may do. Without rules everybody who is logged in
may do everything.

With --json, or when standard output is no terminal, one object is printed:

  {"name":"thermo-1","token":"sig_…","line":"token  thermo-1  sha256:…  sensor"}`,
		Example: `  sig token thermo-1 sensor
  sig token thermo-1 sensor --out thermo-1.token --add-to tokens
  sig serve --token-file tokens
  sig trigger door opened --token-file thermo-1.token`,
		Args: args(1, -1),
		RunE: func(_ *cobra.Command, words []string) error { return a.token(f, words[0], words[1:]) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "`file` to write the token to, which may not be there yet")
	cmd.Flags().StringVar(&f.addTo, "add-to", "", "`file` of the router to add the line to; made when it is not there")
	f.output.add(cmd.Flags())
	f.output.complete(cmd)
	return cmd
}

// A tokenLine is what sig token --json prints.
type tokenLine struct {
	Name  string `json:"name"`
	Token string `json:"token,omitempty"` // missing when it went to a file
	Line  string `json:"line"`            // for the router's file
	Out   string `json:"out,omitempty"`   // file of the token
	AddTo string `json:"added_to,omitempty"`
}

func (a *app) token(f tokenFlags, name string, roles []string) error {
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	token, hash := auth.NewToken()
	t := tokenLine{Name: name, Token: token, Out: f.out, AddTo: f.addTo}
	if t.Line, err = auth.TokenLine(name, hash, roles...); err != nil {
		return usageError{error: err}
	}
	if f.out != "" {
		if err := writeSecret(f.out, token); err != nil {
			return err
		}
		t.Token = ""
	}
	if f.addTo != "" {
		if err := addLine(f.addTo, t.Line); err != nil {
			return err
		}
	}
	if p.json {
		return p.object(t)
	}
	return p.line(t.text())
}

// text says for people what was made.
func (t tokenLine) text() string {
	var b strings.Builder
	if t.Out != "" {
		fmt.Fprintf(&b, "The token is in %s; give that file to %s.\n", t.Out, t.Name)
	} else {
		fmt.Fprintf(&b, "The token of %s, shown this once:\n\n  %s\n\n", t.Name, t.Token)
	}
	if t.AddTo != "" {
		fmt.Fprintf(&b, "The line is in %s; send the router SIGHUP.", t.AddTo)
	} else {
		fmt.Fprintf(&b, "The line for the router's file:\n\n  %s", t.Line)
	}
	return b.String()
}

// writeSecret writes a line to a new file that only its owner may read.
func writeSecret(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("--out: %s is there already; a token is not written over another", path)
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, err = file.WriteString(text + "\n")
	return errors.Join(err, file.Close())
}

// addLine adds a line to the end of a file, in one write and after a whole line.
func addLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("--add-to: %w", err)
	}
	if st, err := file.Stat(); err == nil && st.Size() > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, st.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = file.WriteString(line + "\n")
	return errors.Join(err, file.Close())
}
