package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A topView is how one view is shown: by what it is sorted, and where it begins.
type topView struct {
	sort    string
	reverse bool
	first   int // row
}

// A liveTop is sig top on a terminal. Only its run touches it.
type liveTop struct {
	*printer
	screen *screen
	flags  topFlags
	c      *connection
	note   *lastNote
	model  topModel

	view   string
	views  map[string]*topView
	filter string
	typing bool // the filter
	paused bool
	help   bool
	rows   int // of the view, shown or not
	begun  time.Time
	failed error // what the last question failed with
	asking bool
	got    chan topAnswer // holds the answer to the question
	shown  [][2]uint64    // signals on the screen whose values may have changed
}

// lastNote keeps the last line that was noted, which a whole screen has no other place for.
type lastNote struct {
	mu   sync.Mutex
	line string
}

func (n *lastNote) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line = string(bytes.TrimSpace(p))
	return len(p), nil
}

func (n *lastNote) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.TrimPrefix(n.line, "sig: ")
}

// topLive is sig top on a terminal.
func (a *app) topLive(ctx context.Context, f topFlags, p *printer, in *os.File) (err error) {
	note := &lastNote{}
	quiet := *a
	quiet.err = note
	c, err := quiet.dial(ctx, &f.client, f.noReconnect)
	if err != nil {
		return err
	}
	s, err := openScreen(in, a.out)
	if err != nil {
		return err
	}
	t := &liveTop{
		printer: p, screen: s, flags: f, c: c, note: note, view: f.view, filter: f.filter, begun: time.Now(),
		views: map[string]*topView{}, got: make(chan topAnswer, 1),
	}
	for _, v := range topViews {
		key, reverse := f.sortFor(v)
		t.views[v] = &topView{sort: key, reverse: reverse}
	}
	err = func() error {
		defer s.close() // also when it panics: a terminal left raw is of no use
		return t.run(ctx)
	}()
	_ = c.ClientRouter.Close() // there is nothing left to lose
	return err
}

