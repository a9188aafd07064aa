package serial

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// lines is the framing of one JSON object a line.
type lines struct{}

func (lines) delimiter() byte { return '\n' }
func (lines) textOnly() bool  { return true }
func (lines) room(n int) int  { return n + 2 } // a carriage return, and a NUL from a break

// maxTails bounds how often decode looks for a message behind noise in one line.
const maxTails = 16

func (lines) decode(seg []byte) ([]byte, verdict) {
	seg = bytes.Trim(seg, " \t\r\n\x00") // a break condition reads as NUL
	switch {
	case len(seg) == 0:
		return nil, blank
	case isStart(seg):
		return nil, mark
	case isObject(seg):
		return seg, good
	}
	if tail := findTail(seg); tail != nil {
		return tail, salvaged
	}
	if bytes.HasSuffix(seg, []byte(startMark)) {
		return nil, mark
	}
	return nil, bad
}

// findTail looks for a message at the end of a line that is none as a whole. A device
// that restarts in mid-line, or prints rubbish while it boots, puts its first message
// behind what it had begun, and that message is the one which must not be lost. The
// outermost object that reaches the line's end is taken. An object inside a damaged
// message does not, for closing braces stand behind it; should these be what was lost,
// the colon or comma before it gives it away.
func findTail(seg []byte) []byte {
	at := 0
	for range maxTails {
		i := bytes.IndexByte(seg[at+1:], '{')
		if i < 0 {
			return nil
		}
		at += 1 + i
		if tail := seg[at:]; !isNested(seg[:at]) && isObject(tail) && isEnvelope(tail) {
			return tail
		}
	}
	return nil
}

// isNested reports whether what follows before is a member or an element.
func isNested(before []byte) bool {
	before = bytes.TrimRight(before, " \t")
	return len(before) > 0 && bytes.IndexByte([]byte(":,["), before[len(before)-1]) >= 0
}

// isObject reports whether b is one JSON object in valid UTF-8.
func isObject(b []byte) bool {
	return len(b) >= 2 && b[0] == '{' && b[len(b)-1] == '}' && json.Valid(b) && utf8.Valid(b)
}

// isEnvelope reports whether an object has a member that makes it a message.
func isEnvelope(object []byte) bool {
	var m struct{ Method, Status, Ack, Refused, Gap json.RawMessage }
	err := json.Unmarshal(object, &m)
	return err == nil && (m.Method != nil || m.Status != nil || m.Ack != nil || m.Refused != nil || m.Gap != nil)
}

// append writes line breaks as blanks: valid JSON has them only between tokens.
func (lines) append(dst, head, body []byte) []byte {
	dst = appendLine(dst, head)
	dst = appendLine(dst, body)
	return append(dst, '\n')
}

func appendLine(dst, part []byte) []byte {
	start := len(dst)
	dst = append(dst, part...)
	if bytes.IndexByte(part, '\n') < 0 && bytes.IndexByte(part, '\r') < 0 {
		return dst
	}
	for i := start; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}
