package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
)

// completeCall offers senders, then methods, then parameters and their values, all from the
// running router. What goes wrong leaves the shell with nothing to offer.
func (a *app) completeCall(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	var f callFlags
	line, err := splitCall(&f, args)
	if err != nil {
		return nil, none
	}
	if line.method == "" && strings.HasPrefix(typed, "-") {
		return flagNames(typed), none
	}
	f.client.timeout = completionPatience
	c, err := a.dial(cmd.Context(), &f.client, true)
	if err != nil {
		return nil, none
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	caller := caller{bus: c.bus, app: a, timeout: completionPatience}
	words, files := caller.complete(cmd.Context(), line.sender, line.method, line.args, typed)
	if files {
		return words, cobra.ShellCompDirectiveDefault
	}
	return words, none
}

// flagNames offers the flags of sig call itself.
func flagNames(typed string) (words []cobra.Completion) {
	var f callFlags
	flags := pflag.NewFlagSet("call", pflag.ContinueOnError)
	f.add(flags)
	flags.VisitAll(func(flag *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(flag)
		words = append(words, withDocs(typed, api.MethodInfo{Name: "--" + flag.Name, Doc: usage})...)
	})
	return words
}

// withDocs turns words into what the shell is offered: those that begin as typed, and that a
// terminal can show.
func withDocs(typed string, words ...api.MethodInfo) (out []cobra.Completion) {
	for _, w := range words {
		if strings.HasPrefix(w.Name, typed) && !strings.ContainsFunc(w.Name, unsafeRune) {
			out = append(out, cobra.CompletionWithDesc(w.Name, firstLine(w.Doc)))
		}
	}
	return out
}

// paramWords offers what may stand next behind a method: the value of the parameter that
// was just named, or of the next in order, or another name.
func paramWords(m *api.MethodInfo, args []string, typed string) (words []cobra.Completion, files bool) {
	l := argList{method: m, named: api.Named{}}
	if n := len(args); n > 0 && strings.HasPrefix(args[n-1], "--") && !strings.Contains(args[n-1], "=") {
		if f, negated, err := l.find(args[n-1][2:]); err == nil && !negated && f.Type.Kind != schema.Boolean {
			return values(f, typed)
		}
	}
	if strings.HasPrefix(typed, "-") {
		return paramNames(m, args, typed), false
	}
	placed := 0
	for i := 0; i < len(args); i++ {
		if f, ok := strings.CutPrefix(args[i], "--"); ok {
			if p, _, err := l.find(f); err == nil && p.Type.Kind != schema.Boolean {
				i++ // its value
			}
			continue
		}
		placed++
	}
	if placed < len(m.Params) {
		return values(m.Params[placed], typed)
	}
	return nil, false
}

// paramNames offers the parameters that were not named yet.
func paramNames(m *api.MethodInfo, args []string, typed string) (words []cobra.Completion) {
	for _, p := range m.Params {
		if slices.ContainsFunc(args, func(a string) bool { return a == "--"+p.Name || strings.HasPrefix(a, "--"+p.Name+"=") }) {
			continue
		}
		words = append(words, withDocs(typed, api.MethodInfo{Name: "--" + p.Name, Doc: p.Doc})...)
	}
	return words
}

// values offers the values of a parameter, or files where any will do.
func values(f schema.Field, typed string) (words []cobra.Completion, files bool) {
	choices := slices.Concat(f.Choices, f.Type.Choices)
	if f.Type.Kind == schema.Boolean {
		choices = []string{"true", "false"}
	}
	for _, c := range choices {
		words = append(words, withDocs(typed, api.MethodInfo{Name: c})...)
	}
	return words, len(choices) == 0 && strings.HasPrefix(typed, "@")
}

// complete offers what may stand behind a sender, a method and arguments.
func (c caller) complete(ctx context.Context, sender, method string, args []string, typed string) (words []cobra.Completion, files bool) {
	if sender == "" {
		found, err := c.describeAll(ctx)
		if err != nil {
			return nil, false
		}
		for _, d := range found {
			words = append(words, withDocs(typed, api.MethodInfo{Name: d.Sender, Doc: d.Doc})...)
		}
		return words, false
	}
	ask, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d, err := api.Describe(ask, c.bus, sender)
	if err != nil {
		return nil, false
	}
	if method == "" {
		prefix := ""
		if d.Instances != "" {
			prefix = typed[:strings.LastIndexByte(typed, '.')+1]
		}
		for _, m := range d.Methods {
			m.Name = prefix + m.Name
			words = append(words, withDocs(typed, m)...)
		}
		return words, false
	}
	m, ok := findMethod(&d, method)
	if !ok {
		return nil, false
	}
	return paramWords(&m, args, typed)
}
