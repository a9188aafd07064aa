package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"

	"github.com/sigrouter/sigrouter/carrier"
)

// configurable are the flags of sig serve that may also stand in its configuration file,
// and in the environment with SIG_ before. In the file a table stands for what is before
// the first dash where there are several of a kind: tls-cert is cert in [tls].
func configurable() []string {
	return []string{"listen", "name", "log", "quiet", "drain", "tls-cert", "tls-key", "tls-client-ca", "limit"}
}

// fillIn gives the flags that were not given on the command line the values that the
// environment has for them, or else the configuration file.
func fillIn(flags *pflag.FlagSet, getenv func(string) string, file string) error {
	config, err := readConfig(file)
	if err != nil {
		return err
	}
	for _, name := range configurable() {
		flag := flags.Lookup(name)
		variable := "SIG_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		values, source := config[name], file+": "+name
		if v := getenv(variable); v != "" {
			values, source = []string{v}, variable
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

func setFlag(flag *pflag.Flag, values []string) error {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	if len(values) != 1 {
		return errors.New("one value is wanted, not a list")
	}
	return flag.Value.Set(values[0])
}

// readConfig reads a configuration file into values by the names of flags. Whatever it does
// not know is an error: a misspelt setting must not pass for a default.
func readConfig(file string) (map[string][]string, error) {
	config := map[string][]string{}
	if file == "" {
		return config, nil
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
		if err := addSetting(config, key, tree[key]); err != nil {
			return nil, usagef("%s: %w", file, err)
		}
	}
	return config, nil
}

func addSetting(config map[string][]string, key string, value any) error {
	table, ok := value.(map[string]any)
	switch {
	case !ok:
		values, err := settingText(value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return addFlat(config, key, key, values)
	case key == "limits":
		return addLimits(config, table)
	}
	for _, k := range slices.Sorted(maps.Keys(table)) {
		values, err := settingText(table[k])
		if err != nil {
			return fmt.Errorf("%s.%s: %w", key, k, err)
		}
		if err := addFlat(config, key+"-"+k, key+"."+k, values); err != nil {
			return err
		}
	}
	return nil
}

// addFlat adds a setting under the name of its flag; shown is what the file calls it.
func addFlat(config map[string][]string, name, shown string, values []string) error {
	if name == "limit" || !slices.Contains(configurable(), name) {
		return fmt.Errorf("unknown setting %q; known are %s", shown, strings.Join(knownSettings(), ", "))
	}
	config[name] = values
	return nil
}

func knownSettings() []string {
	var known []string
	for _, name := range configurable() {
		if rest, ok := strings.CutPrefix(name, "tls-"); ok {
			name = "tls." + rest
		}
		if name == "limit" {
			name = "limits"
		}
		known = append(known, name)
	}
	return known
}

func addLimits(config map[string][]string, table map[string]any) error {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		values, err := settingText(table[k])
		if err == nil && len(values) != 1 {
			err = errors.New("one value is wanted, not a list")
		}
		if err != nil {
			return fmt.Errorf("limits.%s: %w", k, err)
		}
		config["limit"] = append(config["limit"], k+"="+values[0])
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

// parseLimits reads limits such as max-message=4194304 and call-timeout=1m.
func parseLimits(settings []string) (carrier.Limits, error) {
	var limits carrier.Limits
	fields := reflect.ValueOf(&limits).Elem()
	names := limitNames()
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		i := slices.Index(names, name)
		switch {
		case !ok:
			return limits, usagef("--limit %s: write it as NAME=VALUE", s)
		case i < 0:
			return limits, usagef("unknown limit %q; known are %s", name, strings.Join(names, ", "))
		}
		if err := setLimit(fields.Field(i), value); err != nil {
			return limits, usagef("limit %s: %w", name, err)
		}
	}
	return limits, nil
}

func setLimit(field reflect.Value, value string) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is no time such as 30s", value)
		}
		field.SetInt(int64(d))
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 0)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is no whole number above 0", value)
	}
	field.SetInt(n)
	return nil
}

// limitNames returns the fields of carrier.Limits as they are written in settings:
// MaxMessage is max-message.
func limitNames() []string {
	var names []string
	for field := range reflect.TypeFor[carrier.Limits]().Fields() {
		var b strings.Builder
		for i, r := range field.Name {
			if unicode.IsUpper(r) && i > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		names = append(names, b.String())
	}
	return names
}
