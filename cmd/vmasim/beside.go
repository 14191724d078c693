package main

import (
	"os"

	"github.com/spf13/cobra"

	"vmasim/classroom/compare"
	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/report"
	"vmasim/workloads"
)

// isRun reports whether a text is another run to draw beside one: a schedule, or the file of one. Everything else is rules.
func isRun(text string) bool {
	if scheduleText.MatchString(text) {
		return true
	}
	if _, err := rules.Parse(text); err == nil {
		return false
	}
	_, err := os.Stat(text)
	return err == nil
}

// setBeside reads what a run is drawn beside: rules, or another run.
func setBeside(o *exploreOptions, text string) error {
	if !isRun(text) {
		return setAgainst(o, text)
	}
	o.against = text
	_, err := readSchedule(text, nil)
	return err
}

// replayAgainst draws a run beside the same under other rules, or beside another run.
func replayAgainst(cmd *cobra.Command, sc *workloads.Scenario, schedule explore.Schedule, o *exploreOptions) error {
	format, err := report.FormatByName(report.PairFormats(), o.format.Name)
	if err != nil {
		return refusing(cmd, err)
	}
	pair, err := besides(sc, schedule, o)
	if err != nil {
		return refusing(cmd, err)
	}
	if err := format.New(cmd.OutOrStdout(), o.look.of(cmd.OutOrStdout(), o.full))(pair); err != nil {
		return err
	}
	if pair.With.Ending.Failed() || pair.Against.Ending.Failed() {
		return statusError(exitFailed)
	}
	return nil
}

func besides(sc *workloads.Scenario, schedule explore.Schedule, o *exploreOptions) (*trace.Pair, error) {
	if !isRun(o.against) {
		return compare.Under(sc, o.Setting, schedule, o.against, o.Between)
	}
	second, err := readSchedule(o.against, nil)
	if err != nil {
		return nil, err
	}
	return compare.Runs(sc, o.Setting, schedule, second)
}
