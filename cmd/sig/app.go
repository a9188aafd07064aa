package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// An app is one run of the command: where it reads and writes, and what surrounds it.
type app struct {
	in     io.Reader
	out    *os.File // results, nothing else
	err    io.Writer
	getenv func(string) string

	started bool   // the arguments were understood, and a command runs
	command string // which: "sig listen"
	hurry   *hurry // nil where nobody can be in one
}

// run runs the command that args name and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !a.started {
		err = usageError{err, cmd.CommandPath()}
	}
	return a.report(err)
}

// report tells the user what went wrong and returns the exit code for it.
func (a *app) report(err error) int {
	code := exitCode(err)
	if code != exitInterrupted {
		for _, e := range each(err) {
			a.note("sig: %v", e)
		}
		if h := hint(err); h != "" {
			a.note("%s", h)
		}
	}
	return code
}

// note writes a line for the user, beside the results.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sig",
		Short: "A router for events and requests, and the tools to talk to it",
		Long: `Sig runs a router where senders and listeners meet, and talks to one.

Senders trigger events, listeners are called with them, requests are answered.
Results go to standard output, one JSON object a line when that is no terminal
or with --json; everything else goes to standard error.

sig demo shows what it is about. sig completion --help says how to have the shell
complete commands, and the names that a running router knows.`,
		Args:              unknownCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRun:  func(cmd *cobra.Command, _ []string) { a.started, a.command = true, cmd.CommandPath() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(root.UsageTemplate() + exitHelp)
	root.AddGroup(
		&cobra.Group{ID: groupRouter, Title: "A router:"},
		&cobra.Group{ID: groupClient, Title: "Talking to a router:"},
	)
	a.addCommands(root, groupRouter,
		a.serveCommand(),
		a.launchCommand(),
		a.demoCommand(),
		a.tokenCommand(),
	)
	a.addCommands(root, groupClient,
		a.listenCommand(),
		a.triggerCommand(),
		a.requestCommand(), a.callCommand(), a.shellCommand(),
		a.sendersCommand(),
		a.topCommand(),
		a.recordCommand(),
		a.replayCommand(),
		a.benchCommand(),
	)
	root.AddCommand(a.genCommand(), a.portsCommand(), a.versionCommand(), a.thermometerCommand())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	strictHelp(root)
	completeFlags(root)
	return root
}

// flagError says what a flag wants in place of a value that it cannot be.
func flagError(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	wants := map[string]string{
		"bool": "true or false", "int": "a whole number", "uint": "a whole number from 0", "float64": "a number",
		"duration": "a time such as 500ms, 10s or 1h",
	}[bad.GetFlag().Value.Type()]
	if wants == "" {
		return err
	}
	return fmt.Errorf("--%s is %q; it has to be %s", bad.GetFlag().Name, bad.GetValue(), wants)
}

// strictHelp makes help and completion refuse what there is not, as the others do.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err == nil && len(rest) > 0 {
					err = unknownCommand(found, rest)
				}
				return err
			}
		case "completion":
			c.Args = unknownCommand
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// unknownCommand is what the arguments of sig itself are: it has none but commands.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		err = fmt.Errorf("%w; did you mean %s %s?", err, cmd.CommandPath(), strings.Join(like, " or "))
	}
	return err
}

const (
	groupRouter = "router"
	groupClient = "client"
)

func (a *app) addCommands(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// args accepts between min and max arguments, any number when max is negative.
func args(min, max int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		switch n := len(given); {
		case max == 0 && n > 0:
			return fmt.Errorf("%s takes no arguments, and was given %q", cmd.CommandPath(), given[0])
		case n < min:
			return fmt.Errorf("%s needs more arguments: %s", cmd.CommandPath(), cmd.UseLine())
		case max >= 0 && n > max:
			return fmt.Errorf("%s was given %q, which is too much: %s", cmd.CommandPath(), given[max], cmd.UseLine())
		}
		return nil
	}
}
