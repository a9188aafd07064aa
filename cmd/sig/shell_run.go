package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/internal/words"
	"github.com/sigrouter/sigrouter/sig"
)

// A shellVerb is a command of the shell itself.
type shellVerb struct {
	name, usage, about string
	run                func(s *shell, ctx context.Context, rest string) error
}

// shellVerbs returns the commands, in the order of the help page.
func shellVerbs() []shellVerb {
	return []shellVerb{
		{"call", "call SENDER METHOD [ARGUMENTS]", `call a method; "call" may be left out`, (*shell).callLine},
		{"use", "use [SENDER]", "make its methods commands; alone: no more", (*shell).useLine},
		{"senders", "senders", "list the senders and their events", (*shell).listSenders},
		{"listen", "listen [SENDER [EVENT]]", "show events as they come", (*shell).listenLine},
		{"unlisten", "unlisten", "show no more events", (*shell).unlisten},
		{"trigger", "trigger SENDER EVENT [JSON]", "trigger an event", (*shell).triggerLine},
		{"request", "request SENDER METHOD [JSON]", "ask a sender, with parameters as they are", (*shell).requestLine},
		{"help", "help [SENDER [METHOD]]", "explain the commands, a sender or a method", (*shell).helpLine},
		{"exit", "exit", "leave; so does Ctrl-D", func(s *shell, _ context.Context, _ string) error {
			s.over = true
			return nil
		}},
	}
}

// run runs a line. A method of the sender in use goes before a command of the same name,
// unless a slash stands before that.
func (s *shell) run(ctx context.Context, line string) error {
	word, rest, ok, err := words.Next(line)
	if err != nil {
		return usagef("%w", err)
	}
	if !ok || strings.HasPrefix(word, "#") {
		return nil
	}
	name, forced := strings.CutPrefix(word, "/")
	if s.sender != "" && !forced && s.has(ctx, word) {
		return s.callMethod(ctx, s.sender, word, rest)
	}
	for _, v := range shellVerbs() {
		if v.name == name || v.name == "exit" && name == "quit" {
			return v.run(s, ctx, rest)
		}
	}
	if s.sender != "" || forced {
		return usagef("no command %s; see help", visible(word))
	}
	return s.callLine(ctx, line)
}

// has reports whether the sender in use has a method.
func (s *shell) has(ctx context.Context, method string) bool {
	ask, cancel := context.WithTimeout(ctx, s.to.timeout)
	defer cancel()
	d, err := api.Describe(ask, s.to.bus, s.sender)
	if err != nil {
		return !slices.ContainsFunc(shellVerbs(), func(v shellVerb) bool { return v.name == method })
	}
	_, ok := findMethod(&d, method)
	return ok
}

func (s *shell) callLine(ctx context.Context, rest string) error {
	sender, rest, _, err := words.Next(rest)
	if err != nil {
		return usagef("%w", err)
	}
	method, rest, ok, err := words.Next(rest)
	switch {
	case err != nil:
		return usagef("%w", err)
	case !ok && sender == "":
		return usagef("call needs a sender and a method: call SENDER METHOD [ARGUMENTS]")
	case !ok:
		return usagef("%s is no command; to call one of its methods write %s METHOD, and see help %s", visible(sender), visible(sender), visible(sender))
	}
	return s.callMethod(ctx, sender, method, rest)
}

func (s *shell) callMethod(ctx context.Context, sender, method, rest string) error {
	args, err := words.Split(rest)
	if err != nil {
		return usagef("%w", err)
	}
	if slices.ContainsFunc(args, isHelp) {
		return s.explain(ctx, sender, method)
	}
	data, err := s.to.call(ctx, sender, method, args)
	if err != nil {
		return err
	}
	return s.print.result(data, false, visible(method)+"> ")
}

func (s *shell) useLine(ctx context.Context, rest string) error {
	args, err := splitArgs(rest, 0, 1, "use [SENDER]")
	if err != nil {
		return err
	}
	if len(args) == 0 {
		s.sender = ""
		return nil
	}
	return s.use(ctx, args[0])
}

func (s *shell) use(ctx context.Context, sender string) error {
	if err := checkNames("sender", sender); err != nil {
		return err
	}
	ask, cancel := context.WithTimeout(ctx, s.to.timeout)
	defer cancel()
	if _, err := api.Describe(ask, s.to.bus, sender); err != nil && !errors.Is(err, sig.ErrNoMethod) {
		return err
	}
	s.sender = sender
	return nil
}

func (s *shell) listSenders(ctx context.Context, _ string) error {
	ask, cancel := context.WithTimeout(ctx, s.to.timeout)
	defer cancel()
	list, err := s.to.bus.Senders(ask)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, x := range list {
		if x.Name == nil || !x.Connected {
			continue
		}
		var events []string
		for _, e := range x.Events {
			if !strings.HasPrefix(e, "#") {
				events = append(events, visible(e))
			}
		}
		fmt.Fprintf(w, "%s\t%s\n", visible(*x.Name), strings.Join(events, " "))
	}
	_ = w.Flush() // to memory
	return s.print.write(b.Bytes())
}

