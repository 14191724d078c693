package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"vmasim/explore"
	"vmasim/report"
	"vmasim/workloads/campaign"
	"vmasim/workloads/program"
)

// ofRun are the flags that say how a part is searched and shown. All others are about what is searched, which the part says.
var ofRun = []string{"part", "split", "time", "executions", "jobs", "checkpoint", "format", "full", "no-shrink", "color", "width"}

// checkParts refuses what does not go together with --split and --part.
func (o *exploreOptions) checkParts(cmd *cobra.Command, args []string) (err error) {
	switch {
	case o.part != "":
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if !slices.Contains(ofRun, f.Name) {
				err = errors.Join(err, fmt.Errorf("--part %s says all that is searched, and --%s is about that, too: expected none beside it", o.part, f.Name))
			}
		})
		if o.split > 0 && len(args) != 1 {
			err = errors.Join(err, fmt.Errorf("--part %s --split %d, and %d names: expected the directory for the new parts", o.part, o.split, len(args)))
		} else if o.split == 0 && len(args) > 0 {
			err = errors.Join(err, fmt.Errorf("--part %s holds its scenario, and %q is named beside it: expected one of them", o.part, args[0]))
		}
		return err
	case o.split == 0:
		return nil
	case len(args) != 2:
		return fmt.Errorf("--split %d divides one search into files, got %d names: expected a scenario and a directory", o.split, len(args))
	}
	for _, other := range []struct{ flag, does string }{
		{"against", "is two searches"}, {"generate", "is many searches: --shard divides them"}, {"all", "is many searches"}, {"summary", "is about many searches"},
		{"verdicts", "is many searches"}, {"checkpoint", "is for a search: each part has its own"}, {"time", "is for --part"}, {"full", "draws"},
	} {
		if cmd.Flags().Changed(other.flag) {
			return fmt.Errorf("--split divides one search, and --%s %s: expected one of them", other.flag, other.does)
		}
	}
	return nil
}

// exploreParts divides a search into parts, or searches one, or divides what one has left.
func exploreParts(cmd *cobra.Command, args []string, o *exploreOptions) error {
	debug.SetGCPercent(explore.GCPercent)
	ctx, stop := interruptible(cmd)
	defer stop()
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	refuse := func(err error) error {
		fmt.Fprintf(stderr, "vmasim: %v\n", err)
		return statusError(exitUsage)
	}
	if o.part == "" {
		searches, err := loadSearches(args[:1], cmd.InOrStdin(), o)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return statusError(exitUsage)
		}
		if len(searches) != 1 {
			return refuse(fmt.Errorf("%s are %d scenarios, expected one, whose search is divided", args[0], len(searches)))
		}
		if err := campaign.Split(ctx, searches[0].scenario, o.Options, o.split, args[1]); err != nil {
			return refuse(err)
		}
		fmt.Fprintf(stdout, "%s: %d parts of %s in %s\n", searches[0].scenario.Name, o.split, strategyOf(o), args[1])
		return nil
	}
	part, err := campaign.Read(o.part)
	if err != nil {
		return refuse(err)
	}
	unlock, locked, err := lock(o.part)
	if err != nil {
		return refuse(err)
	}
	defer unlock()
	if locked {
		if err := campaign.Sweep(part.State()); err != nil {
			return refuse(err)
		}
	}
	if o.split > 0 {
		if err := part.Divide(ctx, o.Options, o.split, args[0]); err != nil {
			return refuse(err)
		}
		fmt.Fprintf(stdout, "%d parts of what part %s has left in %s\n", o.split, part.Name, args[0])
		return nil
	}
	return explorePart(ctx, cmd, o, part)
}

// explorePart searches a part.
func explorePart(ctx context.Context, cmd *cobra.Command, o *exploreOptions, part *campaign.Part) error {
	stderr := cmd.ErrOrStderr()
	sc, opts, err := part.Open(o.Options)
	if err != nil {
		fmt.Fprintf(stderr, "vmasim: %v\n", err)
		return statusError(exitUsage)
	}
	bar := newProgress(stderr)
	opts.Progress = func(p explore.Progress) { bar.show(report.ExploreProgress(part.File, p)) }
	result, err := exploreOne(ctx, sc, opts, stderr)
	bar.erase()
	if err != nil {
		return err
	}
	return printResult(cmd, o, result)
}

