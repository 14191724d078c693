package mm

import (
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// gather collects unmapped pages until the TLB is flushed: struct mmu_gather. A page may be freed only when no memory
// access that found it in the page tables is still in progress.
type gather struct {
	mm    *MM
	pages []phys.PFN
	room  [128]phys.PFN

	leave       pgtable.PTE // what the entries become: empty, or guard markers
	dropMarkers bool        // guard markers go, too: ZAP_FLAG_DROP_MARKER
	cachedOnly  bool        // what is no page of a page cache stays: even_cows is false
}

// scratch is memory that a task uses again for each operation.
type scratch struct {
	call   call // that the task is in
	advice advising
	gather gather
	vmas   []*vma.VMA // of an unmapping
}

// scratchVMAs is the longest list of VMAs that is kept.
const scratchVMAs = 64

// startGather begins an unmapping: tlb_gather_mmu.
func (mm *MM) startGather(t *task.Task) *gather {
	g := &mm.Machine.scratch.Get(t).gather
	g.mm, g.pages = mm, g.room[:0]
	g.leave, g.dropMarkers, g.cachedOnly = 0, false, false
	return g
}

// zap unmaps the pages in [start, end): unmap_page_range. The caller keeps faults out of the range.
func (g *gather) zap(t *task.Task, start, end uint64) {
	t.Enter("unmap_page_range")
	_ = g.mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		g.chunk(t, c)
		return nil
	})
	t.Leave()
}

// chunk unmaps the pages of one table: zap_pte_range.
func (g *gather) chunk(t *task.Task, c pgtable.Chunk) {
	for i := 0; i < len(c.Entries); {
		if !g.mm.Tables.LockTable(t, c) {
			return
		}
		for ; i < len(c.Entries) && len(g.pages) < len(g.room); i++ {
			if e := &c.Entries[i]; g.wants(t, e.Get(t)) {
				g.page(t, e.Replace(t, g.leave))
			}
		}
		c.Lock.Unlock(t)
		if len(g.pages) == len(g.room) {
			g.flush(t)
		}
	}
}

// wants reports whether an entry is to go: should_zap_folio, and zap_nonpresent_ptes for markers.
func (g *gather) wants(t *task.Task, pte pgtable.PTE) bool {
	switch {
	case pte == g.leave:
		return false
	case pte.None():
		return true
	case pte.Guard():
		return g.dropMarkers
	case g.cachedOnly:
		return g.mm.Machine.cached(t, pte)
	}
	return true
}

// page notes an unmapped page, if it is one: the zero page is not counted.
func (g *gather) page(t *task.Task, pte pgtable.PTE) {
	if !pte.Present() || pte.Special() {
		return
	}
	g.mm.Machine.Mem.Page(pte.PFN()).Mapcount.Add(t, ^uint32(0)) // folio_remove_rmap_ptes: atomic_add_negative
	g.pages = append(g.pages, pte.PFN())
}

// flush frees what was collected: tlb_flush_mmu.
func (g *gather) flush(t *task.Task) {
	if len(g.pages) == 0 {
		return
	}
	g.mm.Machine.FlushTLB(t)
	g.mm.Machine.Mem.PutAll(t, g.pages)
	g.pages = g.pages[:0]
}

// finish ends the unmapping: tlb_finish_mmu.
func (g *gather) finish(t *task.Task) { g.flush(t) }
