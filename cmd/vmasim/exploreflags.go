package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/report"
	"vmasim/workloads/program"
)

// exploreOptions is what the flags of explore and replay say.
type exploreOptions struct {
	program.Options
	look
	format   report.Format[*program.Result]
	full     bool
	lines    bool // of step: no screen
	step     bool // of replay: as step
	verdicts bool
	all      bool   // litmus tests and bugs of the museum
	summary  bool   // one table of all results
	against  string // rules to compare with; "": none are
	programs int    // that are drawn in place of scenarios; 0: none are
	write    string // where one that differs goes
	split    int    // parts that a search is divided into; 0: it is not
	shard    shard  // of the programs
	result   string // where what they came to goes; "": nowhere
	part     string // the file of a part that is searched; "": a whole is

	merged     string // of merge: the format, which may be one of compare
	anyMachine bool   // of merge: samples of machines that differ are added up
}

// fullHelp is the help of --full.
const fullHelp = "draw every step, not only those through which tasks affect each other"

// flagUsers are the commands that have a flag.
type flagUsers uint8

const (
	forExplore flagUsers = 1 << iota
	forReplay
	forStep
	forMerge
)

// exploreFlag is one flag that takes a value.
type exploreFlag struct {
	name, short, kind, help string
	set                     func(o *exploreOptions, text string) error
	complete                func(toComplete string) []cobra.Completion
	users                   flagUsers
}

// exploreFlags are the flags that take a value.
var exploreFlags = []exploreFlag{
	{"rules", "", "RULES", "lock generation and rules, as linux-6.18,-detach-waits; see vmasim rules", setExploreRules, completeRules, forExplore | forReplay | forStep},
	{"against", "", "RULES", "compare what --rules come to with what these do, in a table", setAgainst, completeRules, forExplore},
	{"generate", "", "N", "in place of scenarios: draw up to N programs over the calls that the differing rules touch, up to the first that differs", number(func(o *exploreOptions) *int { return &o.programs }), nil, forExplore},
	{"write", "", "FILE", fmt.Sprintf("with --generate: where the program that differs goes, %s by default", differenceFile), setWrite, nil, forExplore},
	{"machine", "", machineKind, machineHelp, func(o *exploreOptions, text string) error { return setMachine(&o.Machine, text) }, completeMachine, forExplore | forReplay | forStep},
	{"memory", "", "MODEL", "what loads may see, in place of the scenario's memory-model: sc, views, views:N or tso", setModel, completeModel, forExplore | forReplay | forStep},
	{"without", "", "ORACLES", "oracles to switch off, with commas between; see vmasim oracles", setWithout, completeOracles, forExplore | forReplay | forStep},
	{"until", "", "ORACLES", "go on behind all other oracles to one of these, in place of the scenario's show; any: stop at the first", setUntil, completeOracles, forExplore | forReplay | forStep},
	{"strategy", "", "STRATEGY", strategyHelp(), setStrategy, completeStrategies, forExplore},
	{"preemptions", "", "N", "bounded: at most so many preemptions", number(func(o *exploreOptions) *int { return &o.Preemptions }), nil, forExplore},
	{"delays", "", "N", "delays: at most so many delays", number(func(o *exploreOptions) *int { return &o.Delays }), nil, forExplore},
	{"states", "", "N", "states, stateful: stop when so many states are remembered, about 600 bytes each", number(func(o *exploreOptions) *int { return &o.States }), nil, forExplore},
	{"executions", "", "N", fmt.Sprintf("stop after so many executions; of a strategy that never ends, %d by default, with --generate %d for each search", explore.Defaults().Executions, program.GeneratedExecutions), number(func(o *exploreOptions) *int { return &o.Executions }), nil, forExplore},
	{"time", "", "D", fmt.Sprintf("stop after so long, such as 30s or 5m; with --against each search, after %v by default; with --generate all", program.ComparedTime), setTime, nil, forExplore},
	{"depth", "", "N", fmt.Sprintf("cut executions off after so many steps, %d by default", explore.Defaults().Depth), number(func(o *exploreOptions) *int { return &o.Depth }), nil, forExplore},
	{"pct-depth", "", "N", fmt.Sprintf("pct: the depth of the bugs to be found, %d by default", explore.Defaults().PCTDepth), number(func(o *exploreOptions) *int { return &o.PCTDepth }), nil, forExplore},
	{"seed", "", "N", "seed of the random strategies, and of what --generate draws", setExploreSeed, nil, forExplore},
	{"jobs", "j", "N", "workers; as many as there are cores by default", number(func(o *exploreOptions) *int { return &o.Workers }), nil, forExplore},
	{"keep-going", "", "N", "stop after so many different failures instead of the first", number(func(o *exploreOptions) *int { return &o.KeepGoing }), nil, forExplore},
	{"checkpoint", "", "FILE", "go on from FILE if it exists; write it when the search is stopped, remove it when it ends", setCheckpoint, nil, forExplore},
	{"split", "", "N", "divide the search into N parts, files in the directory named behind the scenario; with --part what that has left", number(func(o *exploreOptions) *int { return &o.split }), nil, forExplore},
	{"shard", "", "I/N", "with --generate: only every N-th program, from the I-th on; vmasim merge adds the shards up", setShard, nil, forExplore},
	{"result", "", "FILE", "with --generate: where what was counted goes, for vmasim merge; FILE ends in .result", setResult, nil, forExplore},
	{"part", "", "FILE", "search the part of a search that FILE holds; where it stands is in FILE.state, or --checkpoint", setPart, nil, forExplore},
	{"format", "", "FORMAT", formatHelp("how to print what was found", report.ExploreFormats()), setExploreFormat, func(string) []cobra.Completion { return completeFormats(report.ExploreFormats()) }, forExplore | forReplay},
	{"format", "", "FORMAT", formatHelp("how to print what was found", report.ExploreFormats()) + "; of shards of compare also what that has", setMergeFormat, func(string) []cobra.Completion {
		return append(completeFormats(report.ExploreFormats()), completeFormats(report.TurnsFormats())...)
	}, forMerge},
}

