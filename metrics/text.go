package metrics

import (
	"bytes"
	"strconv"
	"strings"
)

// A writer writes families of metrics one after the other.
type writer struct {
	buf  bytes.Buffer
	open bool // OpenMetrics
	name string
}

// Kinds of families.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// family begins a family. The name of a counter comes without _total.
func (w *writer) family(name, kind, help string) {
	w.name = name
	if kind == counter {
		w.name += "_total"
	}
	shown := w.name
	if w.open {
		shown = name
	}
	w.buf.WriteString("# HELP " + shown + " " + help + "\n# TYPE " + shown + " " + kind + "\n")
}

// value adds a sample to the family, with labels and their values in turn.
func (w *writer) value(v float64, labels ...string) { w.sample("", v, labels) }

func (w *writer) count(n uint64, labels ...string) { w.sample("", float64(n), labels) }

// one is a family of one sample.
func (w *writer) one(name, kind string, v float64, help string) {
	w.family(name, kind, help)
	w.value(v)
}

func (w *writer) sample(suffix string, v float64, labels []string) {
	w.buf.WriteString(w.name)
	w.buf.WriteString(suffix)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			w.buf.WriteByte('{')
		} else {
			w.buf.WriteByte(',')
		}
		w.buf.WriteString(labels[i] + `="` + escape(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		w.buf.WriteByte('}')
	}
	w.buf.WriteByte(' ')
	w.buf.WriteString(number(v))
	w.buf.WriteByte('\n')
}

// number writes whole numbers as such, for people.
func number(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// escape makes the value of a label of any text.
func escape(s string) string {
	if !strings.ContainsAny(s, "\\\"\n\r") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\\r`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

func (w *writer) end() {
	if w.open {
		w.buf.WriteString("# EOF\n")
	}
}
