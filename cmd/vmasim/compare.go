package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmasim/internal/rules"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/campaign"
	"vmasim/workloads/measure"
	"vmasim/workloads/turns"
)

// compareOptions is what the flags of compare say.
type compareOptions struct {
	runOptions
	turns  turns.Options
	format report.Format[*turns.Judged]
	shard  shard
	result string
}

// compareFlags are the flags that take a value, beside some of run's.
var compareFlags = []struct {
	name, kind, help string
	set              func(o *compareOptions, text string) error
	complete         func(toComplete string) []cobra.Completion
}{
	{"rules", "RULES", "lock generation and rules; given twice or more, the first are what the others are compared with", addRules, completeRules},
	{"threads", "[NAME=]N,...", "numbers of tasks, one after the other: of the thread NAME, which 0 leaves out, or of each written with \"* N\"; several combine", addSweep, nil},
	{"samples", "N", fmt.Sprintf("rounds at each point, each a sample under all rules; %d by default unless --for is given", turns.DefaultRounds), setSamples, nil},
	{"for", "D", "time for all, such as 1m: as many rounds as fit into it, or as --samples says", setFor, nil},
	{"duration", "D", fmt.Sprintf("duration of every \"for\" in a sample, %v by default", turns.DefaultSample), setSampleTime, nil},
	{"min-share", "PERCENT", fmt.Sprintf("drop samples whose tasks had less of the CPUs, %.0f by default; 0 keeps all", 100*measure.MinShare), setMinShare, nil},
	{"figures", "KEY,...", "only these figures, such as faults_per_second,fault_p99_ns: fewer verdicts take fewer samples", setFigures, completeFigures},
	{"shard", "I/N", "take only every N-th round, from the I-th on; vmasim merge adds the shards up", func(o *compareOptions, text string) error { return o.shard.Set(text) }, nil},
	{"result", "FILE", "where the samples go, for vmasim merge; FILE ends in .result", setCompareResult, nil},
	{"format", "FORMAT", formatHelp("how to print results", report.TurnsFormats()), setTurnsFormat, func(string) []cobra.Completion { return completeFormats(report.TurnsFormats()) }},
}

func newCompare() *cobra.Command {
	o := &compareOptions{format: report.TurnsFormats()[0]}
	o.turns.Duration, o.turns.MinShare = turns.DefaultSample, measure.MinShare
	cmd := &cobra.Command{
		Use:   "compare SCENARIO... --rules A --rules B",
		Short: "Measure scenarios under several rules, in turns",
		Long: `Run scenarios under several rules, in turns and in one process: in each round every
rule has a short sample, and the order changes from round to round. A sample whose
tasks could have less than 90 % of the CPUs is dropped and counted. For each figure
the median is printed with the interval in which the true one lies with 95 %
confidence, and how it changes against the first rules, taken round by round: what a
busy machine does to all of them does not count. The verdict is faster or slower (more
or less), no difference, which excludes one of 5 % or more, or too noisy to say.
Verdicts are corrected for how many there are: with 95 % confidence none of all that
say faster, slower, more or less is wrong.

--threads sweeps the numbers of tasks, as --threads faulter=1,2,4,8 --threads churner=0,1
does: every combination is a point, measured by itself.
Rules may be given twice, to see what the machine makes of no difference at all.
docs/output.md tells more, and docs/campaign.md how it is done on many machines.

Results go to standard output, progress and errors to standard error. The exit status
is 0 whatever the verdicts, 1 if a statement gave what it does not state or an
invariant failed in a sample, which does not count then, 2 for wrong usage or a bad
scenario, and 130 if it was interrupted: then what was measured so far is printed.`,
		Example: `  vmasim compare fault-storm --rules mmap-lock --rules linux-6.18
  vmasim compare mmap-churn --rules mmap-lock --rules linux-6.18 --threads faulter=1,2,8
  vmasim compare fault-storm vma-per-thread --rules linux-6.18 --rules vma-rwsem --for 5m
  vmasim compare quickstart --rules linux-6.18 --rules linux-6.18 --format csv
  vmasim compare my.vma --rules linux-6.18 --rules mmap-lock --format html > plots.html
  vmasim compare my.vma --rules linux-6.18 --rules spf-seq --shard 3/16 --result 3.result`,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return compareRules(cmd, args, o)
		},
	}
	for _, f := range compareFlags {
		cmd.Flags().Var(&flag{kind: f.kind, set: func(text string) error { return f.set(o, text) }}, f.name, f.help)
		if f.kind == "FILE" {
			continue // shells complete it by themselves
		}
		if f.complete == nil {
			completeFlag(cmd, f.name, cobra.NoFileCompletions)
			continue
		}
		completeFlag(cmd, f.name, func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return f.complete(toComplete), cobra.ShellCompDirectiveNoFileComp
		})
	}
	o.registerSome(cmd, func(name string) bool { return name == "seed" || name == "memory" || name == "machine" })
	o.look.register(cmd)
	return cmd
}

