package program

import (
	"iter"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// twoReaders is the scenario that the speed of exploring is measured with: two readers and a writer, some 70 steps.
const twoReaders = `
init
    mmap A 16K rw private anon

thread reader * 2
    lock A => ok | EAGAIN

thread writer
    mprotect A r
`

// BenchmarkExecution measures executions by one worker, world and teardown included: of the lock alone, and of built-in scenarios with
// faults and with a fork. An exhaustive search that ends early is begun anew.
func BenchmarkExecution(b *testing.B) {
	for _, kind := range []struct {
		name       string
		scenario   *workloads.Scenario
		rules      string
		strategies []explore.Strategy
	}{
		{"lock", parse(b, twoReaders), "", []explore.Strategy{explore.Random, explore.DPOR}},
		{"fault", builtin(b, "overlap-fault")[0], "", []explore.Strategy{explore.Random}},
		{"fork", builtin(b, "fork-parent")[0], "linux-6.18", []explore.Strategy{explore.DPOR}},
	} {
		for _, strategy := range kind.strategies {
			for _, oracles := range []bool{true, false} {
				name := kind.name + "/" + string(strategy) + "/oracles"
				if !oracles {
					name = kind.name + "/" + string(strategy) + "/no-oracles"
				}
				b.Run(name, func(b *testing.B) { benchmarkExecution(b, kind.scenario, kind.rules, strategy, oracles) })
			}
		}
	}
}

func benchmarkExecution(b *testing.B, sc *workloads.Scenario, rules string, strategy explore.Strategy, oracles bool) {
	p, err := New(sc, Setting{Rules: rules})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	o := explore.Options{Strategy: strategy}
	if oracles {
		o.Watch = p.Watch
	}
	floor := switchTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	begun, steps := cpuTime(b), uint64(0)
	for done := 0; done < b.N; {
		o.Executions = b.N - done
		r, err := explore.Search(b.Context(), p, o)
		if err != nil || len(r.Violations) > 0 {
			b.Fatal(err, r.Violations)
		}
		if r.Executions == 0 {
			b.Fatal("no executions")
		}
		done += r.Executions
		for _, n := range r.Ops {
			steps += n
		}
	}
	took := (cpuTime(b) - begun).Seconds()
	b.ReportMetric(float64(steps)/float64(b.N), "steps")
	b.ReportMetric(float64(b.N)/took, "executions/cpu-s") // on a busy machine this is what says something
	b.ReportMetric(took/float64(steps)/floor.Seconds(), "switches/step")
}

// BenchmarkFloor measures what an execution of BenchmarkExecution's lock takes without a scheduler: the world made and taken down, and the
// tasks run besides, one after the other, unobserved or announcing each step to an observer that does nothing.
func BenchmarkFloor(b *testing.B) {
	for _, kind := range []struct {
		name     string
		runs     bool
		observer task.Observer
	}{{"world", false, nil}, {"unobserved", true, nil}, {"announced", true, task.NoObserver{}}} {
		b.Run(kind.name, func(b *testing.B) { benchmarkFloor(b, kind.runs, kind.observer) })
	}
}

func benchmarkFloor(b *testing.B, runs bool, observer task.Observer) {
	p, err := New(parse(b, twoReaders), Setting{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	x := &explore.Executor{}
	execution := func() {
		w, err := p.NewWorld(x, func(v task.Violation) { b.Error(v) })
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range w.Tasks() {
			if runs {
				t.Task.Observer = observer
				t.Body()
				t.Task.Observer = nil
			}
		}
		w.Finish()
	}
	execution() // the world is made, watched,
	execution() // and compared
	known := *x
	b.ResetTimer()
	begun := cpuTime(b)
	for range b.N {
		*x = known // as its own executions begin
		execution()
	}
	b.ReportMetric(float64(b.N)/(cpuTime(b)-begun).Seconds(), "executions/cpu-s")
}

// switchTime returns the processor time of one change of coroutines, which no step that changes tasks can be faster than.
func switchTime(b *testing.B) time.Duration {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
		}
	})
	defer stop()
	const rounds = 200_000
	begun := cpuTime(b)
	for range rounds {
		next()
	}
	return (cpuTime(b) - begun) / (2 * rounds)
}

// cpuTime returns the processor time that the process has taken.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
