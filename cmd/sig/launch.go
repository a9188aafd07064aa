package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/internal/supervise"
)

// launchFlags are the flags of sig launch.
type launchFlags struct {
	client clientFlags
	output outputFlags

	check  bool
	router string
	topic  string
	stopOn string
}

func (a *app) launchCommand() *cobra.Command {
	var f launchFlags
	cmd := &cobra.Command{
		Use:   "launch FILE",
		Short: "Start a set of programs, and look after them",
		Long: `Start the programs that a file lists, one after the other, and look after them: start
again those that crash, and stop all, in reverse order, on Ctrl-C or SIGTERM. Each line they
write is printed after the name of the program. If there is no router at the address,
one is started first.

The file is TOML, with these settings; all but the command may be left out:

  url    = "tcp://127.0.0.1:3000"  # of the router; --url and SIG_URL go before it
  router = "auto"                  # start one: auto, if none is there; always; never
  router-args = []                 # what to give to sig serve
  grace  = "5s"                    # from SIGTERM to SIGKILL

  [[component]]
  name     = "server"              # or else the program's
  command  = "echo-server --fast"  # or a list: ["echo-server", "--fast"]
  dir      = "."                   # where it runs; the default is the file's directory
  env      = { LOG = "debug" }     # added to the environment
  wait-for = "EchoServer"          # the next is started when this sender has come,
  timeout  = "10s"                 #   within this time,
  delay    = "500ms"               #   and after this long
  restart  = "on-failure"          # or always, or never
  backoff  = "1s"                  # the wait before it, which doubles
  max-backoff  = "30s"
  max-restarts = 0                 # in a row; then it is given up; 0: never
  essential = false                # when it has ended for good, all are stopped

In commands and environments {url} stands for the address of the router, {name} for the
component and {sig} for this program. SIG_URL is set for each program, and is where
every sig command looks.

A file that ends in .csv is read as Banyan's launcher does. Its rows with the topic of
--topic are taken; run sig launch on each machine.

It ends when all programs have, or when it is asked to: with code 0, or 1 if one of them
failed and was not started again.`,
		Example: `  sig launch echo.toml
  sig launch echo.toml --check
  sig launch robots.csv --topic pi1 --url tcp://desk:3000 --stop-on killall`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.launch(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "only check the file, and print what would be started")
	flags.StringVar(&f.router, "router", "", "`when` to start a router: auto, always or never (default: what the file says)")
	flags.StringVar(&f.topic, "topic", "local", "rows of a .csv file to take: those with this `topic`")
	flags.StringVar(&f.stopOn, "stop-on", "", "also stop when an event of this `name` comes, from any sender")
	f.client.addConnection(flags)
	f.output.add(flags)
	flags.Lookup("json").Usage = "print each line as a JSON object, with the name of its program and the stream"
	f.output.complete(cmd)
	return cmd
}

func (a *app) launch(ctx context.Context, f launchFlags, file string) error {
	if f.client.url == "" {
		f.client.url = a.getenv("SIG_URL")
	}
	plan, err := readPlan(file, f.topic)
	if err != nil {
		return err
	}
	if f.client.url == "" {
		f.client.url = plan.URL
	}
	if f.router != "" {
		plan.Router = f.router
	}
	if err := f.client.resolve(a.getenv); err != nil {
		return err
	}
	if err := plan.check(file); err != nil {
		return err
	}
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	p.json = f.output.json // lines stay lines where nobody looks at them at once, in a journal for instance
	if f.check {
		return plan.print(p, f.client.url)
	}
	l := &launcher{app: a, flags: f, plan: plan, printer: p, broken: make(chan struct{})}
	l.url.Store(&f.client.url)
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	return l.run(ctx)
}

// A launcher runs what a plan lists.
type launcher struct {
	*printer
	app   *app
	flags launchFlags
	plan  *plan
	self  string                 // this program
	url   atomic.Pointer[string] // of the router
	width int                    // of the longest name

	connection *connection // nil unless something has to be asked
	broken     chan struct{}
	breaking   sync.Once

	mu      sync.Mutex
	started []*launched // in the order of their starts
	hurried bool
}

// A launched is a program that was started.
type launched struct {
	*supervise.Process
	*component
}

func (l *launcher) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := supervise.Adopt(); err != nil {
		return fmt.Errorf("cannot look after the programs of programs: %w", err)
	}
	defer keepFromBrokenPipe()()
	defer l.app.hurry.set(l.kill)()
	for _, c := range l.plan.Components {
		l.width = max(l.width, len(c.Name))
	}
	err := l.startAll(ctx, cancel)
	if err == nil {
		err = l.watch(ctx)
	}
	l.stopAll()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil || errors.Is(err, errInterrupted) { // which is how it ends
		return l.failures()
	}
	return err
}

