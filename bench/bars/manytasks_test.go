package bars

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"vmasim/bench"
	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/measure"
)

// manyTime is how long one sample runs.
const manyTime = 500 * time.Millisecond

// manyRounds is how often each number of tasks has its turn.
const manyRounds = 11

// BenchmarkManyTasks runs scenarios with few and many tasks in turns: how long the machine takes for one of their statements. The tasks of
// mmap-churn meet at mmap_lock; those of vma-per-thread share nothing but CPUs and caches.
func BenchmarkManyTasks(b *testing.B) {
	manyTasks(b, "mmap-churn", 2, 16, map[string]string{"mmap": "B13", "touch": "B13a"})
	manyTasks(b, "vma-per-thread", 4, 32, map[string]string{"touch": "B13b"})
}

// manyTasks compares few and many tasks of each thread, by kinds of statements, each with its target.
func manyTasks(b *testing.B, scenario string, few, many int, goals map[string]string) {
	b.Run(scenario, func(b *testing.B) {
		sc, err := workloads.LoadBuiltin(scenario)
		if err != nil {
			b.Fatal(err)
		}
		results := map[string]*measure.Result{}
		for kind := range goals {
			results[kind] = measure.NewResult(b.Name()[len("Benchmark"):] + "/" + kind)
		}
		counts := []int{few, many}
		for b.Loop() {
			for round := range manyRounds {
				for _, i := range measure.Order(len(counts), round) {
					record(b, sc, counts[i], results)
				}
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(goals)) {
			bench.Report(b, results[kind], bench.Goal(goals[kind]).Over(strconv.Itoa(many), strconv.Itoa(few)))
		}
	})
}

// record runs the scenario once.
func record(b *testing.B, sc *workloads.Scenario, threads int, results map[string]*measure.Result) {
	r, err := driver.Run(b.Context(), sc, driver.Options{Threads: threads, Duration: manyTime})
	switch {
	case err != nil:
		b.Fatal(err)
	case !r.OK():
		b.Fatalf("%d of each: %v, %v", threads, r.Unexpected, r.Violations)
	}
	had := measure.Timing{Wall: r.Elapsed, CPU: time.Duration(r.CPUShare * float64(r.Elapsed))}
	for _, op := range r.Ops {
		if result := results[op.Kind]; result != nil {
			result.Record(strconv.Itoa(threads), measure.Sample{Ops: int(op.Count), Threads: []measure.Timing{had}})
		}
	}
}
