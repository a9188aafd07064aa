package survive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// child is what this program does when it is started by a test.
func child(role string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	switch role {
	case "client":
		err = childClient(ctx, os.Getenv("SURVIVE_URL"))
	case "few files":
		err = childServer(ctx, unix.Rlimit{Cur: 40, Max: 40})
	case "server":
		err = childServer(ctx, unix.Rlimit{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// childClient has a sender that triggers events and never answers, says "ready", and waits
// for its end.
func childClient(ctx context.Context, url string) error {
	c, err := router.ClientOptions{Schemes: sigrouter.Schemes(), Limits: quick}.Dial(ctx, url)
	if err != nil {
		return err
	}
	snd, err := c.AddRemoteSender(ctx, "child", sig.Events("e"), sig.Answer("hang", func(ctx context.Context, _ sig.Request) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	if err != nil {
		return err
	}
	e, err := snd.Signal("e")
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for i := 1; ctx.Err() == nil; i++ {
		if err := e.Trigger(i); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // its pace: up to 200 a second
	}
	return nil
}

// quick are limits that make silence known soon.
var quick = carrier.Limits{PingAfter: time.Second, DeadAfter: 4 * time.Second}

// childServer serves until its standard input ends.
func childServer(ctx context.Context, files unix.Rlimit) error {
	perSecond, _ := strconv.Atoi(os.Getenv("SURVIVE_MESSAGES"))
	logins, _ := strconv.Atoi(os.Getenv("SURVIVE_LOGINS"))
	var login auth.Authenticator
	if logins > 0 {
		login = nobody{}
	}
	srv := router.ServerOptions{
		Login:   login,
		Limits:  carrier.Limits{MaxMessagesSecond: perSecond, MaxLogins: logins},
		Schemes: sigrouter.Schemes(), Options: router.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))},
	}.New()
	l, err := srv.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	if files.Cur > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
			return err
		}
	}
	fmt.Println(l.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return srv.Shutdown(ctx)
}

// start runs this program in a role, and returns its first line. Prefix, if any, is the
// command that starts it.
func start(t *testing.T, role string, env []string, prefix ...string) (cmd *exec.Cmd, line string) {
	t.Helper()
	args := append(append([]string(nil), prefix...), os.Args[0], "-test.run=^$")
	cmd = exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), "SURVIVE_ROLE="+role), env...)
	log := &logBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log)
		}
	})
	line, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return cmd, strings.TrimSpace(line)
}

// X1: a client is killed. #disconnect comes once, soon; a pending request fails; the name is
// free at once.
func TestKilledClient(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	at := gone(t, s.srv, "child")
	asker := s.dial(router.ClientOptions{})
	var told, ended []time.Duration
	for range amount(5, 100) {
		cmd, line := start(t, "client", []string{"SURVIVE_URL=" + s.url})
		require.Equal(t, "ready", line)
		failed, when := make(chan error, 1), make(chan time.Time, 1)
		go func() {
			_, err := asker.RemoteRequest(context.Background(), "child", "hang", nil)
			when <- time.Now()
			failed <- err
		}()
		require.True(t, within(patience, func() bool { return s.srv.Stats().Answers > 0 }))
		killed := time.Now()
		require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
		select {
		case when := <-at:
			told = append(told, when.Sub(killed))
		case <-time.After(patience):
			require.Fail(t, "no #disconnect")
		}
		select {
		case err := <-failed:
			require.ErrorIs(t, err, sig.ErrNotConnected)
			ended = append(ended, (<-when).Sub(killed))
		case <-time.After(patience):
			require.Fail(t, "the request is still pending")
		}
		snd, err := asker.AddRemoteSender(t.Context(), "child", sig.Events("e"))
		require.NoError(t, err, "the name is free")
		require.NoError(t, snd.Remove())
		<-at
		require.Empty(t, at, "#disconnect came twice")
	}
	t.Logf("after SIGKILL: #disconnect %v, at most %v; the request failed %v, at most %v", median(told), slices.Max(told), median(ended), slices.Max(ended))
	for _, took := range [][]time.Duration{told, ended} {
		require.LessOrEqual(t, median(took), 100*time.Millisecond)
		require.Less(t, slices.Max(took), 5*time.Second)
		if len(took) >= 100 { // p99
			slices.Sort(took)
			require.LessOrEqual(t, took[len(took)*99/100-1], 100*time.Millisecond)
		}
	}
	done()
}

