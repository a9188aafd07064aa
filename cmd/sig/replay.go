package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/sig"
)

// replayFlags are the flags of sig replay.
type replayFlags struct {
	client clientFlags

	rate   string
	count  int
	prefix string
	loop   bool
	json   bool
}

func (a *app) replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE [SENDER [EVENT]]",
		Short: "Trigger the events of a recording again",
		Long: `Trigger the events of a recording again, as the senders that triggered them first and with
the same pauses. SENDER and EVENT are names or patterns of what to replay. FILE is - for
standard input.

The senders are added with the events that are replayed, so nobody else may hold their
names meanwhile; --prefix gives them others. They answer no requests. Data is that of the
recording, byte for byte. The router's own events (#connect and so on) are not replayed, the
router triggers them itself.

The whole file is checked before anything is triggered. One that was cut off, because the
disk was full for instance, is replayed up to its last whole line.`,
		Example: `  sig replay all.ndjson
  sig replay lab.ndjson 'sensor.*' --rate 10
  sig replay all.ndjson --rate max --prefix test.`,
		Args: args(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error { return a.replay(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.rate, "rate", "1", "how fast: 0.1 to 100 times as fast as it was, or max, without pauses")
	flags.IntVar(&f.count, "count", 0, "stop after this many events")
	flags.StringVar(&f.prefix, "prefix", "", "`text` before the names of the senders")
	flags.BoolVar(&f.loop, "loop", false, "begin again at the end, until interrupted")
	flags.BoolVar(&f.json, "json", false, "at the end, print one JSON object that says what was replayed")
	f.client.add(flags)
	completeFlag(cmd, "rate", "0.1", "1", "10", "100", "max")
	cmd.ValidArgsFunction = completeRecorded
	return cmd
}

// parseRate returns how many times as fast; 0 for without pauses.
func parseRate(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	r, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(s, "x"), "x"), 64)
	if err != nil || !(r >= 0.1 && r <= 100) {
		return 0, usagef("--rate is %q; it can be 0.1 to 100, or max", s)
	}
	return r, nil
}

func (a *app) replay(ctx context.Context, f replayFlags, args []string) error {
	sender, event, err := patternArgs(args[1:])
	if err != nil {
		return err
	}
	rate, err := parseRate(f.rate)
	if err != nil {
		return err
	}
	if f.count < 0 {
		return usagef("--count is %d; it cannot be less than 0", f.count)
	}
	file, name, err := a.openReplay(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	bar, a := a.progress()
	defer bar.clear()
	p := &player{app: a, bar: bar, flags: f, rate: rate, file: file, name: name, sender: sender, event: event}
	if err := p.scan(ctx); err != nil {
		return err
	}
	c, err := a.dial(ctx, &f.client, false)
	if err != nil {
		return err
	}
	// A trigger may wait for a router that is slow; it does so no longer than the connection
	// takes to close.
	stop := context.AfterFunc(ctx, func() { _ = c.close() })
	defer stop()
	begin := time.Now()
	err = p.play(ctx, c)
	err = cmp.Or(err, c.close(), c.failure())
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	bar.clear()
	sum := replaySummary{name, p.n, len(p.senders), seconds(time.Since(begin)), p.missing, p.gaps}
	if f.json {
		return errors.Join(err, writeJSON(a.out, sum))
	}
	if err == nil || errors.Is(err, errInterrupted) {
		a.note("%s", sum)
	}
	return err
}

// A replaySummary is what sig replay --json prints.
type replaySummary struct {
	File    string  `json:"file"`
	Events  uint64  `json:"events"`
	Senders int     `json:"senders"`
	Seconds float64 `json:"seconds"`
	Missing uint64  `json:"missing"` // events that the recording says were dropped
	Gaps    uint64  `json:"gaps"`    // times of which it does not know how many are missing
}

func (s replaySummary) String() string {
	return fmt.Sprintf("replayed %s of %s in %v s", plural(s.Events, "event"), plural(s.Senders, "sender"), s.Seconds)
}

// openReplay opens a recording to read twice. What comes over standard input is put into a
// file first, which has no name any more.
func (a *app) openReplay(name string) (*os.File, string, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, "", usageError{error: err}
		}
		if info, err := f.Stat(); err != nil || info.IsDir() {
			_ = f.Close() // only read
			return nil, "", usagef("%s is no file", name)
		}
		return f, name, nil
	}
	f, err := os.CreateTemp("", "sig-replay-")
	if err != nil {
		return nil, "", err
	}
	_ = os.Remove(f.Name()) // where the system allows that of an open file
	if _, err := io.Copy(f, a.in); err != nil {
		return nil, "", errors.Join(fmt.Errorf("cannot read standard input: %w", err), f.Close())
	}
	return f, "standard input", nil
}

