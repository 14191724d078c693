package inject

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

const page = linux.PageSize

// one is an address space with an area of pages [0, n), anonymous, and what its pages hold, by number; -1 is a guard.
func one(n uint64, holds map[uint64]int) state {
	s := &space{areas: []area{{start: 0, end: n * page, flags: linux.VMRead | linux.VMWrite, blank: content{sum: 1}}}, pages: map[uint64]content{}}
	for i, sum := range holds {
		c := content{sum: uint64(sum)}
		if sum < 0 {
			c = content{guard: true}
		}
		s.pages[i*page] = c
	}
	return state{s}
}

// TestLost: contents stay when a call fails, except where its rows say otherwise.
func TestLost(t *testing.T) {
	filled := map[uint64]int{1: 7, 2: 9}
	for _, c := range []struct {
		name  string
		call  interp.Call
		after state
		wrong string // "": nothing
	}{
		{"as before", interp.Call{Kind: workloads.KindMunmap, Len: 4 * page}, one(4, filled), ""},
		{"a page lost", interp.Call{Kind: workloads.KindMunmap, Len: 4 * page}, one(4, map[uint64]int{1: 7}), "0x2000"},
		{"a page changed", interp.Call{Kind: workloads.KindMprotect, Len: 4 * page}, one(4, map[uint64]int{1: 8, 2: 9}), "0x1000"},
		{"an untouched page brought in", interp.Call{Kind: workloads.KindMlock, Len: 4 * page}, one(4, map[uint64]int{0: 1, 1: 7, 2: 9}), ""},
		{"a guard in its place", interp.Call{Kind: workloads.KindMprotect, Len: 4 * page}, one(4, map[uint64]int{1: -1, 2: 9}), "0x1000"},
		{"unmapped, which others judge", interp.Call{Kind: workloads.KindMmap, Len: 4 * page}, one(2, map[uint64]int{1: 7}), ""},
		{"dropped, as madvise may", interp.Call{Kind: workloads.KindMadvise, Addr: 2 * page, Len: page}, one(4, map[uint64]int{1: 7}), ""},
		{"dropped beside its range", interp.Call{Kind: workloads.KindMadvise, Addr: 2 * page, Len: page}, one(4, map[uint64]int{2: 9}), "0x1000"},
		{"moved", interp.Call{Kind: workloads.KindMremap, Addr: page, Len: page, NewLen: page, NewAddr: 3 * page}, one(4, map[uint64]int{2: 9, 3: 7}), ""},
		{"moved, and lost", interp.Call{Kind: workloads.KindMremap, Addr: page, Len: page, NewLen: page, NewAddr: 3 * page}, one(4, map[uint64]int{2: 9}), "lost"},
		{"its destination replaced", interp.Call{Kind: workloads.KindMremap, Addr: page, Len: page, NewLen: page, NewAddr: 2 * page, Flags: linux.MREMAP_FIXED}, one(4, map[uint64]int{1: 7}), ""},
	} {
		if got := lost(0, &c.call, one(4, filled), c.after); (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s: %q, expected %q", c.name, got, c.wrong)
		}
	}
}

// TestOtherwise: what a call leaves that succeeds in spite of a failure is what it leaves without.
func TestOtherwise(t *testing.T) {
	c := interp.Call{Kind: workloads.KindMremap, Addr: 4 * page, Len: page}
	for name, got := range map[string]string{
		"":          otherwise(0, &c, one(4, map[uint64]int{1: 7}), one(4, map[uint64]int{0: 1, 1: 7})),
		"0x1000":    otherwise(0, &c, one(4, map[uint64]int{1: 7}), one(4, nil)),
		"is mapped": otherwise(0, &interp.Call{Kind: workloads.KindMmap}, one(4, nil), one(5, nil)),
		"there":     otherwise(0, &c, one(4, nil), state{nil}),
	} {
		if (got == "") != (name == "") || !strings.Contains(got, name) {
			t.Errorf("%q, expected %q", got, name)
		}
	}
	if got := otherwise(0, &c, one(4, nil), one(5, nil)); got != "" {
		t.Errorf("a source that stays: %q", got)
	}
}

// TestChanges: each way in which an address space can be otherwise has its words.
func TestChanges(t *testing.T) {
	sc := &workloads.Scenario{MMs: []*workloads.MM{{Name: "main"}, {Name: "child"}}}
	names := namer{names: []string{"A"}, regions: []workloads.Region{{Base: 0, Size: 4 * page}}}
	before, after := one(4, map[uint64]int{0: 5, 1: 6}), one(4, map[uint64]int{1: 7, 3: 1})
	b := after[0]
	b.areas = []area{
		{start: 0, end: page, flags: linux.VMRead | 1<<62, blank: content{sum: 1}, faulted: true},
		{start: page, end: 2 * page, flags: linux.VMRead | linux.VMWrite, file: &phys.File{}},
		{start: 3 * page, end: 6 * page, flags: linux.VMRead | linux.VMWrite, blank: content{sum: 1}},
	}
	got := strings.Join(changes(append(before, nil), append(after, one(1, nil)...), sc, names), "\n")
	for _, want := range []string{"A to A+4K has 0x4000000000000000, lacks wr, has an anon_vma", "cut at A+4K", "A+4K to A+8K maps something else", "A+8K to A+12K is not mapped",
		"0x4000 to 0x6000 is mapped", "other contents: A to A+8K", "more pages in the page tables", "child: exists"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said:\n%s", want, got)
		}
	}
	back := strings.Join(changes(append(after, one(1, nil)...), append(before, nil), sc, names), "\n")
	for _, want := range []string{"joined at A+4K", "child: exists no longer"} {
		if !strings.Contains(back, want) {
			t.Errorf("%q is not said:\n%s", want, back)
		}
	}
	if got := changes(before, one(4, map[uint64]int{0: 5}), sc, names); len(got) != 1 || got[0] != "other contents: A+4K to A+8K" {
		t.Errorf("a page gone: %q", got)
	}
	if got := changes(one(4, map[uint64]int{0: 1}), one(4, nil), sc, names); len(got) != 1 || got[0] != "fewer pages in the page tables" {
		t.Errorf("an empty page gone: %q", got)
	}
}

// TestSize: sizes are written as in scenarios.
func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 100: "100", 4096: "4K", 2 << 20: "2M", 1<<20 + 4096: "1028K"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, expected %s", n, got, want)
		}
	}
}
