package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
	"vmasim/workloads"
)

// ending is what the teardown found.
type ending struct {
	vmas   VMAs
	memory Memory
	wrong  findings
	err    error // of giving the machine back
}

// finish tears everything down and makes the result.
func (r *run) finish(ctx context.Context) (*Result, error) {
	var end ending
	if !r.abandoned {
		end = r.end(ctx)
	}
	res := &Result{
		Scenario: r.sc.Name, Title: r.sc.Title, Rules: r.Rules.String(), Machine: r.sc.MachineText(), Seed: r.Seed,
		Elapsed: r.elapsed, CPUs: r.cpusUsed, CPUShare: r.cpuShare, CPUTime: r.cpuTime, VMAs: end.vmas, Memory: end.memory, Interrupted: r.interrupted.Load(),
	}
	res.Memory.ArenaBytes = r.Memory
	for _, n := range r.Counts {
		res.Tasks += n
	}
	r.collect(res, &end)
	return res, end.err
}

// collect adds up what the workers have measured and found. Of one that has not ended only its counters are safe to read.
func (r *run) collect(res *Result, end *ending) {
	var counters task.Counters
	var stats [workloads.NumKinds]opStats
	var faulting opStats
	var writing histogram
	for _, w := range r.measured {
		c := w.counters()
		counters.Add(&c)
		if !w.ended.Load() {
			continue
		}
		for kind := range stats {
			stats[kind].add(&w.stats[kind])
		}
		faulting.add(&w.fault)
	}
	for kind := range stats {
		if d := stats[kind].duration; d != nil && writes(workloads.Kind(kind)) {
			writing.add(d)
		}
	}
	var all findings
	for _, w := range r.workers {
		if w.ended.Load() {
			all.merge(&w.findings)
		}
	}
	all.merge(&end.wrong)
	res.Faults, res.Users, res.Ops = faultsOf(&counters), usersOf(&counters), ops(&stats)
	res.Faulting, res.Writing = latencyOf(faulting.duration), latencyOf(&writing)
	res.Unexpected, res.UnexpectedTotal = all.unexpected(), all.total
	res.Violations, res.ViolationTotal = r.violations.reported()
	r.measuredWaits(res)
	var err error
	if res.Recorded, err = r.recorder.result(); err != nil {
		end.err = errors.Join(end.err, fmt.Errorf("record the run: %w", err))
	}
}

// end runs the teardown on a goroutine of its own, because what is broken may also panic or block there.
func (r *run) end(ctx context.Context) (end ending) {
	ended := make(chan ending, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.reportPanic("exit", "", p)
			}
		}()
		debug.SetPanicOnFault(true)
		if r.crashed.Load() { // what the crashed task held would block or confuse the rest
			ended <- ending{err: r.machine.Close()}
			return
		}
		ended <- r.tearDown()
	}()
	if !r.await(done, ctx.Done(), func() {}) {
		r.violations.report(task.Violation{Oracle: "stuck", Task: "exit", Message: "tearing down the address spaces does not end"})
		return ending{}
	}
	select {
	case end = <-ended:
	default: // it panicked
	}
	return end
}

func (r *run) reportPanic(name, fn string, p any) {
	message, where := task.Panicked(p)
	r.violations.report(task.Violation{Oracle: "panic", Message: message, Task: name, Func: fn, Where: where})
}

// tearDown validates the address spaces that are left, exits them, closes the files and looks for leaks.
func (r *run) tearDown() (end ending) {
	t := r.machine.NewTask("exit")
	for _, s := range r.hall.spaces {
		if s.mm != nil {
			_ = r.validate(t, s.mm) // no signal kills this task
			end.vmas.MapCount += mapCount(t, s.mm)
		}
	}
	_, end.vmas.Allocated, end.vmas.Reused = r.machine.VMAs.Stats()
	end.vmas.GracePeriods, end.vmas.Bytes = r.machine.RCU.GracePeriods(), vma.Bytes(r.Rules)
	mem := r.machine.Mem.Stats()
	end.memory = Memory{FramesInUse: mem.FramesInUse, FramesPeak: mem.FramesPeak}

	for _, s := range r.hall.spaces {
		if s.mm != nil {
			s.mm.Put(t)
		}
	}
	for i, f := range r.files {
		if err := f.Put(t); err != nil {
			decl := r.sc.Files[i]
			end.wrong.add(nil, "", func() Unexpected {
				return Unexpected{Pos: decl.Pos, Stmt: decl.String(), Got: err.Error(), Expected: "every byte written back"}
			})
		}
	}
	r.machine.Settle(t)
	r.machine.EndTask(t)
	if left := r.machine.Leaks(); left != "" {
		r.violations.report(task.Violation{Oracle: "leak", Message: left + " left after everything was torn down", Task: t.Name})
	}
	end.err = r.machine.Close()
	return end
}

func mapCount(t *task.Task, m *mm.MM) int {
	m.MmapReadLock(t)
	defer m.MmapReadUnlock(t)
	return m.MapCount(t)
}
