// Package supervise runs a program, starts it again when it ends, and ends it with all that
// it has started.
//
// Each run of the program has a process group of its own. When the program ends, by itself or
// because it is asked to, what is left of the group is ended too, first by SIGTERM and,
// after a time of grace, by SIGKILL; and, on Linux, no zombie is left of any of them. Where
// there are no process groups the program alone is ended.
package supervise

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"
)

// A Restart says when a program that has ended by itself is started again.
type Restart int

// Policies.
const (
	OnFailure Restart = iota // when it could not be started, or ended with a code other than 0
	Always
	Never
)

// A Stream is what a line was written to.
type Stream int

// Streams.
const (
	Stdout Stream = iota
	Stderr
)

// A Spec says what to run, and how. All but Command may be left out.
type Spec struct {
	// Command returns the program and its arguments; it is called for each run.
	Command func() []string
	Dir     string
	Env     []string // as in exec.Cmd; nil: the environment of this process

	Restart Restart
	// Backoff is the wait before the program is started again. It doubles each time, up to
	// MaxBackoff, and is Backoff again after a run of at least Steady. Zero means 1 s, 30 s
	// and 10 s.
	Backoff, MaxBackoff, Steady time.Duration
	// MaxRestarts is how often it is started again without a steady run between; 0: always.
	MaxRestarts int
	// Grace is the time between SIGTERM and SIGKILL; 0 means 5 s.
	Grace time.Duration

	// Line is called with each line that the program writes, without its end, by one
	// goroutine a stream. It may not keep the line. A longer one than 64 KiB comes in pieces.
	Line func(s Stream, line []byte)
	// Note is called with what happens to the program.
	Note func(text string)
}

func (s *Spec) fillIn() {
	orDefault(&s.Backoff, time.Second)
	orDefault(&s.MaxBackoff, 30*time.Second)
	orDefault(&s.Steady, 10*time.Second)
	orDefault(&s.Grace, 5*time.Second)
	if s.Line == nil {
		s.Line = func(Stream, []byte) {}
	}
	if s.Note == nil {
		s.Note = func(string) {}
	}
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

// A Process is a program that is looked after. Its methods may be called from several
// goroutines at once.
type Process struct {
	spec Spec
	quit chan struct{} // closed by Stop and Kill
	once sync.Once
	done chan struct{} // closed when it has ended for good
	err  error         // set before done

	mu     sync.Mutex
	now    *run // nil between runs
	killed bool
}

// Start starts a program. It fails when the first run cannot be started.
func Start(spec Spec) (*Process, error) {
	spec.fillIn()
	p := &Process{spec: spec, quit: make(chan struct{}), done: make(chan struct{})}
	first, err := p.start()
	if err != nil {
		return nil, err
	}
	go p.lookAfter(first) // ends before done is closed
	return p, nil
}

// Done is closed when the program has ended and is not going to be started again, and
// nothing is left of it.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end and returns why the last run ended: nil when it ended with code 0,
// or because of Stop.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Stop asks the program to end, kills it when it does not, and returns when it is gone.
func (p *Process) Stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.done
}

// Kill kills the program and what it has started, at once. It does not wait.
func (p *Process) Kill() {
	p.mu.Lock()
	p.killed = true
	if p.now != nil {
		killGroup(p.now.pid)
	}
	p.mu.Unlock()
	p.once.Do(func() { close(p.quit) })
}

func (p *Process) start() (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return nil, errKilled
	}
	r, err := startRun(&p.spec)
	if err != nil {
		return nil, err
	}
	p.now = r
	return r, nil
}

var errKilled = errors.New("killed")

// lookAfter sees to it that the program runs, until it has ended for good.
func (p *Process) lookAfter(r *run) {
	defer close(p.done)
	for restarts := 0; ; restarts++ {
		if p.err = p.follow(r); p.stopping() {
			p.err = nil
			return
		}
		if r != nil && time.Since(r.began) >= p.spec.Steady {
			restarts = 0
		}
		if !p.again(restarts) {
			return
		}
		wait := p.backoff(restarts)
		p.spec.Note(fmt.Sprintf("%s; starting it again in %v", how(p.err), wait))
		if !p.pause(wait) {
			p.err = nil
			return
		}
		var err error
		if r, err = p.start(); err != nil {
			r, p.err = nil, err
			continue
		}
		p.spec.Note(fmt.Sprintf("started again, process %d", r.pid))
	}
}

// follow returns when a run has ended with all that belongs to it, and how. Without a run it
// says again why there is none.
func (p *Process) follow(r *run) error {
	if r == nil {
		return p.err
	}
	select {
	case <-r.exited:
	case <-p.quit:
		if r.end(p.spec.Grace) {
			p.spec.Note(fmt.Sprintf("did not end within %v, and was killed", p.spec.Grace))
		}
	}
	if r.endRest(p.spec.Grace) {
		p.spec.Note(fmt.Sprintf("what it had started did not end within %v, and was killed", p.spec.Grace))
	}
	r.endOutput()
	p.mu.Lock()
	p.now = nil
	p.mu.Unlock()
	return r.err
}

// again decides whether the program is started again, after so many times.
func (p *Process) again(restarts int) bool {
	policy := p.spec.Restart
	if policy == Never || policy == OnFailure && p.err == nil {
		p.spec.Note(how(p.err))
		return false
	}
	if p.spec.MaxRestarts > 0 && restarts >= p.spec.MaxRestarts {
		p.spec.Note(fmt.Sprintf("%s; given up after %d restarts", how(p.err), restarts))
		p.err = fmt.Errorf("%s, and was given up after %d restarts", how(p.err), restarts)
		return false
	}
	return true
}

// how says how a run ended.
func how(err error) string {
	if err == nil {
		return "has ended"
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return "has ended with " + e.Error()
	}
	return err.Error()
}

func (p *Process) backoff(restarts int) time.Duration {
	wait := p.spec.Backoff
	for range restarts {
		if wait >= p.spec.MaxBackoff {
			break
		}
		wait *= 2
	}
	return min(wait, max(p.spec.MaxBackoff, p.spec.Backoff))
}

// pause waits. It reports false when the program is to be stopped.
func (p *Process) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.quit:
		return false
	}
}

func (p *Process) stopping() bool {
	select {
	case <-p.quit:
		return true
	default:
		return false
	}
}

// PID returns the number of the process that runs now; 0 between runs.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return 0
	}
	return p.now.pid
}
