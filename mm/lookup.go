package mm

import (
	"unsafe"

	"vmasim/internal/task"
	"vmasim/vma"
)

// LockVMAUnderRCU read-locks the VMA at addr: lock_vma_under_rcu. If there is no VMA in what it returns, the caller must use mmap_lock.
func (mm *MM) LockVMAUnderRCU(t *task.Task, addr uint64) vma.ReadLock {
	return vma.ReadLock{VMA: lockVMA[task.Unobserved](mm, t, addr)}
}

// lockVMAObserved is lockVMA for an observed task.
func (mm *MM) lockVMAObserved(t *task.Task, addr uint64) *vma.VMA {
	t.Enter("lock_vma_under_rcu")
	mark := t.Mark()
	v := lockVMA[task.Observed](mm, t, addr)
	t.Keep(mark, uint64(uintptr(unsafe.Pointer(v))))
	t.Leave()
	return v
}

// lockVMA is LockVMAUnderRCU, of which the observer, if there is one, has been told. A generation that looks VMAs up in its own way has a function of its own.
func lockVMA[S task.Seen](mm *MM, t *task.Task, addr uint64) *vma.VMA {
	if unsafe.Sizeof(*new(S)) == 0 && t.Observer != nil {
		return mm.lockVMAObserved(t, addr)
	}
	if g := mm.Generation; g != vma.Refcount && !g.LastPutFrees() {
		return mm.lockVMAOtherwise(t, addr)
	}
	for {
		mm.RCU.ReadLock(t)
		v := mm.Tree.Lookup(t, addr)
		if v == nil {
			mm.RCU.ReadUnlock(t)
			return abort(t)
		}
		switch vma.StartRead[S](t, &mm.MMLock, v) { // leaves the RCU section unless it locks
		case vma.ReadBusy:
			return abort(t)
		case vma.ReadDetached: // it was unmapped or replaced meanwhile; look again, from the root
			t.Counters[task.VMALockMiss]++
			continue
		}
		mm.RCU.ReadUnlock(t)
		// The VMA may have been reused, or have shrunk, before it was locked.
		if !vma.Contains[S](t, v, addr) {
			mm.EndRead(t, vma.ReadLock{VMA: v})
			return abort(t)
		}
		return v
	}
}

// lockVMAOtherwise is lockVMA of the generations that look VMAs up in their own way.
func (mm *MM) lockVMAOtherwise(t *task.Task, addr uint64) *vma.VMA {
	switch mm.Generation {
	case vma.MmapOnly, vma.Speculative:
		return nil // nothing is tried, and nothing counted; only a fault can go by a copy
	case vma.RWSem:
		return mm.lockVMARWSem(t, addr)
	default:
		return mm.lockVMAV6(t, addr)
	}
}

// abort counts a lookup that leaves its caller to mmap_lock.
func abort(t *task.Task) *vma.VMA {
	t.Counters[task.VMALockAbort]++
	return nil
}
