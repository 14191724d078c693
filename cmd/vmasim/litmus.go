package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"vmasim/explore"
	"vmasim/workloads/herd"
)

// litmusOptions is what the flags of litmus say.
type litmusOptions struct {
	memory explore.MemoryModel
	time   time.Duration
}

func newLitmus() *cobra.Command {
	o := &litmusOptions{memory: explore.MemoryModel{Views: true}}
	cmd := &cobra.Command{
		Use:   "litmus FILE...",
		Short: "Run litmus tests of the kernel's memory model",
		Long: `Run litmus tests as the kernel's tools/memory-model has them, in the C dialect of
herd7: READ_ONCE and WRITE_ONCE, acquire and release, barriers, xchg, cmpxchg and
atomics, spinlocks, RCU, SRCU, if; exists, ~exists, forall, filter and locations. They
run on the cells that the simulator's locks are made of, under the memory model of
explore --memory, and each ends with herd7's line: Observation NAME Never, Sometimes or
Always, and how many states meet the condition, and how many do not.
docs/memory-model.md says what views leaves out, which is load buffering.

The exit status is 0 if each observation is the one that its file states by a comment
Result:, or the file states none; 1 if one is not, or was not finished; and 2 for a file
that cannot be read.`,
		Example: `  vmasim litmus MP+pooncerelease+poacquireonce.litmus
  vmasim litmus --memory sc litmus-tests/*.litmus`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("no file, expected litmus tests")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runLitmus(cmd, args, o) },
	}
	setMemory := func(text string) (err error) {
		o.memory, err = explore.ParseMemoryModel(text)
		return err
	}
	cmd.Flags().Var(&flag{kind: "MODEL", set: setMemory, text: o.memory.String()}, "memory", "what loads may see: sc, views, views:N or tso; views by default")
	completeFlag(cmd, "memory", func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeModel(toComplete), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.Flags().DurationVar(&o.time, "time", 0, "stop each test after so long; 0: when it is done")
	completeFlag(cmd, "time", cobra.NoFileCompletions)
	return cmd
}

// litmusTally is how tests have ended.
type litmusTally struct{ stated, other, silent, open, unread int }

func runLitmus(cmd *cobra.Command, files []string, o *litmusOptions) error {
	ctx, stop := interruptible(cmd)
	defer stop()
	var n litmusTally
	for _, file := range files {
		if err := n.run(ctx, cmd, file, o); err != nil {
			return err
		}
		if ctx.Err() != nil { // after what was found so far
			break
		}
	}
	if len(files) > 1 {
		fmt.Fprintf(cmd.OutOrStdout(), "Tests %d: %d as stated, %d otherwise, %d that state nothing, %d not finished, %d not read\n",
			n.stated+n.other+n.silent+n.open+n.unread, n.stated, n.other, n.silent, n.open, n.unread)
	}
	switch {
	case ctx.Err() != nil:
		return statusError(exitInterrupted)
	case n.unread > 0:
		return statusError(exitUsage)
	case n.other > 0 || n.open > 0:
		return statusError(exitFailed)
	}
	return nil
}

// run runs the test in a file.
func (n *litmusTally) run(ctx context.Context, cmd *cobra.Command, file string, o *litmusOptions) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return n.unreadable(cmd, err)
	}
	test, err := herd.Parse(file, string(text))
	if err != nil {
		return n.unreadable(cmd, err)
	}
	if o.time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.time)
		defer cancel()
	}
	r, err := herd.Run(ctx, test, explore.Options{Memory: o.memory, Between: letOthersRun()})
	if err != nil {
		return n.unreadable(cmd, fmt.Errorf("%s: %w", file, err))
	}
	switch {
	case !r.Complete:
		n.open++
	case test.Result == "":
		n.silent++
	case r.Agrees():
		n.stated++
	default:
		n.other++
	}
	return r.Write(cmd.OutOrStdout())
}

// unreadable says why a file is left out.
func (n *litmusTally) unreadable(cmd *cobra.Command, err error) error {
	n.unread++
	_, err = fmt.Fprintln(cmd.ErrOrStderr(), err)
	return err
}
