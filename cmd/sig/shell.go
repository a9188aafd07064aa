package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sigrouter/sigrouter/sig"
)

// shellFlags are the flags of sig shell.
type shellFlags struct {
	client clientFlags
	output outputFlags
}

func (a *app) shellCommand() *cobra.Command {
	var f shellFlags
	cmd := &cobra.Command{
		Use:   "shell [SENDER]",
		Short: "Talk to a router line by line",
		Long: `Talk to a router line by line: call methods, trigger and listen to events. Methods and
their parameters come from the running router; Tab completes them, and help explains
them. With SENDER its methods are commands.

Events appear above the prompt while you type. When the connection is lost the shell
connects again, and goes on. Lines are kept in a history from one run to the next, in
$XDG_STATE_HOME/sig/history or where SIG_HISTORY says; SIG_HISTORY=off keeps none.

When standard input is no terminal its lines are run one after the other, up to the first
that fails.`,
		Example: `  sig shell
  sig shell engineer
  echo 'calc multiply 7 6' | sig shell`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.shell(cmd.Context(), f, args) },
	}
	cmd.ValidArgsFunction = a.completeNames(&f.client, requestNames)
	f.client.add(cmd.Flags())
	f.output.add(cmd.Flags())
	f.output.complete(cmd)
	return cmd
}

// A shell runs lines.
type shell struct {
	*app   // with the shell's own standard error
	conn   *connection
	to     caller
	print  *printer
	sender string // whose methods are commands; "" for none
	heard  []sig.Subscription
	over   bool
}

func (a *app) shell(ctx context.Context, f shellFlags, args []string) error {
	p, err := a.printer(f.output)
	if err != nil {
		return err
	}
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) || !p.tty {
		return a.runLines(ctx, f, args, p)
	}
	return a.interact(ctx, f, args, p, in)
}

// newShell connects. a is an app of the shell's own: what it notes goes where the shell
// has a place for it.
func (a *app) newShell(ctx context.Context, f *shellFlags, args []string, p *printer, once bool) (*shell, error) {
	c, err := a.dial(ctx, &f.client, once)
	if err != nil {
		return nil, err
	}
	s := &shell{app: a, conn: c, print: p, to: caller{bus: c.bus, app: a, timeout: f.client.timeout, patient: true}}
	if len(args) > 0 {
		if err := s.use(ctx, args[0]); err != nil {
			return nil, errors.Join(c.explain(ctx, err, "use "+visible(args[0])), c.close())
		}
	}
	return s, nil
}

// runLines runs what standard input has, up to the first failure.
func (a *app) runLines(ctx context.Context, f shellFlags, args []string, p *printer) error {
	s, err := a.newShell(ctx, &f, args, p, true)
	if err != nil {
		return err
	}
	defer func() { _ = s.conn.close() }() // all lines have had their answers
	lines := bufio.NewScanner(a.in)
	lines.Buffer(nil, maxInput)
	for n := 1; !s.over && lines.Scan(); n++ {
		if err := s.run(ctx, lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", n, s.conn.explainLine(ctx, err))
		}
	}
	return lines.Err()
}

// explainLine returns the interruption, if that is why a line failed.
func (c *connection) explainLine(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// interact runs what somebody types.
func (a *app) interact(ctx context.Context, f shellFlags, args []string, p *printer, in *os.File) error {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("cannot use the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), old) }() // it was there a moment ago
	keys := newKeyboard(in)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, a.out}, "")
	stop := followSize(t, int(a.out.Fd()))
	defer stop()
	own := *a
	own.err = t
	p.w = t
	s, err := own.newShell(ctx, &f, args, p, false)
	if err != nil {
		return err
	}
	defer func() { _ = s.conn.close() }() // what was typed has had its answers
	t.History = openHistory(a.getenv)
	t.AutoCompleteCallback = s.completer(ctx, t)
	own.note(`Connected to %s. Type help, or exit to leave.`, f.client.url)
	for !s.over && ctx.Err() == nil {
		t.SetPrompt(s.prompt())
		line, err := t.ReadLine()
		if errors.Is(err, term.ErrPasteIndicator) {
			err = nil
		}
		if err != nil {
			return leave(ctx, err)
		}
		s.runKept(ctx, keys, line)
	}
	return nil
}

// leave returns why the shell ends: the end of input is none worth telling.
func leave(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// runKept runs a line that somebody typed. Ctrl-C ends what it does; the shell goes on.
func (s *shell) runKept(ctx context.Context, keys *keyboard, line string) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := keys.onInterrupt(func() { cancel(errInterrupted) })
	defer stop()
	err := s.run(ctx, line)
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), errInterrupted):
		s.note("interrupted")
	default:
		s.note("%s", s.print.styled(styleRed, visibleText(err.Error())))
	}
}

func (s *shell) prompt() string {
	name := s.sender
	if name == "" {
		name = "sig"
	}
	if !s.conn.Connected() {
		name += " (not connected)"
	}
	return visible(name) + "> "
}

// followSize tells the terminal how wide it is, now and when that changes.
func followSize(t *term.Terminal, fd int) (stop func()) {
	set := func() {
		if w, h, err := term.GetSize(fd); err == nil && w > 0 {
			_ = t.SetSize(w, h) // only the drawing of the prompt can fail
		}
	}
	set()
	resized := make(chan os.Signal, 1)
	notifyResize(resized)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-resized:
				set()
			case <-done:
				return
			}
		}
	}()
	return func() {
		stopResize(resized)
		close(done)
		<-ended
	}
}
