package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// defaultScenario is run when none is named.
const defaultScenario = "quickstart"

func newRun() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Run scenarios at full speed on real memory",
		Long: `Run scenarios, one after the other. A SCENARIO is the name of a built-in one, a
file, a directory (all *.vma files in it) or - for standard input; with a / in it,
as ./quickstart, it is a path. Without any, quickstart is run. All mistakes of all
scenarios are told before anything runs.

With --fail-each the statements of a scenario are performed one after the other, and
that again and again: each time another allocation, charge or hook fails, until each
has failed once. A table says what each statement gave, and what stays changed. It is
wrong if an address space is not valid then, if more has changed than may (K7 in
docs/kernel.md), or if something is left over in the end. "for" and "forever" make two
passes each.

--trace, --events and --pprof write files: a timeline for vmasim timeline and Perfetto,
the same as lines of JSON, and a profile of who waits for which lock. The first two hold
a part of what many tasks do, which they and standard error say. All are complete when
the run is interrupted.

Results go to standard output, progress and errors to standard error. The exit
status is 0 if all is good, 1 if an expectation or an invariant failed, with --fail-each
if anything is wrong after a failure, 2 for
wrong usage or a bad scenario, and 130 if the run was interrupted: then what was
measured so far is printed. A second interrupt ends the program at once.`,
		Example: `  vmasim run
  vmasim run fault-storm vma-per-thread --threads 2 --duration 5s
  vmasim run wis/page_fault1 wis/page_fault1_processes
  vmasim run mmap-churn --threads faulter=8 --threads churner=0
  vmasim run my.vma --validate --format json
  vmasim run mmap-churn --trace churn.pftrace --pprof waits.pb.gz
  vmasim run mmap-churn --events churn.ndjson
  vmasim run failed-mmap --fail-each
  vmasim run my.vma --fail-each --format json
  vmasim run mmap-churn --rules linux-6.18,-munmap-downgrade --format bench
  vmasim scenarios quickstart | vmasim run -`,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, args, o)
		},
	}
	o.register(cmd)
	return cmd
}

// runGCPercent lets the few megabytes that a run lives on become five times as much before they are collected. At the usual twice it would
// be a dozen times a second, and a tenth of the CPU time.
const runGCPercent = 400

func run(cmd *cobra.Command, args []string, o *runOptions) error {
	if err := o.checkFailEach(); err != nil {
		return usageError{err}
	}
	scenarios, err := load(args, cmd.InOrStdin(), o)
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	debug.SetGCPercent(runGCPercent)
	ctx, stop := interruptible(cmd)
	defer stop()
	written, err := profiled(o.cpuProfile)
	if err != nil {
		return usageError{err}
	}
	defer written()
	if o.failEach {
		return failEach(ctx, scenarios, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return runAll(ctx, scenarios, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// load reads all scenarios and checks that they can be run. The error holds all mistakes, one a line.
func load(args []string, stdin io.Reader, o *runOptions) (scenarios []*workloads.Scenario, err error) {
	if len(args) == 0 {
		args = []string{defaultScenario}
	}
	var m mistakes
	for _, arg := range args {
		loaded, err := workloads.Load(arg, stdin)
		m.note(err)
		for _, sc := range loaded {
			scenarios = append(scenarios, sc.WithMachine(o.machine))
		}
	}
	for _, sc := range scenarios {
		m.note(driver.Check(sc, o.optionsOf(sc, scenarios)))
	}
	return scenarios, m.err()
}

// optionsOf returns the options for one of the scenarios.
func (o *runOptions) optionsOf(sc *workloads.Scenario, all []*workloads.Scenario) driver.Options {
	opts := o.Options
	opts.Counts = countsOf(sc, all, o.Counts)
	return opts
}

// runAll runs the scenarios and prints each result.
func runAll(ctx context.Context, scenarios []*workloads.Scenario, o *runOptions, stdout, stderr io.Writer) error {
	files, err := o.record.open()
	if err != nil {
		fmt.Fprintln(stderr, "vmasim: "+err.Error())
		return statusError(exitUsage)
	}
	err = runEach(ctx, scenarios, o, files, stdout, stderr)
	if failed := files.close(); failed != nil {
		return failed
	}
	return err
}

// runEach is runAll with the files open.
func runEach(ctx context.Context, scenarios []*workloads.Scenario, o *runOptions, files *recordings, stdout, stderr io.Writer) error {
	write := o.format.New(stdout, o.look.of(stdout, false))
	var t tally
	for _, sc := range scenarios {
		opts, bar := o.optionsOf(sc, scenarios), newProgress(stderr)
		opts.Progress = func(p driver.Progress) { bar.show(report.Progress(sc.Name, p)) }
		files.begin(sc.Name, &opts)
		result, err := driver.Run(ctx, sc, opts)
		bar.erase()
		if err != nil {
			return err
		}
		if err := files.finish(result, stderr); err != nil {
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
