package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	return string(text)
}

// docs/operations.md has every limit with its default.
func TestOperationsHasLimits(t *testing.T) {
	text := operations(t)
	defaults := reflect.ValueOf(serveLimits{}.withDefaults())
	for i, f := range limitFields() {
		row := fmt.Sprintf("| `%s` | %s |", limitNames()[i], limitText(f.Name, defaults.FieldByIndex(f.Index)))
		require.Contains(t, text, row)
	}
}

// limitText writes a limit for people.
func limitText(name string, v reflect.Value) string {
	n := v.Int()
	bytes := strings.Contains(name, "Bytes") || strings.HasPrefix(name, "MaxMessage") || name == "MessageRate"
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return time.Duration(n).String()
	case n == 0:
		return "no limit"
	case bytes && n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case bytes:
		return fmt.Sprintf("%d KiB", n>>10)
	case n >= 1000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return fmt.Sprint(n)
}

// It has every setting, by its name in the file and in the environment.
func TestOperationsHasSettings(t *testing.T) {
	text := operations(t)
	for _, name := range configurable((&app{}).serveCommand().Flags()) {
		setting := settingName(name)
		if name == "limit" {
			setting = "limits.NAME"
		}
		require.Contains(t, text, "`"+setting+"`")
		require.Contains(t, text, "`"+variable(name)+"`")
	}
	for _, name := range commandLineOnly() {
		if name != "help" {
			require.Contains(t, text, "`--"+name+"`")
		}
	}
}

// It shows the units as they are, and they name settings that exist.
func TestOperationsHasUnits(t *testing.T) {
	text := operations(t)
	files, err := filepath.Glob("../../contrib/systemd/*")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		unit, err := os.ReadFile(file)
		require.NoError(t, err)
		shown := strings.ReplaceAll("    "+strings.TrimSpace(string(unit)), "\n", "\n    ")
		require.Contains(t, text, strings.ReplaceAll(shown, "\n    \n", "\n\n"), file)
	}
	config, err := os.ReadFile("../../contrib/systemd/sig.toml")
	require.NoError(t, err)
	flags := (&app{}).serveCommand().Flags()
	wrong, err := fillIn(flags, func(string) string { return "" }, writeConfig(t, string(config)))
	require.NoError(t, err)
	require.NoError(t, wrong.err())
	for _, address := range []string{"systemd:plain", "systemd:tls?as=tls"} {
		require.Contains(t, flags.Lookup("listen").Value.String(), address)
		_, err := parseHandover(address)
		require.NoError(t, err)
	}
	_, socket, err := httpURL("--http", flags.Lookup("http").Value.String(), true)
	require.NoError(t, err)
	require.Equal(t, "http", socket.name)
}
