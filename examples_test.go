package sigrouter_test

import (
	"os"
	"strings"
	"testing"
)

// TestExamplesAreListed holds examples/README.md to the examples there are.
func TestExamplesAreListed(t *testing.T) {
	list, err := os.ReadFile("examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "internal" && !strings.Contains(string(list), "| ["+e.Name()+"](") {
			t.Errorf("examples/README.md does not list %s", e.Name())
		}
	}
}