// A player replays a recording.
type player struct {
	app           *app
	bar           *progress
	flags         replayFlags
	rate          float64 // 0: without pauses
	file          *os.File
	name          string
	sender, event string // patterns of what is replayed

	senders       map[string]*playedSender
	total         uint64 // events that will be replayed, of one round
	n             uint64 // that were
	first, last   time.Duration
	missing, gaps uint64
}

// A playedSender is one of the recording's senders.
type playedSender struct {
	events  map[string]bool // true: retained
	sender  sig.Sender
	signals map[string]sig.Signal
}

// read calls each for every event of the recording that is wanted.
func (p *player) read(each func(*recordingLine) error, gap func(recordingGap)) (*recordingReader, error) {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%s cannot be read twice (%w); give it as standard input", p.name, err)
	}
	r, err := readRecording(p.name, p.file)
	if err != nil {
		return nil, err
	}
	for n := 0; ; {
		l, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return r, nil
		case err != nil:
			return r, err
		case l.Gap != nil:
			gap(*l.Gap)
			continue
		case !l.matches(p.sender, p.event):
			continue
		}
		if err := each(l); err != nil {
			return r, err
		}
		if n++; n == p.flags.count && !p.flags.loop {
			return r, nil
		}
	}
}

// scan reads the whole recording: what is wrong with it, and which senders it needs.
func (p *player) scan(ctx context.Context) error {
	p.senders = map[string]*playedSender{}
	r, err := p.read(func(l *recordingLine) error {
		if p.total == 0 {
			p.first = l.at()
		}
		p.last = l.at()
		p.total++
		return cmp.Or(context.Cause(ctx), p.needs(l))
	}, func(g recordingGap) {
		p.missing += g.Count
		if g.Count == 0 {
			p.gaps++
		}
	})
	switch {
	case err != nil:
		return err
	case p.total == 0:
		return fmt.Errorf("%s has no events to replay; %s", p.name, p.whyNone())
	case r.cut:
		p.app.note("sig: %s, line %d is cut off; the recording is replayed up to there", p.name, r.n)
	case !r.ended && p.flags.count == 0:
		p.app.note("sig: %s has no end; it is being written still, or its writer was stopped", p.name)
	}
	if p.missing > 0 {
		p.app.note("sig: the recording says that %s were dropped while it was made", plural(p.missing, "event"))
	}
	if p.gaps > 0 {
		p.app.note("sig: the recording says that the connection was lost %s while it was made; events of that time are missing", plural(p.gaps, "time"))
	}
	return nil
}

func (p *player) whyNone() string {
	if p.sender == sig.Any && p.event == sig.Any {
		return "nothing was triggered while it was recorded"
	}
	return "none is of what you named"
}

// needs notes the sender and the event of a line.
func (p *player) needs(l *recordingLine) error {
	name := p.flags.prefix + l.Sender
	s := p.senders[name]
	if s == nil {
		if err := sig.CheckName("sender", name); err != nil {
			return usageError{error: err}
		}
		s = &playedSender{events: map[string]bool{}, signals: map[string]sig.Signal{}}
		p.senders[name] = s
	}
	s.events[l.Event] = s.events[l.Event] || l.Retained
	return nil
}