func strategyOf(o *exploreOptions) explore.Strategy {
	if o.Strategy == "" {
		return explore.Defaults().Strategy
	}
	return o.Strategy
}

func printResult(cmd *cobra.Command, o *exploreOptions, r *program.Result) error {
	if err := o.format.New(cmd.OutOrStdout(), o.look.of(cmd.OutOrStdout(), o.full))(r); err != nil {
		return err
	}
	var t tally
	if err := t.add(r.Interrupted, r.OK()); err != nil {
		return err
	}
	return t.status()
}

func newMerge() *cobra.Command {
	o := &exploreOptions{}
	cmd := &cobra.Command{
		Use:   "merge DIR",
		Short: "Add up what the parts of a search, or the shards of a run, came to",
		Long: `Add up what the parts of a search came to that vmasim explore --split wrote into DIR
and --part searched, and print it as explore does. The verdict is violation if any part
found one, and verified only if every part is searched. Executions and outcomes are
sums; a point is never reached if no part reached it. A part that was searched twice, as
a copy of its state in DIR shows, counts once. Parts that were not searched, that are
not finished or are lost are named, and files that are damaged. So are shards of vmasim
explore --generate, vmasim diff --random and vmasim compare, whose results (--shard I/N
--result DIR/I.result) are added up likewise; samples of compare only of machines that
are alike, unless --any-machine is given. docs/campaign.md tells how it is done with
batch systems.

The exit status is that of explore: 0 if the verdict is the one that the scenario states
for the rules, or if it states none and nothing was violated, be it that parts lack; 1
otherwise; and 2 for parts of different searches, or another build of vmasim, and if
something is lost or damaged and nothing was violated.`,
		Example: `  vmasim merge parts
  vmasim merge parts --format json
  vmasim merge out --any-machine --format csv`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(cmd, args, o) },
	}
	o.register(cmd, forMerge)
	return cmd
}

func runMerge(cmd *cobra.Command, args []string, o *exploreOptions) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%d names, expected the directory of the parts", len(args))}
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	refuse := func(err error) error {
		fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: %v\n", err)
		return statusError(exitUsage)
	}
	shards, err := campaign.LoadShards(args[0])
	if err != nil {
		return refuse(err)
	}
	if shards == nil || shards.Results[0].Kind != compareKind {
		if _, err := report.FormatByName(report.ExploreFormats(), cmp.Or(o.merged, o.format.Name)); err != nil {
			return usageError{fmt.Errorf("--format %s is for shards of vmasim compare, of which there is none in %s", o.merged, args[0])}
		}
	}
	if shards != nil {
		return mergeShards(ctx, cmd, shards, o)
	}
	c, err := campaign.Load(args[0])
	if err != nil {
		return refuse(err)
	}
	r, err := c.Merge(ctx, o.Options)
	if err != nil {
		return refuse(err)
	}
	return mergeStatus(r.Parts, r.Verdict() == program.Violated, printResult(cmd, o, r))
}

// mergeStatus is the status of what was added up, where something may be lost or damaged.
func mergeStatus(p *program.Parts, violated bool, err error) error {
	if err == nil && !violated && p.Lost+p.Damaged > 0 {
		return statusError(exitUsage)
	}
	return err
}

// mergeShards adds up what shards of a run over many programs came to.
func mergeShards(ctx context.Context, cmd *cobra.Command, all *campaign.Shards, o *exploreOptions) error {
	merge, ok := shardKinds()[all.Results[0].Kind]
	if !ok {
		fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: %s is of vmasim %s, which this system has not\n", all.Results[0].File, all.Results[0].Kind)
		return statusError(exitUsage)
	}
	return merge(ctx, cmd, all, o)
}

// mergeKind adds up what shards of one command came to.
type mergeKind func(context.Context, *cobra.Command, *campaign.Shards, *exploreOptions) error
