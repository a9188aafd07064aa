// Package promtext reads the text format of Prometheus, version 0.0.4, and OpenMetrics as
// far as this module writes it, and takes nothing that breaks their rules. It is for tests.
package promtext

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Sample is one line.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// A Page is what was read.
type Page struct {
	Kinds   map[string]string // of families, by name
	Samples []Sample
}

// Value returns the value of the one sample that has this name and these labels, perhaps
// among others, given as name and value in turn.
func (p *Page) Value(name string, labels ...string) (v float64, found int) {
	for _, s := range p.Samples {
		same := s.Name == name
		for i := 0; i+1 < len(labels); i += 2 {
			same = same && s.Labels[labels[i]] == labels[i+1]
		}
		if same {
			v = s.Value
			found++
		}
	}
	return v, found
}

var (
	nameForm   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	sampleForm = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelForm  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)`)
)

type reader struct {
	page   Page
	open   bool
	family string
	helped string
	seen   map[string]bool // series
	ended  bool
}

// Parse reads a page; open says that it is OpenMetrics. The error names the line.
func Parse(text string, open bool) (*Page, error) {
	r := &reader{page: Page{Kinds: map[string]string{}}, open: open, seen: map[string]bool{}}
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line has no end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w: %q", i+1, err, line)
		}
	}
	if open != r.ended {
		return nil, fmt.Errorf("# EOF there: %v, wanted: %v", r.ended, open)
	}
	return &r.page, r.histograms()
}

func (r *reader) line(line string) error {
	switch {
	case r.ended:
		return fmt.Errorf("after the end")
	case line == "# EOF" && r.open:
		r.ended = true
		return nil
	case strings.HasPrefix(line, "# HELP "):
		name, help, _ := strings.Cut(line[len("# HELP "):], " ")
		if !nameForm.MatchString(name) || help == "" {
			return fmt.Errorf("bad HELP")
		}
		r.helped = name
		return nil
	case strings.HasPrefix(line, "# TYPE "):
		return r.kind(strings.Fields(line[len("# TYPE "):]))
	case strings.HasPrefix(line, "#") || line == "":
		return fmt.Errorf("neither HELP nor TYPE nor a sample")
	}
	return r.sample(line)
}

func (r *reader) kind(words []string) error {
	if len(words) != 2 || words[0] != r.helped {
		return fmt.Errorf("TYPE without its HELP before")
	}
	name, kind := words[0], words[1]
	if _, twice := r.page.Kinds[name]; twice {
		return fmt.Errorf("family %s twice", name)
	}
	if kind != "counter" && kind != "gauge" && kind != "histogram" {
		return fmt.Errorf("no kind of metric")
	}
	if total := strings.HasSuffix(name, "_total"); total != (kind == "counter" && !r.open) {
		return fmt.Errorf("the name of a counter, and no other, ends in _total, in OpenMetrics only that of its samples")
	}
	r.page.Kinds[name], r.family = kind, name
	return nil
}

func (r *reader) sample(line string) error {
	m := sampleForm.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("no sample")
	}
	if !slices.Contains(r.names(), m[1]) {
		return fmt.Errorf("not of family %s", r.family)
	}
	labels, err := parseLabels(m[2])
	if err != nil {
		return err
	}
	v, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return err
	}
	key := m[1] + fmt.Sprint(labels)
	if r.seen[key] {
		return fmt.Errorf("the same series twice")
	}
	r.seen[key] = true
	if r.page.Kinds[r.family] == "counter" && v < 0 {
		return fmt.Errorf("a counter below zero")
	}
	r.page.Samples = append(r.page.Samples, Sample{m[1], labels, v})
	return nil
}

// names are those that samples of the family may have.
func (r *reader) names() []string {
	switch r.page.Kinds[r.family] {
	case "histogram":
		return []string{r.family + "_bucket", r.family + "_sum", r.family + "_count"}
	case "counter":
		if r.open {
			return []string{r.family + "_total"}
		}
	}
	return []string{r.family}
}

func parseLabels(text string) (map[string]string, error) {
	labels := map[string]string{}
	for text != "" {
		m := labelForm.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("bad labels")
		}
		if _, twice := labels[m[1]]; twice {
			return nil, fmt.Errorf("label %s twice", m[1])
		}
		labels[m[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(m[2])
		text = text[len(m[0]):]
	}
	return labels, nil
}

// histograms checks that buckets count what is below their bounds, and the last all.
func (r *reader) histograms() error {
	last := map[string]float64{} // by series without le
	for _, s := range r.page.Samples {
		family, bucket := strings.CutSuffix(s.Name, "_bucket")
		labels := maps.Clone(s.Labels)
		delete(labels, "le")
		switch {
		case bucket && r.page.Kinds[family] == "histogram":
			key := family + fmt.Sprint(labels)
			if s.Value < last[key] {
				return fmt.Errorf("%s%v: buckets go down", s.Name, s.Labels)
			}
			last[key] = s.Value
		case r.page.Kinds[strings.TrimSuffix(s.Name, "_count")] == "histogram":
			if last[strings.TrimSuffix(s.Name, "_count")+fmt.Sprint(labels)] != s.Value {
				return fmt.Errorf("%s%v is not the last bucket", s.Name, s.Labels)
			}
		}
	}
	return nil
}
