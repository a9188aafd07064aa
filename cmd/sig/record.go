package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// recordFlags are the flags of sig record.
type recordFlags struct {
	client clientFlags

	count       int
	duration    time.Duration
	sync        time.Duration
	force       bool
	json        bool
	noReconnect bool
}

func (a *app) recordCommand() *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record FILE [SENDER [EVENT]]",
		Short: "Write events to a file, with their times",
		Long: `Write the events of a router to a file as they come, until interrupted; sig replay
triggers them again. FILE is - for standard output. SENDER and EVENT are names or patterns,
as for sig listen; without them everything is recorded.

A recording is lines of JSON, described in docs/recording.md:

  {"sig":"recording","version":1,"started":"2026-01-02T15:04:05Z",…}
  {"t":0.000412,"sender":"timer","event":"tic","data":{"n":1}}

Events reach the file within a tenth of a second, and the disk itself once each --sync and at
the end. When the disk is slower than the events, the router drops some for this recording
alone, or ends the connection, which is made again; the recording says where events are
missing and how many, as far as anybody knows, and so does the command when it ends. When
the disk is full recording ends with an error. The router never waits for it.

A file that is there already is not touched unless --force is given.`,
		Example: `  sig record all.ndjson
  sig record lab.ndjson 'sensor.*' temperature --duration 1h
  sig record - timer | gzip > timer.ndjson.gz`,
		Args: args(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error { return a.record(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.count, "count", 0, "stop after this many events; 5 is the exit code when there were fewer")
	flags.DurationVar(&f.duration, "duration", 0, "stop after this long")
	flags.DurationVar(&f.sync, "sync", time.Second, "have the system put the file on the disk this often; 0 is at the end alone")
	flags.BoolVar(&f.force, "force", false, "write over a file that is there")
	flags.BoolVar(&f.json, "json", false, "at the end, print one JSON object that says what was recorded")
	flags.BoolVar(&f.noReconnect, "no-reconnect", false, "stop when the connection is lost")
	f.client.add(flags)
	cmd.ValidArgsFunction = afterFile(a.completeNames(&f.client, listenNames))
	return cmd
}

// afterFile offers files first, and for the arguments behind it what next offers.
func afterFile(next cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		if len(args) > 2 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return next(cmd, args[1:], typed)
	}
}

func (f *recordFlags) check(file string) error {
	switch {
	case f.count < 0:
		return usagef("--count is %d; it cannot be less than 0", f.count)
	case f.duration < 0:
		return usagef("--duration is %v; it cannot be less than nothing", f.duration)
	case f.sync < 0:
		return usagef("--sync is %v; it cannot be less than nothing", f.sync)
	case f.json && file == "-":
		return usagef("with --json standard output is for what was recorded; record to a file")
	}
	return nil
}

// patternArgs are the patterns that the arguments name, any where they name none.
func patternArgs(args []string) (sender, event string, err error) {
	sender, event = sig.Any, sig.Any
	if len(args) > 0 {
		sender = args[0]
	}
	if len(args) > 1 {
		event = args[1]
	}
	if err := errors.Join(sig.CheckPattern("sender", sender), sig.CheckPattern("event", event)); err != nil {
		return "", "", usageError{error: err}
	}
	return sender, event, nil
}

// recordingMode says how the file to write to is opened. A device may be there already.
func recordingMode(name string, force bool) (flags int, err error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return os.O_WRONLY | os.O_CREATE | os.O_EXCL, nil
	case info.IsDir():
		return 0, usagef("%s is a directory; name a file in it", name)
	case !info.Mode().IsRegular():
		return os.O_WRONLY, nil
	case force:
		return os.O_WRONLY | os.O_CREATE | os.O_TRUNC, nil
	}
	return 0, usagef("%s is there already; --force writes over it", name)
}

func (a *app) openRecording(name string, flags int) (*os.File, error) {
	if name == "-" {
		return a.out, nil
	}
	return os.OpenFile(name, flags, 0o644)
}