func (s *shell) listenLine(ctx context.Context, rest string) error {
	args, err := splitArgs(rest, 0, 2, "listen [SENDER [EVENT]]")
	if err != nil {
		return err
	}
	of := append(args, sig.Any, sig.Any)
	l, err := newListening(s.print, listenFlags{})
	if err != nil {
		return err
	}
	sub, err := s.to.bus.AddListener(of[0], of[1], l.event, sig.OnDrop(s.noteDrop))
	if err != nil {
		return err
	}
	s.heard = append(s.heard, sub)
	return nil
}

func (s *shell) unlisten(context.Context, string) error {
	for _, sub := range s.heard {
		sub.Remove()
	}
	s.heard = nil
	return nil
}

func (s *shell) triggerLine(ctx context.Context, rest string) error {
	sender, event, data, err := s.nameAndData(rest, "trigger SENDER EVENT [JSON]")
	if err != nil {
		return err
	}
	added, err := s.to.bus.AddSender(sender, sig.Events(event))
	if err != nil {
		return err
	}
	defer func() { _ = added.Remove() }() // it goes with the connection at the latest
	signal, err := added.Signal(event)
	if err != nil {
		return err
	}
	if err := signal.Trigger(data); err != nil {
		return err
	}
	ask, cancel := context.WithTimeout(ctx, s.to.timeout)
	defer cancel()
	_, err = s.conn.Ping(ask) // answered after the event was taken
	return err
}

func (s *shell) requestLine(ctx context.Context, rest string) error {
	sender, method, params, err := s.nameAndData(rest, "request SENDER METHOD [JSON]")
	if err != nil {
		return err
	}
	ask, cancel := context.WithTimeout(ctx, s.to.timeout)
	defer cancel()
	resp, err := s.to.bus.Request(ask, sender, method, params)
	if err != nil {
		return err
	}
	return s.print.result(resp.Data, false, visible(method)+"> ")
}

// nameAndData reads two names, and as the rest of the line JSON, which needs no quotes
// around it.
func (s *shell) nameAndData(rest, usage string) (sender, name string, data any, err error) {
	sender, rest, _, err = words.Next(rest)
	if err != nil {
		return "", "", nil, usagef("%w", err)
	}
	name, rest, ok, err := words.Next(rest)
	switch {
	case err != nil:
		return "", "", nil, usagef("%w", err)
	case !ok:
		return "", "", nil, usagef("write it as %s", usage)
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		return sender, name, nil, nil
	}
	raw, err := parseData([]byte(rest), "")
	if err != nil {
		return "", "", nil, usagef("%s is not JSON; text stands in double quotes", shorten(rest))
	}
	return sender, name, raw, nil
}

func (s *shell) helpLine(ctx context.Context, rest string) error {
	args, err := splitArgs(rest, 0, 2, "help [SENDER [METHOD]]")
	if err != nil {
		return err
	}
	if s.sender != "" && len(args) == 1 && s.has(ctx, args[0]) {
		args = []string{s.sender, args[0]}
	}
	if len(args) > 0 {
		return s.explain(ctx, args[0], append(args, "")[1])
	}
	if s.sender != "" {
		if err := s.explain(ctx, s.sender, ""); err != nil {
			return err
		}
	}
	return s.helpVerbs(ctx)
}

// helpVerbs explains the commands, and lists who can be called.
func (s *shell) helpVerbs(ctx context.Context) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	b.WriteString("Commands:\n")
	for _, v := range shellVerbs() {
		fmt.Fprintf(w, "  %s\t%s\n", v.usage, v.about)
	}
	_ = w.Flush() // to memory
	found, err := s.to.describeAll(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		b.WriteString("\nSenders that can be called:\n")
	}
	for _, d := range found {
		fmt.Fprintf(w, "  %s\t%s\n", visible(d.Sender), firstLine(d.Doc))
	}
	_ = w.Flush()
	return s.print.write(b.Bytes())
}

// explain prints the help page of a sender or a method.
func (s *shell) explain(ctx context.Context, sender, method string) error {
	text, err := s.to.help(ctx, sender, method)
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.print.w, strings.ReplaceAll(text, "sig call ", ""))
	return err
}

// splitArgs divides the rest of a line into so many words.
func splitArgs(rest string, least, most int, usage string) ([]string, error) {
	args, err := words.Split(rest)
	if err != nil {
		return nil, usagef("%w", err)
	}
	if len(args) < least || len(args) > most {
		return nil, usagef("write it as %s", usage)
	}
	return args, nil
}
