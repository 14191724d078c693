package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"vmasim/explore/trace"
	"vmasim/report"
)

// drawOptions is what the flags of draw say.
type drawOptions struct {
	look
	format report.TraceFormat
	full   bool
}

func newDraw() *cobra.Command {
	o := &drawOptions{format: report.TraceFormats()[0]}
	cmd := &cobra.Command{
		Use:   "draw FILE",
		Short: "Draw interleavings that were saved",
		Long: `Draw the interleavings in a FILE that explore or replay wrote with --format trace;
- stands for standard input. Nothing is run again: neither the scenario is needed nor
the same build of vmasim. docs/explore.md tells what a trace holds.

The exit status is 0 if all are drawn, whatever went wrong in them, and 2 for wrong
usage, for a FILE that holds none, and for traces of another version.`,
		Example: `  vmasim explore detach-race --format trace > race.trace
  vmasim draw race.trace
  vmasim draw race.trace --full --format mermaid
  vmasim explore detach-race --format trace | vmasim draw - --format dot`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%d files, expected one, or - for standard input", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runDraw(cmd, args[0], o) },
	}
	set := func(text string) (err error) {
		o.format, err = report.FormatByName(report.TraceFormats(), text)
		return err
	}
	cmd.Flags().Var(&flag{kind: "FORMAT", set: set}, "format", formatHelp("how to draw", report.TraceFormats()))
	completeFlag(cmd, "format", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeFormats(report.TraceFormats()), cobra.ShellCompDirectiveNoFileComp
	})
	o.look.register(cmd)
	cmd.Flags().BoolVar(&o.full, "full", false, fullHelp)
	return cmd
}

func runDraw(cmd *cobra.Command, file string, o *drawOptions) error {
	all, err := readTraces(file, cmd.InOrStdin())
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	draw := o.format.New(cmd.OutOrStdout(), o.look.of(cmd.OutOrStdout(), o.full))
	for _, t := range all {
		if err := draw(t); err != nil {
			return err
		}
	}
	return nil
}

// maxTraces bounds what is read of a file or of standard input, in bytes: the longest traces take some megabytes.
const maxTraces = 1 << 26

// readTraces reads a file, or standard input.
func readTraces(name string, stdin io.Reader) ([]*trace.Trace, error) {
	from := stdin
	if name == "-" {
		name = "<stdin>"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("vmasim: read traces: %w", err)
		}
		defer f.Close()
		from = f
	}
	limited := &io.LimitedReader{R: from, N: maxTraces + 1}
	all, err := trace.Read(limited)
	if limited.N == 0 {
		return nil, fmt.Errorf("vmasim: %s is larger than %d bytes, expected traces", name, maxTraces)
	}
	if wrong, ok := errors.AsType[*trace.Error](err); ok {
		return nil, fmt.Errorf("%s:%w", name, wrong)
	}
	if err != nil {
		return nil, fmt.Errorf("vmasim: read traces: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s:1:1: no trace, expected what --format trace of explore or replay prints", name)
	}
	return all, nil
}
