package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/vma"
)

// These carry out advice about the pages of [start, end), a part of v, under the lock that adviceTable says.

// refuseAny refuses a VMA with any of the flags.
func refuseAny(t *task.Task, v *vma.VMA, flags linux.VMFlags) error {
	if f := v.Flags(t) & flags; f != 0 {
		return errno("madvise", linux.EINVAL, "the mapping at %#x is %s", v.Start(t), f)
	}
	return nil
}

// zap drops the pages, but no guard markers.
func (a *advising) zap(t *task.Task, start, end uint64) {
	if a.gather == nil {
		a.gather = a.mm.startGather(t)
	}
	a.gather.zap(t, start, end)
}

// dontneed is madvise_dontneed_single_vma. Locked memory is to stay.
func (a *advising) dontneed(t *task.Task, v *vma.VMA, start, end uint64) error {
	if err := refuseAny(t, v, linux.VMPFNMap|linux.VMLocked); err != nil {
		return err
	}
	a.zap(t, start, end)
	return nil
}

// dontneedLocked drops locked pages, too.
func (a *advising) dontneedLocked(t *task.Task, v *vma.VMA, start, end uint64) error {
	if err := refuseAny(t, v, linux.VMPFNMap); err != nil {
		return err
	}
	a.zap(t, start, end)
	return nil
}

// free makes anonymous pages such that memory pressure, which there is none of, would drop them until a task writes to them:
// madvise_free_single_vma.
func (a *advising) free(t *task.Task, v *vma.VMA, start, end uint64) error {
	if err := refuseAny(t, v, linux.VMPFNMap|linux.VMLocked); err != nil {
		return err
	}
	if !v.IsAnonymous(t) {
		return errno("madvise", linux.EINVAL, "the mapping at %#x is of a file", v.Start(t))
	}
	a.mm.clearBits(t, start, end, pgtable.Accessed|pgtable.Dirty, func(pgtable.PTE) bool { return true })
	return nil
}

// cold makes pages look unused, except those that are mapped elsewhere, too: madvise_cold_page_range.
func (a *advising) cold(t *task.Task, v *vma.VMA, start, end uint64) error {
	if err := refuseAny(t, v, linux.VMLocked|linux.VMPFNMap|linux.VMHugeTLB); err != nil { // can_madv_lru_vma
		return err
	}
	a.mm.clearBits(t, start, end, pgtable.Accessed, func(pte pgtable.PTE) bool {
		return a.mm.Machine.Mem.Page(pte.PFN()).Mapcount.ReadOnce(t) == 1
	})
	return nil
}

// clearBits takes bits that the processor sets out of the entries in [start, end) that map a page which is as wanted.
func (mm *MM) clearBits(t *task.Task, start, end uint64, bits pgtable.PTE, wanted func(pgtable.PTE) bool) {
	cleared := false
	_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		if !mm.Tables.LockTable(t, c) {
			return nil
		}
		for i := range c.Entries {
			if pte := c.Entries[i].Get(t); pte.Present() && !pte.Special() && pte&bits != 0 && wanted(pte) {
				c.Entries[i].Clear(t, bits)
				cleared = true
			}
		}
		c.Lock.Unlock(t)
		return nil
	})
	if cleared {
		mm.Machine.FlushTLB(t)
	}
}

// willneed reads pages of a file ahead: madvise_willneed. There is no swap, so other memory has nothing to read.
func (a *advising) willneed(t *task.Task, v *vma.VMA, start, end uint64) error {
	file := v.File(t)
	if file == nil || file.Memory() {
		return nil
	}
	first := v.PgoffAt(t, start)
	file.Get(t) // the VMA's reference may go with the lock
	a.mm.MmapReadUnlock(t)
	file.ReadAhead(t, first, first+(end-start)>>linux.PageShift)
	_ = file.Put(t) // the opener of the file sees the errors of writing it back
	a.mm.MmapReadLock(t)
	return nil
}

// punchHole takes pages out of a file and of everything that maps them: madvise_remove. Copies that private mappings have made stay.
// It fails with the errno of the file system, too.
func (a *advising) punchHole(t *task.Task, v *vma.VMA, start, end uint64) error {
	file, flags := v.File(t), v.Flags(t)
	const writable = linux.VMShared | linux.VMMayWrite
	switch {
	case flags&linux.VMLocked != 0:
		return errno("madvise", linux.EINVAL, "the mapping at %#x is locked", v.Start(t))
	case file == nil:
		return errno("madvise", linux.EINVAL, "the mapping at %#x is of no file", v.Start(t))
	case flags&writable != writable:
		return errno("madvise", linux.EACCES, "the mapping at %#x is private or may not be written", v.Start(t))
	}
	first := v.PgoffAt(t, start)
	last := first + (end-start)>>linux.PageShift
	const ends = 1 << (63 - linux.PageShift) // pages that a loff_t reaches
	switch {                                 // vfs_fallocate
	case first >= ends:
		return errno("madvise", linux.EINVAL, "the file's page %#x is beyond any file", first)
	case last >= ends:
		return errno("madvise", linux.EFBIG, "the file's page %#x is beyond any file", last)
	}
	file.Get(t)
	a.mm.MmapReadUnlock(t)
	err := file.PunchHole(t, first, last, func() { unmapFile(t, file.Inode, first, last) })
	_ = file.Put(t)
	a.mm.MmapReadLock(t)
	return err
}

// collapse would make a huge page: madvise_collapse. There are none, as if the range was too small for one.
func (a *advising) collapse(t *task.Task, v *vma.VMA, _, _ uint64) error {
	return errno("madvise", linux.EINVAL, "the mapping at %#x has no huge pages", v.Start(t))
}
