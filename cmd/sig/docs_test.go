package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/commands.md has every command, every exit code and every member that scripts get.
func TestCommandsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	doc := string(text)
	a := &app{getenv: func(string) string { return "" }}
	for _, c := range a.rootCommand().Commands() {
		if !c.Hidden && c.Name() != "help" {
			require.Contains(t, doc, "\n## sig "+c.Name()+"\n", "docs/commands.md has no section for sig %s; describe it there", c.Name())
		}
	}
	for line := range strings.Lines(exitHelp) {
		if code, _, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			require.Contains(t, doc, "\n| "+code+" | ")
		}
	}
	for command, v := range map[string]any{
		"listen": eventLine{}, "senders": senderLine{}, "top": topLine{}, "record": recordSummary{}, "replay": replaySummary{},
		"bench": benchLine{}, "ports": listedPort{}, "version": buildVersion{}, "serve": readyLine{},
	} {
		_, section, _ := strings.Cut(doc, "\n## sig "+command+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for _, member := range members(reflect.TypeOf(v)) {
			require.Contains(t, section, "`"+member+"`", "docs/commands.md does not say what %s of sig %s is", member, command)
		}
	}
}

// members are the names of a type's members in JSON, with those below.
func members(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Slice:
		return members(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(append(names, name), members(f.Type)...)
	}
	return names
}

// Every command says what it is for, and shows how it is used where that is not plain.
func TestHelpOfEveryCommand(t *testing.T) {
	a := &app{getenv: func(string) string { return "" }}
	for _, c := range a.rootCommand().Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		require.NotEmpty(t, c.Short, c.Name())
		require.False(t, strings.HasSuffix(c.Short, "."), "%s: %s", c.Name(), c.Short)
		require.True(t, c.Args != nil || c.DisableFlagParsing, "%s takes any arguments", c.Name())
		if c.Flags().HasFlags() && c.Name() != "version" && !c.Hidden {
			require.NotEmpty(t, c.Example, "%s has no example", c.Name())
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			require.LessOrEqual(t, textWidth(strings.TrimSuffix(line, "\n")), 120, "%s: %s", c.Name(), line)
		}
	}
}
