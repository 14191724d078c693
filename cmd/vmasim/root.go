package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"

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

// statusError ends the program with a status. Its message has been printed already.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a mistake of the caller.
type usageError struct{ error }

// execute runs the command line and returns the exit status.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	root := newRoot(out)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	if err == nil {
		err = out.err // which those who print help and completions ignore
	}
	var status statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(stderr, "vmasim: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// output is standard output. It keeps the first error: a result that could not be written must not end in exit status 0.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func newRoot(stdout io.Writer) *cobra.Command {
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
		RunE:          help,
	}
	root.SetOut(stdout)
	root.SetFlagErrorFunc(flagError)
	root.Version = ownVersion()
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(newRun(), newCompare(), newExplore(), newMerge(), newReplay(), newStep(), newPage(), newTimeline(), newQuiz(), newLitmus(), newDraw(), newDiff(), newImport(), newScenarios(), newRules(), newOracles(), newExplain(), newDocs(), newVersion())
	root.SetHelpCommand(newHelp(root))
	root.InitDefaultCompletionCmd() // which prints to what standard output is now
	if c, _, err := root.Find([]string{"completion"}); err == nil && c != root {
		c.Args, c.RunE = knownCommand, help
		c.Example = "  source <(vmasim completion bash)"
		for _, shell := range c.Commands() {
			shell.Example = "  vmasim completion " + shell.Name()
		}
	}
	return root
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// newHelp returns the command that prints the help of another, and refuses one that does not exist.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		Long:  "Print the help of a command, which its flag --help prints, too.",
		Example: `  vmasim help
  vmasim help explore`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
			if cmd, rest, err := root.Find(args); err == nil && len(rest) == 0 {
				for _, c := range cmd.Commands() {
					if c.IsAvailableCommand() {
						words = append(words, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			for _, name := range args {
				next, rest, err := cmd.Find([]string{name})
				if err != nil || len(rest) > 0 {
					return knownCommand(cmd, []string{name})
				}
				cmd = next
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
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
	if len(names) == 0 {
		return usageError{fmt.Errorf("%s has no commands, got %s", root.CommandPath(), suggest.Quote(args[0]))}
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
	name := "--" + missing.GetSpecifiedName()
	words := suggest.Unknown("flag", name, names, "one that --help lists")
	if others := commandsWith(cmd.Root(), missing.GetSpecifiedName()); others != nil {
		words += fmt.Sprintf("; %s is a flag of %s", name, strings.Join(others, ", "))
	}
	return usageError{errors.New(words)}
}

// commandsWith returns the commands that have a flag.
func commandsWith(root *cobra.Command, flag string) (paths []string) {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(flag) != nil {
			paths = append(paths, c.CommandPath())
		}
	}
	return paths
}

// atMostOneName refuses more than one argument.
func atMostOneName(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("%d names, expected one or none", len(args))}
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

// interruptible returns a context that ends with the first interrupt, request to terminate or hang-up, so that what was found can be printed. A second one ends the
// program at once.
func interruptible(cmd *cobra.Command) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(cmd.Context(), endingSignals()...)
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
