package fault

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
)

// pfn returns the frame that a page is mapped to.
func (f *fixture) pfn(n int) phys.PFN { return f.pte(f.mm, n).PFN() }

func TestParentAndChildHaveTheirOwn(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 4, rw)
	f.store(f.mm, 0, 10)
	f.store(f.mm, 1, 11)
	child := f.fork()
	grandchild, err := child.Fork(f.t, "grandchild")
	f.do(err)
	if f.pte(f.mm, 0).Write() || f.pte(child, 0).Write() || f.pte(f.mm, 0).PFN() != f.pte(child, 0).PFN() {
		t.Error("the page is not shared read-only")
	}
	f.store(child, 0, 20)
	f.store(grandchild, 0, 30)
	f.store(f.mm, 1, 41)
	f.holds(f.mm, 0, 10)
	f.holds(child, 0, 20)
	f.holds(grandchild, 0, 30)
	f.holds(f.mm, 1, 41)
	f.holds(child, 1, 11)
	f.holds(grandchild, 1, 11)
	for _, m := range []uint64{2, 3} { // never touched before the fork: the writer's alone
		f.store(child, int(m), m)
		f.holds(f.mm, int(m), 0)
		f.holds(grandchild, int(m), 0)
	}
	f.valid(f.mm)
	f.valid(child)
	child.Put(f.t)
	f.valid(grandchild)
	f.holds(grandchild, 0, 30)
	grandchild.Put(f.t)
}

// TestLastOwnerKeepsTheFrame: when the others are gone, a write takes the frame over instead of copying it.
func TestLastOwnerKeepsTheFrame(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 2, rw)
	f.store(f.mm, 0, 1)
	before := f.pfn(0)
	child := f.fork()
	child.Put(f.t)
	f.store(f.mm, 0, 2)
	if f.pfn(0) != before || !f.pte(f.mm, 0).Write() {
		t.Error("the last owner copied its page")
	}
	child = f.fork()
	f.store(f.mm, 0, 3)
	if f.pfn(0) == before {
		t.Error("a shared page was written in place")
	}
	f.store(child, 0, 4) // the child is the last owner now
	if f.pte(child, 0).PFN() != before {
		t.Error("the child copied a page that nobody else has")
	}
	f.holds(f.mm, 0, 3)
	child.Put(f.t)
}

func TestZeroPage(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 4, rw)
	inUse := f.m.Mem.Stats().FramesInUse
	for n := range 4 {
		f.holds(f.mm, n, 0)
	}
	if pte := f.pte(f.mm, 0); !pte.Special() || pte.Write() || pte.PFN() != f.m.Mem.ZeroPage() {
		t.Errorf("the entry is %#x", uint64(pte))
	}
	if tables := f.m.Mem.Stats().FramesInUse - inUse; tables > 3 {
		t.Errorf("four reads took %d frames", tables)
	}
	child := f.fork()
	f.store(f.mm, 0, 5)
	f.holds(f.mm, 1, 0)
	f.holds(child, 0, 0)
	if pte := f.pte(f.mm, 0); pte.Special() || !pte.Write() {
		t.Errorf("the entry is %#x", uint64(pte))
	}
	f.valid(f.mm)
	child.Put(f.t)
}

// TestProtectionsKeepContents: mprotect to nothing and back leaves the bytes, and only pages that are one's own become
// writable at once.
func TestProtectionsKeepContents(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 4, rw)
	f.store(f.mm, 0, 7)
	f.holds(f.mm, 1, 0)
	for _, prot := range []int{0, linux.PROT_READ, linux.PROT_EXEC, linux.PROT_WRITE, rw} {
		f.mprotect(0, 4, prot)
		f.valid(f.mm)
		_, res := Load(f.t, f.mm, at(0))
		if want := map[bool]linux.AccessEnd{true: linux.SegvAccerr, false: linux.OK}[prot == 0]; res != want {
			t.Errorf("protection %d: load %s, expected %s", prot, res, want)
		}
		fetch := Touch(f.t, f.mm, at(0), linux.Exec)
		if want := map[bool]linux.AccessEnd{true: linux.OK, false: linux.SegvAccerr}[prot == linux.PROT_EXEC]; fetch != want {
			t.Errorf("protection %d: fetch %s, expected %s", prot, fetch, want)
		}
		store := Touch(f.t, f.mm, at(2), linux.Write)
		if want := map[bool]linux.AccessEnd{true: linux.OK, false: linux.SegvAccerr}[prot&linux.PROT_WRITE != 0]; store != want {
			t.Errorf("protection %d: store %s, expected %s", prot, store, want)
		}
	}
	f.holds(f.mm, 0, 7)
	f.holds(f.mm, 1, 0)

	child := f.fork()
	f.mprotect(0, 4, linux.PROT_READ)
	f.mprotect(0, 4, rw)
	if f.pte(f.mm, 0).Write() {
		t.Error("a shared page became writable")
	}
	child.Put(f.t)
	f.mprotect(0, 4, linux.PROT_READ)
	f.mprotect(0, 4, rw)
	if !f.pte(f.mm, 0).Write() {
		t.Error("a page of one's own did not become writable")
	}
	f.holds(f.mm, 0, 7)
}

// TestFetchBringsThePageIn: a fetch from a page that may not be executed maps it first (R21).
func TestFetchBringsThePageIn(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 1, rw)
	f.want(Touch(f.t, f.mm, at(0), linux.Exec), linux.SegvAccerr, "fetch")
	if f.pte(f.mm, 0).None() {
		t.Error("the page is not mapped")
	}
	for n, prot := range []int{linux.PROT_WRITE, linux.PROT_EXEC} { // readable on x86
		f.mapAnon(4+n, 5+n, prot)
		f.holds(f.mm, 4+n, 0)
	}
}
