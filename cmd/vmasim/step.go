package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/classroom/step"
	"vmasim/explore/trace"
	"vmasim/report"
)

func newStep() *cobra.Command {
	o := &exploreOptions{}
	cmd := &cobra.Command{
		Use:   "step SCENARIO [SCHEDULE]",
		Short: "Be the scheduler: one step at a time, back and forth",
		Long: `Run a scenario step by step, as its scheduler: say whose step comes next, take steps
back, go on to what breaks, ask why a task cannot go on. What runs is the protocol
itself, and every oracle watches. Go on to the next step that touches an object, ask
which step has written a value, watch cells and comparisons. With a SCHEDULE, which
explore and replay print and a scenario may state, it begins before the first switch of
that run.

In a terminal it is a screen: a task's letter takes its step, the arrows go back and
forth, ? lists the keys. Elsewhere, and with --lines, commands are read line by line
from standard input; help lists them. At the end the line for vmasim replay is printed.

The exit status is 0, 2 for wrong usage, where a command cannot be performed that came
from no terminal, and where the SCHEDULE belongs to something else or does not fit: then
the steps that are possible are there.`,
		Example: `  vmasim step detach-race
  vmasim step detach-race 'v2:…'
  printf 'B 5\nA\nwhy A\nviolation\n' | vmasim step detach-race
  printf 'watch vm_refcnt > 1\nuntil A\non mmap_lock B\n' | vmasim step detach-race
  vmasim step fork-parent --rules linux-6.18,-fork-locks-parent`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("%d words, expected a scenario and perhaps a schedule", len(args))}
			}
			return nil
		},
		ValidArgsFunction: completeRun,
		RunE:              func(cmd *cobra.Command, args []string) error { return runStep(cmd, args, o) },
	}
	o.register(cmd, forStep)
	cmd.Flags().BoolVar(&o.lines, "lines", false, "in a terminal, too: read commands line by line")
	return cmd
}

func runStep(cmd *cobra.Command, words []string, o *exploreOptions) (err error) {
	sc, err := loadOne(words[0], cmd.InOrStdin())
	if err != nil {
		return refusing(cmd, err)
	}
	schedule, err := scheduleOf(sc, words, cmd.InOrStdin())
	if err != nil {
		return refusing(cmd, err)
	}
	s, err := step.Open(sc, o.Setting, schedule)
	if err != nil {
		return refusing(cmd, err)
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	if schedule != nil {
		if err := s.FirstSwitch(); err != nil {
			return refusing(cmd, err)
		}
	}
	look := o.look.of(cmd.OutOrStdout(), false)
	s.Draw, s.Width = drawSpaces, look.Width
	if s.Misfit() != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "vmasim: "+s.Misfit())
	}
	if isTerminal(cmd.InOrStdin()) && isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb" && !o.lines {
		if err := showScreen(cmd.Context(), s, sc.Title); err != nil {
			return err
		}
	} else {
		l := &stepLines{s: s, in: bufio.NewScanner(cmd.InOrStdin()), out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), look: look}
		if isTerminal(cmd.InOrStdin()) {
			l.prompt = "> "
		}
		if err := l.run(cmd.Context(), sc.Title); err != nil {
			return err
		}
	}
	if s.At() > 0 {
		return o.print(cmd, "replay: "+s.ReplayCommand()+"\n")
	}
	if s.Misfit() != "" {
		return statusError(exitUsage)
	}
	return nil
}

// drawSpaces draws address spaces as bars.
func drawSpaces(t *trace.Trace, width int, all bool) string {
	if all {
		return report.Bars(t, report.Look{Width: width})
	}
	return report.BarsNow(t, report.Look{Width: width})
}

// stepLines is a session by lines.
type stepLines struct {
	s         *step.Session
	in        *bufio.Scanner
	out, errs io.Writer
	prompt    string // "": no terminal, where a command that fails ends it
	look      report.Look
}

// print writes lines, which it breaks between words.
func (l *stepLines) print(text string) { fmt.Fprint(l.out, l.look.Text(text+"\n")) }

func (l *stepLines) run(ctx context.Context, title string) error {
	if title != "" {
		l.print(title)
	}
	l.print("rules " + l.s.Rules() + "\n")
	l.show(l.s.At())
	for l.read() {
		line := strings.TrimSpace(l.in.Text())
		if l.prompt == "" && line != "" {
			fmt.Fprintln(l.out, "> "+line)
		}
		from := l.s.At()
		answer, err := l.do(ctx, line)
		for _, text := range answer.Lines {
			l.print(text)
		}
		if answer.Moved {
			l.show(from)
		}
		if err != nil {
			fmt.Fprintln(l.errs, "vmasim: "+err.Error())
			if l.prompt == "" {
				return statusError(exitUsage)
			}
		}
		if answer.Quit {
			break
		}
	}
	return l.in.Err()
}

func (l *stepLines) read() bool {
	fmt.Fprint(l.out, l.prompt)
	return l.in.Scan()
}

// do performs a command. An interrupt ends a search, not the session.
func (l *stepLines) do(ctx context.Context, line string) (step.Answer, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return l.s.Do(ctx, line)
}

func (l *stepLines) show(from int) {
	for _, line := range l.s.Lines(from, cmp.Or(l.look.Width, report.DefaultWidth)) {
		fmt.Fprintln(l.out, line)
	}
	fmt.Fprintln(l.out)
}
