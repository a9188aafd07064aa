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
// environment has for them, or else the configuration file. It returns what is wrong with
// these, or an error when there is no reading the file.
func fillIn(flags *pflag.FlagSet, getenv func(string) string, file string) (*problems, error) {
	known := configurable(flags)
	wrong := &problems{}
	config, err := readConfig(file, known, wrong)
	if err != nil {
		return nil, err
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
			wrong.add(settingName(name), usagef("%s: %w", source, err))
		}
	}
	return wrong, nil
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
	file   string
	known  []string // flags
	values map[string][]string
	wrong  *problems
}

// readConfig reads a configuration file. Whatever it does not know is wrong: a misspelt
// setting must not pass for a default.
func readConfig(file string, known []string, wrong *problems) (map[string][]string, error) {
	s := settings{file: file, known: known, values: map[string][]string{}, wrong: wrong}
	if file == "" {
		return s.values, nil
	}
	var tree map[string]any
	meta, err := toml.DecodeFile(file, &tree)
	if err != nil {
		return nil, unreadable(file, err)
	}
	for _, key := range meta.Keys() {
		wrong.order = append(wrong.order, strings.Join(key, "."))
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		s.add(key, tree[key])
	}
	return s.values, nil
}

// unreadable says why there is no reading a configuration file.
func unreadable(file string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return usageError{error: err}
	}
	if e, ok := errors.AsType[toml.ParseError](err); ok {
		return usagef("%s, line %d: %s", file, e.Position.Line, e.Message)
	}
	return usagef("%s: %w", file, err)
}

// add adds a setting, or a table of them.
func (s *settings) add(key string, value any) {
	table, ok := value.(map[string]any)
	switch {
	case !ok:
		s.addFlat(key, key, value)
	case key == "limits":
		s.addLimits(table)
	default:
		for _, k := range slices.Sorted(maps.Keys(table)) {
			s.addFlat(key+"-"+k, key+"."+k, table[k])
		}
	}
}

// addFlat adds a setting under the name of its flag; shown is what the file calls it, which
// has to be what it is called.
func (s *settings) addFlat(flag, shown string, value any) {
	if !slices.Contains(s.known, flag) || settingName(flag) != shown {
		var names []string
		for _, flag := range s.known {
			names = append(names, settingName(flag))
		}
		s.wrong.add(shown, usagef("%s: unknown setting %q; known are %s", s.file, shown, strings.Join(names, ", ")))
		return
	}
	values, err := settingText(value)
	if err != nil {
		s.wrong.add(shown, usagef("%s: %s: %w", s.file, shown, err))
		return
	}
	s.values[flag] = values
}

func (s *settings) addLimits(table map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		values, err := settingText(table[k])
		if err == nil && len(values) != 1 {
			err = errors.New("one value is wanted, not a list")
		}
		if err != nil {
			s.wrong.add("limits."+k, usagef("%s: limits.%s: %w", s.file, k, err))
			continue
		}
		s.values["limit"] = append(s.values["limit"], k+"="+values[0])
	}
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
