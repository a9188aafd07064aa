package supervise

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A run is one process of the program, and its process group.
type run struct {
	pid    int
	began  time.Time
	exited chan struct{} // closed when the process has ended
	err    error         // how; set before exited

	output []*os.File
	read   sync.WaitGroup // those who read the output
}

func startRun(spec *Spec) (*run, error) {
	command := spec.Command()
	if len(command) == 0 {
		return nil, errors.New("there is no command to start")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	ownGroup(cmd)
	r := &run{exited: make(chan struct{})}
	// The pipes are ours, so that Wait does not wait for grandchildren that hold them.
	out, err := r.pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	errs, err := r.pipe()
	if err != nil {
		r.closeOutput()
		return nil, err
	}
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		r.closeOutput()
		return nil, err
	}
	r.pid, r.began = cmd.Process.Pid, time.Now()
	for i, f := range r.output {
		r.read.Go(func() { readLines(f, func(line []byte) { spec.Line(Stream(i), line) }) })
	}
	go func() {
		r.err = cmd.Wait()
		close(r.exited)
	}()
	return r, nil
}

// pipe adds a pipe to the output and returns the end for the process.
func (r *run) pipe() (*os.File, error) {
	in, out, err := os.Pipe()
	if err == nil {
		r.output = append(r.output, in)
	}
	return out, err
}

func (r *run) closeOutput() {
	for _, f := range r.output {
		f.Close()
	}
}

// end ends the process and its group, and returns when the process has ended. It reports
// whether that took SIGKILL.
func (r *run) end(grace time.Duration) (killed bool) {
	terminateGroup(r.pid)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-r.exited:
		return false
	case <-t.C:
	}
	killGroup(r.pid)
	<-r.exited
	return true
}

// endRest ends what is left of the group of a process that has ended. It reports whether
// that took SIGKILL.
func (r *run) endRest(grace time.Duration) (killed bool) {
	if groupEnded(r.pid) {
		return false
	}
	terminateGroup(r.pid)
	if r.awaitGroup(grace) {
		return false
	}
	killGroup(r.pid)
	r.awaitGroup(time.Second) // SIGKILL takes effect at once, but for a process in the kernel's hands
	return true
}

// awaitGroup reports whether the group ends in time. The system tells nobody of that, so it
// has to be looked at every now and then.
func (r *run) awaitGroup(limit time.Duration) bool {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-look.C {
		if groupEnded(r.pid) {
			return true
		}
	}
	return groupEnded(r.pid)
}

// outputPatience is how long the output of a group that has ended is read. It is at its end
// then, unless a process that has left the group holds it.
const outputPatience = time.Second

// endOutput returns when the output was read.
func (r *run) endOutput() {
	t := time.AfterFunc(outputPatience, r.closeOutput)
	r.read.Wait()
	t.Stop()
	r.closeOutput()
}

// maxLine is the longest line that is handed over in one piece.
const maxLine = 64 << 10

func readLines(in io.Reader, line func([]byte)) {
	for r := bufio.NewReaderSize(in, maxLine); ; {
		b, err := r.ReadSlice('\n')
		if len(b) > 0 {
			line(bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
