package sigrouter_test

import (
	"os"
	"regexp"
	"testing"
)

// TestReliability holds docs/reliability.md to the tests it names, and to the cases it has to
// speak of.
func TestReliability(t *testing.T) {
	text, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := testNames(t)
	rows := 0
	for _, row := range regexp.MustCompile(`(?m)^\| [A-Z–].*$`).FindAll(text, -1) {
		rows++
		named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(row, -1)
		if len(named) == 0 && !regexp.MustCompile(`\*gap\*|\.ci/run`).Match(row) {
			t.Errorf("names no test and no gap: %s", row)
		}
		for _, m := range named {
			if !exists[string(m[1])] {
				t.Errorf("docs/reliability.md names %s, which does not exist", m[1])
			}
		}
	}
	if rows < 50 {
		t.Errorf("docs/reliability.md has %d cases", rows)
	}
}
