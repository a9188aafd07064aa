package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/sig"
)

// callFlags are the flags of sig call itself. What stands behind the method belongs to the
// method.
type callFlags struct {
	client clientFlags
	output outputFlags
	raw    bool
	help   bool
}

func (f *callFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.raw, "raw", false, "print text without quotes")
	f.client.add(flags)
	f.output.add(flags)
}

func (a *app) callCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call [flags] SENDER [METHOD [ARGUMENTS] [--PARAMETER VALUE]...]",
		Short: "Call a method of a sender, with arguments like a command's",
		Long: `Call a method of a sender that describes itself, as senders of package api do, and
print the result.

The router is asked what there is: --help lists the senders, SENDER --help its methods,
and SENDER METHOD --help the parameters of one. Parameters are given in order, or by name
as --PARAMETER VALUE; --PARAMETER alone and --no-PARAMETER are true and false. Text needs no
quotes. Lists and objects are JSON; @FILE reads a value from a file, - from standard input.

The flags of sig call itself stand before METHOD, all behind it are the method's.`,
		Example: `  sig call --help
  sig call calc multiply 7 6
  sig call engineer show --extra
  sig call --json camera picture --width 640`,
		DisableFlagParsing: true, // whose a flag is depends on where it stands
		RunE: func(cmd *cobra.Command, args []string) error {
			line, err := splitCall(&f, args)
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			return a.call(cmd.Context(), cmd, &f, line)
		},
	}
	cmd.ValidArgsFunction = a.completeCall
	// Flags that cobra knows of it would offer behind the method too, so it knows of them
	// only for the help page.
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		new(callFlags).add(cmd.Flags())
		cmd.Root().HelpFunc()(cmd, args)
	})
	return cmd
}

// A callLine is what was given behind "sig call", taken apart.
type callLine struct {
	sender, method string   // "" when not given
	args           []string // behind the method
	timeout        bool     // --timeout was given
}

// splitCall reads the flags of sig call, and finds where the method's begin.
func splitCall(f *callFlags, args []string) (callLine, error) {
	flags := pflag.NewFlagSet("call", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SetInterspersed(false)
	flags.Usage = func() {}
	f.add(flags)
	flags.BoolVarP(&f.help, "help", "h", false, "")
	var line callLine
	for _, name := range []*string{&line.sender, &line.method} {
		if err := flags.Parse(args); err != nil {
			return line, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		*name, args = args[0], args[1:]
	}
	line.args, line.timeout = args, flags.Changed("timeout")
	return line, nil
}

func (a *app) call(ctx context.Context, cmd *cobra.Command, f *callFlags, line callLine) error {
	f.help = f.help || slices.ContainsFunc(line.args, isHelp)
	if line.sender == "" && !f.help {
		return usageError{errors.New("sig call needs the name of a sender"), cmd.CommandPath()}
	}
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	if line.sender == "" {
		return a.callHelp(ctx, cmd, f)
	}
	if err := checkNames("sender", line.sender); err != nil {
		return err
	}
	c, err := a.dial(ctx, &f.client, true)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	caller := caller{bus: c.bus, app: a, timeout: f.client.timeout, patient: !line.timeout}
	if line.method == "" || f.help {
		text, err := caller.help(ctx, line.sender, line.method)
		if err != nil {
			return c.explain(ctx, err, "describe "+visible(line.sender))
		}
		_, err = io.WriteString(a.out, text)
		return err
	}
	data, err := caller.call(ctx, line.sender, line.method, line.args)
	if err != nil {
		return c.explain(ctx, err, fmt.Sprintf("call %s of %s", visible(line.method), visible(line.sender)))
	}
	return p.result(data, f.raw, fmt.Sprintf("%s: %s> ", f.client.url, visible(line.method)))
}

func isHelp(arg string) bool { return arg == "--help" || arg == "-h" }

// result writes what a call returned; on a terminal behind a mark that says whose it is.
func (p *printer) result(data any, raw bool, mark string) error {
	if raw || p.json {
		return p.response(data, raw)
	}
	return p.line(p.styled(styleDim, mark) + readable(data))
}

// readable returns a value for people: text as it is, all else as indented JSON.
func readable(data any) string {
	if text, err := sig.As[string](data); err == nil {
		return visibleLines(text)
	}
	return visibleJSON(indented(jsonText(data)))
}

// visibleLines is visibleText of each line.
func visibleLines(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines {
		lines[i] = visibleText(lines[i])
	}
	return strings.Join(lines, "\n")
}

// A caller calls methods with arguments that are words of a command line.
type caller struct {
	bus     sig.Bus
	app     *app
	timeout time.Duration
	patient bool // a method's own time to wait counts
}

// call calls a method.
func (c caller) call(ctx context.Context, sender, method string, words []string) (any, error) {
	data, within, err := c.callWithin(ctx, sender, method, words)
	if errors.Is(err, context.DeadlineExceeded) {
		err = sig.Errorf(sig.ErrTimeout, "no answer within %v", within)
	}
	return data, err
}

// callWithin is call, and says how long it waited at most.
func (c caller) callWithin(ctx context.Context, sender, method string, words []string) (data any, within time.Duration, err error) {
	ask, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	m, err := c.method(ask, sender, method)
	if err != nil {
		return nil, c.timeout, err
	}
	params, err := c.params(m, words)
	if err != nil {
		return nil, c.timeout, err
	}
	within = c.timeout
	if m != nil && c.patient && m.TimeoutMS > 0 {
		within = time.Duration(m.TimeoutMS) * time.Millisecond
		cancel()
		ask, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	data, err = api.Call[any](ask, c.bus, sender, method, params...)
	if bad, ok := errors.AsType[*api.ParamError](err); ok {
		return nil, within, usagef("%w", bad)
	}
	return data, within, err
}

// method returns what a sender says of a method; nil when the sender does not describe
// itself.
func (c caller) method(ctx context.Context, sender, method string) (*api.MethodInfo, error) {
	d, err := api.Describe(ctx, c.bus, sender)
	switch {
	case errors.Is(err, sig.ErrNoMethod):
		return nil, nil
	case err != nil:
		return nil, err
	case method == api.DescribeMethod:
		return nil, nil
	}
	m, ok := findMethod(&d, method)
	if !ok {
		return nil, noMethod(&d, method)
	}
	return &m, nil
}

// findMethod finds a method by its name, which has the id of an instance before it where
// the sender has instances.
func findMethod(d *api.Description, name string) (api.MethodInfo, bool) {
	if d.Instances != "" {
		i := strings.LastIndexByte(name, '.')
		if i < 1 {
			return api.MethodInfo{}, false
		}
		name = name[i+1:]
	}
	return d.Method(name)
}

func noMethod(d *api.Description, method string) error {
	names := make([]string, 0, len(d.Methods))
	for _, m := range d.Methods {
		names = append(names, instancePrefix(d)+m.Name)
	}
	if len(names) == 0 {
		return sig.Errorf(sig.ErrNoMethod, "%s has no methods", visible(d.Sender))
	}
	return sig.Errorf(sig.ErrNoMethod, "%s has no method %s; it has %s", visible(d.Sender), visible(method), strings.Join(names, ", "))
}

// instancePrefix is what stands before the names of methods.
func instancePrefix(d *api.Description) string {
	if d.Instances == "" {
		return ""
	}
	return "ID."
}
