package mm

import (
	"golang.org/x/sys/unix"

	"vmasim/internal/task"
)

// Madvise is madvise(2). Errors are unix.Errno values, wrapped. A hole in the range gives ENOMEM, after what is mapped
// has been done.
func (mm *MM) Madvise(t *task.Task, addr, length uint64, advice int) error {
	t.Enter("do_madvise")
	defer t.Leave()
	if advice != unix.MADV_DONTNEED {
		return errno("madvise", unix.EINVAL, "advice %d is unknown", advice)
	}
	if offsetInPage(addr) != 0 {
		return errno("madvise", unix.EINVAL, "address %#x is not page aligned", addr)
	}
	size := pageAlign(length)
	end := addr + size
	if length != 0 && size == 0 || end < addr {
		return errno("madvise", unix.EINVAL, "[%#x, +%#x) wraps", addr, length)
	}
	if size == 0 {
		return nil
	}
	if done := mm.dontneedVMALocked(t, addr, end); done {
		return nil
	}
	if err := mm.MmapReadLockKillable(t); err != nil {
		return err
	}
	defer mm.MmapReadUnlock(t)
	g := mm.startGather(t)
	at, hole := addr, false
	for v := mm.Tree.Find(t, addr); at < end; v = mm.Tree.Find(t, at) {
		if v == nil || v.Start(t) >= end {
			hole = true
			break
		}
		start, vEnd := v.Range(t)
		hole = hole || start > at
		g.zap(t, max(start, at), min(vEnd, end))
		at = vEnd
	}
	g.finish(t)
	if hole {
		return errno("madvise", unix.ENOMEM, "part of [%#x, %#x) is not mapped", addr, end)
	}
	return nil
}

// dontneedVMALocked drops the pages under a VMA read lock alone if one VMA covers the range: madvise_vma_behavior with
// try_vma_read_lock, 6.17. It reports false if the caller must use mmap_lock.
func (mm *MM) dontneedVMALocked(t *task.Task, start, end uint64) bool {
	v := mm.LockVMAUnderRCU(t, start)
	if v == nil {
		return false
	}
	defer v.EndRead(t)
	if v.End(t) < end {
		return false
	}
	g := mm.startGather(t)
	g.zap(t, start, end)
	g.finish(t)
	return true
}
