package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sigrouter/sigrouter/sig"
)

// This file says a second time, by way of encoding/json and without regard to speed,
// what Parse has to make of a text. Where Parse is meant to differ from encoding/json:
//
//  1. text that is not UTF-8 is refused, encoding/json replaces it;
//  2. nesting is bounded by MaxDepth for each value of the envelope, not by 10,000;
//  3. a known member given twice is refused, encoding/json takes the last;
//  4. names of members match exactly, encoding/json also matches other cases;
//  5. half of a surrogate pair is refused in names and kept in payloads,
//     encoding/json replaces it;
//  6. messages longer than MaxMessage and with more than MaxValues are refused.

// A verdict is what Parse should answer.
type verdict struct {
	short bool
	kind  *sig.Error // why it is refused
	whole bool       // refused, but a whole object
	n     int
	view  view
}

// A view is a Msg with its slices as strings that tell nil from empty.
type view struct {
	Kind                             Kind
	ID                               string
	Num                              uint64
	HasNum                           bool
	N                                uint64
	Method, Params                   string
	ParamsBad                        bool
	Info, Listeners, Listener        string
	Data, Trace                      string
	Hops                             uint64
	Sender, Target, Args             string
	Status                           int
	Response, Exception, Code, ErrTo string
	GapSender, GapEvent              string
	Count                            uint64
	Newline, Breaks                  bool
}

const absent = "(absent)"

func show(b []byte) string {
	if b == nil {
		return absent
	}
	return string(b)
}

func viewOf(m *Msg) view {
	listeners := absent
	if m.Listeners != nil {
		listeners = string(appendIDs(nil, m.Listeners))
	}
	return view{
		m.Kind, show(m.ID), m.Num, m.HasNum, m.N, show(m.Method), show(m.Params), m.ParamsBad,
		show(m.Info), listeners, show(m.ListenerID), show(m.Data), show(m.Traceparent), uint64(m.Hops),
		show(m.Sender), show(m.Target), show(m.Args), m.Status, show(m.Response), m.Exception, m.Code,
		show(m.ErrData), m.GapSender, m.GapEvent, m.Count, m.Newline, m.DataBreaks,
	}
}

// oracle judges a text that does not begin as a binary frame.
func oracle(buf []byte, lim Limits) verdict {
	text := bytes.TrimLeft(buf, " \t\r\n")
	start := len(buf) - len(text)
	if len(text) == 0 {
		return verdict{short: true, n: start}
	}
	if text[0] != '{' {
		return verdict{kind: sig.ErrMalformed}
	}
	b := text[:min(len(text), lim.MaxMessage)]

	dec := json.NewDecoder(bytes.NewReader(b))
	var raw json.RawMessage
	err := dec.Decode(&raw)
	end, short := len(b), false
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		end = int(dec.InputOffset())
	case errors.As(err, &syntax):
		end = int(syntax.Offset) - 1
	case errors.Is(err, io.ErrUnexpectedEOF):
		short = true
	default:
		panic(err)
	}
	bad := notUTF8(b[:end])
	deep := tooDeep(b[:end], lim.MaxDepth)
	switch {
	case deep >= 0 && (bad < 0 || deep < bad):
		return verdict{kind: sig.ErrLimit}
	case bad >= 0 || syntax != nil:
		return verdict{kind: sig.ErrMalformed}
	case short && len(text) > lim.MaxMessage:
		return verdict{kind: sig.ErrLimit}
	case short:
		return verdict{short: true, n: start}
	}

	var v verdict
	v.view, v.kind = meaning(raw, lim)
	v.whole = v.kind != nil
	v.n = start + end
	for v.n < len(buf) && strings.IndexByte(" \t\r\n", buf[v.n]) >= 0 {
		v.n++
		if buf[v.n-1] == '\n' {
			v.view.Newline = true
			break
		}
	}
	return v
}

// notUTF8 returns where text stops being UTF-8, whatever may follow; else -1.
func notUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n != 1:
		case utf8.FullRune(b[i:]):
			return i
		default:
			return -1
		}
		i += n
	}
	return -1
}

// tooDeep returns the position of the first bracket too many, else -1; b begins as an
// object and is sound as far as it goes.
func tooDeep(b []byte, most int) int {
	var open []byte    // brackets
	var names []string // of the member we are in, for each open bracket
	key := ""
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			from := i
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i < len(b) {
				_ = json.Unmarshal(b[from:i+1], &key) // a member's name, or a value, which does no harm
			}
		case ':':
			names[len(names)-1] = key
		case '{', '[':
			base := 1
			if len(names) > 1 && slices.Contains([]string{"params", "error", "gap"}, names[0]) && open[1] == '{' {
				base = 2
			} else if len(names) == 1 && b[i] == '{' && slices.Contains([]string{"params", "error", "gap"}, names[0]) {
				base = 2
			}
			if len(open)+1 > base+most {
				return i
			}
			open, names = append(open, b[i]), append(names, "")
		case '}', ']':
			open, names = open[:len(open)-1], names[:len(names)-1]
		}
	}
	return -1
}
