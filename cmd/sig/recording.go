package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// What a recording is, docs/recording.md says: lines of JSON, the first of which says that
// it is one.

// recordingVersion is the version of recordings that this program writes and reads.
const recordingVersion = 1

// A recordingHeader is the first line of a recording.
type recordingHeader struct {
	Sig     string `json:"sig"` // "recording"
	Version int    `json:"version"`
	Started string `json:"started"`
	Router  string `json:"router"`
	Sender  string `json:"sender"` // patterns of what was recorded
	Event   string `json:"event"`
}

// A recordingLine is any other line: an event, a gap or the end.
type recordingLine struct {
	T           *float64        `json:"t"` // s since the beginning
	Sender      string          `json:"sender"`
	Event       string          `json:"event"`
	Retained    bool            `json:"retained"`
	Traceparent string          `json:"traceparent"`
	Data        json.RawMessage `json:"data"`

	Gap *recordingGap `json:"gap"`
	End *recordingEnd `json:"end"`
}

// A recordingGap says that events are missing here.
type recordingGap struct {
	Count  uint64 `json:"count,omitempty"` // 0: nobody knows how many
	Sender string `json:"sender,omitempty"`
	Event  string `json:"event,omitempty"`
	Reason string `json:"reason"`
}

// A recordingEnd is the last line of a recording that was not cut off.
type recordingEnd struct {
	Events  uint64 `json:"events"`
	Dropped uint64 `json:"dropped"`
	Reason  string `json:"reason"`
}

// appendTime begins a line, with a time to the microsecond.
func appendTime(b []byte, at time.Duration) []byte {
	b = append(b, `{"t":`...)
	return strconv.AppendFloat(b, float64(at/time.Microsecond)/1e6, 'f', 6, 64)
}

// appendEvent adds the line of an event. The data stays as it is, byte for byte, but for line
// breaks between its parts, for each of which there is a space.
func appendEvent(b []byte, at time.Duration, e sig.Event) []byte {
	b = appendTime(b, at)
	b = appendMember(b, "sender", e.Sender)
	b = appendMember(b, "event", e.Name)
	if e.Retained {
		b = append(b, `,"retained":true`...)
	}
	if e.Traceparent != "" {
		b = appendMember(b, "traceparent", e.Traceparent)
	}
	b = append(b, `,"data":`...)
	b = appendData(b, e.Data)
	return append(b, '}', '\n')
}

func appendMember(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return append(b, jsonText(value)...)
}

func appendData(b []byte, data any) []byte {
	text := []byte(jsonText(data))
	if raw, ok := data.(*sig.Raw); ok {
		if _, ok := raw.Codec.(sig.JSON); ok {
			text = raw.Bytes
		}
	}
	if len(text) == 0 {
		return append(b, "null"...)
	}
	from := len(b)
	b = append(b, text...)
	for i := from; i < len(b); i++ {
		if b[i] == '\n' || b[i] == '\r' { // never within a string
			b[i] = ' '
		}
	}
	return b
}

// appendObject adds a line with one member beside the time.
func appendObject(b []byte, at time.Duration, name string, v any) []byte {
	b = appendTime(b, at)
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	b = append(b, jsonText(v)...)
	return append(b, '}', '\n')
}

// A recordingError says what is wrong with a recording, and where. It wraps nothing: what a
// file says is no answer of a router.
type recordingError struct {
	file string
	line int
	err  error
}

func (e *recordingError) Error() string { return fmt.Sprintf("%s, line %d: %v", e.file, e.line, e.err) }

// A recordingReader reads a recording line by line.
type recordingReader struct {
	file   string
	in     *bufio.Reader
	n      int // lines read
	last   float64
	header recordingHeader
	cut    bool // the last line is not whole
	ended  bool // the last line was the end
}

// readRecording reads the first line of a recording.
func readRecording(file string, in io.Reader) (*recordingReader, error) {
	r := &recordingReader{file: file, in: bufio.NewReaderSize(in, 64<<10)}
	line, err := r.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(line) == 0 {
		return nil, fmt.Errorf("%s is empty; sig record writes recordings", file)
	}
	h := &r.header
	if err := json.Unmarshal(line, h); err != nil || h.Sig != "recording" {
		return nil, r.wrong("this is no recording; one begins with {\"sig\":\"recording\",\"version\":%d, and this with %s", recordingVersion, visibleText(shorten(string(line))))
	}
	if h.Version != recordingVersion {
		return nil, r.wrong("the recording has version %d, and this sig reads version %d; replay it with the sig that wrote it, or a later one", h.Version, recordingVersion)
	}
	return r, nil
}

func (r *recordingReader) wrong(format string, args ...any) error {
	return &recordingError{r.file, max(r.n, 1), fmt.Errorf(format, args...)}
}

// line reads a line, without its end. It fails with io.EOF behind the last.
func (r *recordingReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxInput:
			r.n++
			return nil, r.wrong("the line is longer than %d MiB; is this a recording?", maxInput>>20)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			r.n++
			r.cut = !json.Valid(line) // a file without a last line break is whole all the same
			return line, nil
		case err != nil:
			return nil, err
		}
		r.n++
		return bytes.TrimSuffix(line, []byte{'\n'}), nil
	}
}

// next returns the next event or gap. It fails with io.EOF at the end of the recording, or
// where that was cut off.
func (r *recordingReader) next() (*recordingLine, error) {
	for {
		text, err := r.line()
		if err != nil {
			return nil, err
		}
		if r.cut {
			return nil, io.EOF
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		l, err := r.parse(text)
		if err != nil || l.End == nil {
			return l, err
		}
	}
}

func (r *recordingReader) parse(text []byte) (*recordingLine, error) {
	var l recordingLine
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, r.wrong("not a line of a recording: %v", err)
	}
	switch {
	case l.T == nil:
		return nil, r.wrong("no time (\"t\"): %s", visibleText(shorten(string(text))))
	case *l.T < r.last:
		return nil, r.wrong("the time goes back from %v s to %v s", r.last, *l.T)
	case *l.T > maxRecordingTime:
		return nil, r.wrong("the time, %v s, is more than a hundred years", *l.T)
	}
	r.last, r.ended = *l.T, l.End != nil
	if l.Gap != nil || l.End != nil {
		return &l, nil
	}
	if err := errors.Join(sig.CheckName("sender", l.Sender), sig.CheckName("event", l.Event)); err != nil {
		return nil, r.wrong("%v", err)
	}
	if l.Data == nil {
		l.Data = json.RawMessage("null")
	}
	return &l, nil
}

const maxRecordingTime = 100 * 365.25 * 86400

// at is the time of the line since the beginning.
func (l *recordingLine) at() time.Duration { return time.Duration(*l.T * float64(time.Second)) }

// matches reports whether the line is an event that the patterns want replayed.
func (l *recordingLine) matches(sender, event string) bool {
	return l.Gap == nil && l.End == nil && !sig.IsBuiltin(l.Event) && sig.Match(sender, l.Sender) && sig.Match(event, l.Event)
}
