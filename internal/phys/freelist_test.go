package phys

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestFreeListAgainstSet(t *testing.T) {
	const frames = 10_000 // more than two summary words cover
	rapid.Check(t, func(t *rapid.T) {
		list, model := newFreeList(frames), map[PFN]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for _, pfn := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PFN {
					return PFN(rapid.IntRange(0, frames-1).Draw(t, "pfn"))
				}), 1, 200).Draw(t, "pfns") {
					if !model[pfn] {
						list.add(pfn)
						model[pfn] = true
					}
				}
			},
			"take": func(t *rapid.T) {
				dst := make([]PFN, rapid.IntRange(1, 100).Draw(t, "n"))
				var want []PFN
				for pfn := range model {
					want = append(want, pfn)
				}
				slices.Sort(want)
				want = want[:min(len(want), len(dst))]
				got := dst[:list.take(dst)]
				if !slices.Equal(got, want) {
					t.Fatalf("took %v, want the lowest, ascending: %v", got, want)
				}
				for _, pfn := range got {
					delete(model, pfn)
				}
			},
			"": func(t *rapid.T) {
				if list.count != len(model) {
					t.Fatalf("count %d, want %d", list.count, len(model))
				}
			},
		})
	})
}
