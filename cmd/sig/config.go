package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// commandLineOnly are the flags of sig serve that belong to one call of it. All others may
// also stand in its configuration file, and in the environment with SIG_ before.
func commandLineOnly() []string { return []string{"help", "config", "check-config", "ready-fd"} }

// tables are the tables of the configuration file. Each has the settings whose flags begin
// with its name and a dash: tls-cert is cert in [tls].
func tables() []string { return []string{"tls"} }

// fillIn gives the flags that were not given on the command line the values that the
// environment has for them, or else the configuration file.
func fillIn(flags *pflag.FlagSet, getenv func(string) string, file string) error {
	known := configurable(flags)
	config, err := readConfig(file, known)
	if err != nil {
		return err
	}
	for _, name := range known {
		flag := flags.Lookup(name)
		values, source := config[name], file+": "+settingName(name)
		if v := getenv(variable(name)); v != "" {
			values, source = []string{v}, variable(name)
			if _, list := flag.Value.(pflag.SliceValue); list {
				values = strings.Fields(v)
			}
		}
		if flag.Changed || values == nil {
			continue
		}
		if err := setFlag(flag, values); err != nil {
			return usagef("%s: %w", source, err)
		}
	}
	return nil
}

// configurable returns the names of the flags that may stand elsewhere.
func configurable(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(commandLineOnly(), f.Name) {
			names = append(names, f.Name)
		}
	})
	return names
}

// variable returns the name of a flag in the environment.
func variable(flag string) string {
	return "SIG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settingName returns the name of a flag in the configuration file.
func settingName(flag string) string {
	if flag == "limit" {
		return "limits"
	}
	for _, table := range tables() {
		if rest, ok := strings.CutPrefix(flag, table+"-"); ok {
			return table + "." + rest
		}
	}
	return flag
}

func setFlag(flag *pflag.Flag, values []string) error {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	if len(values) != 1 {
		return errors.New("one value is wanted, not a list")
	}
	return flag.Value.Set(values[0])
}

// A settings holds what a configuration file says, by the names of flags.
type settings struct {
	known  []string // flags
	values map[string][]string
}

// readConfig reads a configuration file. Whatever it does not know is an error: a misspelt
// setting must not pass for a default.
func readConfig(file string, known []string) (map[string][]string, error) {
	s := settings{known: known, values: map[string][]string{}}
	if file == "" {
		return s.values, nil
	}
	var tree map[string]any
	if _, err := toml.DecodeFile(file, &tree); err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, usageError{error: err}
		}
		if e, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, usagef("%s, line %d: %s", file, e.Position.Line, e.Message)
		}
		return nil, usagef("%s: %w", file, err)
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if err := s.add(key, tree[key]); err != nil {
			return nil, usagef("%s: %w", file, err)
		}
	}
	return s.values, nil
}

// add adds a setting, or a table of them.
func (s *settings) add(key string, value any) error {
	table, ok := value.(map[string]any)
	switch {
	case !ok:
		return s.addFlat(key, key, value)
	case key == "limits":
		return s.addLimits(table)
	}
	for _, k := range slices.Sorted(maps.Keys(table)) {
		if err := s.addFlat(key+"-"+k, key+"."+k, table[k]); err != nil {
			return err
		}
	}
	return nil
}

// addFlat adds a setting under the name of its flag; shown is what the file calls it, which
// has to be what it is called.
func (s *settings) addFlat(flag, shown string, value any) error {
	if !slices.Contains(s.known, flag) || settingName(flag) != shown {
		var names []string
		for _, flag := range s.known {
			names = append(names, settingName(flag))
		}
		return fmt.Errorf("unknown setting %q; known are %s", shown, strings.Join(names, ", "))
	}
	values, err := settingText(value)
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	s.values[flag] = values
	return nil
}

func (s *settings) addLimits(table map[string]any) error {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		values, err := settingText(table[k])
		if err == nil && len(values) != 1 {
			err = errors.New("one value is wanted, not a list")
		}
		if err != nil {
			return fmt.Errorf("limits.%s: %w", k, err)
		}
		s.values["limit"] = append(s.values["limit"], k+"="+values[0])
	}
	return nil
}

// settingText returns a value of the file as a flag would have it.
func settingText(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case int64, bool:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		texts := []string{}
		for _, x := range v {
			text, err := settingText(x)
			if _, list := x.([]any); list || err != nil {
				return nil, fmt.Errorf("a list of texts is wanted, not %v", value)
			}
			texts = append(texts, text[0])
		}
		return texts, nil
	}
	return nil, fmt.Errorf("%v is neither text, whole number, true, false nor a list", value)
}
