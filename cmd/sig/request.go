package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// requestFlags are the flags of sig request.
type requestFlags struct {
	client clientFlags
	output outputFlags
	raw    bool
}

func (a *app) requestCommand() *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use:   "request SENDER METHOD [JSON | @FILE | -]",
		Short: "Ask a sender, and print its response",
		Long: `Ask a sender, and print its response as JSON: on one line when standard output is
no terminal or with --json, else indented.`,
		Example: `  sig request timer interval
  sig request calc multiply '{"a":7,"b":6}'
  name=$(sig request camera name --raw)`,
		Args: args(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error { return a.request(cmd.Context(), f, args) },
	}
	cmd.Flags().BoolVar(&f.raw, "raw", false, "print text without quotes")
	cmd.ValidArgsFunction = a.completeNames(&f.client, requestNames)
	f.client.add(cmd.Flags())
	f.output.add(cmd.Flags())
	f.output.complete(cmd)
	return cmd
}

func (a *app) request(ctx context.Context, f requestFlags, args []string) error {
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	sender, method := args[0], args[1]
	if err := checkNames("sender", sender, "method", method); err != nil {
		return err
	}
	var params any
	if len(args) == 3 {
		if params, err = a.readData(args[2]); err != nil {
			return err
		}
	}
	c, err := a.dial(ctx, &f.client, true)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	ask, cancel := context.WithTimeout(ctx, f.client.timeout)
	defer cancel()
	resp, err := c.bus.Request(ask, sender, method, params)
	if err != nil {
		return c.explain(ctx, err, fmt.Sprintf("request %s of %s", visible(method), visible(sender)))
	}
	return p.response(resp.Data, f.raw)
}

// response writes what a request was answered with.
func (p *printer) response(data any, raw bool) error {
	switch {
	case raw:
		return p.line(rawText(data))
	case p.json:
		return p.line(string(jsonText(data)))
	}
	return p.line(visibleJSON(indented(jsonText(data))))
}

// indented spreads JSON text over lines.
func indented(text []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return text
	}
	return b.Bytes()
}

// checkNames checks pairs of what a name is for, and the name.
func checkNames(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := sig.CheckName(pairs[i], pairs[i+1]); err != nil {
			return usageError{error: err}
		}
	}
	return nil
}
