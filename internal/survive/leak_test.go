package survive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// silent is for who would fill the memory with a log.
var silent = router.Options{Logger: slog.New(slog.DiscardHandler)}

// lanes is how many do something at once, where order does not matter.
const lanes = 16

// same checks that this process uses what it used before, and holds on to nothing.
func (s *site) same(before used, what string) {
	s.t.Helper()
	var after used
	ok := within(patience, func() bool {
		after = resources(s.t)
		return after.files <= before.files+2 && after.goroutines <= before.goroutines+5 && int64(after.heap)-int64(before.heap) < 16<<20
	})
	s.t.Logf("%s: descriptors %+d, goroutines %+d, heap %+d KiB", what, after.files-before.files, after.goroutines-before.goroutines, (int64(after.heap)-int64(before.heap))>>10)
	require.True(s.t, ok, "%+v, then %+v: %+v", before, after, s.srv.Stats())
}

// K2: connections that come and go, some in the middle of something, leave nothing.
func TestComeAndGo(t *testing.T) {
	s := newSite(t, router.ServerOptions{Options: silent, Limits: carrier.Limits{ResumeFor: time.Second}})
	done := s.bystanders()
	before := resources(t)
	n := amount(2000, 1_000_000)
	each(func(lane int) error {
		for i := lane; i < n; i += lanes {
			if err := s.breakOff(i); err != nil {
				return err
			}
		}
		return nil
	}, lanes, t)
	s.left(2)
	require.True(t, within(patience, func() bool {
		st := s.srv.Stats()
		return st.Senders == 1 && st.Listeners == 1 && st.Away == 0 && st.Answers <= 1
	}), "%+v", s.srv.Stats())
	done()
	s.same(before, fmt.Sprint(n, " connections"))
}

// breakOff connects, begins something, and is gone.
func (s *site) breakOff(i int) error {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return err
	}
	switch i % 4 {
	case 0:
		_, _ = fmt.Fprintf(c, `{"id":1,"method":"add_sender","params":{"sender":"t%d","events":["e"]}}`, i)
	case 1:
		_, _ = io.WriteString(c, hello+`{"id":1,"method":"add_listener","params":{"sender":null,"event":"none"}}`)
	case 2:
		_, _ = io.WriteString(c, `{"id":1,`)
	}
	if i%8 < 7 { // reset; the others leave their port behind for a minute
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	return c.Close()
}

// K3: senders and listeners that come and go, and requests that time out, leave nothing.
func TestBooksStayEmpty(t *testing.T) {
	s := newSite(t, router.ServerOptions{Options: silent})
	done := s.bystanders()
	hang := make(chan struct{})
	var asked atomic.Int64
	_, err := s.srv.AddSender("deaf", sig.Answer("m", func(ctx contextT, _ sig.Request) (any, error) {
		asked.Add(1)
		select {
		case <-ctx.Done():
		case <-hang:
		}
		return nil, nil
	}))
	require.NoError(t, err)
	clients := make([]*router.ClientRouter, lanes)
	for i := range clients {
		clients[i] = s.dial(router.ClientOptions{})
	}
	before := resources(t)
	n := amount(1600, 1_000_000)
	each(func(lane int) error {
		for i := lane; i < n; i += lanes {
			if err := addAndRemove(t, clients[lane], fmt.Sprint("s", i)); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		return nil
	}, lanes, t)
	const together = 100
	each(func(lane int) error { // each client waits for a hundred at a time
		for range n / lanes / together {
			errs := make(chan error, together)
			ctx, cancel := timeout(t, 5*time.Millisecond)
			for range together {
				go func() {
					_, err := clients[lane].RemoteRequest(ctx, "deaf", "m", nil)
					errs <- err
				}()
			}
			for range together {
				if <-errs == nil {
					cancel()
					return fmt.Errorf("a request was answered that nobody answers")
				}
			}
			cancel()
		}
		return nil
	}, lanes, t)
	empty := func() bool {
		st := s.srv.Stats()
		return st.Senders == 1 && st.Listeners == 1 && st.Calls <= 1 && st.Answers <= 1 && st.Away == 0
	}
	require.True(t, within(patience, empty), "%+v", s.srv.Stats())
	require.Greater(t, asked.Load(), int64(n/2), "most never left the client")
	close(hang)
	done()
	s.same(before, fmt.Sprint(n, " senders, listeners and requests that timed out"))
}

func addAndRemove(t *testing.T, c *router.ClientRouter, name string) error {
	snd, err := c.AddRemoteSender(t.Context(), name, sig.Events("e"))
	if err != nil {
		return err
	}
	sub, err := c.AddRemoteListener(t.Context(), name, "e", func(sig.Event) {})
	if err != nil {
		return err
	}
	sub.Remove()
	return snd.Remove()
}

// K3: logins that are refused leave nothing, from wherever they come.
func TestRefusedLogins(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere 127.0.0.1 alone is an address of the machine")
	}
	s := newSite(t, router.ServerOptions{Options: silent, Login: onlyAna{}})
	ana := s.dial(router.ClientOptions{Token: "ana"})
	before := resources(t)
	n := amount(1600, 1_000_000)
	each(func(lane int) error {
		for i := lane; i < n; i += lanes {
			// Each address fails eight times; from the eleventh in a minute on it takes a second.
			k := i / 8
			if err := s.refused(net.IPv4(127, byte(1+k>>16), byte(k>>8), byte(k))); err != nil {
				return fmt.Errorf("login %d: %w", i, err)
			}
		}
		return nil
	}, lanes, t)
	s.left(1)
	require.EqualValues(t, n, s.srv.Stats().LoginFailures)
	_, err := ana.Ping(t.Context())
	require.NoError(t, err)
	s.same(before, fmt.Sprint(n, " refused logins"))
}

// refused tries to log in from an address.
func (s *site) refused(from net.IP) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
	c, err := d.Dial("tcp", s.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, `{"id":1,"method":"hello","params":{"version":1,"token":"bob"}}`+"\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.Contains(line, `"status":-5`) {
		err = fmt.Errorf("%s: not refused", line)
	}
	return err
}

// onlyAna lets in who says that it is ana.
type onlyAna struct{}

func (onlyAna) Authenticate(_ context.Context, token string, _ carrier.Info) (auth.Identity, error) {
	if token != "ana" {
		return auth.Identity{}, sig.ErrRefused
	}
	return auth.Identity{Name: token}, nil
}
