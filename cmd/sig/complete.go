package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter/idl/gen"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// completionPatience is how long the shell waits for names when somebody presses Tab.
const completionPatience = time.Second

// A nameKind says which names an argument can be.
type nameKind int

const (
	listenNames  nameKind = iota // senders and their events
	triggerNames                 // senders that are waited for, and what is waited for
	requestNames                 // senders and their methods
)

// completeNames offers the senders that the router at --url has, and as the second argument
// their events or methods. What goes wrong leaves the shell with nothing to offer.
func (a *app) completeNames(f *clientFlags, kind nameKind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 1 {
			return nil, cobra.ShellCompDirectiveDefault // data, perhaps @FILE
		}
		names, err := a.namesNow(cmd.Context(), *f, kind, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offered(names, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesNow asks the router, without patience and without a word to the user.
func (a *app) namesNow(ctx context.Context, f clientFlags, kind nameKind, args []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	c, err := a.dial(ctx, &f, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	if kind == requestNames && len(args) == 1 {
		return methodsNow(ctx, c.bus, args[0])
	}
	list, err := c.bus.Senders(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range list {
		switch {
		case s.Name == nil:
		case len(args) == 1:
			if *s.Name == args[0] || sig.IsPattern(args[0]) && sig.Match(args[0], *s.Name) {
				names = append(names, s.Events...)
			}
		case kind == listenNames, s.Connected == (kind == requestNames):
			names = append(names, *s.Name)
		}
	}
	return names, nil
}

// methodsNow are the methods of a sender, where the router tells of them.
func methodsNow(ctx context.Context, bus sig.Bus, sender string) (names []string, err error) {
	cursor := ""
	for more := true; more; {
		c, err := askRouter[router.Changes](ctx, bus, "changes", map[string]any{"cursor": cursor, "parts": []string{"senders"}})
		if err != nil {
			return nil, err
		}
		for _, s := range c.Senders {
			if s.Name == sender {
				names = append(names, slices.DeleteFunc(s.Methods, func(m string) bool { return m == "*" })...)
			}
		}
		cursor, more = c.Cursor, c.More
	}
	return names, nil
}

// offered are the names that begin with what was typed, in order. Those that are not fit
// for a command line are left out.
func offered(names []string, typed string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool {
		return !strings.HasPrefix(n, typed) || strings.ContainsFunc(n, unsafeRune)
	})
}

// completeFlag offers the values that a flag can have.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	completeFlagWith(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func completeFlagWith(cmd *cobra.Command, flag string, fn cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, fn); err != nil {
		panic(err) // only when there is no such flag, or twice
	}
}

// completeFlags offers what the flags of a command and of those below it can be, but for
// those that have said so themselves: values, the beginnings of addresses, files where one
// is asked for, and nothing where a file would be nonsense.
func completeFlags(cmd *cobra.Command) {
	values := map[string][]string{
		"color": {"auto", "always", "never"}, "log": {"text", "json"}, "lang": gen.Languages(),
		"router": {"auto", "always", "never"},
	}
	limits := make([]string, 0, 50)
	for _, name := range limitNames() {
		limits = append(limits, name+"=")
	}
	noSpace := cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	addresses := cobra.FixedCompletions([]string{"tcp://", "tls://", "unix:///", "ws://", "wss://", "exec:", "serial:///dev/"},
		noSpace)
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if _, done := cmd.GetFlagCompletionFunc(flag.Name); done {
			return
		}
		switch what, _ := pflag.UnquoteUsage(flag); {
		case what == "file" || what == "directory":
		case flag.Name == "url" || flag.Name == "listen":
			completeFlagWith(cmd, flag.Name, addresses)
		case flag.Name == "limit":
			completeFlagWith(cmd, flag.Name, cobra.FixedCompletions(limits, noSpace))
		default:
			completeFlag(cmd, flag.Name, values[flag.Name]...)
		}
	})
	for _, c := range cmd.Commands() {
		completeFlags(c)
	}
}
