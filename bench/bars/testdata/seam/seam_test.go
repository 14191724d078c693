// Package twin compares vmasim with a copy of itself in which no observer is looked for; ../../seam_test.go makes the
// copy and runs this.
package twin

import (
	"testing"

	"vmasim/bench"
	"vmasim/bench/simmm"
	bare "vmasim/twin/bench/simmm"
	"vmasim/workloads/measure"
)

// space is what both copies offer.
type space interface {
	bench.Faulter
	bench.Finder
	Touch()
	Close() error
}

// rounds are many, because the bars leave little room for noise.
const rounds = 41

func BenchmarkSeam(b *testing.B) {
	layout := bench.Layout{Base: simmm.Base, VMAs: 10, Pages: 16, Gap: 512 - 16}
	ours, err := simmm.New(layout, 1, false, 1)
	if err != nil {
		b.Fatal(err)
	}
	stripped, err := bare.New(layout, 1, false, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range []space{ours, stripped} {
		s.Touch()
		b.Cleanup(func() {
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		})
	}
	compare(b, "B9", "lookup", bench.Finds(ours, 1), bench.Finds(stripped, 1))
	compare(b, "B9a", "fault", bench.FirstFaults(ours, 1), bench.FirstFaults(stripped, 1))
}

func compare(b *testing.B, goal, name string, ours, stripped measure.Workload) {
	b.Run(name, func(b *testing.B) {
		c := measure.New("Seam/"+name, measure.Rounds(rounds))
		c.Add("vmasim", ours)
		c.Add("without checks", stripped)
		var res *measure.Result
		for b.Loop() {
			res = c.Run()
		}
		bench.Report(b, res, bench.Goal(goal).Over("vmasim", "without checks"))
	})
}
