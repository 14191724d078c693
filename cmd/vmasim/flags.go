package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmasim/internal/rules"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// runOptions is what the flags of run say.
type runOptions struct {
	driver.Options
	look
	format  report.Format[*driver.Result]
	machine []workloads.MachineSetting // in place of what a scenario states

	record   recordFiles
	failEach bool // let everything fail once, instead

	cpuProfile string // the file for a profile of this program
}

// flag is a pflag.Value that is checked when it is set.
type flag struct {
	kind string // of its value, for the help
	text string
	set  func(text string) error
}

func (f *flag) Set(text string) error {
	f.text = text
	return f.set(text)
}
func (f *flag) String() string { return f.text }
func (f *flag) Type() string   { return f.kind }

// runFlag is one flag of run.
type runFlag struct {
	name, kind, help string
	set              func(o *runOptions, text string) error
	complete         func(toComplete string) []cobra.Completion
}

// runFlags are the flags of run that take a value.
var runFlags = []runFlag{
	{"rules", "RULES", "lock generation and rules, as linux-6.18,-detach-waits; see vmasim rules", setRules, completeRules},
	{"threads", "N|NAME=N", "tasks of each thread written with \"* N\", or of the thread NAME, which 0 leaves out; may be given several times", setThreads, nil},
	{"duration", "D", "duration of every \"for\", such as 2s or 500ms", setDuration, nil},
	{"seed", "N", "seed of all random draws", setSeed, nil},
	{"memory", "SIZE", "memory of the machine, such as 64M or 1G", setMemory, nil},
	{"machine", machineKind, machineHelp, func(o *runOptions, text string) error { return setMachine(&o.machine, text) }, completeMachine},
	{"cpuprofile", "FILE", "write to FILE where the CPU time went, for go tool pprof", func(o *runOptions, text string) error { o.cpuProfile = text; return nil }, nil},
	{"format", "FORMAT", formatHelp("how to print results", report.Formats()), setFormat, func(string) []cobra.Completion { return completeFormats(report.Formats()) }},
}

func (o *runOptions) register(cmd *cobra.Command) {
	o.format = report.Formats()[0]
	o.registerSome(cmd, func(string) bool { return true })
	cmd.Flags().BoolVar(&o.failEach, "fail-each", false, "let each allocation, charge and hook of each statement fail in turn")
	o.record.register(cmd)
	o.look.register(cmd)
	cmd.Flags().BoolVar(&o.Validate, "validate", false, "check every address space after every write section (slow)")
}

// registerSome registers those of the flags that take a value which the command wants.
func (o *runOptions) registerSome(cmd *cobra.Command, wanted func(name string) bool) {
	for _, f := range runFlags {
		if !wanted(f.name) {
			continue
		}
		cmd.Flags().Var(&flag{kind: f.kind, set: func(text string) error { return f.set(o, text) }}, f.name, f.help)
		if f.complete == nil {
			completeFlag(cmd, f.name, cobra.NoFileCompletions)
			continue
		}
		completeFlag(cmd, f.name, func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return f.complete(toComplete), cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// completeFlag registers how a flag is completed. It fails only for flags that do not exist.
func completeFlag(cmd *cobra.Command, name string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err)
	}
}

// registerJSON adds --format, which is text or json, to a command that has no other formats.
func registerJSON(cmd *cobra.Command, json *bool, what string) {
	set := func(text string) error {
		if *json = text == "json"; !*json && text != "text" {
			return errors.New("expected text or json")
		}
		return nil
	}
	cmd.Flags().Var(&flag{kind: "FORMAT", set: set}, "format", "text, or json: "+what)
	completeFlag(cmd, "format", cobra.FixedCompletions([]cobra.Completion{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

func setRules(o *runOptions, text string) error {
	o.Rules = text
	_, err := rules.Parse(text)
	return err
}

// setThreads reads one value; compare reads lists of them.
func setThreads(o *runOptions, text string) error {
	s, err := parseSweep(text)
	if err != nil {
		return err
	}
	if len(s.tasks) > 1 {
		return errors.New("expected one number: vmasim compare takes lists")
	}
	if s.thread == "" {
		o.Threads = s.tasks[0]
		return nil
	}
	o.Counts = append(o.Counts, driver.Count{Thread: s.thread, Tasks: s.tasks[0]})
	return checkTwice(o.Counts)
}

func setDuration(o *runOptions, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("expected a duration above zero such as 2s or 500ms")
	}
	o.Duration = d
	return nil
}

func setSeed(o *runOptions, text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("expected a number from 0 to %d", uint64(math.MaxUint64))
	}
	o.Seed = &n
	return nil
}

func setMemory(o *runOptions, text string) (err error) {
	if o.Memory, err = workloads.ParseSize(text); err != nil {
		return err
	}
	return driver.CheckMemory(o.Memory)
}

func setFormat(o *runOptions, text string) (err error) {
	o.format, err = report.FormatByName(report.Formats(), text)
	return err
}

// formatHelp lists formats behind words that say of what they are.
func formatHelp[T any](of string, all []report.Format[T]) string {
	var words []string
	for _, f := range all {
		words = append(words, f.Name+", "+f.Help)
	}
	return of + ": " + strings.Join(words, "; ")
}

func completeFormats[T any](all []report.Format[T]) (names []cobra.Completion) {
	for _, f := range all {
		names = append(names, cobra.CompletionWithDesc(f.Name, f.Help))
	}
	return names
}

// completeRules completes the word behind the last comma: a generation first, then rules to add or to take away.
func completeRules(toComplete string) (words []cobra.Completion) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	if before == "" {
		for _, g := range rules.Generations() {
			words = append(words, cobra.CompletionWithDesc(g.Name, g.Doc))
		}
		return words
	}
	for _, r := range rules.All() {
		words = append(words,
			cobra.CompletionWithDesc(before+"-"+r.String(), "without: "+r.Info().Does),
			cobra.CompletionWithDesc(before+"+"+r.String(), r.Info().Does))
	}
	return words
}