func (o *exploreOptions) register(cmd *cobra.Command, user flagUsers) {
	o.format = report.ExploreFormats()[0]
	o.write = differenceFile
	o.Workers, o.Between = runtime.GOMAXPROCS(0), letOthersRun()
	for _, f := range exploreFlags {
		if f.users&user == 0 {
			continue
		}
		cmd.Flags().VarP(&flag{kind: f.kind, set: func(text string) error { return f.set(o, text) }}, f.name, f.short, f.help)
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
	o.look.register(cmd)
	if user != forStep {
		cmd.Flags().BoolVar(&o.full, "full", false, fullHelp)
	}
	if user == forExplore || user == forMerge {
		cmd.Flags().BoolVar(&o.NoShrink, "no-shrink", false, "show counterexamples as they were found, not made smaller")
	}
	if user == forMerge {
		cmd.Flags().BoolVar(&o.anyMachine, "any-machine", false, "add up samples of compare of machines that differ")
		return
	}
	cmd.Flags().BoolVar(&o.Consequences, "consequences", false, "go on behind the oracles of the lock discipline, to what comes of it")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if len(o.Show) > 0 && o.Consequences {
			return usageError{errors.New("--until and --consequences say different things, expected one of them")}
		}
		return nil
	}
	if user == forExplore {
		cmd.Flags().BoolVar(&o.all, "all", false, "explore every litmus test and every bug of the museum")
		cmd.Flags().BoolVar(&o.summary, "summary", false, "print one table of all that was explored, a line for each")
		cmd.Flags().BoolVar(&o.verdicts, "verdicts", false, "explore under every set of rules for which the scenario states a verdict")
	}
}

func setExploreRules(o *exploreOptions, text string) error {
	o.Rules = text
	_, err := rules.Parse(text)
	return err
}

func setAgainst(o *exploreOptions, text string) error {
	o.against = text
	if text == "" {
		return errors.New("expected rules, as linux-6.18")
	}
	_, err := rules.Parse(text)
	return err
}

func setModel(o *exploreOptions, text string) error {
	o.Model = text
	_, err := explore.ParseMemoryModel(text)
	return err
}

func completeModel(string) (all []cobra.Completion) {
	for _, m := range explore.MemoryModels() {
		all = append(all, cobra.CompletionWithDesc(m.Name, m.Doc))
	}
	return all
}

func setWithout(o *exploreOptions, text string) error {
	o.Without = strings.Split(text, ",")
	return nil
}

func setUntil(o *exploreOptions, text string) error {
	o.Show = strings.Split(text, ",")
	return nil
}

// completeOracles completes the word behind the last comma.
func completeOracles(toComplete string) (names []cobra.Completion) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	for _, o := range check.Oracles() {
		names = append(names, cobra.CompletionWithDesc(before+o.Name, o.Means))
	}
	return names
}

func setStrategy(o *exploreOptions, text string) error {
	var names []string
	for _, s := range explore.Strategies() {
		if names = append(names, string(s.Name)); names[len(names)-1] == text {
			o.Strategy = s.Name
			return nil
		}
	}
	return fmt.Errorf("expected one of %s", strings.Join(names, ", "))
}

func strategyHelp() string {
	var words []string
	for _, s := range explore.Strategies() {
		words = append(words, string(s.Name)+", "+s.Doc)
	}
	return fmt.Sprintf("how to search, %s by default: %s", explore.Defaults().Strategy, strings.Join(words, "; "))
}

func completeStrategies(string) (names []cobra.Completion) {
	for _, s := range explore.Strategies() {
		names = append(names, cobra.CompletionWithDesc(string(s.Name), s.Doc))
	}
	return names
}

// number returns the setter of a flag that counts something.
func number(field func(*exploreOptions) *int) func(*exploreOptions, string) error {
	return func(o *exploreOptions, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > math.MaxInt32 {
			return fmt.Errorf("expected a number from 1 to %d", math.MaxInt32)
		}
		*field(o) = n
		return nil
	}
}

func setTime(o *exploreOptions, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("expected a duration above zero such as 30s or 5m")
	}
	o.Time = d
	return nil
}

func setCheckpoint(o *exploreOptions, text string) error {
	if text == "" {
		return errors.New("expected the name of a file")
	}
	o.Checkpoint = text
	return nil
}

func setShard(o *exploreOptions, text string) error { return o.shard.Set(text) }

func setResult(o *exploreOptions, text string) error {
	o.result = text
	return checkResult(text)
}

func setPart(o *exploreOptions, text string) error {
	if text == "" {
		return errors.New("expected the name of a file")
	}
	o.part = text
	return nil
}

func setWrite(o *exploreOptions, text string) error {
	o.write = text
	if text == "" {
		return errors.New("expected the name of a file")
	}
	return nil
}

func setExploreSeed(o *exploreOptions, text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("expected a number from 0 to %d", uint64(math.MaxUint64))
	}
	o.Seed = n
	return nil
}

func setExploreFormat(o *exploreOptions, text string) (err error) {
	o.format, err = report.FormatByName(report.ExploreFormats(), text)
	return err
}

// setMergeFormat takes the formats of explore and of compare: which of them can be had depends on what is added up.
func setMergeFormat(o *exploreOptions, text string) error {
	o.merged = text
	err := setExploreFormat(o, text)
	if _, known := report.FormatByName(report.TurnsFormats(), text); known == nil {
		return nil
	}
	return err
}