// G6: a request that is never answered fails when its time is over, and no later.
func TestRequestsEndInTime(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	_, err := s.dial(router.ClientOptions{}).AddRemoteSender(t.Context(), "mute", sig.Answer("m", func(ctx context.Context, _ sig.Request) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	require.NoError(t, err)
	asker := s.dial(router.ClientOptions{})
	n := amount(100, 200)
	late := make([]time.Duration, n)
	each(func(i int) error {
		limit := time.Duration(10+10*(i%50)) * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		begin := time.Now()
		_, err := asker.RemoteRequest(ctx, "mute", "m", nil)
		late[i] = time.Since(begin) - limit
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("request %d ended with %w", i, err)
		}
		return nil
	}, n, t)
	slices.Sort(late)
	t.Logf("%d requests failed %v after their time, at most %v", n, median(late), slices.Max(late))
	require.LessOrEqual(t, late[n*99/100-1], 250*time.Millisecond)
	require.Less(t, slices.Max(late), 5*time.Second)
	require.True(t, within(patience, func() bool { st := s.srv.Stats(); return st.Calls <= 1 && st.Answers <= 1 }))
	done()
}

// X14: a server without descriptors goes on with those it has, does not spin, and recovers by
// itself.
func TestOutOfDescriptors(t *testing.T) {
	cmd, url := start(t, "few files", nil)
	talker, err := sigrouter.Dial(t.Context(), url)
	require.NoError(t, err)
	defer talker.Close()
	var conns []net.Conn
	closeAll := func() {
		for _, c := range conns {
			_ = c.Close()
		}
		conns = nil
	}
	defer closeAll()
	for range 60 { // the kernel takes them, the server cannot
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
		require.NoError(t, err)
		conns = append(conns, c)
	}
	before := cpu(t, cmd.Process.Pid)
	begin := time.Now()
	for time.Since(begin) < 2*time.Second {
		_, err = talker.RemoteSenders(t.Context())
		require.NoError(t, err, "who is in stays in")
		time.Sleep(50 * time.Millisecond) // while it is measured, next to nothing is asked of it
	}
	spent := cpu(t, cmd.Process.Pid) - before
	require.Less(t, spent, time.Since(begin)/4, "it spins")
	closeAll()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		c, err := sigrouter.Dial(ctx, url)
		if err == nil {
			_, err = c.Ping(ctx)
			require.NoError(t, err)
			require.NoError(t, c.Close())
			break
		}
		require.NoError(t, ctx.Err(), "it does not recover")
	}
}

// cpu returns the processor time of a process.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// X12: in a time namespace whose monotonic clock began elsewhere a server works as it does
// anywhere.
func TestOtherMonotonicClock(t *testing.T) {
	unshare := []string{"unshare", "--fork", "--kill-child", "--time", "--monotonic", "4000000", "--boottime", "4000000"}
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 && !strings.Contains(string(out), "permitted") {
			t.Fatalf("no time namespace: %v: %s", err, out)
		}
		t.Skipf("a time namespace needs root and Linux 5.6: %v: %s", err, out)
	}
	_, url := start(t, "server", nil, unshare...)
	c, err := router.ClientOptions{Schemes: sigrouter.Schemes(), Limits: quick}.Dial(t.Context(), url)
	require.NoError(t, err)
	defer c.Close()
	got := make(chan sig.Event, 1)
	_, err = c.AddRemoteListener(t.Context(), "s", "e", func(e sig.Event) { got <- e })
	require.NoError(t, err)
	snd, err := c.AddRemoteSender(t.Context(), "s", sig.Events("e"))
	require.NoError(t, err)
	e, err := snd.Signal("e")
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, e.Trigger(i))
		select {
		case <-got:
		case <-time.After(patience):
			require.Fail(t, "no event")
		}
		time.Sleep(quick.PingAfter) // it is pinged, and answers
	}
	require.True(t, c.Connected())
}

