package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Msync is msync(2): with MS_SYNC the pages of shared mappings of files that were written to are in the files afterwards. A hole in
// the range gives ENOMEM, after what is mapped has been done, but with MS_ASYNC alone, which does nothing. Errors are linux.Errno
// values, wrapped, those of writing included.
func (mm *MM) Msync(t *task.Task, addr, length uint64, flags int) error {
	t.Enter("do_msync")
	defer t.Leave()
	end := addr + pageAlign(length)
	switch {
	case flags&^(linux.MS_ASYNC|linux.MS_INVALIDATE|linux.MS_SYNC) != 0:
		return errno("msync", linux.EINVAL, "unknown flags %#x", flags)
	case offsetInPage(addr) != 0:
		return errno("msync", linux.EINVAL, "address %#x is not page aligned", addr)
	case flags&linux.MS_ASYNC != 0 && flags&linux.MS_SYNC != 0:
		return errno("msync", linux.EINVAL, "both MS_ASYNC and MS_SYNC")
	case end < addr:
		return errno("msync", linux.ENOMEM, "[%#x, +%#x) wraps", addr, length)
	case end == addr:
		return nil
	}
	mm.MmapReadLock(t)
	defer mm.MmapReadUnlock(t)
	return mm.syncRange(t, addr, end, flags)
}

// syncRange is the part of Msync under mmap_lock held for reading, which it gives back while it writes.
func (mm *MM) syncRange(t *task.Task, start, end uint64, flags int) error {
	hole := false
	for at := start; at < end; {
		v := mm.Tree.Find(t, at)
		if v == nil || v.Start(t) >= end || v.Start(t) > at && flags == linux.MS_ASYNC {
			hole = true
			break
		}
		from, to := v.Range(t)
		hole, from = hole || from > at, max(from, at)
		if flags&linux.MS_INVALIDATE != 0 && v.Flags(t)&linux.VMLocked != 0 {
			return errno("msync", linux.EBUSY, "the mapping at %#x is locked", v.Start(t))
		}
		if flags&linux.MS_SYNC != 0 && v.File(t) != nil && v.Flags(t)&linux.VMShared != 0 {
			if err := mm.syncVMA(t, v, from, min(to, end)); err != nil {
				return err
			}
		}
		at = to
	}
	if hole {
		return errno("msync", linux.ENOMEM, "part of [%#x, %#x) is not mapped", start, end)
	}
	return nil
}

// syncVMA writes back the pages of [start, end), a part of v: vfs_fsync_range. mmap_lock is given back meanwhile; v may be gone
// afterwards.
func (mm *MM) syncVMA(t *task.Task, v *vma.VMA, start, end uint64) error {
	file, first := v.File(t), v.PgoffAt(t, start)
	last := first + (end-start)>>linux.PageShift
	file.Get(t) // the VMA's reference may go with the lock
	mm.MmapReadUnlock(t)
	err := file.SyncRange(t, first, last, func() { writeProtectFile(t, file.Inode, first, last) })
	_ = file.Put(t) // the opener of the file sees these errors
	mm.MmapReadLock(t)
	return err
}
