package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/explore"
	"vmasim/internal/suggest"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// museumPrefix may stand before the name of a bug; by itself it means all of them.
const museumPrefix = "bugs/"

// defaultLitmus is explored when nothing is named.
const defaultLitmus = "detach-race"

func newExplore() *cobra.Command {
	o := &exploreOptions{}
	cmd := &cobra.Command{
		Use:   "explore [SCENARIO...]",
		Short: "Search the interleavings of scenarios for one that breaks the rules",
		Long: fmt.Sprintf(`Run the real protocol code of scenarios one step at a time, in every order that
can matter, with all oracles watching. What goes wrong is made as small as it can
and drawn as kernel developers draw races; one line replays it. A SCENARIO is the
name of a built-in one, bugs/ (the museum of bugs that the kernel has had), a file,
a directory (all *.vma files in it) or - for standard input; with another / in it,
as ./detach-race, it is a path. Without any, detach-race is explored. docs/explore.md
explains how to read a report.

--rules X --against Y explores each scenario under X and under Y, both in place of the
rules that it states itself, and prints one table: the verdicts, and what changed. NEW is
a violation that only X shows, GONE one that only Y shows, while the search under X
finished. Where both searches finished, other names what else differs; where one did
not, it is open. A search is given up after %v unless --executions or --time says
otherwise. --all names every litmus test and every bug of the museum; --summary prints
one table without a comparison.

--generate N draws programs in place of scenarios, of two or three threads over the
calls that the differing rules touch, and explores each under X and Y with %d executions,
up to the first that shows a violation under one of them alone. That one is made smaller
and written to --write FILE, for vmasim explore FILE --rules X to show. The same --seed
gives the same programs. --time is for all. With --shard I/N --result FILE, N processes
share the programs, and vmasim merge adds up their results.

A long search can be done in several runs: with --checkpoint FILE, the search is
noted in FILE when an interrupt, --time or --executions stops it, and every ten
seconds; the same command goes on from there, and its report is about all runs.
--time and --executions count from where it goes on. FILE is removed when the search
ends by itself. It is of use only to the same build of vmasim.

On many machines: --split N DIR writes N parts of the search into DIR, explore --part
FILE searches one of them, as far as --time and --executions go and on from there when
it is run again, and vmasim merge DIR says what came of the whole. --part FILE --split
N DIR divides what a part has left. docs/campaign.md shows how it is done with batch
systems.

The exit status is 0 if the verdict is the one that the scenario states for the
rules, or if it states none and nothing was violated; 1 otherwise; 2 for wrong usage,
a bad scenario or a FILE of another search; 130 if the search was interrupted: then
what was found is printed. With --against it is 1 if anything changed for the worse: a
violation is NEW, or an oracle spoke that a finished search under Y did not hear.`, program.ComparedTime, program.GeneratedExecutions),
		Example: `  vmasim explore
  vmasim explore detach-race --rules linux-6.18
  vmasim explore lock-order reader-overflow --strategy bounded --preemptions 2
  vmasim explore bugs/ --verdicts
  vmasim explore testdata/litmus --verdicts --format json
  vmasim explore --all --rules linux-6.18,-detach-waits --against linux-6.18
  vmasim explore --all --summary
  vmasim explore --generate 1000 --rules linux-6.18,-lock-grown --against linux-6.18
  vmasim explore --generate 100000 --time 10m --rules refcount-v6 --against linux-6.18
  vmasim explore my.vma --strategy pct --time 1m -j 2
  vmasim explore my.vma --checkpoint my.search --time 8h
  vmasim explore my.vma --split 16 parts
  vmasim explore --part parts/3.part --time 1h`,
		ValidArgsFunction: completeLitmus,
		RunE:              func(cmd *cobra.Command, args []string) error { return runExplore(cmd, args, o) },
	}
	o.register(cmd, forExplore)
	return cmd
}

// search is one scenario under one set of rules.
type search struct {
	scenario *workloads.Scenario
	rules    string // "": its own
}