// X13: a log that cannot be written holds nothing up.
func TestLogThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	s := newSite(t, router.ServerOptions{Options: router.Options{Logger: slog.New(slog.NewTextHandler(full, nil))}})
	done := s.bystanders()
	for range 200 { // each is a line
		c, err := net.Dial("tcp", s.addr)
		require.NoError(t, err)
		_, _ = io.WriteString(c, "noise\n")
		_ = c.Close()
	}
	s.left(2)
	done()
}

// X19: two servers at one address; a socket file that nobody listens at, one that was replaced
// by a link or is something else, a directory that cannot be written.
func TestAddressesThatAreTaken(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	other := router.ServerOptions{Schemes: sigrouter.Schemes()}.New()
	defer other.Close()
	_, err := other.Listen(t.Context(), s.url)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, s.addr)

	dir := t.TempDir()
	sock := filepath.Join(dir, "sig.sock")
	_, err = s.srv.Listen(t.Context(), "unix://"+sock)
	require.NoError(t, err)
	_, err = other.Listen(t.Context(), "unix://"+sock)
	require.ErrorContains(t, err, sock, "somebody listens there")
	c, err := sigrouter.Dial(t.Context(), "unix://"+sock)
	require.NoError(t, err, "and still does")
	require.NoError(t, c.Close())

	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	_, err = other.Listen(t.Context(), "unix://"+stale)
	require.NoError(t, err, "left over by one that was killed")

	file := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	_, err = other.Listen(t.Context(), "unix://"+file)
	require.ErrorContains(t, err, file)
	link := filepath.Join(dir, "link.sock")
	require.NoError(t, os.Symlink(file, link))
	_, err = other.Listen(t.Context(), "unix://"+link)
	require.Error(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text), "nothing foreign is deleted")
	_, err = other.Listen(t.Context(), "unix://"+filepath.Join(dir, "no", "such", "s.sock"))
	require.True(t, errors.Is(err, os.ErrNotExist) || err == nil, "%v", err)
}

// S18: the socket file is for its owner alone from the first instant.
func TestSocketMode(t *testing.T) {
	dir := t.TempDir()
	old := syscall.Umask(0) // the worst case
	defer syscall.Umask(old)
	stop, wrong := make(chan struct{}), make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			files, _ := os.ReadDir(dir)
			for _, f := range files {
				if st, err := os.Lstat(filepath.Join(dir, f.Name())); err == nil && st.Mode()&os.ModeSocket != 0 && st.Mode().Perm()&0o077 != 0 {
					select {
					case wrong <- st.Mode().String():
					default:
					}
				}
			}
		}
	}()
	for i := range 50 {
		srv := router.ServerOptions{Schemes: sigrouter.Schemes()}.New()
		_, err := srv.Listen(t.Context(), "unix://"+filepath.Join(dir, fmt.Sprintf("s%d.sock", i)))
		require.NoError(t, err)
		require.NoError(t, srv.Close())
	}
	close(stop)
	<-ended
	select {
	case mode := <-wrong:
		require.Fail(t, "others could connect", mode)
	default:
	}
}

// S22: what peers call themselves and send cannot forge log lines, colour a terminal or fill
// a disk.
func TestLogHygiene(t *testing.T) {
	s := newSite(t, router.ServerOptions{})
	done := s.bystanders()
	evil := `evil\u001b[31m\nlevel=ERROR msg=forged\r\u0000`
	for _, text := range []string{
		`{"id":1,"method":"hello","params":{"version":1,"name":"` + evil + `"}}`,
		hello + `{"id":1,"method":"` + evil + `"}`,
		hello + `{"id":1,"method":"add_sender","params":{"sender":"` + evil + `","events":["e"]}}`,
		"\x1b[31mlevel=ERROR msg=forged\n",
		`{"id":1,"method":"` + strings.Repeat("y", 900_000) + `"}`,
		hello + `{"method":"bye","params":{"reason":"` + evil + `"}}`,
	} {
		c := s.raw()
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	s.left(2)
	done()
	for line := range strings.Lines(s.log.String()) {
		require.True(t, strings.HasPrefix(line, "time="), "a line that is none of ours: %q", line)
		require.Less(t, len(line), 1024+256, "%.100q", line)
		for _, r := range strings.TrimSuffix(line, "\n") {
			require.False(t, r < ' ' || r == 0x7f, "%q", line)
		}
		require.NotContains(t, line, "\nlevel=ERROR")
	}
}
