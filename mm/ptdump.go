package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// Ptdump counts the pages that the page tables map in [addr, addr+length), whether a VMA is there or not: ptdump_walk_pgd, and
// walk_page_range_debug. Where no VMA keeps the tables, munmap frees them after its downgrade; only a writer of mmap_lock keeps it out.
func (mm *MM) Ptdump(t *task.Task, addr, length uint64) (pages uint64, err error) {
	t.Enter("ptdump_walk_pgd")
	defer t.Leave()
	start, end := addr&^(linux.PageSize-1), pageAlign(addr+length)
	if end <= start || end > linux.TaskSize {
		return 0, errno("ptdump", linux.EINVAL, "[%#x, +%#x) is empty or lies outside the address space", addr, length)
	}
	if mm.Rules.Has(rules.WalkHolesAlone) {
		mm.MmapWriteLock(t)
		defer mm.MmapWriteUnlock(t)
	} else {
		mm.MmapReadLock(t)
		defer mm.MmapReadUnlock(t)
	}
	if mm.Tables.Vanish() { // pte_offset_map
		mm.Machine.RCU.ReadLock(t)
		defer mm.Machine.RCU.ReadUnlock(t)
	}
	err = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			if c.Entries[i].Get(t).Present() {
				pages++
			}
		}
		return nil
	})
	return pages, err
}
