package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

func raw(json string) *sig.Raw { return &sig.Raw{Codec: sig.JSON{}, Bytes: []byte(json)} }

// listenTo feeds events to a listening with the flags and returns what it printed.
func listenTo(t *testing.T, p *printer, f listenFlags, events ...sig.Event) string {
	t.Helper()
	var out bytes.Buffer
	p.w = &out
	l, err := newListening(p, f)
	require.NoError(t, err)
	for _, e := range events {
		l.event(e)
	}
	require.NoError(t, l.err)
	return out.String()
}

func TestListenPrints(t *testing.T) {
	tic := sig.NewEvent("timer", "tic", raw(`{"n":1}`))
	text := sig.NewEvent("chat", "#said", raw(`"hello\nyou"`))
	old := sig.NewEvent("thermo", "celsius", raw(`21.5`))
	old.Retained = true

	synctest.Test(t, func(t *testing.T) { // the time of day is 2000-01-01 00:00 UTC
		require.Equal(t, `{"sender":"timer","event":"tic","data":{"n":1},"time":"2000-01-01T00:00:00Z"}
{"sender":"thermo","event":"celsius","data":21.5,"retained":true,"time":"2000-01-01T00:00:00Z"}
`, listenTo(t, &printer{json: true}, listenFlags{}, tic, old))
		midnight := time.Now().Format("15:04:05.000") // in the zone of whoever runs this
		require.Equal(t, midnight+`  timer tic  {"n":1}
`+midnight+`  thermo celsius  21.5 (retained)
`, listenTo(t, &printer{}, listenFlags{}, tic, old))
	})
	require.Equal(t, "{\"n\":1}\nhello\nyou\n21.5\n", listenTo(t, &printer{json: true}, listenFlags{raw: true}, tic, text, old))
	require.Equal(t, "1 timer.tic 1\n2 thermo.celsius\n", listenTo(t, &printer{json: true},
		listenFlags{format: `{{.N}} {{.Sender}}.{{.Event}}{{if not .Retained}} {{.Data.n}}{{end}}`}, tic, old))
	require.Equal(t, "{\"n\":1}\n", listenTo(t, &printer{}, listenFlags{format: `{{json .Data}}`}, tic))
	require.Equal(t, "21.5\n", listenTo(t, &printer{json: true}, listenFlags{retainedOnly: true, raw: true}, tic, old))
	require.Contains(t, listenTo(t, &printer{color: true}, listenFlags{}, tic), "\x1b[36mtimer\x1b[0m \x1b[1mtic\x1b[0m")
}

// However results are written, no more than --count of them are.
func TestListenCounts(t *testing.T) {
	tic := sig.NewEvent("timer", "tic", raw(`1`))
	for _, f := range []listenFlags{{raw: true}, {format: "{{.Data}}"}, {}} {
		f.count = 2
		for _, json := range []bool{true, false} {
			got := listenTo(t, &printer{json: json}, f, tic, tic, tic)
			require.Equal(t, 2, bytes.Count([]byte(got), []byte("\n")))
		}
	}
}

func TestListenFlagsThatMakeNoSense(t *testing.T) {
	for says, f := range map[string]listenFlags{
		"--count is -1; it cannot be less than 0":                                                                                     {count: -1},
		"--format goes with neither --raw nor --json; give one of them":                                                               {format: "x", raw: true},
		"--format: template: --format:1: unclosed action":                                                                             {format: "{{"},
		`--format: template: --format:1: function "nope" not defined`:                                                                 {format: "{{nope}}"},
		"--format: template: --format:1:2: executing \"--format\" at <.Sendr>: can't evaluate field Sendr in type main.templateEvent": {format: "{{.Sendr}}"},
	} {
		_, err := newListening(&printer{}, f)
		require.EqualError(t, err, says)
		require.Equal(t, exitUsage, exitCode(err))
	}
}

func TestListenWaits(t *testing.T) {
	wait := func(t *testing.T, f listenFlags, during func(l *listening)) (time.Duration, error) {
		l, err := newListening(&printer{w: &bytes.Buffer{}}, f)
		require.NoError(t, err)
		begin := time.Now()
		if during != nil {
			go during(l)
		}
		err = l.wait(t.Context(), nil)
		synctest.Wait()
		return time.Since(begin), err
	}
	twice := func(l *listening) {
		for range 2 {
			time.Sleep(900 * time.Millisecond)
			l.event(sig.NewEvent("a", "b", nil))
		}
	}
	for name, c := range map[string]struct {
		flags  listenFlags
		during func(*listening)
		took   time.Duration
		code   int
	}{
		"the count":                 {listenFlags{count: 2, idle: time.Second}, twice, 1800 * time.Millisecond, exitDone},
		"idle":                      {listenFlags{idle: time.Second}, twice, 2800 * time.Millisecond, exitDone},
		"idle before the count":     {listenFlags{idle: time.Second, count: 3}, twice, 2800 * time.Millisecond, exitTimeout},
		"the timeout":               {listenFlags{limit: time.Second}, twice, time.Second, exitDone},
		"the timeout, nothing came": {listenFlags{limit: time.Second, count: 1}, nil, time.Second, exitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := wait(t, c.flags, c.during)
				require.Equal(t, c.code, exitCode(err), "%v", err)
				require.Equal(t, c.took, took)
				time.Sleep(2 * time.Second) // what still comes finds nobody waiting
			})
		})
	}
}

func TestListenEnds(t *testing.T) {
	l, err := newListening(&printer{w: failingWriter{}}, listenFlags{})
	require.NoError(t, err)
	l.event(sig.NewEvent("a", "b", nil))
	require.ErrorIs(t, l.wait(t.Context(), nil), errDiskFull)

	l, err = newListening(&printer{w: &bytes.Buffer{}}, listenFlags{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	require.Equal(t, errInterrupted, l.wait(ctx, nil))
	lost := make(chan error, 1)
	lost <- sig.ErrNotConnected
	require.ErrorIs(t, l.wait(t.Context(), lost), sig.ErrNotConnected)
}

var errDiskFull = errors.New("disk full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDiskFull }
