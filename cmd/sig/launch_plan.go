package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/sigrouter/sigrouter/internal/supervise"
	"github.com/sigrouter/sigrouter/internal/words"
	"github.com/sigrouter/sigrouter/sig"
)

// A plan is what sig launch is to run.
type plan struct {
	URL        string
	Router     string
	RouterArgs []string `toml:"router-args"`
	Grace      span
	Components []*component `toml:"component"`

	router *component // nil unless one is started
}

// A component is one program of a plan.
type component struct {
	Name        string
	Command     commandLine
	Dir         string
	Env         map[string]string
	WaitFor     string `toml:"wait-for"`
	Timeout     span
	Delay       span
	Restart     string
	Backoff     span
	MaxBackoff  span `toml:"max-backoff"`
	MaxRestarts int  `toml:"max-restarts"`
	Grace       span
	Essential   bool
}

// A span is a time such as 500ms.
type span time.Duration

// UnmarshalText reads it.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time such as 500ms", text)
	}
	*s = span(d)
	return nil
}

// A commandLine is a program and its arguments: a list, or text that is divided into words.
type commandLine []string

// UnmarshalTOML reads it.
func (c *commandLine) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		split, err := words.Split(v)
		*c = split
		return err
	case []any:
		for _, x := range v {
			word, ok := x.(string)
			if !ok {
				return fmt.Errorf("a command is a list of texts; %v is none", x)
			}
			*c = append(*c, word)
		}
		return nil
	}
	return fmt.Errorf("a command is text, or a list of texts, not %v", v)
}

// readPlan reads a plan from a file of either kind.
func readPlan(file, topic string) (*plan, error) {
	if strings.EqualFold(filepath.Ext(file), ".csv") {
		return readBanyan(file, topic)
	}
	p := &plan{}
	meta, err := toml.DecodeFile(file, p)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, usageError{error: err}
	}
	if e, ok := errors.AsType[toml.ParseError](err); ok {
		return nil, usagef("%s, line %d: %s", file, e.Position.Line, e.Message)
	}
	if err != nil {
		return nil, usagef("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, k := range unknown {
			names[i] = k.String()
		}
		return nil, usagef("%s: unknown setting %s; sig launch --help shows those there are", file, strings.Join(names, ", "))
	}
	return p, nil
}

// check fills in what was left out, and says all that is wrong.
func (p *plan) check(file string) error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if p.Router == "" {
		p.Router = "auto"
	}
	if !slices.Contains([]string{"auto", "always", "never"}, p.Router) {
		say("router is %q; it can be auto, always or never", p.Router)
	}
	if len(p.Components) == 0 {
		say("there is no [[component]] to start")
	}
	seen := map[string]bool{routerName: true}
	for i, c := range p.Components {
		for _, problem := range c.check(filepath.Dir(file), p.Grace) {
			say("component %d%s: %w", i+1, nameAfter(c.Name), problem)
		}
		if seen[c.Name] && c.Name != "" {
			say("component %d: the name %q is taken; give it another", i+1, c.Name)
		}
		seen[c.Name] = true
	}
	if len(wrong) == 0 {
		return nil
	}
	lines := make([]string, len(wrong))
	for i, err := range wrong {
		lines[i] = file + ": " + err.Error()
	}
	return usagef("%s", strings.Join(lines, "\nsig: "))
}

func nameAfter(name string) string {
	if name == "" {
		return ""
	}
	return ", " + name
}

// defaultReadiness is how long a sender is waited for.
const defaultReadiness = 10 * time.Second

func (c *component) check(dir string, grace span) (wrong []error) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if len(c.Command) == 0 || c.Command[0] == "" {
		say(`it has no command; write command = "program --flag"`)
	} else if c.Name == "" {
		c.Name = strings.Trim(strings.TrimSuffix(filepath.Base(c.Command[0]), filepath.Ext(c.Command[0])), "{}")
	}
	if c.Timeout == 0 {
		c.Timeout = span(defaultReadiness)
	}
	if c.Grace == 0 {
		c.Grace = grace
	}
	if !filepath.IsAbs(c.Dir) {
		c.Dir = filepath.Join(dir, c.Dir)
	}
	if c.Restart == "" {
		c.Restart = "on-failure"
	}
	if _, ok := restarts()[c.Restart]; !ok {
		say("restart is %q; it can be on-failure, always or never", c.Restart)
	}
	if c.MaxRestarts < 0 {
		say("max-restarts is %d; it cannot be less than 0", c.MaxRestarts)
	}
	if c.WaitFor != "" {
		if err := sig.CheckName("sender", c.WaitFor); err != nil {
			say("wait-for: %w", err)
		}
	}
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		say("there is no directory %s to run in", c.Dir)
	} else if err := c.find(); err != nil {
		say("%w", err)
	}
	return wrong
}

// find reports why the program cannot be found. A name that has more than one part is looked
// for where the program is to run.
func (c *component) find() error {
	if len(c.Command) == 0 || c.Command[0] == "" || strings.Contains(c.Command[0], "{sig}") {
		return nil
	}
	program := c.Command[0]
	if filepath.Base(program) != program && !filepath.IsAbs(program) {
		program = filepath.Join(c.Dir, program)
	}
	if _, err := exec.LookPath(program); err != nil && !errors.Is(err, exec.ErrDot) {
		return fmt.Errorf("cannot find the program: %w", err)
	}
	return nil
}

func restarts() map[string]supervise.Restart {
	return map[string]supervise.Restart{"on-failure": supervise.OnFailure, "always": supervise.Always, "never": supervise.Never}
}

func (c *component) restart() supervise.Restart { return restarts()[c.Restart] }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// A planLine is what sig launch --check --json prints for each program. It may grow, and
// keeps what it has.
type planLine struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	Dir     string   `json:"dir"`
	WaitFor string   `json:"wait_for,omitempty"`
	Delay   string   `json:"delay,omitempty"`
	Restart string   `json:"restart"`
}

// print says what would be started.
func (p *plan) print(out *printer, url string) error {
	for _, c := range p.Components {
		line := planLine{Name: c.Name, Command: c.Command, Dir: c.Dir, WaitFor: c.WaitFor, Restart: c.Restart}
		if c.Delay > 0 {
			line.Delay = time.Duration(c.Delay).String()
		}
		if out.json {
			if err := out.object(line); err != nil {
				return err
			}
			continue
		}
		text := fmt.Sprintf("%s: %s, in %s, restart %s", out.styled(styleName, visible(line.Name)), visible(strings.Join(line.Command, " ")), visible(line.Dir), line.Restart)
		if line.WaitFor != "" {
			text += ", ready with sender " + visible(line.WaitFor)
		}
		if line.Delay != "" {
			text += ", then waits " + line.Delay
		}
		if err := out.line(text); err != nil {
			return err
		}
	}
	if out.json {
		return nil
	}
	return out.line(fmt.Sprintf("%s, router at %s: %s", plural(len(p.Components), "program"), url, p.Router))
}
