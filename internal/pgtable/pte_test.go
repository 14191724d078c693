package pgtable

import (
	"testing"

	"vmasim/internal/phys"
)

func TestPTE(t *testing.T) {
	const pfn = phys.PFN(1<<32 - 1)
	for name, c := range map[string]struct {
		pte                                      PTE
		present, accessible, write, exec, wanted bool
	}{
		"none":       {Make(pfn, None), true, false, false, true, true},
		"read":       {Make(pfn, ReadOnly), true, true, false, false, true},
		"read exec":  {Make(pfn, ReadExec), true, true, false, true, true},
		"read write": {Make(pfn, ReadWrite), true, true, true, false, true},
		"all":        {Make(pfn, ReadWriteExec), true, true, true, true, true},
	} {
		e := c.pte
		if e.None() || e.Present() != c.present || e.Accessible() != c.accessible || e.Write() != c.write || e.Exec() != c.exec {
			t.Errorf("%s: %#x", name, uint64(e))
		}
		if e.PFN() != pfn {
			t.Errorf("%s: frame %#x", name, e.PFN())
		}
		if m := e.MkDirty().MkSpecial().Modify(ReadWrite); m != Make(pfn, ReadWrite).MkDirty().MkSpecial() {
			t.Errorf("%s modified: %#x", name, uint64(m))
		}
	}
	if !PTE(0).None() || PTE(0).Present() {
		t.Error("the empty entry maps something")
	}
	if got := Make(5, ReadWrite); uint64(got) != 1<<63|5<<12|0x27 {
		t.Errorf("read-write entry is %#x", uint64(got))
	}
}

func TestPTEBits(t *testing.T) {
	e := Make(7, ReadOnly)
	if e.Dirty() || !e.Young() || e.Special() {
		t.Errorf("%#x", uint64(e))
	}
	set := (e | RW).MkDirty().MkSpecial()
	if !set.Write() || !set.Dirty() || !set.Special() || set.PFN() != 7 {
		t.Errorf("%#x", uint64(set))
	}
	if back := set.WrProtect() &^ (Dirty | Special); back != e {
		t.Errorf("%#x, want %#x", uint64(back), uint64(e))
	}
}

// TestGuard: a guard marker is an entry that maps nothing and is not empty.
func TestGuard(t *testing.T) {
	if !GuardMarker.Guard() || GuardMarker.None() || GuardMarker.Present() || PTE(0).Guard() {
		t.Errorf("the marker %#x: guard %v, none %v, present %v", uint64(GuardMarker), GuardMarker.Guard(), GuardMarker.None(), GuardMarker.Present())
	}
}
