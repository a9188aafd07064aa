package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/internal/words"
)

// completer returns what the terminal asks at each key: Tab completes the word before it,
// as far as there is one way to, and shows the ways when there are several.
func (s *shell) completer(ctx context.Context, t *term.Terminal) func(string, int, rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		before, after := line[:pos], line[pos:]
		start := strings.LastIndexAny(before, " \t") + 1
		typed := before[start:]
		found := s.candidates(ctx, before[:start], typed)
		if len(found) == 0 {
			return line, pos, true
		}
		word := commonPrefix(found)
		if len(found) == 1 {
			word += " "
			after = strings.TrimPrefix(after, " ")
		} else if word == typed {
			_, _ = t.Write([]byte(strings.Join(found, "  ") + "\n")) // it shows again what can be typed
		}
		return before[:start] + word + after, start + len(word), true
	}
}

// candidates returns the words that may stand behind a beginning of a line.
func (s *shell) candidates(ctx context.Context, before, typed string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	args, err := words.Split(before)
	if err != nil {
		return nil
	}
	c := s.to
	c.timeout = completionPatience
	var found []cobra.Completion
	switch {
	case len(args) == 0:
		for _, v := range shellVerbs() {
			found = append(found, withDocs(typed, api.MethodInfo{Name: v.name})...)
		}
		sender, _ := c.complete(ctx, s.sender, "", nil, typed)
		found = append(found, sender...)
	case slices.Contains([]string{"call", "use", "help"}, args[0]):
		found = completeCallee(ctx, c, args[1:], typed)
	case slices.Contains([]string{"listen", "trigger", "request"}, args[0]):
		found = s.signalNames(ctx, args[1:], typed, args[0] != "request")
	case s.sender != "":
		found, _ = c.complete(ctx, s.sender, args[0], args[1:], typed)
	default:
		found = completeCallee(ctx, c, args, typed)
	}
	for i := range found {
		found[i], _, _ = strings.Cut(found[i], "\t")
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// completeCallee completes a sender, a method and its arguments.
func completeCallee(ctx context.Context, c caller, args []string, typed string) []cobra.Completion {
	sender, method := "", ""
	for _, name := range []*string{&sender, &method} {
		if len(args) > 0 {
			*name, args = args[0], args[1:]
		}
	}
	found, _ := c.complete(ctx, sender, method, args, typed)
	return found
}

// signalNames completes a sender and one of its events.
func (s *shell) signalNames(ctx context.Context, args []string, typed string, events bool) (found []cobra.Completion) {
	list, err := s.to.bus.Senders(ctx)
	if err != nil {
		return nil
	}
	for _, x := range list {
		switch {
		case x.Name == nil:
		case len(args) == 0:
			found = append(found, withDocs(typed, api.MethodInfo{Name: *x.Name})...)
		case len(args) == 1 && events && *x.Name == args[0]:
			for _, e := range x.Events {
				found = append(found, withDocs(typed, api.MethodInfo{Name: e})...)
			}
		}
	}
	return found
}

// commonPrefix returns what all words begin with.
func commonPrefix(words []string) string {
	prefix := words[0]
	for _, w := range words {
		for !strings.HasPrefix(w, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
