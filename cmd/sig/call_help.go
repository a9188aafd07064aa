package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/sig"
)

// callHelp prints the help of sig call, and what the router at --url offers.
func (a *app) callHelp(ctx context.Context, cmd *cobra.Command, f *callFlags) error {
	if err := cmd.Help(); err != nil {
		return err
	}
	f.client.timeout = min(f.client.timeout, 3*completionPatience)
	c, err := a.dial(ctx, &f.client, true)
	if err != nil {
		a.note("\nNo router answers at %s, so its senders cannot be listed.", f.client.url)
		return nil
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	caller := caller{bus: c.bus, app: a, timeout: f.client.timeout}
	found, err := caller.describeAll(ctx)
	if err != nil {
		return c.explain(ctx, err, "list senders")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nSenders at %s:\n", f.client.url)
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, d := range found {
		fmt.Fprintf(w, "  %s\t%s\n", visible(d.Sender), firstLine(d.Doc))
	}
	_ = w.Flush() // to memory
	if len(found) == 0 {
		b.WriteString("  none that describes itself\n")
	}
	_, err = a.out.Write(b.Bytes())
	return err
}

// maxDescribed bounds how many senders are asked what they offer.
const maxDescribed = 200

// describeAll asks the senders there are what they offer. Those that do not say are left
// out.
func (c caller) describeAll(ctx context.Context) ([]api.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	list, err := c.bus.Senders(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range list {
		if s.Name != nil && s.Connected && len(names) < maxDescribed {
			names = append(names, *s.Name)
		}
	}
	answers := make([]*api.Description, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			if d, err := api.Describe(ctx, c.bus, name); err == nil {
				d.Sender = name // whatever it calls itself
				answers[i] = &d
			}
		})
	}
	wg.Wait()
	var found []api.Description
	for _, d := range answers {
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, nil
}

// help is the help page of a sender or, with a method, of the method.
func (c caller) help(ctx context.Context, sender, method string) (string, error) {
	ask, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d, err := api.Describe(ask, c.bus, sender)
	if errors.Is(err, sig.ErrNoMethod) {
		return "", sig.Errorf(sig.ErrNoMethod, "%s does not describe itself; its methods can be called by name all the same, with arguments in JSON", visible(sender))
	}
	if err != nil {
		return "", err
	}
	d.Sender = sender
	if method == "" {
		return senderHelp(&d), nil
	}
	m, ok := findMethod(&d, method)
	if !ok {
		m, ok = d.Method(method) // of any instance
	}
	if !ok {
		return "", noMethod(&d, method)
	}
	return methodHelp(&d, &m), nil
}

func senderHelp(d *api.Description) string {
	var b bytes.Buffer
	if d.Doc != "" {
		fmt.Fprintf(&b, "%s\n\n", visibleLines(d.Doc))
	}
	fmt.Fprintf(&b, "Usage:\n  sig call %s METHOD [ARGUMENTS] [--PARAMETER VALUE]...\n", visible(d.Sender))
	switch d.Instances {
	case "shared":
		b.WriteString("\nMethods are those of an instance: write ID.METHOD. All clients share the instances.\n")
	case "client":
		b.WriteString("\nMethods are those of an instance: write ID.METHOD. Each client has instances of its own.\n")
	}
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	b.WriteString("\nMethods:\n")
	for _, m := range d.Methods {
		fmt.Fprintf(w, "  %s\t%s\n", instancePrefix(d)+visible(m.Name), firstLine(m.Doc))
	}
	_ = w.Flush() // to memory
	if len(d.Methods) == 0 {
		b.WriteString("  none\n")
	}
	if len(d.Events) > 0 {
		b.WriteString("\nEvents:\n")
		for _, e := range d.Events {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", visible(e.Name), e.Type, firstLine(e.Doc))
		}
		_ = w.Flush()
	}
	return b.String()
}

func methodHelp(d *api.Description, m *api.MethodInfo) string {
	var b bytes.Buffer
	if m.Doc != "" {
		fmt.Fprintf(&b, "%s\n\n", visibleLines(m.Doc))
	}
	fmt.Fprintf(&b, "Usage:\n  sig call %s %s%s", visible(d.Sender), instancePrefix(d), visible(m.Name))
	for i, p := range m.Params {
		name := strings.ToUpper(visible(p.Name))
		switch {
		case m.Rest && i == len(m.Params)-1:
			name = "[" + name + "]..."
		case p.Optional:
			name = "[" + name + "]"
		}
		b.WriteString(" " + name)
	}
	b.WriteString("\n")
	if len(m.Params) > 0 {
		b.WriteString("\nParameters:\n")
		w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
		for _, p := range m.Params {
			name := "--" + visible(p.Name)
			if p.Type.Kind == schema.Boolean {
				name += ", --no-" + visible(p.Name)
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", name, p.Type, paramNote(p))
		}
		_ = w.Flush() // to memory
	}
	if len(m.Results) > 0 {
		var types []string
		for _, r := range m.Results {
			types = append(types, r.String())
		}
		fmt.Fprintf(&b, "\nReturns: %s\n", strings.Join(types, ", "))
	}
	writeTypes(&b, d, m)
	return b.String()
}

// paramNote says all there is to say of a parameter beside its type.
func paramNote(p schema.Field) string {
	var notes []string
	if p.Doc != "" {
		notes = append(notes, firstLine(p.Doc))
	}
	choices := p.Choices
	if choices == nil {
		choices = p.Type.Choices
	}
	if len(choices) > 0 {
		notes = append(notes, "one of "+visibleText(strings.Join(choices, ", ")))
	}
	switch {
	case p.Min != nil && p.Max != nil:
		notes = append(notes, fmt.Sprintf("%v to %v", *p.Min, *p.Max))
	case p.Min != nil:
		notes = append(notes, fmt.Sprintf("at least %v", *p.Min))
	case p.Max != nil:
		notes = append(notes, fmt.Sprintf("at most %v", *p.Max))
	}
	switch {
	case p.Default != nil:
		text, _ := json.Marshal(p.Default) // it came as JSON
		notes = append(notes, "default "+visibleJSON(text))
	case p.Optional:
		notes = append(notes, "optional")
	}
	return strings.Join(notes, "; ")
}

// writeTypes lists the members of the objects that a method takes and returns.
func writeTypes(b *bytes.Buffer, d *api.Description, m *api.MethodInfo) {
	seen := map[string]bool{}
	var add func(t schema.Type)
	add = func(t schema.Type) {
		if t.Elem != nil {
			add(*t.Elem)
		}
		o, ok := d.Types[t.Name]
		if t.Kind != schema.Object || !ok || seen[t.Name] {
			return
		}
		seen[t.Name] = true
		fmt.Fprintf(b, "\n%s:\n", visible(t.Name))
		w := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
		for _, f := range o.Fields {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", visible(f.Name), f.Type, paramNote(f))
		}
		_ = w.Flush() // to memory
		for _, f := range o.Fields {
			add(f.Type)
		}
	}
	for _, p := range m.Params {
		add(p.Type)
	}
	for _, r := range m.Results {
		add(r)
	}
}

// firstLine returns the first line of a text, for lists.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return visibleText(line)
}
