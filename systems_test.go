package sigrouter_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestSystems checks that docs/systems.md leaves nothing out, and that every test it names is
// there.
func TestSystems(t *testing.T) {
	b, err := os.ReadFile("docs/systems.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, s := range []struct {
		letter string
		rows   int
	}{{"E", 24}, {"L", 20}, {"B", 21}, {"X", 19}} {
		for i := range s.rows {
			if row := fmt.Sprintf("\n| %s%d | ", s.letter, i+1); strings.Count(text, row) != 1 {
				t.Errorf("docs/systems.md has %d rows %s%d", strings.Count(text, row), s.letter, i+1)
			}
		}
	}
	grep := exec.Command("grep", "-rhoE", "--include=*_test.go", "^func (Test|Example)[A-Za-z0-9_]+", ".")
	out, err := grep.Output()
	if err != nil {
		t.Fatalf("%v: %v", grep, err)
	}
	there := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		there[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	named := regexp.MustCompile("`((?:Test|Example)[A-Za-z0-9_]+)`").FindAllStringSubmatch(text, -1)
	if len(named) < 84 {
		t.Errorf("docs/systems.md names %d tests", len(named))
	}
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("docs/systems.md names %s, which is not there", m[1])
		}
	}
}
