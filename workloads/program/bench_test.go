package program

import (
	"testing"

	"vmasim/explore"
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
	b.ReportAllocs()
	b.ResetTimer()
	steps := uint64(0)
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
	b.ReportMetric(float64(steps)/float64(b.N), "steps")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
}