func addRules(o *compareOptions, text string) error {
	o.turns.Rules = append(o.turns.Rules, text)
	_, err := rules.Parse(text)
	return err
}

func addSweep(o *compareOptions, text string) error {
	s, err := parseSweep(text)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(o.turns.Sweeps, func(other turns.Sweep) bool { return other.Thread == s.thread }) {
		return errors.New("said twice: expected one list of numbers, as " + strings.TrimPrefix(s.thread+"=1,2,4", "="))
	}
	o.turns.Sweeps = append(o.turns.Sweeps, turns.Sweep{Thread: s.thread, Tasks: s.tasks})
	return nil
}

func setSamples(o *compareOptions, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return fmt.Errorf("expected a number from 1 to %d", math.MaxInt32)
	}
	o.turns.Rounds = n
	return nil
}

func setFor(o *compareOptions, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("expected a duration above zero such as 30s or 5m")
	}
	o.turns.Time = d
	return nil
}

func setSampleTime(o *compareOptions, text string) error {
	err := setDuration(&o.runOptions, text)
	o.turns.Duration = o.runOptions.Duration
	return err
}

func setMinShare(o *compareOptions, text string) error {
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p >= 0 && p <= 100) {
		return errors.New("expected a number from 0 to 100")
	}
	o.turns.MinShare = p / 100
	return nil
}

func setFigures(o *compareOptions, text string) error {
	for _, key := range strings.Split(text, ",") {
		if err := turns.FindFigure(key); err != nil {
			return err
		}
		o.turns.Figures = append(o.turns.Figures, key)
	}
	return nil
}

// completeFigures completes the key behind the last comma.
func completeFigures(toComplete string) (keys []cobra.Completion) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	for _, f := range turns.Figures() {
		keys = append(keys, cobra.CompletionWithDesc(before+f.Key, f.Name+": "+f.Doc))
	}
	return keys
}

func setCompareResult(o *compareOptions, text string) error {
	o.result = text
	return checkResult(text)
}

func setTurnsFormat(o *compareOptions, text string) (err error) {
	o.format, err = report.FormatByName(report.TurnsFormats(), text)
	return err
}

// check refuses what cannot be measured.
func (o *compareOptions) check(args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("no scenario, expected one or more, as fault-storm")
	case len(o.turns.Rules) == 0:
		return errors.New("no rules, expected --rules twice or more, as --rules mmap-lock --rules linux-6.18")
	case len(o.turns.Rules) == 1:
		return fmt.Errorf("only --rules %s, expected others to compare them with, as --rules mmap-lock", o.turns.Rules[0])
	case (o.shard.of > 0) != (o.result != ""):
		return errors.New("--shard and --result go together: one says which rounds, the other where their samples go")
	case o.shard.of > 0 && o.turns.Rounds > 0 && o.turns.Rounds < o.shard.of:
		return fmt.Errorf("%d samples for %d shards, expected one or more for each", o.turns.Rounds, o.shard.of)
	}
	return nil
}

func compareRules(cmd *cobra.Command, args []string, o *compareOptions) error {
	if err := o.check(args); err != nil {
		return usageError{err}
	}
	seed, memory := o.runOptions.Seed, o.runOptions.Memory
	o.turns.Seed, o.turns.Memory = seed, memory
	whole := o.turns.Rounds
	if o.turns.Rounds == 0 && o.turns.Time == 0 {
		whole = turns.DefaultRounds
	}
	o.turns.Rounds = whole
	if o.shard.of > 0 && whole > 0 { // its share, rounded so that all together have as many
		o.turns.Rounds = (whole + o.shard.of - o.shard.number) / o.shard.of
	}
	o.turns.Shard, o.turns.Of = o.shard.number, o.shard.of
	var m mistakes
	var scenarios []*workloads.Scenario
	for _, arg := range args {
		loaded, err := workloads.Load(arg, cmd.InOrStdin())
		m.note(err)
		for _, sc := range loaded {
			scenarios = append(scenarios, sc.WithMachine(o.machine))
		}
	}
	var measured *turns.Measurement
	if m.err() == nil {
		var err error
		measured, err = turns.New(scenarios, &o.turns)
		m.note(err)
	}
	if err := m.err(); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	return o.measure(cmd, measured, whole)
}

