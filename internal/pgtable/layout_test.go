package pgtable

import (
	"slices"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// TestTablesAreAnnounced: each table is told of with its lock right after it, and both end together.
func TestTablesAreAnnounced(t *testing.T) {
	mem := newMemory(t, phys.MinSize)
	access := ksync.NewDomain(task.SlotAccess)
	tk := newTask(t, 0, access)
	seen := &events{}
	tk.Observer = seen
	tb, err := New(tk, mem, access)
	if err != nil {
		t.Fatal(err)
	}
	mustAlloc(t, tb, tk, benchAddr)
	want := []string{"mm_tables", "pgd_table", "pud_table", "pmd_table", "pmd_lock", "pte_table", "pte_lock"}
	if !slices.Equal(seen.born, want) {
		t.Errorf("born %v", seen.born)
	}
	tb.FreeRange(tk, benchAddr, benchAddr+linux.PageSize, 0, 0)
	tb.Destroy(tk)
	access.Barrier(tk)
	want = []string{"pud_table", "pmd_lock", "pmd_table", "pte_lock", "pte_table", "pgd_table"}
	if !slices.Equal(seen.died, want) {
		t.Errorf("died %v", seen.died)
	}
}

// TestLevels: the layouts are found by what an entry maps.
func TestLevels(t *testing.T) {
	for shift, name := range map[uint]string{linux.PageShift: "pte", PMDShift: "pmd", PUDShift: "pud", PGDShift: "pgd"} {
		table, lock := layoutsOf(shift)
		if table.Type != name+"_table" || table.CellName(16) != "."+name+"[2]" || !slices.Contains(TableLayouts(), table) {
			t.Errorf("shift %d: %s", shift, table.Type)
		}
		if own := shift < PUDShift; own != (lock != nil) || own && (lock.Type != name+"_lock" || !slices.Contains(LockLayouts(), lock)) {
			t.Errorf("%s: the lock is %v", name, lock)
		}
	}
}

// TestTablesLayout: what an address space has beside its tables are the lock of the upper levels and the count.
func TestTablesLayout(t *testing.T) {
	var names []string
	for _, f := range TablesLayout().Fields {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"page_table_lock", "pgtables_bytes"}) {
		t.Errorf("%v", names)
	}
}
