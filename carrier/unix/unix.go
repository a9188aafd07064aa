// Package unix is the carrier over Unix domain sockets: unix:///path, or unix:path for
// one relative to the working directory.
package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// DefaultMode lets only the user who runs the server connect.
const DefaultMode fs.FileMode = 0o600

// Scheme makes connections over Unix sockets. The zero value is ready for use.
type Scheme struct{}

// Schemes returns "unix".
func (Scheme) Schemes() []string { return []string{"unix"} }

// Dial connects to unix:///path.
func (Scheme) Dial(ctx context.Context, u *url.URL) (carrier.Conn, error) {
	path, _, err := target(u)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return NewConn(c.(*net.UnixConn)), nil
}

// Check says what is wrong with an address.
func (Scheme) Check(u *url.URL) error {
	_, _, err := target(u)
	return err
}

// Listen waits for connections at unix:///path. The socket's mode is 0600 from the
// first instant, or what mode=0660 in the query says. A socket file that nobody
// listens at any more is replaced; a file that is no socket, or one that somebody
// listens at, is left alone and is an error. Close removes the file.
func (Scheme) Listen(ctx context.Context, u *url.URL) (carrier.Listener, error) {
	path, mode, err := target(u)
	if err != nil {
		return nil, err
	}
	if err := clearStale(path); err != nil {
		return nil, err
	}
	l, err := listenMode(ctx, path, mode)
	if err != nil {
		return nil, err
	}
	return newListener(l, path), nil
}

// target takes the URL apart.
func target(u *url.URL) (path string, mode fs.FileMode, err error) {
	params, err := carrier.Params(u, "mode")
	if err != nil {
		return "", 0, err
	}
	path = u.Path
	if u.Opaque != "" {
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", 0, fmt.Errorf("%s: %w", u, err)
		}
	}
	if u.Host != "" { // unix://name is taken for a relative path
		path = filepath.Join(u.Host, u.Path)
	}
	if path == "" {
		return "", 0, fmt.Errorf("%s: a Unix address is unix:///path or unix:path", u)
	}
	mode = DefaultMode
	if s, ok := params["mode"]; ok {
		n, err := strconv.ParseUint(s, 8, 9)
		if err != nil {
			return "", 0, fmt.Errorf("%s: mode %q is no octal file mode such as 0660", u, s)
		}
		mode = fs.FileMode(n)
	}
	return path, mode, nil
}

// clearStale removes a socket that nobody listens at.
func clearStale(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("listen %s: there is a file that is no socket; remove it or choose another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("listen %s: %w: another program listens there; stop it or choose another path", path, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("listen %s: cannot tell whether the socket there is in use: %w", path, err)
	}
	return os.Remove(path)
}

// listenMode binds under another name, sets the mode, and only then gives the socket
// its real name, so that nobody connects before the mode is set.
func listenMode(ctx context.Context, path string, mode fs.FileMode) (*net.UnixListener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sig")
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", path, err)
	}
	defer os.RemoveAll(dir)
	private := filepath.Join(dir, "s")
	var lc net.ListenConfig
	nl, err := lc.Listen(ctx, "unix", private)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", path, err)
	}
	l := nl.(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	err = os.Chmod(private, mode)
	if err == nil {
		// A link, unlike a rename, never replaces what has come to be there.
		err = os.Link(private, path)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			err = os.Rename(private, path) // systems that do not link sockets
		}
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("listen %s: %w", path, err)
	}
	return l, nil
}

// NewConn makes a Conn of a Unix connection. Where the system tells, its identity is
// the user id of the other end, as "uid:1000".
func NewConn(c *net.UnixConn) carrier.Conn { return newConn(c, c.LocalAddr().String()) }

func newConn(c *net.UnixConn, local string) carrier.Conn {
	info := carrier.Info{Carrier: "unix", Local: local, Remote: c.RemoteAddr().String(), Loopback: true}
	if uid, pid, ok := credentials(c); ok {
		info.Identity = fmt.Sprintf("uid:%d", uid)
		if info.Remote == "" || info.Remote == "@" {
			info.Remote = fmt.Sprintf("pid:%d", pid)
		}
	}
	return carrier.NewStream(c, info)
}

// NewListener makes a Listener of a Unix listener, one handed over by systemd for
// instance; its file is not removed.
func NewListener(l *net.UnixListener) carrier.Listener {
	return &listener{l: l, path: l.Addr().String()}
}

func newListener(l *net.UnixListener, path string) carrier.Listener {
	own := &listener{l: l, path: path}
	own.file, _ = os.Lstat(path) // without it Close leaves the file
	return own
}

type listener struct {
	l    *net.UnixListener
	path string
	file fs.FileInfo // our socket file; nil: not ours to remove
	once sync.Once
	err  error
}

func (l *listener) Accept() (carrier.Conn, error) {
	c, err := l.l.AcceptUnix()
	if errors.Is(err, net.ErrClosed) {
		return nil, carrier.ErrClosed
	}
	if err != nil {
		return nil, err
	}
	return newConn(c, l.path), nil
}

func (l *listener) URL() string {
	if filepath.IsAbs(l.path) {
		return "unix://" + l.path
	}
	return "unix:" + l.path
}

// Close closes the listener and removes its file, unless another has taken its place.
func (l *listener) Close() error {
	l.once.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && l.file != nil && os.SameFile(now, l.file) {
			_ = os.Remove(l.path)
		}
		l.err = l.l.Close()
	})
	return l.err
}
