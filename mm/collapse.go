package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Collapse retracts the page tables that map the 2 MiB of a file which are mapped at addr, in all address spaces: what khugepaged does
// when it has put a huge page in the place of the file's pages (collapse_file). Here the pages stay as they are, and faults map them
// again. It fails with EINVAL where no such 2 MiB are mapped.
func (mm *MM) Collapse(t *task.Task, addr uint64) error {
	t.Enter("collapse_file")
	defer t.Leave()
	if err := mm.MmapReadLockKillable(t); err != nil {
		return err
	}
	v := mm.Tree.Lookup(t, addr)
	if v == nil || v.File(t) == nil || !retractable(t, v, addr) {
		mm.MmapReadUnlock(t)
		return errno("collapse", linux.EINVAL, "no file is mapped at the 2 MiB from %#x on", addr)
	}
	f, pgoff := v.File(t).Inode, v.PgoffAt(t, addr)
	v.File(t).Get(t)
	file := v.File(t)
	mm.MmapReadUnlock(t) // hpage_collapse_scan_file is called without it
	retractPageTables(t, f, pgoff)
	return file.Put(t)
}

// retractable reports whether the VMA maps 2 MiB at addr as one PTE table does.
func retractable(t *task.Task, v *vma.VMA, addr uint64) bool {
	start, end := v.Range(t)
	return addr%pgtable.PMDSize == 0 && addr >= start && addr+pgtable.PMDSize <= end
}

// retractPageTables takes the page tables of 2 MiB of a file, from page pgoff on, out of all address spaces: retract_page_tables. It
// holds no mmap_lock and no VMA lock. A VMA with an anon_vma may have pages of its own there, and a private mapping gets its anon_vma
// under mmap_lock held for reading: only the lock of the table excludes the fault that then maps such a page.
func retractPageTables(t *task.Task, f *phys.Inode, pgoff uint64) {
	t.Enter("retract_page_tables")
	defer t.Leave()
	eachMapping(t, f, pgoff, pgoff+1, func(v *vma.VMA, mm *MM, addr, _ uint64) {
		if v.AnonVMA(t) != nil || v.FlagsOnce(t)&linux.VMMaybeGuard != 0 || !retractable(t, v, addr) {
			return
		}
		var dropped []phys.PFN
		mm.Tables.Retract(t, addr, func(c pgtable.Chunk) bool {
			if mm.Rules.Has(rules.RecheckAnonVMA) && v.AnonVMA(t) != nil {
				return false
			}
			dropped = mm.dropCached(t, c)
			return true
		}, func() {
			if mm.Rules.Has(rules.RetractWaits) { // pmdp_get_lockless_sync
				mm.Machine.FlushTLB(t)
			}
		})
		mm.Machine.Mem.PutAll(t, dropped)
	})
}

// dropCached empties the entries of a table that map pages of a page cache, and returns the pages. The kernel has unmapped them before,
// and holds the huge page locked, so that none is mapped again. The caller holds the lock of the table, under which an entry that is
// empty stays so.
func (mm *MM) dropCached(t *task.Task, c pgtable.Chunk) (dropped []phys.PFN) {
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Peek().None() || !mm.Machine.cached(t, e.Get(t)) {
			continue
		}
		pte := e.GetAndClear(t)
		mm.Machine.Mem.Page(pte.PFN()).Mapcount.Add(t, ^uint32(0)) // folio_remove_rmap_pte: atomic_add_negative
		dropped = append(dropped, pte.PFN())
	}
	return dropped
}
