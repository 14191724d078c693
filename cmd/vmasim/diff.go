//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"vmasim/internal/rules"
	"vmasim/judge"
	"vmasim/report"
	"vmasim/workloads"
)

// diffOptions is what the flags of diff say.
type diffOptions struct {
	judge.Options
	look
	deep   bool
	faults bool       // measure faults instead
	rules  *rules.Set // nil: the kernel's
	time   time.Duration
	format string
	save   string
	shard  shard
	result string
}

func newDiff() *cobra.Command {
	o := &diffOptions{}
	cmd := &cobra.Command{
		Use:   "diff [SCENARIO...] [--random N]",
		Short: "Let the running kernel judge the simulator",
		Long: `Perform the same operations on the simulator and, in processes made for it, on the
kernel that is running, and compare result, layout, VmFlags and pages after each,
with --deep also what /proc hides.

With SCENARIOs their statements are performed: init, then the threads, each a
statement in turn, then finally. With --random N, so many random operations are; the
first drift is made as short as it can, drawn, and written as a scenario that shows
it. With --shard I/N --result FILE, N processes share the operations, and vmasim merge
adds up their results. What is compared, and what is not, is in docs/fidelity.md. The
judge is Linux 6.18 on x86-64, with --rules linux-7 Linux 7.3. Another kernel is no
judge: what differs is told as "another kernel", not as drift, and the exit status is 2
whatever was found.

With --faults the threads of SCENARIOs are run at once, by real threads too, and the
share of their page faults that fell back to mmap_lock is printed for both sides.
--time is then how long each "for" lasts. There is no drift: the exit status is 0
unless a statement did not give what it states.

The exit status is 0 if there is no drift, 1 if there is one or a scenario states what
neither side gives, 2 for wrong usage, a bad scenario, one that cannot be compared, a
machine where nothing can be or a kernel that is no judge, and 130 if the comparison
was interrupted: then what was found is printed.`,
		Example: `  vmasim diff --random 100000
  vmasim diff --random 1000000 --seed 7 -j 2 --save drift.vma
  vmasim diff --random 1000000 --seed 7 --shard 3/16 --result 3.result
  vmasim diff testdata/kernel
  vmasim diff drift.vma --format json
  vmasim diff --faults quickstart mmap-churn`,
		ValidArgsFunction: completeScenarios,
		RunE:              func(cmd *cobra.Command, args []string) error { return runDiff(cmd, args, o) },
	}
	o.look.register(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Operations, "random", 0, "perform `N` random operations")
	f.Uint64Var(&o.Seed, "seed", 0, "seed `N` of the random operations; 0: another one each time")
	f.IntVarP(&o.Workers, "jobs", "j", 1, "compare `N` sequences side by side")
	f.IntVar(&o.Length, "length", 0, "`N` operations in one sequence; 0: 300")
	f.IntVar(&o.FlagsEvery, "flags-every", 0, "compare everything after every operation, and VmFlags after every `N`; 0: as often as it costs no more than the operations")
	f.BoolVar(&o.deep, "deep", false, "compare what /proc hides, too: vm_flags, page offsets of anonymous memory, anon_vmas")
	f.BoolVar(&o.faults, "faults", false, "compare how many faults of the threads fall back to mmap_lock")
	f.BoolVar(&o.Keep, "keep-going", false, "go on after a drift, and count them")
	f.DurationVar(&o.time, "time", 0, "stop after `D`, such as 10m; 0: when all is done")
	f.StringVar(&o.format, "format", "text", "how to print results, `FORMAT`: text, or json: one object a line")
	f.StringVar(&o.save, "save", "", "write the scenario that shows the drift to `FILE`")
	f.Var(&flag{kind: "I/N", set: o.shard.Set}, "shard", "with --random: only every N-th sequence, from the I-th on; vmasim merge adds the shards up")
	f.Var(&flag{kind: "FILE", set: func(text string) error { o.result = text; return checkResult(text) }}, "result", "with --random: where what was counted goes, for vmasim merge; FILE ends in .result")
	completeFlag(cmd, "shard", cobra.NoFileCompletions)
	f.Var(&flag{kind: "RULES", set: o.setRules}, "rules", "rules of the simulator, as linux-6.18,-munmap-downgrade; see vmasim rules")
	completeFlag(cmd, "rules", func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeRules(toComplete), cobra.ShellCompDirectiveNoFileComp
	})
	completeFlag(cmd, "format", cobra.FixedCompletions([]cobra.Completion{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *diffOptions) setRules(text string) error {
	set, err := rules.Parse(text)
	o.rules = &set
	return err
}

func (o *diffOptions) check(args []string) error {
	switch {
	case len(args) == 0 && o.faults:
		return errors.New("--faults measures scenarios, expected some")
	case len(args) == 0 && o.Operations == 0:
		return errors.New("nothing to compare, expected scenarios or --random N")
	case len(args) > 0 && o.Operations != 0:
		return errors.New("scenarios and --random exclude each other, expected one of them")
	case o.faults && (o.deep || o.FlagsEvery > 0 || o.save != ""):
		return errors.New("--faults is a measurement, there is no state to compare: expected none of --deep, --flags-every and --save")
	case o.Operations == 0 && (o.shard.of > 0 || o.result != ""):
		return errors.New("--shard and --result are about random operations: expected --random N beside them")
	case o.shard.of > 0 && o.Seed == 0:
		return errors.New("--shard shares the sequences of one seed out: expected --seed N, the same for all")
	case o.Operations < 0 || o.Workers < 1 || o.Length < 0 || o.FlagsEvery < 0 || o.time < 0:
		return errors.New("a number is too small, expected --jobs of 1 or more, and 0 or more of the others")
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("unknown format %q, expected text or json", o.format)
	}
	return nil
}

func runDiff(cmd *cobra.Command, args []string, o *diffOptions) error {
	if err := o.check(args); err != nil {
		return usageError{err}
	}
	var scenarios []*workloads.Scenario
	var m mistakes
	for _, arg := range args {
		loaded, err := workloads.Load(arg, cmd.InOrStdin())
		m.note(err)
		scenarios = append(scenarios, loaded...)
	}
	if err := m.err(); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	if o.faults {
		return measureFaults(ctx, cmd, scenarios, o)
	}
	lab, err := judge.NewLab()
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: nothing can be compared here: %v\n", err)
		return statusError(exitUsage)
	}
	defer lab.Close()
	if o.rules != nil {
		lab.SetRules(*o.rules)
	}
	if o.deep {
		if err := lab.Deep(); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: --deep: %v\n", err)
			return statusError(exitUsage)
		}
	}
	printKernel(cmd.ErrOrStderr(), lab)
	if o.Operations > 0 {
		return diffRandom(ctx, lab, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return diffScenarios(ctx, lab, scenarios, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// incomparable tells why a comparison could not be made. That is no drift, whatever it is.
func incomparable(w io.Writer, err error) error {
	fmt.Fprintf(w, "vmasim: %v\n", err)
	return statusError(exitUsage)
}

// printKernel names the kernel that judges, and says what cannot be compared with it.
func printKernel(w io.Writer, lab *judge.Lab) {
	k := lab.Kernel()
	fmt.Fprintln(w, k)
	other := ""
	if err := k.Judges(); err != nil {
		other = err.Error()
		fmt.Fprintf(w, "warning: another kernel, which is no judge: %s\n", other)
	}
	for _, d := range k.Differences() {
		if d != other {
			fmt.Fprintf(w, "note: %s\n", d)
		}
	}
}

func (o *diffOptions) write(w io.Writer, r *judge.Result) error {
	if d := r.FirstDrift; o.save != "" && d != nil && d.Scenario != "" {
		if err := os.WriteFile(o.save, []byte(d.Scenario), 0o644); err != nil {
			return err
		}
	}
	if o.format == "json" {
		return report.DiffJSON(w, r)
	}
	return report.DiffText(w, r, o.look.of(w, false))
}

func diffRandom(ctx context.Context, lab *judge.Lab, o *diffOptions, stdout, stderr io.Writer) error {
	if o.time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.time)
		defer cancel()
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()>>1 + 1
	}
	bar := newProgress(stderr)
	o.Progress = func(p judge.Progress) { bar.show(report.DiffProgress(p)) }
	o.Shard, o.Shards = o.shard.number, o.shard.of
	r, err := lab.Random(ctx, o.Options)
	bar.erase()
	if err != nil {
		return incomparable(stderr, err)
	}
	if o.result != "" {
		if err := saveDiff(o, r); err != nil {
			return err
		}
	}
	if r.Interrupted && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.Interrupted = false // as asked for
	}
	if err := o.write(stdout, r); err != nil {
		return err
	}
	var t tally
	if err := t.add(r.Interrupted, r.Drifts == 0); err != nil {
		return err
	}
	return verdict(lab, &t)
}

// verdict is the status of what was compared. A kernel that is no judge gives none, whatever was found.
func verdict(lab *judge.Lab, t *tally) error {
	if lab.Kernel().Judges() != nil {
		return statusError(exitUsage)
	}
	return t.status()
}

func diffScenarios(ctx context.Context, lab *judge.Lab, scenarios []*workloads.Scenario, o *diffOptions, stdout, stderr io.Writer) error {
	var t tally
	judged, refused := false, false
	for _, sc := range scenarios {
		r, err := lab.Scenario(ctx, sc, o.FlagsEvery)
		if other, ok := errors.AsType[*judge.OtherMachine](err); ok {
			fmt.Fprintf(stderr, "note: not judged: %v\n", other)
			continue
		}
		judged = true
		if no, ok := errors.AsType[*judge.Refused](err); ok {
			fmt.Fprintln(stderr, no)
			refused = true
			continue
		}
		if err != nil {
			return incomparable(stderr, fmt.Errorf("%s: %w", sc.File, err))
		}
		if err := o.write(stdout, r); err != nil {
			return err
		}
		if err := t.add(r.Interrupted, r.Drifts == 0 && r.Unexpected == nil); err != nil {
			return err
		}
	}
	if !judged || refused && !t.failed {
		return statusError(exitUsage)
	}
	return verdict(lab, &t)
}
