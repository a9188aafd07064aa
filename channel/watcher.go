package channel

import (
	"context"
	"errors"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// A listened knows how many listen to the channel, from what the router tells an
// endpoint's sender.
type listened struct {
	e    *endpoint
	tell func(int)

	mu      sync.Mutex
	n       int
	known   bool
	telling bool // somebody is, and goes on with what is newer
}

// begin is called before the endpoint has its sender: the router tells of those who listen
// already when that is added.
func (l *listened) begin() error {
	for _, event := range []string{sig.Subscribe, sig.Unsubscribe} {
		if err := l.e.listen(l.e.name, event, l.event); err != nil {
			return err
		}
	}
	return nil
}

func (l *listened) event(e sig.Event) {
	d, err := sig.As[sig.Listening](e.Data)
	if err == nil && d.Event == l.e.channel {
		l.set(d.Listeners)
	}
}

// set notes a number and tells of it, when it is news.
func (l *listened) set(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known && l.n == n {
		return
	}
	l.n, l.known = n, true
	if l.tell == nil || l.telling {
		return
	}
	l.telling = true
	for told := -1; told != l.n; {
		told = l.n
		l.mu.Unlock()
		l.tell(told)
		l.mu.Lock()
	}
	l.telling = false
}

// first tells that nobody listens, when there was no other word.
func (l *listened) first() {
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if !known {
		l.set(0)
	}
}

// reset is for a new connection: whoever listens now, the router will say so.
func (l *listened) reset() { l.set(0) }

func (l *listened) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// A Watcher knows how many listen to a channel.
type Watcher struct {
	*endpoint
	listened listened
}

// Watch calls fn with the number of those who listen to a channel, at first and whenever
// that changes, so that who has something to publish can begin when somebody wants it and
// stop when nobody does. fn must not wait.
func Watch(ctx context.Context, p *Party, channel string, fn func(n int)) (*Watcher, error) {
	e, err := p.newEndpoint(kindWatch, channel, "")
	if err != nil {
		return nil, err
	}
	e.declares = []sig.SenderOption{sig.Events(e.channel)}
	w := &Watcher{endpoint: e, listened: listened{e: e, tell: fn}}
	e.onReconnected = w.listened.reset
	if err = w.listened.begin(); err == nil {
		err = w.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.end(err))
	}
	w.listened.first()
	return w, nil
}

// Subscribers returns how many listen to the channel now.
func (w *Watcher) Subscribers() int { return w.listened.count() }

// Close ends the watching.
func (w *Watcher) Close() error { return w.close() }
