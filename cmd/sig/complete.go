package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// completionPatience is how long the shell waits for names when somebody presses Tab.
const completionPatience = time.Second

// completeNames offers the senders that the router at --url has, and as the second argument
// their events. What goes wrong leaves the shell with nothing to offer.
func (a *app) completeNames(f *clientFlags, events bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(args) > 1 {
			return nil, cobra.ShellCompDirectiveDefault // data, perhaps @FILE
		}
		if len(args) == 1 && !events {
			return nil, none
		}
		list, err := a.sendersNow(cmd.Context(), *f)
		if err != nil {
			return nil, none
		}
		var names []string
		for _, s := range list {
			switch {
			case s.Name == nil:
			case len(args) == 0:
				names = append(names, *s.Name)
			case *s.Name == args[0] || sig.IsPattern(args[0]) && sig.Match(args[0], *s.Name):
				names = append(names, s.Events...)
			}
		}
		return offered(names, typed), none
	}
}

// offered are the names that begin with what was typed, in order. Those that are not fit
// for a command line are left out.
func offered(names []string, typed string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool {
		return !strings.HasPrefix(n, typed) || strings.ContainsFunc(n, unsafeRune)
	})
}

// sendersNow asks the router, without patience and without a word to the user.
func (a *app) sendersNow(ctx context.Context, f clientFlags) ([]sig.SenderInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	c, err := a.dial(ctx, &f, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	return c.bus.Senders(ctx)
}

// completeFlag offers the values that a flag can have.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	fixed := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // only when there is no such flag, or twice
	}
}
