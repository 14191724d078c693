// Package twin compares vmasim with a copy of itself in which no observer is looked for; ../../seam_test.go makes the
// copy and runs this.
package twin

import (
	"testing"

	"vmasim/bench"
	"vmasim/bench/gvisor"
	"vmasim/bench/simmm"
	bare "vmasim/twin/bench/simmm"
	"vmasim/workloads/measure"
)

// space is what both copies offer.
type space interface {
	bench.Faulter
	bench.Finder
	writer
	Touch()
	Close() error
}

// writer is what gVisor's manager offers, too.
type writer interface {
	bench.Mapper
	bench.Merger
	bench.Splitter
}

// rounds are many, because the bars leave little room for noise.
const rounds = 41

func BenchmarkSeam(b *testing.B) {
	ours, stripped := twins(b, bench.Layout{Base: simmm.Base, VMAs: 10, Pages: 16, Gap: 512 - 16})
	compare(b, "B9", "lookup", bench.Finds(ours, 1), bench.Finds(stripped, 1))
	compare(b, "B9a", "fault", bench.FirstFaults(ours, 1), bench.FirstFaults(stripped, 1))
}

// BenchmarkWriters compares both with gVisor's manager: how much of what writers miss is the announcements.
func BenchmarkWriters(b *testing.B) {
	const vmas = 1000
	ours, stripped := twins(b, bench.Layout{Base: simmm.Base, VMAs: vmas, Pages: 1, Gap: 1})
	theirs, err := gvisor.New(vmas, 1, false, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(theirs.Close)
	for _, op := range []struct {
		goal, name string
		load       func(w writer) measure.Workload
	}{
		{"B9b", "map-unmap", func(w writer) measure.Workload { return bench.MapUnmaps(w, 1) }},
		{"B9c", "map-merge-unmap", func(w writer) measure.Workload { return bench.MapMergeUnmaps(w, 1) }},
		{"B9d", "split-merge", func(w writer) measure.Workload { return bench.SplitMerges(w, 1) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			c := measure.New("Seam/" + op.name)
			c.Add("vmasim", op.load(ours))
			c.Add("without checks", op.load(stripped))
			c.Add("gvisor", op.load(theirs))
			var res *measure.Result
			for b.Loop() {
				res = c.Run()
			}
			bench.Report(b, res, bench.Goal(op.goal).Over("without checks", "gvisor"))
		})
	}
}

// twins returns a space of each copy, touched.
func twins(b *testing.B, layout bench.Layout) (ours, stripped space) {
	b.Helper()
	ours, err := simmm.New(layout, 1, false, 1)
	if err != nil {
		b.Fatal(err)
	}
	if stripped, err = bare.New(layout, 1, false, 1); err != nil {
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
	return ours, stripped
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
