package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// checkTables refuses what does not go together with --all, --summary and --against.
func (o *exploreOptions) checkTables(cmd *cobra.Command, args []string) error {
	if o.all && len(args) > 0 {
		return fmt.Errorf("--all explores every litmus test and every bug of the museum, and %q is named beside it: expected one of them", args[0])
	}
	if o.against == "" && !o.summary {
		return nil
	}
	table := "--summary"
	if o.against != "" {
		table = "--against"
		if err := o.checkAgainst(); err != nil {
			return err
		}
	}
	for _, other := range []struct{ flag, does string }{{"full", "draws"}, {"no-shrink", "draws"}, {"checkpoint", "holds one search"}} {
		if cmd.Flags().Changed(other.flag) {
			return fmt.Errorf("%s prints one table of many searches, and --%s %s: expected one of them", table, other.flag, other.does)
		}
	}
	if _, err := report.FormatByName(report.SummaryFormats(), o.format.Name); err != nil {
		return fmt.Errorf("%s prints one table: %w", table, err)
	}
	return nil
}

// checkAgainst refuses a comparison of rules with nothing, or with themselves.
func (o *exploreOptions) checkAgainst() error {
	switch {
	case o.verdicts:
		return errors.New("--against compares with one set of rules, --verdicts takes those that each scenario states: expected one of them")
	case o.Rules == "":
		return fmt.Errorf("--against %s says what to compare with, and no --rules say what: expected both", o.against)
	}
	with, err := rules.Parse(o.Rules)
	if err != nil {
		return err
	}
	against, err := rules.Parse(o.against)
	if err != nil {
		return err
	}
	if with.String() == against.String() {
		return fmt.Errorf("--rules %s and --against %s are the same rules, %s: expected two that differ", o.Rules, o.against, with.String())
	}
	return nil
}

// allNames are the names that --all stands for.
func allNames() (names []string) {
	for _, info := range workloads.Litmus() {
		names = append(names, info.Name)
	}
	for _, bug := range workloads.Bugs() {
		names = append(names, bug.Name)
	}
	return names
}

// watched returns the options of one of many searches, which tells on a line how far it is.
func (o *exploreOptions) watched(bar *progress, s search, i, of int) program.Options {
	opts := o.Options
	opts.Rules = s.rules
	name := fmt.Sprintf("%d of %d, %s", i+1, of, s.scenario.Name)
	opts.Progress = func(p explore.Progress) { bar.show(report.ExploreProgress(name, p)) }
	bar.show(name)
	return opts
}

// compareAll explores scenarios under the rules and under those they are compared with, and prints how the results differ.
func compareAll(ctx context.Context, searches []search, o *exploreOptions, stdout, stderr io.Writer) error {
	format, err := report.FormatByName(report.ComparisonFormats(), o.format.Name)
	if err != nil {
		return err
	}
	c, bar := program.NewComparison(o.Rules, o.against, len(searches)), newProgress(stderr)
	for i, s := range searches {
		pair, err := program.Compare(ctx, s.scenario, o.watched(bar, s, i, len(searches)), o.against)
		if err != nil {
			bar.erase()
			return err
		}
		if c.Add(pair); c.Interrupted {
			break
		}
	}
	bar.erase()
	if err := format.New(stdout, o.look.of(stdout, false))(c); err != nil {
		return err
	}
	return verdictStatus(c.Interrupted, len(c.Worse()) == 0)
}

// summarize explores scenarios and prints a line for each.
func summarize(ctx context.Context, searches []search, o *exploreOptions, stdout, stderr io.Writer) error {
	format, err := report.FormatByName(report.SummaryFormats(), o.format.Name)
	if err != nil {
		return err
	}
	sum, bar := &program.Summary{Searches: len(searches)}, newProgress(stderr)
	for i, s := range searches {
		result, err := program.Survey(ctx, s.scenario, o.watched(bar, s, i, len(searches)))
		if err != nil {
			bar.erase()
			return err
		}
		if sum.Add(result); sum.Interrupted {
			break
		}
	}
	bar.erase()
	if err := format.New(stdout, o.look.of(stdout, false))(sum); err != nil {
		return err
	}
	return verdictStatus(sum.Interrupted, sum.AsStated() == len(sum.Results))
}

// verdictStatus is the exit status of a table.
func verdictStatus(interrupted, ok bool) error {
	var t tally
	if err := t.add(interrupted, ok); err != nil {
		return err
	}
	return t.status()
}
