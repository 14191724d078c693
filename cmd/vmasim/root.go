package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vmasim/internal/suggest"
)

// The exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1 // an expectation or an invariant failed
	exitUsage       = 2 // wrong usage or a bad scenario
	exitInterrupted = 130
)

// statusError ends the program with a status. What is to be said about it is said already.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a mistake of the caller.
type usageError struct{ error }

// execute runs the command line and returns the exit status.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	var status statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, syscall.EPIPE): // whoever read the output has seen enough
		return exitOK
	}
	fmt.Fprintf(stderr, "vmasim: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "vmasim",
		Short: "A laboratory for the Linux per-VMA lock",
		Long: `vmasim simulates address spaces as Linux 6.18 manages them: page faults lock the
VMA they fall into, found without the mmap lock, while mmap, munmap, mprotect,
mremap, madvise, mlock and fork change the tree of VMAs beside them. Tasks are
goroutines, the memory is real. The same code runs at full speed, one step at a
time in every order that matters, and beside the running kernel as a check.`,
		Example: `  vmasim run                       the quickstart
  vmasim scenarios                 the built-in scenarios
  vmasim run fault-storm --threads 2 --duration 5s
  vmasim run my.vma --format json  a scenario of your own; see docs/scenarios.md
  vmasim explore detach-race       a race of December 2024, found and drawn
  vmasim diff --random 100000      compared with the kernel that is running`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(), newExplore(), newReplay(), newDiff(), newScenarios(), newRules(), newOracles(), newVersion())
	return root
}

// knownCommand refuses words that are no command.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usageError{errors.New(suggest.Unknown("command", args[0], names, ""))}
}

// flagError words a mistake in the flags, with what was meant if that can be guessed.
func flagError(cmd *cobra.Command, err error) error {
	missing, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || len(missing.GetSpecifiedName()) < 2 {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usageError{errors.New(suggest.Unknown("flag", "--"+missing.GetSpecifiedName(), names, ""))}
}

// atMostOneName refuses more than one argument.
func atMostOneName(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("%d names, expected one", len(args))}
	}
	return nil
}

// noArguments is cobra.NoArgs with a message of ours.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %s", cmd.CommandPath(), strings.Join(args, " "))}
	}
	return nil
}

// interruptible returns a context that ends with the first interrupt, so that what was found can be printed. A second one ends the
// program at once.
func interruptible(cmd *cobra.Command) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// tally turns the results of several scenarios into one exit status.
type tally struct{ failed bool }

// add notes a result. That of an interrupted run is the last.
func (t *tally) add(interrupted, ok bool) error {
	if interrupted {
		return statusError(exitInterrupted)
	}
	t.failed = t.failed || !ok
	return nil
}

func (t *tally) status() error {
	if t.failed {
		return statusError(exitFailed)
	}
	return nil
}
