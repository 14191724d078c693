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
		Use:   "replay SCENARIO [SCHEDULE]",
		Short: "Run one interleaving again",
		Long: `Run one interleaving of a scenario again, as vmasim explore printed it, and draw it.
SCHEDULE is the text that begins with v2:, the name of a file that holds it, or - for
standard input; a scenario may state its own. It knows which scenario and which rules
it belongs to. One of something else, or that does not fit the program any more, is run
as far as it goes, and the first step that is not possible is named.

--against RULES follows the run under other rules, as far as its meaning goes: each task
goes on to where it stands before the same step. Both are drawn side by side, with
where they go different ways, and the rules of which that comes, found by switching
those in which the two differ. --against SCHEDULE draws another run beside it.

The exit status is 0 if the execution ends well, 1 if it breaks a rule, 2 if the
schedule does not belong to the scenario or does not fit.`,
		Example: `  vmasim replay detach-race 'v2:…'
  vmasim replay my.vma schedule.txt --full
  vmasim replay my.vma schedule.txt --format mermaid
  vmasim replay my.vma schedule.txt --format perfetto > my.pftrace
  vmasim replay detach-race 'v2:…' --against linux-6.18`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("%d words, expected a scenario and a schedule", len(args))}
			}
			return nil
		},
		ValidArgsFunction: completeRun,
		RunE:              func(cmd *cobra.Command, args []string) error { return runReplay(cmd, args, o) },
	}
	o.register(cmd, forReplay)
	cmd.Flags().Var(&flag{kind: "RULES|SCHEDULE", set: func(text string) error { return setBeside(o, text) }}, "against", "follow the run under these rules, or draw another run beside it, and say where they part")
	completeFlag(cmd, "against", func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeRules(toComplete), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.Flags().BoolVar(&o.step, "step", false, "step through it, beginning before its first switch, as vmasim step does")
	return cmd
}

// loadOne loads the one scenario that a name stands for.
func loadOne(name string, stdin io.Reader) (*workloads.Scenario, error) {
	scenarios, err := workloads.Load(name, stdin)
	if err != nil {
		return nil, err
	}
	if len(scenarios) != 1 {
		return nil, fmt.Errorf("%s is %d scenarios, expected one", name, len(scenarios))
	}
	return scenarios[0], nil
}

// scheduleOf reads the schedule that is the second word, or, where there is none, that the scenario states; nil: neither does.
func scheduleOf(sc *workloads.Scenario, words []string, stdin io.Reader) (*explore.Schedule, error) {
	if len(words) < 2 {
		if sc.Schedule == nil {
			return nil, nil
		}
		schedule, err := explore.ParseSchedule(sc.Schedule.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sc.Schedule.Pos, err)
		}
		return &schedule, nil
	}
	schedule, err := readSchedule(words[1], stdin)
	return &schedule, err
}

// refusing says what a scenario or a schedule cannot be used for.
func refusing(cmd *cobra.Command, err error) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "vmasim: "+err.Error())
	return statusError(exitUsage)
}

func runReplay(cmd *cobra.Command, words []string, o *exploreOptions) error {
	if o.step {
		return runStep(cmd, words, o)
	}
	refuse := func(err error) error { return refusing(cmd, err) }
	sc, err := loadOne(words[0], cmd.InOrStdin())
	if err != nil {
		return refuse(err)
	}
	schedule, err := scheduleOf(sc, words, cmd.InOrStdin())
	switch {
	case err != nil:
		return refuse(err)
	case schedule == nil:
		return refuse(fmt.Errorf("%s states no schedule, expected one behind it", words[0]))
	}
	result, misfit, err := program.ReplayAdopted(sc, o.Setting, *schedule)
	if err != nil {
		return refuse(err)
	}
	if o.against != "" {
		return replayAgainst(cmd, sc, *schedule, o)
	}
	format, err := report.FormatByName(report.ReplayFormats(), o.format.Name)
	if err != nil {
		return err
	}
	if err := format.New(cmd.OutOrStdout(), o.look.of(cmd.OutOrStdout(), o.full))(result); err != nil {
		return err
	}
	switch {
	case misfit != nil:
		return refuse(misfit)
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
			return explore.Schedule{}, fmt.Errorf("%s is neither a schedule, which begins with v2:, nor a file", suggest.Quote(arg))
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
