package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxHistory is how many lines a history holds.
const maxHistory = 1000

// A history remembers lines, from one run to the next if it has a file. What goes wrong with
// the file is no reason to stop anybody from typing.
type history struct {
	lines []string // oldest first
	file  string   // "" for none
}

// openHistory reads the history of the runs before.
func openHistory(getenv func(string) string) *history {
	h := &history{file: historyFile(getenv)}
	f, err := os.Open(h.file)
	if err != nil {
		return h
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		h.lines = append(h.lines, s.Text())
	}
	if len(h.lines) > 2*maxHistory { // it only ever grows while it is used
		h.lines = h.lines[len(h.lines)-maxHistory:]
		_ = os.WriteFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
	}
	return h
}

func historyFile(getenv func(string) string) string {
	switch name := getenv("SIG_HISTORY"); name {
	case "":
	case "off":
		return ""
	default:
		return name
	}
	dir := getenv("XDG_STATE_HOME")
	if dir == "" {
		home := getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "sig", "history")
}

// Add remembers a line, unless it is empty or the same as the one before.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > maxHistory {
		h.lines = slices.Delete(h.lines, 0, 1)
	}
	if h.file == "" || os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	_ = f.Close()
}

// Len returns how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
