package fault

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestNoCanonicalAddress checks which addresses raise a general protection exception: no page fault, and none is counted.
func TestNoCanonicalAddress(t *testing.T) {
	f := newFixture(t)
	for addr, want := range map[uint64]linux.AccessEnd{
		0:                       linux.SegvMaperr,
		0x7fffffffffff &^ 7:     linux.SegvMaperr,
		0x800000000000:          linux.SegvKernel,
		0xffff7fffffffffff &^ 7: linux.SegvKernel,
		0xffff800000000000:      linux.SegvMaperr,
		1<<64 - 8:               linux.SegvMaperr,
	} {
		before := f.t.Counters[task.PgFault]
		f.want(Touch(f.t, f.mm, addr, linux.Write), want, "a touch")
		if faults := f.t.Counters[task.PgFault] - before; (faults == 0) != (want == linux.SegvKernel) {
			t.Errorf("%#x: %d page faults", addr, faults)
		}
	}
}

// TestWalkSeesWhatIsMapped: a walk reads a word of a page that the page tables map for reading, and never faults.
func TestWalkSeesWhatIsMapped(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 2, rw)
	if _, ok := Walk(f.t, f.mm, at(0)); ok {
		t.Error("a page is found that was not touched")
	}
	if res := Store(f.t, f.mm, at(0)+8, 42); res != linux.OK {
		t.Fatal(res)
	}
	if word, ok := Walk(f.t, f.mm, at(0)+8); !ok || word != 42 {
		t.Errorf("the word is %d, %t", word, ok)
	}
	f.mprotect(0, 1, linux.PROT_NONE)
	if _, ok := Walk(f.t, f.mm, at(0)+8); ok {
		t.Error("a page is read that may not be")
	}
	if n := f.t.Counters[task.PgFault]; n != 1 {
		t.Errorf("%d faults, expected that of the store", n)
	}
}

// TestPolicyOfNewPages: a new anonymous page lies on the node that the policy of its VMA says, and on the first where there is none.
func TestPolicyOfNewPages(t *testing.T) {
	f := newFixtureOn(t, mm.Config{Beside: mm.Binds})
	f.mapAnon(0, 2, rw)
	f.mapAnon(4, 6, rw)
	f.do(f.mm.Mbind(f.t, at(4), 1, 0))
	for n, want := range map[int]uint8{0: 0, 4: 1} {
		if res := Store(f.t, f.mm, at(n), 1); res != linux.OK {
			t.Fatal(res)
		}
		slot, ok := f.mm.Tables.Find(f.t, at(n))
		if !ok {
			t.Fatalf("page %d has no table", n)
		}
		if node := f.m.Mem.Page(slot.Get(f.t).PFN()).Node.Peek(); node != want {
			t.Errorf("page %d lies on node %d, expected %d", n, node, want)
		}
	}
}
