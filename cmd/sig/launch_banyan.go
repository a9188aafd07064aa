package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/internal/words"
)

// banyanColumns are those of the files of Banyan's launcher.
func banyanColumns() []string {
	return []string{"command_string", "spawn", "topic", "append_bp_address", "auto_restart", "wait"}
}

// banyanDelay is what Banyan's launcher waits after each start, beside what the file says.
const banyanDelay = 500 * time.Millisecond

// readBanyan reads a file of Banyan's launcher: the rows with the topic. Spawn, which opens
// a window, means nothing here.
func readBanyan(file, topic string) (*plan, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, usageError{error: err}
	}
	defer in.Close()
	r := csv.NewReader(in)
	r.TrimLeadingSpace = true
	r.FieldsPerRecord = len(banyanColumns())
	head, err := r.Read()
	if err == nil && !slices.Equal(trimAll(head), banyanColumns()) {
		err = fmt.Errorf("the first line names the columns %s", strings.Join(banyanColumns(), ","))
	}
	if err != nil {
		return nil, usagef("%s: %w", file, err)
	}
	p := &plan{}
	others := map[string]bool{}
	var wrong error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, usagef("%s: %w", file, err)
		}
		row = trimAll(row)
		if row[2] != topic {
			others[row[2]] = true
			continue
		}
		c, err := banyanComponent(row)
		if err != nil {
			line, _ := r.FieldPos(0)
			wrong = errors.Join(wrong, usagef("%s, line %d: %w", file, line, err))
			continue
		}
		c.Name = unused(c.Name, p.Components)
		p.Components = append(p.Components, c)
	}
	if wrong == nil && len(p.Components) == 0 {
		wrong = usagef("%s: no row has the topic %q; there are %s; choose with --topic", file, topic, strings.Join(sortedTopics(others), ", "))
	}
	return p, wrong
}

func trimAll(row []string) []string {
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

func banyanComponent(row []string) (*component, error) {
	split, err := words.Split(row[0])
	if err != nil {
		return nil, err
	}
	if len(split) == 0 {
		return nil, errors.New("there is no command_string")
	}
	c := &component{Command: split, Restart: "never", Delay: span(banyanDelay)}
	c.Name = strings.TrimSuffix(baseName(split), ".py")
	if yes(row[3]) {
		c.Command = append(c.Command, "-b", "{url}")
	}
	if yes(row[4]) {
		c.Restart = "always"
	}
	if row[5] != "" {
		seconds, err := strconv.ParseFloat(row[5], 64)
		if err != nil || seconds < 0 || seconds > 1e6 {
			return nil, fmt.Errorf("wait is %q; it is a number of seconds", row[5])
		}
		c.Delay += span(seconds * float64(time.Second))
	}
	return c, nil
}

// baseName returns what a command is best known by: the program, or the script that it runs.
func baseName(command []string) string {
	name := command[0]
	for _, w := range command[1:] {
		if strings.HasSuffix(w, ".py") {
			name = w
			break
		}
	}
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

func yes(s string) bool { return strings.EqualFold(s, "yes") }

// unused adds a number to a name that is taken.
func unused(name string, taken []*component) string {
	for n, try := 2, name; ; n++ {
		if !slices.ContainsFunc(taken, func(c *component) bool { return c.Name == try }) {
			return try
		}
		try = fmt.Sprint(name, "-", n)
	}
}

func sortedTopics(topics map[string]bool) []string {
	var all []string
	for t := range topics {
		all = append(all, strconv.Quote(t))
	}
	slices.Sort(all)
	return all
}
