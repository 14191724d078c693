package program

import (
	"testing"

	"vmasim/internal/explore"
	"vmasim/workloads"
)

// twoReaders is the size of scenario that the speed of exploring is measured with.
const twoReaders = `
init
    mmap A 16K rw private anon

thread reader * 2
    lock A => ok | EAGAIN

thread writer
    mprotect A 4K r
`

func BenchmarkExecution(b *testing.B) {
	for _, oracles := range []bool{true, false} {
		name := "oracles"
		if !oracles {
			name = "no-oracles"
		}
		b.Run(name, func(b *testing.B) {
			sc, err := workloads.Parse("two.vma", []byte(twoReaders))
			if err != nil {
				b.Fatal(err)
			}
			p, err := New(sc, Setting{})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			o := explore.Options{Strategy: explore.Random, Executions: b.N}
			if oracles {
				o.Watch = p.Watch
			}
			b.ReportAllocs()
			b.ResetTimer()
			r, err := explore.Search(b.Context(), p, o)
			if err != nil || len(r.Violations) > 0 {
				b.Fatal(err, r.Violations)
			}
			b.ReportMetric(float64(r.Steps), "steps")
		})
	}
}