func runExplore(cmd *cobra.Command, args []string, o *exploreOptions) error {
	if err := errors.Join(noSchedule(args), o.checkParts(cmd, args), o.checkGenerate(cmd, args), o.checkTables(cmd, args)); err != nil {
		return usageError{err}
	}
	if o.programs > 0 {
		debug.SetGCPercent(explore.GCPercent)
		ctx, stop := interruptible(cmd)
		defer stop()
		return generate(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	if o.split > 0 || o.part != "" {
		return exploreParts(cmd, args, o)
	}
	switch {
	case o.all:
		args = allNames()
	case len(args) == 0:
		args = []string{defaultLitmus}
	}
	searches, err := loadSearches(args, cmd.InOrStdin(), o)
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	if o.Checkpoint != "" && len(searches) > 1 {
		return usageError{fmt.Errorf("--checkpoint holds one search, these are %d: expected one scenario under one set of rules", len(searches))}
	}
	debug.SetGCPercent(explore.GCPercent)
	ctx, stop := interruptible(cmd)
	defer stop()
	switch {
	case o.against != "":
		return compareAll(ctx, searches, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	case o.summary:
		return summarize(ctx, searches, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return exploreAll(ctx, searches, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// noSchedule refuses a schedule, which is one interleaving.
func noSchedule(args []string) error {
	for _, arg := range args {
		if scheduleText.MatchString(arg) {
			return fmt.Errorf("%s is a schedule of one interleaving, expected scenarios, whose interleavings are searched; vmasim replay takes a schedule", suggest.Quote(arg))
		}
	}
	return nil
}

// loadSearches reads all scenarios and checks that they can be explored. The error holds all mistakes, one a line.
func loadSearches(args []string, stdin io.Reader, o *exploreOptions) (searches []search, err error) {
	var m mistakes
	for _, arg := range args {
		scenarios, err := workloads.Load(arg, stdin)
		m.note(err)
		for _, sc := range scenarios {
			specs := []string{o.Rules}
			if o.verdicts && len(sc.Verdicts) > 0 {
				specs = nil
				for _, v := range sc.Verdicts {
					specs = append(specs, v.Rules)
				}
			}
			for _, spec := range specs {
				m.note(explorable(sc, o.Setting, spec))
				searches = append(searches, search{sc, spec})
			}
			if o.against != "" {
				m.note(explorable(sc, o.Setting, o.against))
			}
		}
	}
	return searches, m.err()
}

// explorable returns why a scenario cannot be explored under some rules.
func explorable(sc *workloads.Scenario, s program.Setting, spec string) error {
	s.Rules = spec
	_, err := program.New(sc, s)
	return err
}

// exploreAll explores one scenario after the other and prints each result.
func exploreAll(ctx context.Context, searches []search, o *exploreOptions, stdout, stderr io.Writer) error {
	write := o.format.New(stdout, o.look.of(stdout, o.full))
	var t tally
	for _, s := range searches {
		opts, bar := o.Options, newProgress(stderr)
		opts.Rules = s.rules
		opts.Progress = func(p explore.Progress) { bar.show(report.ExploreProgress(s.scenario.Name, p)) }
		opts.Advise = func(a *program.Advice) { bar.above(report.Advice(s.scenario.Name, a)) }
		result, err := exploreOne(ctx, s.scenario, opts, stderr)
		bar.erase()
		if err != nil {
			return err
		}
		if err := write(result); err != nil {
			return err
		}
		if err := t.add(result.Interrupted, result.OK()); err != nil {
			return err
		}
	}
	return t.status()
}

// exploreOne explores a scenario. That it cannot go on from a checkpoint is a mistake of the caller.
func exploreOne(ctx context.Context, sc *workloads.Scenario, o program.Options, stderr io.Writer) (*program.Result, error) {
	result, err := program.Explore(ctx, sc, o)
	if refused, ok := errors.AsType[*explore.CheckpointError](err); ok {
		fmt.Fprintf(stderr, "vmasim: %v\n", refused)
		return nil, statusError(exitUsage)
	}
	return result, err
}

// completeLitmus completes the built-in names, those for exploring first.
func completeLitmus(cmd *cobra.Command, args []string, toComplete string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	prefix := ""
	if strings.HasPrefix(toComplete, museumPrefix) {
		prefix = museumPrefix
	} else {
		for _, info := range workloads.Litmus() {
			names = append(names, cobra.CompletionWithDesc(info.Name, info.Title))
		}
	}
	for _, bug := range workloads.Bugs() {
		names = append(names, cobra.CompletionWithDesc(prefix+bug.Name, bug.Title))
	}
	return names, cobra.ShellCompDirectiveDefault
}

// completeRun completes a scenario, and behind it the file of a schedule.
func completeRun(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return completeLitmus(cmd, args, toComplete)
}

// mistakes collects what is wrong with scenarios, each line once.
type mistakes struct{ lines []string }

func (m *mistakes) note(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(m.lines, line) {
			m.lines = append(m.lines, line)
		}
	}
}

func (m *mistakes) err() error {
	if len(m.lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(m.lines, "\n"))
}
