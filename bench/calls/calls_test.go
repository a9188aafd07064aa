package calls

import (
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	o := Options{Rounds: 1, Time: 10 * time.Millisecond, Progress: t.Logf}
	if err := Run(&out, Subjects(), o); err != nil {
		t.Fatal(err)
	}
	for _, s := range Subjects() {
		if !strings.Contains(out.String(), "| "+s.Name+" |") {
			t.Errorf("the table has no row for %s:\n%s", s.Name, out.String())
		}
	}
}
