package survive

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A farm is a network of two: this one, and a namespace of its own behind a cable that can be
// cut without either end being told.
type farm struct {
	t          *testing.T
	ns, here   string
	near, far  string
	farAddress string
}

// farms counts the farms of this process.
var farms atomic.Int32

func newFarm(t *testing.T) *farm {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	// A name and a net of its own: two tests side by side must not be routed into each other's.
	n, block := os.Getpid()%200+20, int(farms.Add(1)%60)
	name := fmt.Sprintf("sv%d-%d", os.Getpid(), block)
	f := &farm{t: t, ns: name, near: name, far: "svb"}
	f.here, f.farAddress = fmt.Sprintf("10.213.%d.%d", n, 4*block+1), fmt.Sprintf("10.213.%d.%d", n, 4*block+2)
	if out, err := exec.Command("ip", "netns", "add", f.ns).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && !strings.Contains(string(out), "not permitted") {
			t.Fatalf("no network namespace: %v: %s", err, out)
		}
		t.Skipf("no network namespace: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", f.near).Run()
		_ = exec.Command("ip", "netns", "del", f.ns).Run()
	})
	f.ip("link", "add", f.near, "type", "veth", "peer", "name", f.far, "netns", f.ns)
	f.ip("addr", "add", f.here+"/30", "dev", f.near)
	f.ip("link", "set", f.near, "up")
	f.ip("-n", f.ns, "addr", "add", f.farAddress+"/30", "dev", f.far)
	f.ip("-n", f.ns, "link", "set", f.far, "up")
	f.ip("-n", f.ns, "link", "set", "lo", "up")
	return f
}

func (f *farm) ip(args ...string) string {
	f.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(f.t, err, "ip %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// cut sends everything to an address that nobody has.
func (f *farm) cut() {
	f.t.Helper()
	const nobody = "02:00:00:00:00:01"
	f.ip("neigh", "replace", f.farAddress, "lladdr", nobody, "dev", f.near, "nud", "permanent")
	f.ip("-n", f.ns, "neigh", "replace", f.here, "lladdr", nobody, "dev", f.far, "nud", "permanent")
}

func (f *farm) heal() {
	f.t.Helper()
	f.ip("neigh", "del", f.farAddress, "dev", f.near)
	f.ip("-n", f.ns, "neigh", "del", f.here, "dev", f.far)
}

// X6 and X4: a cable that is cut for less than the limit costs nothing: the connection
// lives, nothing is lost. One that stays cut is known at the server within the limit,
// and at the client, which comes back when it is whole again.
func TestCutCable(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	limits := quick
	limits.DeadAfter = 14 * time.Second // the kernel gives up after 15
	s := newSite(t, router.ServerOptions{Limits: limits})
	l, err := s.srv.Listen(t.Context(), "tcp://"+f.here+":0")
	require.NoError(t, err)
	done := s.bystanders()
	at := gone(t, s.srv, "child")
	came := make(chan struct{}, 10)
	_, err = s.srv.AddListener("child", sig.Connect, func(sig.Event) { came <- struct{}{} })
	require.NoError(t, err)
	next, wrong := 1, 0
	numbers := make(chan int, 100_000)
	_, err = s.srv.AddListener("child", "e", func(e sig.Event) {
		var n int
		if e.Decode(&n) != nil || n != next {
			wrong++
		}
		next++
		numbers <- n
	})
	require.NoError(t, err)
	_, line := start(t, "client", []string{"SURVIVE_URL=" + l.URL(), "SURVIVE_DEAD=14s"}, "ip", "netns", "exec", f.ns)
	require.Equal(t, "ready", line)
	<-came
	<-numbers

	f.cut()
	// A fraction of the limit: the kernel sends again after 3 s, then after 6, then after 13,
	// and a busy machine may take its time to cut and to heal.
	time.Sleep(2500 * time.Millisecond)
	f.heal()
	for len(numbers) > 0 {
		<-numbers
	}
	select {
	case <-numbers:
	case <-time.After(patience):
		require.Fail(t, "nothing comes any more")
	}
	require.Empty(t, at, "the connection did not live through it")

	cut := time.Now()
	f.cut()
	select {
	case when := <-at:
		t.Logf("the server knew after %v", when.Sub(cut))
		require.Less(t, when.Sub(cut), limits.DeadAfter+7*time.Second)
	case <-time.After(patience):
		require.Fail(t, "the server never knew")
	}
	f.heal()
	select {
	case <-came:
	case <-time.After(patience):
		require.Fail(t, "the client did not come back")
	}
	for len(numbers) > 0 {
		<-numbers
	}
	<-numbers
	require.Zero(t, wrong, "lost, doubled or out of order")
	done()
}

// A classic peer, which cannot be pinged, vanishes: the kernel finds out.
func TestCutClassicPeer(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	s := newSite(t, router.ServerOptions{})
	l, err := s.srv.Listen(t.Context(), "tcp://"+f.here+":0")
	require.NoError(t, err)
	at := gone(t, s.srv, "old")
	host, port, _ := strings.Cut(strings.TrimPrefix(l.URL(), "tcp://"), ":")
	script := fmt.Sprintf(`exec 3<>/dev/tcp/%s/%s; printf '{"id":1,"method":"add_sender","params":{"sender":"old","events":["e"]}}' >&3; head -c 1 <&3 >/dev/null; echo ready; sleep 100`, host, port)
	cmd := exec.Command("ip", "netns", "exec", f.ns, "bash", "-c", script)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	_, err = out.Read(make([]byte, 10))
	require.NoError(t, err)
	cut := time.Now()
	f.cut()
	defer f.heal()
	select {
	case when := <-at:
		t.Logf("the server knew after %v", when.Sub(cut))
		require.Less(t, when.Sub(cut), 25*time.Second)
	case <-time.After(60 * time.Second):
		require.Fail(t, "the server never knew")
	}
}
