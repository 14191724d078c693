package program

import (
	"slices"
	"testing"

	"vmasim/explore"
	"vmasim/internal/phys"
)

// TestCachesStayTheSame: each execution finds the same frames in the tasks' caches, whether the one before has taken some, has
// given back another's, or none.
func TestCachesStayTheSame(t *testing.T) {
	p := newProgram(t, `
		init
			mmap A 16K rw private anon

		thread first
			touch A write

		thread second
			madvise A dontneed
	`, Setting{})
	cached := func() (all [][]phys.PFN) {
		a, err := p.take(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer p.release(a)
		a.primeCaches()
		for r := range a.runners() {
			all = append(all, slices.Clone(a.machine.Mem.Cached(r.Task)))
		}
		return all
	}
	first := cached()
	if len(first) != 3 || len(first[0]) == 0 {
		t.Fatalf("cached %v", first)
	}
	for seed := range uint64(20) {
		searched(t, p, explore.Options{Strategy: explore.Random, Executions: 1, Seed: seed})
		if now := cached(); !slices.EqualFunc(first, now, slices.Equal) {
			t.Fatalf("cached %v, at first %v", now, first)
		}
	}
}
