// Package lockpath performs the threads of a scenario with threads of the real kernel, counts how many of their page faults were
// handled under mmap_lock rather than under the VMA lock alone, and has the simulator do the same.
//
// It is a measurement, not a comparison of results: how often two threads meet depends on the machine.
package lockpath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"vmasim/judge/deep"
	"vmasim/judge/host"
	"vmasim/judge/settings"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// ErrUnmeasurable says that this kernel does not let us see how it handles faults.
var ErrUnmeasurable = errors.New("the faults of the kernel cannot be measured here")

// Side is what one of the two has done.
type Side struct {
	Faults     uint64 // of the threads
	MmapLock   uint64 // of these, the ones handled under mmap_lock
	Operations uint64 // of the threads: calls, and accesses
	Elapsed    time.Duration
	Unexpected []string // results that the scenario does not state, the first ones
}

// Share is the share of faults that fell back to mmap_lock.
func (s *Side) Share() float64 {
	if s.Faults == 0 {
		return 0
	}
	return float64(s.MmapLock) / float64(s.Faults)
}

// Rate is the number of faults in a second.
func (s *Side) Rate() float64 { return s.perSecond(s.Faults) }

// OperationRate is the number of operations in a second.
func (s *Side) OperationRate() float64 { return s.perSecond(s.Operations) }

func (s *Side) perSecond(n uint64) float64 {
	if s.Elapsed == 0 {
		return 0
	}
	return float64(n) / s.Elapsed.Seconds()
}

// MarshalJSON implements [json.Marshaler].
func (s Side) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Faults     uint64   `json:"faults"`
		MmapLock   uint64   `json:"pgfault_mmap_lock"`
		Share      float64  `json:"share"`
		PerSecond  float64  `json:"faults_per_second"`
		ElapsedNS  int64    `json:"elapsed_ns"`
		Operations uint64   `json:"operations"`
		OpsPerSec  float64  `json:"operations_per_second"`
		Unexpected []string `json:"unexpected"`
	}{s.Faults, s.MmapLock, s.Share(), s.Rate(), s.Elapsed.Nanoseconds(), s.Operations, s.OperationRate(), append([]string{}, s.Unexpected...)})
}

// Result is what was measured. Its JSON is what diff --faults --format json prints: docs/fidelity.md names every key, and keys are only
// ever added.
type Result struct {
	Scenario    string `json:"scenario"`
	Title       string `json:"-"`
	Threads     int    `json:"threads"`
	Processes   int    `json:"processes"` // that they are in
	Release     string `json:"kernel_release"`
	Kernel      Side   `json:"kernel"`
	Simulator   Side   `json:"simulator"`
	Interrupted bool   `json:"interrupted"` // it was cut: what there is of the sides is not whole
}

// MarshalJSON implements [json.Marshaler].
func (r *Result) MarshalJSON() ([]byte, error) {
	type fields Result
	return json.Marshal(struct {
		*fields
		OK bool `json:"ok"`
	}{(*fields)(r), r.OK()})
}

// OK tells that both sides gave the results that the scenario states.
func (r *Result) OK() bool { return len(r.Kernel.Unexpected) == 0 && len(r.Simulator.Unexpected) == 0 }

// Check reports what keeps a scenario from being measured. Each mistake is one line.
func Check(sc *workloads.Scenario, opts driver.Options) error {
	return errors.Join(driver.Check(sc, opts), checkPerformable(sc))
}

// kernel describes the kernel, as an agent finds it.
func kernel() (host.Kernel, error) {
	l, err := host.Start(host.Options{})
	if err != nil {
		return host.Kernel{}, err
	}
	defer l.Close()
	return l.Kernel(), nil
}

// meetings are the statements that are no operations of a thread.
var meetings = []string{workloads.KindBarrier.String(), workloads.KindYield.String(), workloads.KindMaps.String(), workloads.KindValidate.String()}

// Run measures a scenario, on the kernel first: both want the machine for themselves. The program must call Main first thing.
// The error wraps ErrUnmeasurable where the kernel does not let us.
func Run(ctx context.Context, sc *workloads.Scenario, opts driver.Options) (*Result, error) {
	plan, err := driver.NewPlan(sc, &opts)
	if err != nil {
		return nil, err
	}
	k, err := kernel()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnmeasurable, err)
	}
	counter, err := deep.CountFaults()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnmeasurable, err)
	}
	defer counter.Close()
	r := &Result{Scenario: sc.Name, Title: sc.Title, Release: k.Release, Processes: len(spaces(sc))}
	for _, n := range plan.Counts {
		r.Threads += n
	}
	if r.Kernel, err = perform(ctx, sc, newOrder(sc, plan, opts), counter); err != nil {
		if ctx.Err() == nil {
			return nil, fmt.Errorf("%s on the kernel: %w", sc.Name, err)
		}
		r.Interrupted = true
		return r, nil
	}
	sim, err := driver.Run(ctx, sc.WithMachine(settings.Of(k)), opts)
	if err != nil {
		return nil, err
	}
	r.Interrupted = sim.Interrupted
	r.Simulator = Side{Faults: sim.Faults.Total, MmapLock: sim.Faults.MmapLock, Elapsed: sim.Elapsed}
	for i := range sim.Ops {
		if !slices.Contains(meetings, sim.Ops[i].Kind) {
			r.Simulator.Operations += sim.Ops[i].Count
		}
	}
	for i := range sim.Unexpected {
		r.Simulator.Unexpected = append(r.Simulator.Unexpected, sim.Unexpected[i].String())
	}
	for _, v := range sim.Violations {
		r.Simulator.Unexpected = append(r.Simulator.Unexpected, v.Message)
	}
	return r, nil
}
