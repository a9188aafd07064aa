package sigrouter_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The gate tests under the race detector. Tests that skip themselves there are named in a
// command of their own.
func TestGateRunsWhatTheRaceDetectorSkips(t *testing.T) {
	gate, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	skips := regexp.MustCompile(`func (Test\w+)\(t \*testing\.T\) \{\n\tif race\w+ \{\n\t\tt\.Skip`)
	found := 0
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range skips.FindAllSubmatch(text, -1) {
			found++
			named := regexp.MustCompile(`go test -run .*\b` + string(m[1]) + `\b.* \./` + filepath.ToSlash(filepath.Dir(path)) + `\b`)
			if !named.Match(gate) {
				t.Errorf("%s: %s is skipped under the race detector, and .ci/run does not run it without", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("no test skips itself under the race detector: this one looks in the wrong way")
	}
}
