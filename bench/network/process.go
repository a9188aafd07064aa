//go:build unix

package network

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// A job is what a process of this program is started for. It travels as JSON, as the only
// argument after the word "role".
type job struct {
	Role     string // router, responder, subscribers, idle, storm, calls, events
	Peer     string
	Addr     string
	Counters string // file
	N        int    // subscribers, or idle connections
	Routed   bool
	InFlight int
	Timing   timing
}

type timing struct{ Warm, Run time.Duration }

// A child is a process doing a job. Closing its standard input ends it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

func start(j job) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "role", string(arg))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd, in, make(chan string, 64)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
		close(c.lines)
	}()
	return c, nil
}

// await waits for a line that begins with the word and returns the rest of it.
func (c *child) await(word string, patience time.Duration) (string, error) {
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				return "", errors.New("process has ended")
			}
			first, rest, _ := strings.Cut(line, " ")
			switch first {
			case word:
				return rest, nil
			case "error":
				return "", errors.New(rest)
			}
		case <-timeout:
			return "", fmt.Errorf("no %q within %v", word, patience)
		}
	}
}

func (c *child) stop() {
	_ = c.in.Close()
	done := make(chan struct{})
	go func() {
		for range c.lines {
		}
		_ = c.cmd.Wait() // how it ended does not matter any more
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		_ = c.cmd.Process.Kill()
		<-done
	}
}

// Role does the job that the argument of a process describes, if it is one of ours.
func Role(peers []Peer, args []string) bool {
	if len(args) != 2 || args[0] != "role" {
		return false
	}
	var j job
	err := json.Unmarshal([]byte(args[1]), &j)
	if err == nil {
		err = j.do(peers)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	// Until the parent closes standard input, or dies.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

func (j job) do(peers []Peer) error {
	p, err := find(peers, j.Peer)
	if err != nil {
		return err
	}
	raiseFiles()
	switch j.Role {
	case "router":
		if _, err = p.Router(j.Addr, j.N > 0); j.N > 0 {
			go tidy()
		}
	case "responder":
		var c Client
		if c, err = p.Dial(j.Addr, responder); err == nil {
			err = c.Serve()
		}
	case "subscribers":
		err = j.subscribe(p)
	case "idle":
		err = j.idle(p)
	case "storm":
		err = j.storm(p)
	default:
		return j.load(p)
	}
	if err == nil {
		fmt.Println("ready")
	}
	return err
}

// tidy gives back, again and again, what is no longer used, so that memory is that of
// what is held and not of when garbage was last collected.
func tidy() {
	for range time.Tick(200 * time.Millisecond) {
		debug.FreeOSMemory()
	}
}

func (j job) subscribe(p Peer) error {
	got, err := openCounters(j.Counters, j.N)
	for i := 0; err == nil && i < j.N; i++ {
		var c Client
		if c, err = p.Dial(j.Addr, subscriber); err == nil {
			n := got.at(i)
			err = c.Subscribe(func() { n.Add(1) })
		}
	}
	return err
}

func (j job) idle(p Peer) error {
	for i := range j.N {
		if _, err := p.Dial(j.Addr, idler); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if i == 0 { // the first warms up the router's code; memory is counted from here
			fmt.Println("one")
			if _, err := bufio.NewReaderSize(os.Stdin, 16).ReadString('\n'); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j job) load(p Peer) error {
	c, err := p.Dial(j.Addr, j.loader())
	if err != nil {
		return err
	}
	var got *counters
	if j.Role == "events" {
		if got, err = openCounters(j.Counters, j.N); err != nil {
			return err
		}
	}
	r, err := j.loadFrom(c, p, got, func() { fmt.Println("started") })
	if err != nil {
		return err
	}
	b, err := json.Marshal(r)
	fmt.Printf("result %s\n", b)
	return err
}

// loader is the role of the client that loads.
func (j job) loader() string {
	switch {
	case j.Role == "events":
		return publisher
	case j.Routed:
		return routedCaller
	}
	return caller
}

// loadFrom makes the load and returns what was measured; started is called when the
// measurement begins.
func (j job) loadFrom(c Client, p Peer, got *counters, started func()) (Result, error) {
	if j.Role == "calls" {
		return calls(c, j.Routed, j.InFlight, j.Timing, started)
	}
	window := p.Window
	if j.N > 1 {
		window = p.WindowMany
	}
	return events(c, got, int64(window), j.Timing, started)
}

// processorSeconds returns the processor time a process has had; 0 where it cannot be
// read.
func processorSeconds(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	var user, system float64
	fields := strings.Fields(rest)
	if len(fields) > 12 {
		_, _ = fmt.Sscan(fields[11], &user)
		_, _ = fmt.Sscan(fields[12], &system)
	}
	return (user + system) / 100
}

// residentBytes returns the memory a process has; 0 where it cannot be read.
func residentBytes(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	var kib float64
	_, _ = fmt.Sscan(rest, &kib)
	return kib * 1024
}

// addr returns an address for the router.
func (p Peer) addr(dir string) (addr string, release func(), err error) {
	if p.Addr != nil {
		return p.Addr(dir)
	}
	addr, err = freeAddr()
	return addr, func() {}, err
}

// freeAddr returns a loopback address nobody listens at.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// raiseFiles allows as many open files as the system does.
func raiseFiles() {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil && lim.Cur < lim.Max {
		lim.Cur = lim.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	}
}