// startAll starts all programs, each when the one before it is ready.
func (l *launcher) startAll(ctx context.Context, stop context.CancelCauseFunc) error {
	if err := l.startRouter(ctx); err != nil {
		return err
	}
	if err := l.connect(ctx, stop); err != nil {
		return err
	}
	for _, c := range l.plan.Components {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, err := l.start(c, nil)
		if err != nil {
			return fmt.Errorf("cannot start %s: %w", c.Name, err)
		}
		if err := l.ready(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

// start starts a program. What it writes goes through look first, if that is not nil, which
// reports whether it is to be printed.
func (l *launcher) start(c *component, look func(line []byte) bool) (*launched, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hurried {
		return nil, errInterrupted
	}
	p, err := supervise.Start(supervise.Spec{
		Command: func() []string { return l.expand(c, c.Command...) },
		Dir:     c.Dir, Env: l.environment(c),
		Restart: c.restart(), Backoff: time.Duration(c.Backoff), MaxBackoff: time.Duration(c.MaxBackoff),
		MaxRestarts: c.MaxRestarts, Grace: time.Duration(c.Grace),
		Line: func(s supervise.Stream, line []byte) {
			if look == nil || look(line) {
				l.printLine(c.Name, s, line)
			}
		},
		Note: func(text string) { l.app.note("sig: %s %s", c.Name, text) },
	})
	if err != nil {
		return nil, err
	}
	l.app.note("sig: %s started, process %d", c.Name, p.PID())
	r := &launched{p, c}
	l.started = append(l.started, r)
	return r, nil
}

// expand puts in what the words of a component leave open.
func (l *launcher) expand(c *component, words ...string) []string {
	r := strings.NewReplacer("{url}", *l.url.Load(), "{name}", c.Name, "{sig}", l.self)
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = r.Replace(w)
	}
	return all
}

// environment returns the environment of a component: ours, where to find the router and
// what to show there, and what the component says.
func (l *launcher) environment(c *component) []string {
	env := append(os.Environ(), "SIG_URL="+*l.url.Load())
	f := l.flags.client
	for variable, file := range map[string]string{"SIG_TOKEN_FILE": f.tokenFile, "SIG_CA": f.ca, "SIG_CERT": f.cert, "SIG_KEY": f.key} {
		if path, err := filepath.Abs(file); file != "" && err == nil {
			env = append(env, variable+"="+path)
		}
	}
	for _, k := range sortedKeys(c.Env) {
		env = append(env, l.expand(c, k+"="+c.Env[k])...)
	}
	return env
}

// ready returns when the program is ready, as far as its component says how that is seen.
func (l *launcher) ready(ctx context.Context, c *component, p *launched) error {
	if c.WaitFor != "" {
		limit := time.Duration(c.Timeout)
		wait, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s is not ready: no sender %q within %v", c.Name, c.WaitFor, limit))
		defer cancel()
		if err := l.awaitSender(wait, c.WaitFor, p); err != nil {
			return err
		}
	}
	return pause(ctx, time.Duration(c.Delay))
}

// watch returns when there is nothing left to look after, or no reason to.
func (l *launcher) watch(ctx context.Context) error {
	essential, ended := make(chan *launched, len(l.started)), make(chan struct{})
	var all sync.WaitGroup
	for _, p := range l.started {
		if p.component == l.plan.router {
			continue // by itself it is of no use
		}
		all.Go(func() {
			<-p.Done()
			if p.Essential {
				essential <- p
			}
		})
	}
	go func() {
		all.Wait()
		close(ended)
	}()
	defer func() { // all are stopped before it returns, so that nobody is left who waits
		l.stopAll()
		<-ended
	}()
	select {
	case <-ended:
		select {
		case p := <-essential:
			return l.essentialEnded(p)
		default:
			return nil
		}
	case p := <-essential:
		return l.essentialEnded(p)
	case <-l.broken:
		return errors.New("standard output is closed; everything is stopped")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *launcher) essentialEnded(p *launched) error {
	if p.Err() == nil {
		l.app.note("sig: %s is essential; everything is stopped", p.Name)
		return nil
	}
	return fmt.Errorf("%s is essential, and failed: %w", p.Name, p.Err())
}

// stopAll stops all programs, the last first.
func (l *launcher) stopAll() {
	if l.connection != nil {
		_ = l.connection.close() // nothing is on its way
		l.connection = nil
	}
	l.mu.Lock()
	all := l.started
	l.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		select {
		case <-all[i].Done():
			continue
		default:
		}
		l.app.note("sig: stopping %s", all[i].Name)
		all[i].Stop()
	}
}

// kill kills all programs, for a user who has asked twice.
func (l *launcher) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hurried = true
	for _, p := range l.started {
		p.Kill()
	}
}

// failures says which programs ended with an error.
func (l *launcher) failures() error {
	var failed []string
	for _, p := range l.started {
		if err := p.Err(); err != nil {
			failed = append(failed, p.Name+": "+err.Error())
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s failed: %s", len(failed), plural(len(l.started), "program"), strings.Join(failed, "; "))
}
