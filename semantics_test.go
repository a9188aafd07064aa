package sigrouter_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// promises is how many promises docs/semantics.md numbers.
const promises = 16

// TestSemantics holds docs/semantics.md to the tests it names: they exist, and each
// promise has at least one that carries its number.
func TestSemantics(t *testing.T) {
	text, err := os.ReadFile("docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := testNames(t)
	name := regexp.MustCompile("`(Test\\w+)`")
	for _, m := range name.FindAllSubmatch(text, -1) {
		if !exists[string(m[1])] {
			t.Errorf("docs/semantics.md names %s, which does not exist", m[1])
		}
	}
	parts := regexp.MustCompile(`(?m)^\*\*(\d+)\. `).Split(string(text), -1)
	if len(parts) != promises+1 {
		t.Fatalf("docs/semantics.md has %d numbered promises, want %d", len(parts)-1, promises)
	}
	for n := 1; n <= promises; n++ {
		paragraph, _, _ := strings.Cut(parts[n], "\n\n")
		found := false
		for _, m := range name.FindAllStringSubmatch(paragraph, -1) {
			found = found || proves(m[1], n)
		}
		if !found {
			t.Errorf("promise %d of docs/semantics.md names no test TestPromise%d_…", n, n)
		}
	}
	for test := range exists {
		if strings.HasPrefix(test, "TestPromise") && !strings.Contains(string(text), "`"+test+"`") {
			t.Errorf("%s is missing in docs/semantics.md", test)
		}
	}
}

// proves reports whether the test's name carries the number of the promise.
func proves(test string, promise int) bool {
	numbers, ok := strings.CutPrefix(test, "TestPromise")
	if !ok {
		return false
	}
	numbers, _, ok = strings.Cut(numbers, "_")
	if !ok {
		return false
	}
	for _, n := range strings.Split(numbers, "And") {
		if n == strconv.Itoa(promise) {
			return true
		}
	}
	return false
}

// testNames finds the tests of this module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	test := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range test.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
