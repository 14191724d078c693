package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"vmasim/explore"
	"vmasim/internal/suggest"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

func newReplay() *cobra.Command {
	o := &exploreOptions{}
	cmd := &cobra.Command{
		Use:   "replay SCENARIO SCHEDULE",
		Short: "Run one interleaving again",
		Long: `Run one interleaving of a scenario again, as vmasim explore printed it, and draw it.
SCHEDULE is the text that begins with v1:, the name of a file that holds it, or - for
standard input. The schedule knows which scenario and which rules it belongs to; where
it does not fit the program any more, the first step that differs is named.

The exit status is 0 if the execution ends well, 1 if it breaks a rule, 2 if the
schedule does not belong to the scenario or does not fit.`,
		Example: `  vmasim replay detach-race 'v1:…'
  vmasim replay my.vma schedule.txt --full
  vmasim replay my.vma schedule.txt --format mermaid`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("%d words, expected two: a scenario and a schedule", len(args))}
			}
			return nil
		},
		ValidArgsFunction: completeLitmus,
		RunE:              func(cmd *cobra.Command, args []string) error { return runReplay(cmd, args[0], args[1], o) },
	}
	o.register(cmd, true)
	return cmd
}

func runReplay(cmd *cobra.Command, name, text string, o *exploreOptions) error {
	refuse := func(err error) error {
		fmt.Fprintln(cmd.ErrOrStderr(), "vmasim: "+err.Error())
		return statusError(exitUsage)
	}
	scenarios, err := workloads.Load(name, cmd.InOrStdin())
	if err != nil {
		return refuse(err)
	}
	if len(scenarios) != 1 {
		return refuse(fmt.Errorf("%s is %d scenarios, expected one", name, len(scenarios)))
	}
	schedule, err := readSchedule(text, cmd.InOrStdin())
	if err != nil {
		return refuse(err)
	}
	result, err := program.ReplayScenario(scenarios[0], o.Setting, schedule)
	if err != nil {
		return refuse(err)
	}
	format, err := report.FormatByName(report.ReplayFormats(), o.format.Name)
	if err != nil {
		return err
	}
	if err := format.New(cmd.OutOrStdout(), o.full)(result); err != nil {
		return err
	}
	switch {
	case result.Diverged != nil:
		return refuse(result.Diverged)
	case result.Ending.Failed():
		return statusError(exitFailed)
	}
	return nil
}

// readSchedule reads a schedule: the text itself, a file's or standard input's.
func readSchedule(arg string, stdin io.Reader) (explore.Schedule, error) {
	if scheduleText.MatchString(arg) {
		return explore.ParseSchedule(arg)
	}
	from, name := stdin, "standard input"
	if arg != "-" {
		f, err := os.Open(arg)
		if errors.Is(err, os.ErrNotExist) {
			return explore.Schedule{}, fmt.Errorf("%s is neither a schedule, which begins with v1:, nor a file", suggest.Quote(arg))
		}
		if err != nil {
			return explore.Schedule{}, fmt.Errorf("read the schedule: %w", err)
		}
		defer f.Close()
		from, name = f, arg
	}
	text, err := io.ReadAll(io.LimitReader(from, maxSchedule+1))
	if err == nil && len(text) > maxSchedule {
		err = fmt.Errorf("%s is larger than %d bytes, expected a schedule", name, maxSchedule)
	}
	if err != nil {
		return explore.Schedule{}, fmt.Errorf("read the schedule: %w", err)
	}
	s, err := explore.ParseSchedule(string(text))
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// scheduleText is how a schedule begins, whatever its version. Everything else names a file.
var scheduleText = regexp.MustCompile(`^v\d+:`)

// maxSchedule bounds what is read of a file or of standard input, in bytes.
const maxSchedule = 1 << 22
