// Package driver runs scenarios on goroutines, with real parallelism and real memory.
//
// A [Run] makes a machine, runs init, all threads at once and finally, tears everything down and looks for leaks. The
// tasks of a thread walk the parsed statements as they stand; a statement in a loop costs little over the operation
// itself and allocates nothing.
//
// The measured part. The counts, latencies and fault counters of a [Result] are those of the threads, and its time is
// theirs: init prepares and finally checks. Of a scenario without threads, init and finally are measured.
//
// Latency is taken by the monotonic clock, two readings of some 40 ns each. Operations that take about as long (touch of
// one page, load, store) are timed on a random sample of one execution in 16, all others each time.
package driver

import (
	"context"
	"fmt"
	"time"

	"vmasim/workloads"
)

// Options changes how a scenario is run. The zero value runs it as it is written.
type Options struct {
	Rules    string        // in place of the scenario's; "" keeps them
	Threads  int           // tasks of each thread that is written with "* N"; 0 keeps what is written
	Counts   Counts        // tasks of single threads; those that are not named are as Threads has it
	Duration time.Duration // of every "for"; 0 keeps what is written
	Seed     *uint64       // in place of the scenario's; nil keeps it
	Memory   uint64        // bytes, in place of the scenario's; 0 keeps it
	Validate bool          // check each address space after every write section: slow

	Recorder Recorder // is given what the tasks do, if set

	// Progress, if set, is called now and then while the scenario runs, by a goroutine of its own.
	Progress func(Progress)
}

// progressInterval is the time between two calls of Options.Progress: at most four a second.
const progressInterval = 250 * time.Millisecond

// Progress is how far a run has come.
type Progress struct {
	Elapsed time.Duration // since the threads started
	Faults  uint64        // by the threads, up to some 1000 operations of each task ago
	Tasks   int           // still running
}

// Check reports all that keeps the scenario from being run with the options, before anything runs: unknown rules, more
// threads or memory than this machine has, files that cannot be opened. Each mistake is one line.
func Check(sc *workloads.Scenario, opts Options) error {
	_, err := NewPlan(sc, &opts)
	return err
}

// Run runs the scenario on a machine of its own. Results that were not expected, broken invariants and leaks are part of
// the Result; the error says why the scenario could not be run at all. When ctx ends, the tasks are killed, and the
// Result holds what was measured until then.
func Run(ctx context.Context, sc *workloads.Scenario, opts Options) (*Result, error) {
	p, err := NewPlan(sc, &opts)
	if err != nil {
		return nil, err
	}
	r, err := newRun(sc, p, &opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sc.File, err)
	}
	return r.run(ctx)
}
