package bars

import (
	"testing"

	"vmasim/bench"
	"vmasim/bench/simmm"
	"vmasim/internal/rules"
	"vmasim/workloads/measure"
)

// BenchmarkGenerations compares the generations of the VMA lock with one another: in each comparison they take turns. It has no
// target: docs/generations.md shows what came out.
func BenchmarkGenerations(b *testing.B) {
	spaces := map[string]*simmm.Space{}
	for _, g := range rules.Generations() {
		s, err := simmm.Under(g.Name, layout(1000), workers, false, 1)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		})
		s.Touch()
		spaces[g.Name] = s
	}
	all := func(name string, load func(*simmm.Space) measure.Workload) {
		var cs candidates
		for _, g := range rules.Generations() {
			cs = append(cs, candidates{{g.Name, load(spaces[g.Name])}}...)
		}
		compare(b, name, cs)
	}
	all("lookup", func(s *simmm.Space) measure.Workload { return bench.Finds(s, 1) })
	all("fault", func(s *simmm.Space) measure.Workload { return bench.FirstFaults(s, 1) })
	all("map-unmap", func(s *simmm.Space) measure.Workload { return bench.MapUnmaps(s, 1) })
	all("split-merge", func(s *simmm.Space) measure.Workload { return bench.SplitMerges(s, 1) })
	if measure.CPUs() < workers {
		return
	}
	all("lookup-2T", func(s *simmm.Space) measure.Workload { return bench.Finds(s, 2) })
	all("fault-2T", func(s *simmm.Space) measure.Workload { return bench.FirstFaults(s, 2) })
}
