// Package local is the carrier inside one process: connections over memory, for unit
// tests and for programs that keep their parts apart. Nothing touches a socket, so it
// works inside a testing/synctest bubble.
package local

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"sync"

	"github.com/sigrouter/sigrouter/carrier"
)

// Pair returns the two ends of a connection over memory.
func Pair() (carrier.Conn, carrier.Conn) { return pair("a", "b") }

func pair(a, b string) (carrier.Conn, carrier.Conn) {
	toB, toA := newPipe(), newPipe()
	return carrier.NewStream(&end{in: toA, out: toB}, carrier.Info{Carrier: "local", Local: a, Remote: b, Loopback: true}),
		carrier.NewStream(&end{in: toB, out: toA}, carrier.Info{Carrier: "local", Local: b, Remote: a, Loopback: true})
}

// A Network is a space of names for local:// addresses. Give the same one to the
// server and to its clients. The zero value is an empty network, ready for use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	dialed    int
}

// NewNetwork returns an empty network.
func NewNetwork() *Network { return &Network{} }

// Schemes returns "local".
func (n *Network) Schemes() []string { return []string{"local"} }

// Dial connects to the listener of that name.
func (n *Network) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	name, err := nameOf(u)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	l := n.listeners[name]
	n.dialed++
	us := fmt.Sprintf("%s#%d", name, n.dialed)
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: nobody listens there in this network", u)
	}
	ours, theirs := pair(us, name)
	select {
	case l.incoming <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: nobody listens there any more", u)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Check says what is wrong with an address.
func (n *Network) Check(u *url.URL) error {
	_, err := nameOf(u)
	return err
}

// Listen takes a name. It fails when the name is taken.
func (n *Network) Listen(_ context.Context, u *url.URL) (carrier.Listener, error) {
	name, err := nameOf(u)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[name] != nil {
		return nil, fmt.Errorf("listen %s: the name is taken in this network", u)
	}
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	l := &listener{network: n, name: name, incoming: make(chan carrier.Conn), closed: make(chan struct{})}
	n.listeners[name] = l
	return l, nil
}

func nameOf(u *url.URL) (string, error) {
	if _, err := carrier.Params(u); err != nil {
		return "", err
	}
	if u.Host == "" || u.Path != "" {
		return "", fmt.Errorf("%s: a local address is local://name", u)
	}
	return u.Host, nil
}

type listener struct {
	network  *Network
	name     string
	incoming chan carrier.Conn
	once     sync.Once
	closed   chan struct{}
}

func (l *listener) Accept() (carrier.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, carrier.ErrClosed
	}
}

func (l *listener) URL() string { return "local://" + l.name }

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		delete(l.network.listeners, l.name)
		l.network.mu.Unlock()
	})
	return nil
}

// maxPipe is how much a pipe holds before writes wait, as a socket's buffer would.
const maxPipe = 256 << 10

// maxDirect is how much may be written at once for the writer to do the reader's work. More
// is better done by two.
const maxDirect = 512

// pipe is one direction.
type pipe struct {
	mu     sync.Mutex
	buf    []byte // written and not read
	start  int    // of what is unread in buf
	closed bool
	data   sync.Cond // there is something to read, or the pipe is closed, or a pull has ended
	space  sync.Cond // there is room, or the pipe is closed
	pull   func()    // reads, in the goroutine that writes; nil: it must not
	waits  bool      // the reader is in wait
	pulls  bool      // somebody is in pull
}

func newPipe() *pipe {
	p := &pipe{}
	p.data.L, p.space.L = &p.mu, &p.mu
	return p
}

func (p *pipe) empty() bool { return p.start == len(p.buf) }

func (p *pipe) read(b []byte, wait bool) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.empty() {
		switch {
		case p.closed:
			return 0, io.EOF
		case !wait:
			return 0, nil
		}
		p.data.Wait()
	}
	n := copy(b, p.buf[p.start:])
	p.start += n
	if p.empty() {
		p.start, p.buf = 0, p.buf[:0]
	}
	p.space.Signal()
	return n, nil
}

// share lets writers read.
func (p *pipe) share(pull func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pull = pull
}

// wait waits for something to read, or the end. Meanwhile writers may read.
func (p *pipe) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = true
	for p.pulls || p.empty() && !p.closed {
		p.data.Wait()
	}
	p.waits = false
}

// write takes what fits, at least when wait is set.
func (p *pipe) write(b []byte, wait bool) (int, error) {
	total, direct, err := p.store(b, wait)
	if direct {
		p.pull()
		p.pulled()
	}
	return total, err
}

// store reports whether what it took is for pull.
func (p *pipe) store(b []byte, wait bool) (total int, direct bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waits && !p.pulls && p.pull != nil && !p.closed && p.empty() && len(b) <= maxDirect {
		p.put(b)
		p.pulls = true
		return len(b), true, nil
	}
	for {
		if p.closed {
			return total, false, io.ErrClosedPipe
		}
		n := min(len(b), maxPipe-(len(p.buf)-p.start))
		if n > 0 {
			p.put(b[:n])
			b = b[n:]
			total += n
			p.data.Signal()
		}
		if len(b) == 0 || !wait {
			return total, false, nil
		}
		p.space.Wait()
	}
}

// pulled ends a pull. What it left is for the reader.
func (p *pipe) pulled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pulls = false
	if p.closed || !p.empty() {
		p.data.Signal()
	}
}

func (p *pipe) put(b []byte) {
	if p.start > 0 && len(p.buf)+len(b) > cap(p.buf) {
		p.buf = p.buf[:copy(p.buf, p.buf[p.start:])]
		p.start = 0
	}
	p.buf = append(p.buf, b...)
}

func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.data.Broadcast()
	p.space.Broadcast()
}

// end is one end of a connection.
type end struct{ in, out *pipe }

func (e *end) Read(b []byte) (int, error)     { return e.in.read(b, true) }
func (e *end) Write(b []byte) (int, error)    { return e.out.write(b, true) }
func (e *end) TryWrite(b []byte) (int, error) { return e.out.write(b, false) }

// The engine lets the other end's writes read here, see carrier.NewStream.

func (e *end) Share(pull func()) { e.in.share(pull) }
func (e *end) Wait()             { e.in.wait() }
func (e *end) TryRead(b []byte) int {
	n, _ := e.in.read(b, false) // Read will find what is wrong
	return n
}

func (e *end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}
