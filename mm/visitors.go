package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// This file has what other parts of the kernel do with the VMAs of an address space beside faults and system calls, as far as their locks
// are concerned.

// DamonVMAs counts the VMAs as DAMON goes through them when it looks for the regions of an address space: __damon_va_three_regions.
func (mm *MM) DamonVMAs(t *task.Task) (n uint64) {
	t.Enter("__damon_va_three_regions")
	defer t.Leave()
	if mm.Rules.Has(rules.WalkUnderRCU) {
		mm.RCU.ReadLock(t)
		defer mm.RCU.ReadUnlock(t)
	}
	mm.Tree.Ascend(t, 0, func(e tree.Entry) bool {
		if start, end := e.VMA.Range(t); start < end { // the gap to the next one is what DAMON asks
			n++
		}
		return true
	})
	return n
}

// TaskVMAs counts the VMAs one after the other, each under its own read lock, as bpf's task_vma iterator does: one that cannot be locked
// is looked at under mmap_lock. A VMA that comes or goes meanwhile may be counted or not. It fails with EINTR.
func (mm *MM) TaskVMAs(t *task.Task) (n uint64, err error) { return mm.EachVMA(t, func() {}) }

// EachVMA is TaskVMAs that runs a program on each VMA: on a copy of it or, without the rule, on the VMA itself with a reference.
func (mm *MM) EachVMA(t *task.Task, program func()) (n uint64, err error) {
	t.Enter("bpf_iter_task_vma_next")
	defer t.Leave()
	for addr := uint64(0); ; n++ {
		next, pinned, err := mm.nextVMA(t, addr)
		if err != nil || next == 0 {
			return n, err
		}
		program()
		if pinned.VMA != nil {
			mm.EndRead(t, pinned)
		}
		addr = next
	}
}

// nextVMA returns where the first VMA that ends above addr ends, 0 if there is none, and the reference on it that is handed out, if one is.
func (mm *MM) nextVMA(t *task.Task, addr uint64) (end uint64, pinned vma.ReadLock, err error) {
	mm.RCU.ReadLock(t)
	found := false
	mm.Tree.Ascend(t, addr, func(e tree.Entry) bool {
		addr, found = max(addr, e.Start), true
		return false
	})
	mm.RCU.ReadUnlock(t)
	if !found {
		return 0, pinned, nil
	}
	r := mm.LockVMAUnderRCU(t, addr)
	if r.VMA == nil {
		if err := mm.MmapReadLockKillable(t); err != nil {
			return 0, pinned, err
		}
		defer mm.MmapReadUnlock(t)
		v := mm.Tree.Find(t, addr)
		if v == nil {
			return 0, pinned, nil
		}
		return v.End(t), mm.pin(t, v), nil
	}
	mm.RCU.ReadLock(t) // so that the memory stays a VMA's
	defer mm.RCU.ReadUnlock(t)
	pinned = mm.pin(t, r.VMA)
	if mm.Rules.Has(rules.EndUnderLock) {
		end = r.VMA.End(t)
		mm.EndRead(t, r)
	} else {
		mm.EndRead(t, r)
		end = r.VMA.End(t)
	}
	return end, pinned, nil
}

// pin takes another reference on a VMA that the caller has locked, or that mmap_lock keeps, to be handed out when the lock is given back: what
// was posted in January 2026. With the rule, and where the count is at its limit, it takes none.
func (mm *MM) pin(t *task.Task, v *vma.VMA) (pinned vma.ReadLock) {
	if mm.Rules.Dropped(rules.IteratorCopies) && mm.StartReadLocked(t, v) {
		pinned.VMA = v
	}
	return pinned
}

// FindVMAOf looks for the VMA at an address of another task's address space, whose mmap_lock it only tries: bpf_find_vma. It fails with
// ESRCH if the address space is being torn down, EBUSY if its lock is taken, and ENOENT.
func (mm *MM) FindVMAOf(t *task.Task, addr uint64) error {
	t.Enter("bpf_find_vma")
	defer t.Leave()
	if mm.Rules.Has(rules.HoldMM) {
		if !mm.Get(t) {
			return errno("bpf_find_vma", linux.ESRCH, "%s is being torn down", mm.Name)
		}
		defer mm.Put(t)
	}
	if !mm.MmapReadTrylock(t) {
		return errno("bpf_find_vma", linux.EBUSY, "mmap_lock of %s is taken", mm.Name)
	}
	mm.AssertInUse(t, "the mmap_lock of a freed mm is taken")
	v := mm.Tree.Find(t, addr)
	if v == nil || v.Start(t) > addr {
		mm.MmapReadUnlock(t)
		return errno("bpf_find_vma", linux.ENOENT, "nothing is mapped at %#x", addr)
	}
	mm.MmapReadUnlock(t)
	return nil
}

// LockBoth read-locks the VMAs at two addresses, as UFFDIO_MOVE does, and gives them back: uffd_move_lock. If one cannot be locked
// without mmap_lock, both are locked under it. It fails with ENOENT where nothing is mapped, and with EAGAIN where a VMA cannot be locked.
func (mm *MM) LockBoth(t *task.Task, dst, src uint64) error {
	t.Enter("uffd_move_lock")
	defer t.Leave()
	first := mm.LockVMAUnderRCU(t, dst)
	if first.VMA != nil {
		if first.VMA.Contains(t, src) {
			mm.EndRead(t, first)
			return nil
		}
		if second := mm.LockVMAUnderRCU(t, src); second.VMA != nil {
			mm.EndRead(t, second)
			mm.EndRead(t, first)
			return nil
		}
		if mm.Rules.Has(rules.LetGoFirst) {
			mm.EndRead(t, first)
			first.VMA = nil
		}
	}
	mm.MmapReadLock(t)
	var second vma.ReadLock
	err := mm.lockLocked(t, &first, dst)
	if err == nil && !first.VMA.Contains(t, src) {
		err = mm.lockLocked(t, &second, src)
	}
	mm.MmapReadUnlock(t)
	for _, r := range [...]vma.ReadLock{second, first} {
		if r.VMA != nil {
			mm.EndRead(t, r)
		}
	}
	return err
}

// lockLocked read-locks the VMA at addr unless r has it already: find_vmas_mm_locked and vma_start_read_locked. The caller holds mmap_lock
// for reading.
func (mm *MM) lockLocked(t *task.Task, r *vma.ReadLock, addr uint64) error {
	if r.VMA != nil {
		return nil
	}
	v := mm.Tree.Lookup(t, addr)
	if v == nil {
		return errno("uffd_move", linux.ENOENT, "nothing is mapped at %#x", addr)
	}
	if !mm.StartReadLocked(t, v) {
		return errno("uffd_move", linux.EAGAIN, "the mapping at %#x cannot be locked", addr)
	}
	r.VMA = v
	return nil
}
