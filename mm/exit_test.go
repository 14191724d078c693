package mm_test

import (
	"strings"
	"testing"

	"vmasim/mm"
)

// TestTablesLeft: a table that lies over no VMA is forgotten by every unmapping. The end of the address space says so, and frees it.
func TestTablesLeft(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mmap(0, 2, rw)
	if _, err := l.mm.Tables.Alloc(l.t, at(0)+1<<39); err != nil {
		t.Fatal(err)
	}
	other, err := l.m.NewMM(l.t, "other")
	if err != nil {
		t.Fatal(err)
	}
	l.mm, other = other, l.mm
	other.Put(l.t)
	if got := l.violations(); !strings.Contains(got, "tables-left: 3 page tables of main are left") {
		t.Errorf("reported %q", got)
	}
	l.end()
}
