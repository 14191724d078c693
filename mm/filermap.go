package mm

import (
	"cmp"
	"slices"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// linkFile enters v in its file's reverse map: vma_link_file.
func (mm *MM) linkFile(t *task.Task, v *vma.VMA) {
	if f := v.File(t); f != nil {
		f.IMmap.DownWrite(t)
		f.Link(v.Mapping())
		f.IMmap.UpWrite(t)
	}
}

// unlinkFile takes v out of its file's reverse map: unlink_file_vma.
func (mm *MM) unlinkFile(t *task.Task, v *vma.VMA) {
	if f := v.File(t); f != nil {
		f.IMmap.DownWrite(t)
		f.Unlink(v.Mapping())
		f.IMmap.UpWrite(t)
	}
}

// eachMapping calls fn with the VMA, the address space and the addresses of each mapping of pages [first, last) of a file:
// vma_interval_tree_foreach. They come by page offset, those that are equal in the order in which they were made: fork and mremap
// rely on that: they move or copy entries from an earlier mapping to a later one without the lock that is held here.
func eachMapping(t *task.Task, f *phys.Inode, first, last uint64, fn func(v *vma.VMA, mm *MM, start, end uint64)) {
	f.IMmap.DownRead(t)
	defer f.IMmap.UpRead(t)
	var vmas []*vma.VMA
	for m := range f.Mappings() {
		vmas = append(vmas, vma.OfMapping(m))
	}
	slices.SortStableFunc(vmas, func(a, b *vma.VMA) int { return cmp.Compare(a.Pgoff(t), b.Pgoff(t)) })
	for _, v := range vmas {
		pgoff, pages := v.Pgoff(t), v.Pages(t)
		from, to := max(first, pgoff), min(last, pgoff+pages)
		if from < to {
			start := v.Start(t) + (from-pgoff)<<linux.PageShift
			fn(v, mmOf(v.MM(t)), start, start+(to-from)<<linux.PageShift)
		}
	}
}

// mmOf returns the address space around the locks that its VMAs point to.
func mmOf(l *vma.MMLock) *MM {
	return (*MM)(unsafe.Add(unsafe.Pointer(l), -int(unsafe.Offsetof(MM{}.MMLock))))
}

// unmapFile takes pages [first, last) of a file out of all page tables, but not the copies that private mappings have made:
// unmap_mapping_range.
func unmapFile(t *task.Task, f *phys.Inode, first, last uint64) {
	t.Enter("unmap_mapping_range")
	defer t.Leave()
	eachMapping(t, f, first, last, func(_ *vma.VMA, mm *MM, start, end uint64) {
		g := mm.startGather(t)
		g.cachedOnly = true
		g.zap(t, start, end)
		g.finish(t)
	})
}

// cached reports whether the entry maps a page of a page cache. The caller holds the entry's lock.
func (m *Machine) cached(t *task.Task, pte pgtable.PTE) bool {
	return pte.Present() && !pte.Special() && m.Mem.Page(pte.PFN()).Kind.Read(t) == phys.KindFile
}

// writeProtectFile takes the right to write to pages [first, last) of a file out of all page tables, so that the next store faults:
// folio_mkclean, for many pages at once.
func writeProtectFile(t *task.Task, f *phys.Inode, first, last uint64) {
	t.Enter("folio_mkclean")
	defer t.Leave()
	var machine *Machine
	eachMapping(t, f, first, last, func(_ *vma.VMA, mm *MM, start, end uint64) {
		_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
			if !mm.Tables.LockTable(t, c) {
				return nil
			}
			for i := range c.Entries {
				if pte := c.Entries[i].Get(t); pte&(pgtable.RW|pgtable.Dirty) != 0 && mm.Machine.cached(t, pte) {
					c.Entries[i].Clear(t, pgtable.RW|pgtable.Dirty)
					machine = mm.Machine
				}
			}
			c.Lock.Unlock(t)
			return nil
		})
	})
	if machine != nil {
		machine.FlushTLB(t)
	}
}
