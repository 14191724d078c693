package mm_test

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/mm"
)

// TestWalksFromBeside: ptdump counts what tables map, smaps_rollup what VMAs have; neither minds that there is nothing.
func TestWalksFromBeside(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	if n, err := l.mm.SmapsRollup(l.t); n != 0 || err != nil {
		t.Errorf("an empty address space has %d pages, %v", n, err)
	}
	l.mmap(0, 4, rw)
	l.fill(1, 3)
	if n, err := l.mm.SmapsRollup(l.t); n != 2 || err != nil {
		t.Errorf("smaps_rollup: %d pages, %v", n, err)
	}
	for length, want := range map[uint64]uint64{1: 1, 4 * linux.PageSize: 2, 1 << 30: 2} {
		if n, err := l.mm.Ptdump(l.t, at(1), length); n != want || err != nil {
			t.Errorf("ptdump of %#x bytes: %d pages, %v", length, n, err)
		}
	}
	for _, length := range []uint64{0, 1 << 47, ^uint64(0)} {
		if _, err := l.mm.Ptdump(l.t, at(0), length); !errors.Is(err, linux.EINVAL) {
			t.Errorf("ptdump of %#x bytes: %v", length, err)
		}
	}
	l.end()
}

// TestCollapseRefuses: only 2 MiB of a file are collapsed, aligned as a page table is.
func TestCollapseRefuses(t *testing.T) {
	l := newLab(t, mm.Config{Beside: mm.Collapses}, "")
	l.mmap(0, 1024, rw)
	aligned := (at(0) + pgtable.PMDSize - 1) &^ (pgtable.PMDSize - 1)
	for _, addr := range []uint64{aligned, at(5000)} {
		if err := l.mm.Collapse(l.t, addr); !errors.Is(err, linux.EINVAL) {
			t.Errorf("%#x: %v", addr, err)
		}
	}
	l.end()
}