// run shows pictures and takes keys until it has had enough.
func (t *liveTop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	tick := time.NewTicker(t.flags.interval)
	defer tick.Stop()
	second := time.NewTicker(time.Second) // for what grows older by itself
	defer second.Stop()
	t.ask(ctx, &wg)
	for n := 0; ; {
		if err := t.draw(); err != nil {
			return err
		}
		select {
		case <-tick.C:
			t.ask(ctx, &wg)
		case a := <-t.got:
			t.asking = false
			if a.err != nil && topEnds(a.err) {
				return topError(a.err)
			}
			if t.failed = a.err; a.err == nil {
				t.model.take(a)
				if n++; n == t.flags.count {
					return t.draw()
				}
			}
		case <-second.C:
		case k := <-t.screen.keys:
			if k == keyInterrupt {
				return errInterrupted
			}
			if k == keyEOF || t.key(k) {
				return nil
			}
		case <-t.screen.resized:
			t.screen.measure()
		case err := <-t.c.lost:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask asks the router, unless it owes an answer already.
func (t *liveTop) ask(ctx context.Context, wg *sync.WaitGroup) {
	if t.asking || t.paused {
		return
	}
	t.asking = true
	bus, cursor, shown, patience := t.c.bus, t.model.cursor, t.shown, t.flags.client.timeout
	wg.Go(func() {
		try, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		t.got <- askTop(try, bus, cursor, shown)
	})
}

// key does what a key is for, and reports whether it was to quit.
func (t *liveTop) key(k key) (quit bool) {
	if t.typing {
		t.typeFilter(k)
		return false
	}
	v := t.views[t.view]
	page := max(1, t.screen.height-topFrame)
	switch k {
	case 'q', 'Q':
		return true
	case '1', '2', '3':
		t.view = topViews[k-'1']
	case '\t', keyRight:
		t.view = topViews[(slices.Index(topViews, t.view)+1)%len(topViews)]
	case keyLeft:
		t.view = topViews[(slices.Index(topViews, t.view)+len(topViews)-1)%len(topViews)]
	case 's', 'S':
		keys := topKeys(t.view)
		v.sort = keys[(slices.Index(keys, v.sort)+1)%len(keys)]
	case 'r', 'R':
		v.reverse = !v.reverse
	case 'p', ' ':
		t.paused = !t.paused
	case '/':
		t.typing = true
	case keyEscape:
		t.filter, t.help = "", false
	case '?', 'h':
		t.help = !t.help
	case keyUp, 'k':
		v.first--
	case keyDown, 'j':
		v.first++
	case keyPageUp:
		v.first -= page
	case keyPageDown:
		v.first += page
	case keyHome, 'g':
		v.first = 0
	case keyEnd, 'G':
		v.first = t.rows
	case keyRedraw:
		t.screen.measure()
	}
	return false
}

func (t *liveTop) typeFilter(k key) {
	switch {
	case k == keyEnter:
		t.typing = false
	case k == keyEscape:
		t.filter, t.typing = "", false
	case k == keyDelete && t.filter != "":
		r := []rune(t.filter)
		t.filter = string(r[:len(r)-1])
	case k > 0 && len(t.filter) < 255:
		t.filter += string(rune(k))
	}
	t.views[t.view].first = 0
}

// staleAfter is how long a picture may be old before it is called so.
func (t *liveTop) staleAfter() time.Duration { return max(3*time.Second, 2*t.flags.interval) }

// state says what is not as usual: at the right of the first line.
func (t *liveTop) state() (style, text string) {
	old := time.Since(t.model.at)
	switch {
	case t.paused:
		return styleBold, "paused"
	case t.model.at.IsZero() && t.failed == nil && time.Since(t.begun) < t.staleAfter():
		return styleDim, "asking ..."
	case t.model.at.IsZero():
		return styleRed, "no answer"
	case t.failed != nil || !t.c.Connected() || old > t.staleAfter():
		return styleRed, "stale since " + ageText(old)
	}
	return "", ""
}

// trouble says why the picture is stale.
func (t *liveTop) trouble() string {
	style, _ := t.state()
	if style != styleRed {
		return ""
	}
	if !t.c.Connected() {
		return t.note.String()
	}
	if t.failed != nil {
		return t.failed.Error()
	}
	return "no answer from " + t.c.url
}

// topFrame is how many lines of the screen are no rows.
const topFrame = 6

// draw draws the picture.
func (t *liveTop) draw() error {
	w := t.screen.width
	lines := t.header(w)
	room := max(0, t.screen.height-len(lines)-1)
	body := t.body(w, room)
	for len(body) < room {
		body = append(body, "")
	}
	lines = append(lines, body...)
	return t.screen.draw(append(lines, t.footer(w)))
}

// header is the router as a whole, and which view this is.
func (t *liveTop) header(w int) []string {
	m := &t.model
	head := m.headline()
	if m.at.IsZero() {
		head = [2]string{visible(t.c.url), ""}
	}
	lines := []string{t.bar(w, head[0]), fit(head[1], w)}
	if n := w - textWidth(head[1]) - 4; n >= 10 && len(m.samples) > 0 {
		in := make([]float64, 0, topSamples)
		for _, s := range m.samples[max(0, len(m.samples)-n):] {
			in = append(in, s.In)
		}
		lines[1] += "  " + t.styled(styleName, sparkline(in))
	}
	return append(lines, "", t.tabs(w))
}

// bar is the first line: with what is not as usual at its right end.
func (t *liveTop) bar(w int, text string) string {
	style, state := t.state()
	if state == "" {
		return t.styled(styleBold, fit(text, w))
	}
	left := max(0, w-textWidth(state)-2)
	return t.styled(styleBold, cell(text, left, false)) + fit("  ", w) + t.styled(style, fit(state, max(0, w-2)))
}

func (t *liveTop) tabs(w int) string {
	var b strings.Builder
	used := 0
	add := func(style, text string) {
		text = fit(text, w-used)
		used += textWidth(text)
		b.WriteString(t.styled(style, text))
	}
	for i, v := range topViews {
		style, text := styleDim, fmt.Sprintf(" %d %s ", i+1, v)
		if v == t.view {
			style, text = styleReverse, fmt.Sprintf("[%d %s]", i+1, v)
		}
		add(style, text)
		add("", " ")
	}
	v := t.views[t.view]
	order := "by " + v.sort
	if v.reverse {
		order += ", turned round"
	}
	add(styleDim, "  "+order)
	if t.filter != "" || t.typing {
		cursor := ""
		if t.typing {
			cursor = "_"
		}
		add("", "   /"+visibleText(t.filter)+cursor)
	}
	return b.String()
}

// footer is the last line.
func (t *liveTop) footer(w int) string {
	if text := t.trouble(); text != "" {
		return t.styled(styleRed, fit(visibleText(text), w))
	}
	text := "q quit  1-3 view  s sort  r turn  / filter  p pause  ? help"
	if room := t.screen.height - topFrame; t.rows > room && room > 0 {
		first := t.views[t.view].first
		text = fmt.Sprintf("%d-%d of %d  ", first+1, min(first+room, t.rows), t.rows) + text
	}
	return t.styled(styleDim, fit(text, w))
}

// body is the table, or help.
func (t *liveTop) body(w, room int) []string {
	t.shown = nil
	if t.help {
		return t.helpLines(w)
	}
	v, m := t.views[t.view], &t.model
	switch t.view {
	case viewPeers:
		lines, _ := tableLines(t, peerTable(m.now), m.peerRows(), v, w, room)
		return lines
	case viewRequests:
		lines, _ := tableLines(t, methodTable(), m.methodRows(), v, w, room)
		return lines
	}
	lines, rows := tableLines(t, signalTable(), m.signalRows(), v, w, room)
	t.shown = wantedValues(rows)
	return lines
}

func (t *liveTop) helpLines(w int) []string {
	var lines []string
	for _, l := range []string{
		"1 2 3   signals, peers, requests (also Tab, left and right)",
		"s       sort by the next column", "r       turn the order round",
		"/       show names with a part: type it, Enter keeps it, Escape ends it",
		"p       pause, and go on (also Space)", "j k     scroll (also up, down, Page Up, Page Down, Home, End)",
		"Ctrl-L  draw anew", "q       quit", "",
		"Rates are over the last five seconds, counts since somebody looked first.",
		"A peer in red is slow: events wait for it, or were dropped.",
	} {
		lines = append(lines, fit(l, w))
	}
	return lines
}

// tableLines are the lines of a table, and the rows they show.
func tableLines[T any](t *liveTop, of table[T], rows []*T, v *topView, w, room int) (lines []string, shown []*T) {
	rows = of.sorted(rows, v.sort, v.reverse, t.filter)
	t.rows = len(rows)
	v.first = max(0, min(v.first, len(rows)-(room-1)))
	columns := of.place(w)
	shown = rows[v.first:min(len(rows), v.first+max(0, room-1))]
	lines = append(lines, t.tableLine(styleReverse, w, len(columns), func(i int) (int, int, bool, string) {
		c := &columns[i]
		return c.at, c.wide, c.right, c.title
	}))
	for _, row := range shown {
		style := ""
		if of.slow != nil && of.slow(row) {
			style = styleRed
		}
		lines = append(lines, t.tableLine(style, w, len(columns), func(i int) (int, int, bool, string) {
			c := &columns[i]
			return c.at, c.wide, c.right, c.text(row)
		}))
	}
	if len(rows) == 0 && !t.model.at.IsZero() {
		lines = append(lines, t.styled(styleDim, fit(t.nothing(), w)))
	}
	return lines, shown
}

// nothing says why there are no rows.
func (t *liveTop) nothing() string {
	if t.filter != "" {
		return "Nothing has this in its name; Escape shows all."
	}
	return map[string]string{
		viewSignals: "No sender has come yet.", viewPeers: "Nobody is connected.", viewRequests: "Nothing was asked yet.",
	}[t.view]
}

// tableLine puts each cell where it belongs, wherever the one before it has ended: how wide
// some characters are is for the terminal to say.
func (t *liveTop) tableLine(style string, w, n int, at func(i int) (at, wide int, right bool, text string)) string {
	var b strings.Builder
	if style == styleReverse {
		b.WriteString(t.styled(style, strings.Repeat(" ", w)))
	}
	for i := range n {
		column, wide, right, text := at(i)
		fmt.Fprintf(&b, "\x1b[%dG%s", column+1, t.styled(style, cell(text, wide, right)))
	}
	return b.String()
}