// play adds the senders, triggers everything and removes them again.
func (p *player) play(ctx context.Context, c *connection) error {
	err := p.addSenders(ctx, c)
	for err == nil {
		if err = p.round(ctx, c); !p.flags.loop || err == nil && p.enough() {
			break
		}
	}
	for _, s := range p.senders {
		if s.sender != nil && ctx.Err() == nil { // else they go with the connection
			err = cmp.Or(err, s.sender.Remove())
		}
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends a round early.
var errEnough = errors.New("enough")

func (p *player) enough() bool { return p.flags.count > 0 && p.n >= uint64(p.flags.count) }

func (p *player) addSenders(ctx context.Context, c *connection) error {
	for _, name := range slices.Sorted(maps.Keys(p.senders)) {
		s := p.senders[name]
		var opts []sig.SenderOption
		for event, retained := range s.events {
			if retained {
				opts = append(opts, sig.Retain(event))
			} else {
				opts = append(opts, sig.Events(event))
			}
		}
		var err error
		if s.sender, err = c.bus.AddSender(name, opts...); err != nil {
			s.sender = nil
			if errors.Is(err, sig.ErrTaken) {
				err = fmt.Errorf("%w; --prefix gives the senders of the recording other names", err)
			}
			return c.explain(ctx, err, "replay")
		}
		for event := range s.events {
			if s.signals[event], err = s.sender.Signal(event); err != nil {
				return err
			}
		}
	}
	return nil
}

// round replays the recording once.
func (p *player) round(ctx context.Context, c *connection) error {
	begin := time.Now()
	shown := begin
	_, err := p.read(func(l *recordingLine) error {
		if p.enough() {
			return errEnough
		}
		at := begin
		if p.rate > 0 {
			at = begin.Add(time.Duration(float64(l.at()-p.first) / p.rate))
		}
		if err := p.until(ctx, at, &shown); err != nil {
			return err
		}
		p.n++
		return trigger(p.senders[p.flags.prefix+l.Sender].signals[l.Event], l)
	}, func(recordingGap) {})
	return cmp.Or(err, c.failure())
}

// until waits until it is time for the next event, and shows how far it is.
func (p *player) until(ctx context.Context, at time.Time, shown *time.Time) error {
	const often = 200 * time.Millisecond
	for {
		now := time.Now()
		if now.Sub(*shown) >= often {
			*shown = now
			p.bar.show(p.progress(at.Sub(now)))
		}
		wait := at.Sub(now)
		if wait <= 0 {
			return context.Cause(ctx)
		}
		if err := pause(ctx, min(wait, often)); err != nil {
			return err
		}
	}
}

func (p *player) progress(wait time.Duration) string {
	text := fmt.Sprintf("replaying %s: %s of %s events", visible(filepath.Base(p.name)), grouped(p.n), grouped(p.total))
	if p.flags.loop {
		text = fmt.Sprintf("replaying %s again and again: %s events", visible(filepath.Base(p.name)), grouped(p.n))
	}
	if wait >= 2*time.Second {
		text += ", the next in " + ageText(wait)
	}
	return text
}

func trigger(s sig.Signal, l *recordingLine) error {
	data := &sig.Raw{Codec: sig.JSON{}, Bytes: l.Data}
	if l.Traceparent != "" {
		return sig.TriggerTraced(s, l.Traceparent, data)
	}
	return s.Trigger(data)
}

// completionLines is how much of a recording is read for its names when somebody presses Tab.
const completionLines = 100_000

// completeRecorded offers the names that are in the recording.
func completeRecorded(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	if len(args) > 2 {
		return nil, none
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, none
	}
	defer file.Close()
	r, err := readRecording(args[0], file)
	if err != nil {
		return nil, none
	}
	seen := map[string]bool{}
	for range completionLines {
		l, err := r.next()
		switch {
		case err != nil:
			return offered(slices.Collect(maps.Keys(seen)), typed), none
		case !l.matches(sig.Any, sig.Any):
		case len(args) == 1:
			seen[l.Sender] = true
		case sig.Match(args[1], l.Sender):
			seen[l.Event] = true
		}
	}
	return offered(slices.Collect(maps.Keys(seen)), typed), none
}