func (a *app) record(ctx context.Context, f recordFlags, args []string) error {
	sender, event, err := patternArgs(args[1:])
	if err != nil {
		return err
	}
	if err := f.check(args[0]); err != nil {
		return err
	}
	mode, err := recordingMode(args[0], f.force)
	if err != nil {
		return err
	}
	ignoreFileSizeLimit() // what cannot be written is an error, not the end
	bar, a := a.progress()
	defer bar.clear()
	r := &recorder{start: time.Now(), name: args[0], most: uint64(f.count), done: make(chan struct{})}
	c, err := a.dialAs(ctx, &f.client, f.noReconnect, r.state)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // there is nothing left to lose
	if r.file, err = a.openRecording(args[0], mode); err != nil {
		return err
	}
	r.out = bufio.NewWriterSize(&r.whole, 64<<10)
	r.whole.w = r.file
	r.begin(recordingHeader{"recording", recordingVersion, r.start.UTC().Format(time.RFC3339Nano), c.url, sender, event})
	sub, err := c.bus.AddListener(sender, event, r.event, dropWhenSlow, sig.OnDrop(r.gap))
	if err != nil {
		return errors.Join(c.explain(ctx, err, "record"), r.file.Close())
	}
	err = r.wait(ctx, f, c.lost, bar)
	sub.Remove()
	err = r.finish(err)
	bar.clear()
	if sum := r.summary(); f.json {
		err = errors.Join(err, writeJSON(a.out, sum))
	} else if args[0] != "-" || errors.Is(err, errInterrupted) {
		a.note("%s", sum)
	}
	return err
}

// dropWhenSlow has the router drop events for a listener that does not keep up, and say so,
// instead of ending the connection. There is no queue on this side: what waits waits at
// the router, within its limits.
func dropWhenSlow(c *sig.ListenConfig) { c.Policy = sig.DropNewest }

// A recorder writes events to a file until it has had enough.
type recorder struct {
	start time.Time
	name  string
	most  uint64 // events; 0: no limit
	file  *os.File
	done  chan struct{} // closed when it has had enough

	mu      sync.Mutex
	out     *bufio.Writer
	whole   lineCounter // what is in the file
	line    []byte
	n       uint64
	others  uint64 // lines that are no events
	bytes   int64
	dropped uint64
	gaps    uint64 // in which nobody knows how many events are missing
	dirty   bool   // something was written that is not on the disk
	over    bool
	err     error // why it is over
	away    time.Time
}

func (r *recorder) begin(h recordingHeader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line = append(append(r.line[:0], jsonText(h)...), '\n')
	r.others++
	r.write()
}

// event takes one event.
func (r *recorder) event(e sig.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.line = appendEvent(r.line[:0], time.Since(r.start), e)
	if !r.write() {
		return
	}
	if r.n++; r.n == r.most {
		r.end(nil)
	}
}

// gap takes note of events that were dropped.
func (r *recorder) gap(d sig.Drop) {
	r.missing(recordingGap{d.Count, d.Sender, d.Event, d.Reason})
}

func (r *recorder) missing(g recordingGap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.dropped += g.Count
	if g.Count == 0 {
		r.gaps++
	}
	r.line = appendObject(r.line[:0], time.Since(r.start), "gap", g)
	r.others++
	r.write()
}

// state takes note of a connection that is lost: what happens until it is back is missing,
// unless the session goes on.
func (r *recorder) state(s router.State) {
	r.mu.Lock()
	away := r.away
	switch {
	case !s.Connected && away.IsZero():
		r.away = time.Now()
	case s.Connected:
		r.away = time.Time{}
	}
	r.mu.Unlock()
	if s.Connected && !s.Resumed && !away.IsZero() {
		r.missing(recordingGap{Reason: "no connection for " + time.Since(away).Round(time.Millisecond).String()})
	}
}

// write writes r.line. Called with the lock held.
func (r *recorder) write() bool {
	n, err := r.out.Write(r.line)
	r.bytes += int64(n)
	r.dirty = true
	if err != nil {
		r.end(r.failed(err))
	}
	return err == nil
}

// failed says that no more can be written, and counts what was. Called with the lock held.
func (r *recorder) failed(err error) error {
	r.n = min(r.n, r.whole.lines-min(r.whole.lines, r.others))
	r.bytes = min(r.bytes, r.whole.bytes)
	return fmt.Errorf("recording stopped after %s: %w", plural(r.n, "event"), err)
}

