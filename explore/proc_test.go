package explore

import (
	"iter"
	"testing"
)

// TestStepsDoNotAllocate: an execution allocates for its world, not for its steps.
func TestStepsDoNotAllocate(t *testing.T) {
	p := newDetachRace(t, 2, 2, 2, "")
	for _, s := range Strategies() {
		o := Options{Strategy: s.Name, Executions: 1 << 30, aloneFor: 1000}
		x := newExecutor(p, &o)
		parts, stop := iter.Pull2(s.shards(x, &o))
		var part shard
		steps := 0
		allocs := testing.AllocsPerRun(200, func() {
			for part == nil || !part.next() {
				var err error
				if part, err, _ = parts(); err != nil {
					t.Fatal(err)
				}
				x.use(part)
			}
			e, err := x.run()
			if err != nil {
				t.Fatal(err)
			}
			steps = e.steps
		})
		// Closures of waits, and now and then a queue of a lock or a table that grows.
		if allocs > 20 {
			t.Errorf("%s: %v allocations in an execution of %d steps", s.Name, allocs, steps)
		}
		stop()
		x.close()
	}
}
