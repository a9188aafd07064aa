package sigrouter_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/internal/needs"
)

// TestPasted pastes what the docs show in blocks marked sh into bash, the blocks of one
// file one after the other in one directory. Each has to succeed, and to print what comes
// after "# prints" on a line; … stands for anything.
//
// Fixed ports are replaced by free ones, the serial port by a pseudo terminal at which a
// thermometer prints 21.5, and sleep by waiting until the router answers.
func TestPasted(t *testing.T) {
	bash := needs.Program(t, "bash")
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "sig"), "./cmd/sig").CombinedOutput(); err != nil {
		t.Fatalf("cmd/sig does not build: %s", out)
	}
	for _, file := range []string{"README.md", "docs/operations.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllSubmatch(text, -1)
		if len(blocks) < 5 {
			t.Errorf("%s has %d blocks to paste", file, len(blocks))
		}
		dir := t.TempDir()
		for i, m := range blocks {
			p := pasted{name: fmt.Sprintf("%s, sh block %d", file, i+1), text: string(m[1]), bash: bash, bin: bin, dir: dir}
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(file), i+1), p.run)
		}
	}
}

// A pasted block of a document.
type pasted struct{ name, text, bash, bin, dir string }

// sleepPolls takes the place of sleep: a busy machine may need more than the docs say, and
// an idle one less.
const sleepPolls = `set -e
sleep() {
	for _ in {1..400}; do
		if sig senders >/dev/null 2>&1; then return; fi
		command sleep 0.05
	done
	echo "no router at ${SIG_URL}" >&2
	return 1
}
`

func (p pasted) run(t *testing.T) {
	text, env := p.text, []string{"PATH=" + p.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + p.dir}
	ports := freePorts(t, "3000", "3080", "3443")
	for name, port := range ports {
		text = regexp.MustCompile(`\b`+name+`\b`).ReplaceAllString(text, port)
	}
	env = append(env, "SIG_URL=tcp://127.0.0.1:"+ports["3000"])
	if !strings.Contains(text, "--listen") && !strings.Contains(text, "--config") {
		env = append(env, "SIG_LISTEN=tcp://127.0.0.1:"+ports["3000"], "SIG_HTTP=127.0.0.1:"+ports["3080"])
	}
	if strings.Contains(text, "/dev/ttyUSB0") {
		text = strings.ReplaceAll(text, "/dev/ttyUSB0", printer(t, "21.5\n"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.bash, "-c", sleepPolls+text)
	cmd.Dir, cmd.Env = p.dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ownGroup(cmd)
	cmd.WaitDelay = 5 * time.Second
	defer endGroup(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s\nstandard output:\n%s\nstandard error:\n%s", p.name, err, text, stdout.String(), stderr.String())
	}
	rest := stdout.String()
	for _, want := range p.prints() {
		at := want.FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%s does not print %s:\n%s\nstandard error:\n%s", p.name, want, stdout.String(), stderr.String())
		}
		rest = rest[at[1]:]
	}
}

// prints returns what the block says that it prints, in order.
func (p pasted) prints() (all []*regexp.Regexp) {
	for _, m := range regexp.MustCompile(`(?m)# prints (.*)$`).FindAllStringSubmatch(p.text, -1) {
		all = append(all, regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(m[1]), "…", ".*")))
	}
	return all
}

// freePorts finds a free port of this machine for each name.
func freePorts(t *testing.T, names ...string) map[string]string {
	t.Helper()
	ports := map[string]string{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if slices.Contains(names, port) {
			t.Fatalf("port %s is free, of all things", port)
		}
		ports[name] = port
	}
	return ports
}

// printer returns the path of a serial port at whose other end a device prints a line every
// now and then.
func printer(t *testing.T, line string) string {
	t.Helper()
	device, path := needs.Terminal(t)
	keep, err := os.OpenFile(path, os.O_RDWR, 0) // a port that nobody has open takes nothing
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				_ = device.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = device.WriteString(line) // nobody reads it yet
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		_ = device.Close()
		wg.Wait()
		_ = keep.Close()
	})
	return path
}
