package router

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// A LogTail is a slog.Handler that keeps the last records it is given, and passes them all
// on to another one. A router whose logger has one as its handler shows them to who
// inspects it.
//
//	log := slog.New(router.NewLogTail(slog.NewTextHandler(os.Stderr, nil), 0))
type LogTail struct {
	next   slog.Handler
	ring   *logRing
	attrs  []LogAttr
	prefix string // of the group
}

// A LogLine is one record that was logged.
type LogLine struct {
	N       uint64    `json:"n"` // counted from 1
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Attrs   []LogAttr `json:"attrs"`
}

// A LogAttr is one attribute of a record: its key, with the groups it is in before it, and
// its value as text.
type LogAttr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Bounds of what is kept of one record.
const (
	logMessage = 1 << 10
	logValue   = 256
	logAttrs   = 16
)

// A logRing holds the records of a LogTail and of those made from it.
type logRing struct {
	mu    sync.Mutex
	lines []LogLine
	next  int    // where the next goes, once the ring is full
	n     uint64 // how many there were
	size  int
}

// NewLogTail makes a LogTail that keeps size records, 500 if size is 0.
func NewLogTail(next slog.Handler, size int) *LogTail {
	if size <= 0 {
		size = 500
	}
	return &LogTail{next: next, ring: &logRing{size: size}}
}

// Enabled reports whether the handler behind takes records of this level.
func (t *LogTail) Enabled(ctx context.Context, level slog.Level) bool {
	return t.next.Enabled(ctx, level)
}

// Handle keeps a record and passes it on.
func (t *LogTail) Handle(ctx context.Context, r slog.Record) error {
	line := LogLine{Time: r.Time, Level: r.Level.String(), Message: clip(r.Message, logMessage), Attrs: slices.Clone(t.attrs)}
	r.Attrs(func(a slog.Attr) bool {
		line.Attrs = flatten(line.Attrs, t.prefix, a)
		return len(line.Attrs) < logAttrs
	})
	if line.Attrs == nil {
		line.Attrs = []LogAttr{}
	}
	t.ring.add(line)
	return t.next.Handle(ctx, r)
}

// WithAttrs returns a LogTail for the same ring.
func (t *LogTail) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *t
	next.next = t.next.WithAttrs(attrs)
	next.attrs = slices.Clone(t.attrs)
	for _, a := range attrs {
		next.attrs = flatten(next.attrs, t.prefix, a)
	}
	return &next
}

// WithGroup returns a LogTail for the same ring.
func (t *LogTail) WithGroup(name string) slog.Handler {
	next := *t
	next.next = t.next.WithGroup(name)
	if name != "" {
		next.prefix += name + "."
	}
	return &next
}

// After returns the records kept that came after the n-th, oldest first.
func (t *LogTail) After(n uint64) []LogLine {
	r := t.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(r.lines[r.next:], r.lines[:r.next])
	if n > r.n { // of another run
		return all
	}
	return all[len(all)-min(len(all), int(r.n-n)):]
}

func (r *logRing) add(line LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	line.N = r.n
	if len(r.lines) < r.size {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % r.size
}

// flatten appends an attribute, or those of a group with its name before theirs.
func flatten(to []LogAttr, prefix string, a slog.Attr) []LogAttr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, g := range v.Group() {
			to = flatten(to, prefix, g)
		}
		return to
	}
	if a.Key == "" || len(to) >= logAttrs {
		return to
	}
	return append(to, LogAttr{clip(prefix+a.Key, logValue), clip(v.String(), logValue)})
}

// clip cuts text to a number of bytes, at a whole character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
