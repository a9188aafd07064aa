package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// maxInput is how much a command reads of a file or of standard input as one payload. A
// router's own limit is lower as a rule; this one keeps a wrong file from being read
// for ever.
const maxInput = 64 << 20

// readData returns the payload that an argument names: JSON, @ and the name of a file with
// JSON, or - for standard input. It keeps the text as it is but for white space.
func (a *app) readData(arg string) (*sig.Raw, error) {
	where := ""
	in := io.Reader(strings.NewReader(arg))
	switch {
	case arg == "-":
		in, where = a.in, "standard input"
	case strings.HasPrefix(arg, "@"):
		f, err := openInput(arg)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in, where = f, arg[1:]
	}
	b, err := readAll(in)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", where, err)
	}
	return parseData(b, where)
}

// openInput opens the file that an argument @FILE names.
func openInput(arg string) (*os.File, error) {
	name, ok := strings.CutPrefix(arg, "@")
	if !ok {
		return nil, usagef("%q is neither - nor @FILE", arg)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{error: err}
	}
	return f, nil
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("more than %d MiB", maxInput>>20)
	}
	return b, err
}

// parseData makes a payload of JSON text. Where says where it came from; "" for the
// command line.
func parseData(text []byte, where string) (*sig.Raw, error) {
	var valid json.RawMessage
	if err := json.Unmarshal(text, &valid); err != nil {
		return nil, notJSON(text, where, err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, valid); err != nil {
		return nil, notJSON(text, where, err)
	}
	return &sig.Raw{Codec: sig.JSON{}, Bytes: b.Bytes()}, nil
}

func notJSON(text []byte, where string, err error) error {
	if where != "" {
		at := ""
		if s, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = fmt.Sprintf(", line %d", 1+bytes.Count(text[:min(int(s.Offset), len(text))], []byte("\n")))
		}
		return usagef("%s%s: not JSON: %w", where, at, err)
	}
	quoted, _ := sig.JSON{}.Marshal(string(text)) // a string never fails
	return usagef("%s is not JSON (%w); to send text, put it in double quotes within single ones: '%s'", shorten(string(text)), err, shorten(string(quoted)))
}

// shorten cuts text that goes into a message.
func shorten(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// rawText returns a payload for --raw: the text of a string as it is, all else as JSON.
func rawText(payload any) string {
	var text string
	b := jsonText(payload)
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &text) == nil {
		return text
	}
	return string(b)
}

// jsonText returns a payload as JSON on one line.
func jsonText(payload any) json.RawMessage {
	b, err := sig.JSON{}.Marshal(payload)
	if err != nil {
		b, _ = sig.JSON{}.Marshal(fmt.Sprint(payload))
	}
	return b
}