// measure takes the samples, prints what they come to, and keeps those of a shard.
func (o *compareOptions) measure(cmd *cobra.Command, m *turns.Measurement, whole int) error {
	debug.SetGCPercent(runGCPercent)
	ctx, stop := interruptible(cmd)
	defer stop()
	bar := newProgress(cmd.ErrOrStderr())
	o.turns.Progress = func(p turns.Progress) { bar.show(report.TurnsProgress(p)) }
	err := m.Run(ctx, &o.turns)
	bar.erase()
	if err != nil {
		return err
	}
	if o.result != "" {
		if err := o.save(m, whole); err != nil {
			return err
		}
	}
	return printTurns(cmd, m, o.format, o.look)
}

func printTurns(cmd *cobra.Command, m *turns.Measurement, format report.Format[*turns.Judged], l look) error {
	judged := m.Judge()
	if err := format.New(cmd.OutOrStdout(), l.of(cmd.OutOrStdout(), false))(judged); err != nil {
		return err
	}
	var t tally
	if err := t.add(m.Interrupted, judged.OK()); err != nil {
		return err
	}
	return t.status()
}

// compareKind is what wrote the result of compare.
const compareKind = "compare"

// save writes the samples of a shard.
func (o *compareOptions) save(m *turns.Measurement, whole int) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	set := func(name string, value any) campaign.Setting {
		return campaign.Setting{Name: name, Value: fmt.Sprint(value)}
	}
	seed := "the scenarios'"
	if o.turns.Seed != nil {
		seed = fmt.Sprint(*o.turns.Seed)
	}
	rounds := 0
	var points []string
	for _, p := range m.Points {
		rounds += p.Good()
		points = append(points, p.Name())
	}
	r := campaign.Result{
		Kind: compareKind, Number: o.shard.number, Of: o.shard.of, Ended: !m.Interrupted, Done: fmt.Sprintf("good rounds so far: %d", rounds), Body: body,
		Run: []campaign.Setting{
			campaign.Build(), set("rules", strings.Join(m.Rules, " and ")), set("points", strings.Join(points, ", ")), set("scenarios with checksum", m.Sum()),
			set("samples", whole), set("time", o.turns.Time), set("duration", o.turns.Duration), set("least share of CPUs", o.turns.MinShare), set("seed", seed),
			set("memory", o.turns.Memory), set("machine", workloads.FormatSettings(o.machine)),
		},
	}
	return r.Save(o.result)
}

// mergeCompare adds up the samples of shards of compare.
func mergeCompare(_ context.Context, cmd *cobra.Command, all *campaign.Shards, o *exploreOptions) error {
	format, err := report.FormatByName(report.TurnsFormats(), cmp.Or(o.merged, o.format.Name))
	if err != nil {
		return usageError{err}
	}
	var shards []*turns.Measurement
	for _, r := range all.Results {
		one := &turns.Measurement{}
		if err := json.Unmarshal(r.Body, one); err != nil {
			return fmt.Errorf("%s is damaged: %w", r.File, err)
		}
		if first := all.Results[0]; len(shards) > 0 && !slices.Equal(one.Hosts, shards[0].Hosts) && !o.anyMachine {
			fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: %s was measured on %s, and %s on %s: expected one kind of machine, or --any-machine\n",
				first.File, strings.Join(shards[0].Hosts, "; "), r.File, strings.Join(one.Hosts, "; "))
			return statusError(exitUsage)
		}
		shards = append(shards, one)
	}
	sum := turns.Merge(shards)
	if len(all.Sum.Lack)+len(all.Sum.Notes) > 0 { // to standard error, as some formats have no place for it
		if err := report.PartsText(cmd.ErrOrStderr(), &all.Sum, o.look.of(cmd.ErrOrStderr(), false)); err != nil {
			return err
		}
	}
	return mergeStatus(&all.Sum, false, printTurns(cmd, sum, format, o.look))
}