// A lineCounter counts the lines and bytes that were really written.
type lineCounter struct {
	w     io.Writer
	lines uint64
	bytes int64
}

func (c *lineCounter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.lines += uint64(bytes.Count(b[:n], []byte{'\n'}))
	c.bytes += int64(n)
	return n, err
}

// end says that it has had enough. Called with the lock held.
func (r *recorder) end(err error) {
	if !r.over {
		r.over, r.err = true, err
		close(r.done)
	}
}

// wait returns when the recording is over.
func (r *recorder) wait(ctx context.Context, f recordFlags, lost <-chan error, bar *progress) error {
	limit := newTimer(f.duration)
	defer limit.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	synced := time.Now()
	for {
		select {
		case <-r.done:
			return r.err
		case now := <-tick.C:
			disk := f.sync > 0 && now.Sub(synced) >= f.sync
			if disk {
				synced = now
			}
			if err := r.flush(disk); err != nil {
				return err
			}
			bar.show(r.progress())
		case <-limit.C:
			return r.tooFew(f)
		case err := <-lost:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tooFew is what it means that time is up: an error when a number of events was asked for.
func (r *recorder) tooFew(f recordFlags) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || f.count == 0 {
		return r.err
	}
	return fmt.Errorf("%w: %d of %d events came", sig.Errorf(sig.ErrTimeout, "no event within %v", f.duration), r.n, f.count)
}

// flush hands what was recorded to the system, and if disk is set has that put it on the
// disk, meanwhile events are taken.
func (r *recorder) flush(disk bool) error {
	r.mu.Lock()
	err := r.out.Flush()
	dirty := r.dirty
	if disk {
		r.dirty = false
	}
	if err != nil {
		err = r.failed(err)
		r.end(err)
	}
	r.mu.Unlock()
	if err != nil || !disk || !dirty {
		return err
	}
	return r.toDisk()
}

// toDisk puts the file on the disk. What is no file on a disk has nothing to put there.
func (r *recorder) toDisk() error {
	info, err := r.file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = r.file.Sync()
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.failed(err)
	}
	return nil
}

// finish writes the last line, unless writing is what has failed, and closes the file.
func (r *recorder) finish(why error) error {
	r.mu.Lock()
	r.end(why)
	_, broken := errors.AsType[*fs.PathError](r.err)
	writable := !broken
	if writable {
		reason := "done"
		if why != nil {
			reason = why.Error()
		}
		r.line = appendObject(r.line[:0], time.Since(r.start), "end", recordingEnd{r.n, r.dropped, reason})
		writable = r.write()
	}
	r.mu.Unlock()
	err := why
	if writable {
		err = errors.Join(why, r.flush(true))
	}
	if r.name == "-" {
		return err
	}
	return errors.Join(err, r.file.Close())
}

// A recordSummary is what sig record --json prints.
type recordSummary struct {
	File    string  `json:"file"`
	Events  uint64  `json:"events"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Dropped uint64  `json:"dropped"`
	Gaps    uint64  `json:"gaps"` // times without a connection
}

func (r *recorder) summary() recordSummary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return recordSummary{r.name, r.n, r.bytes, seconds(time.Since(r.start)), r.dropped, r.gaps}
}

func (s recordSummary) String() string {
	text := fmt.Sprintf("recorded %s in %v s to %s (%s)", plural(s.Events, "event"), s.Seconds, s.File, bytesText(s.Bytes))
	if s.Dropped > 0 {
		text += fmt.Sprintf("; %s dropped, the disk was too slow", plural(s.Dropped, "event"))
	}
	if s.Gaps > 0 {
		text += fmt.Sprintf("; %s in which events are missing", plural(s.Gaps, "time")+" without a connection")
	}
	return text
}

func (r *recorder) progress() string {
	s := r.summary()
	text := fmt.Sprintf("recording to %s: %s, %s, %s", visible(filepath.Base(s.File)), grouped(s.Events)+" events", bytesText(s.Bytes), ageText(time.Since(r.start)))
	if s.Dropped > 0 {
		text += fmt.Sprintf(", %s dropped", grouped(s.Dropped))
	}
	return text
}
