package mm

import (
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// startGap returns where v begins, with the gap below it that must stay free: vm_start_gap. The caller holds mmap_lock.
func (mm *MM) startGap(t *task.Task, v *vma.VMA) uint64 {
	start := v.Start(t)
	if v.Flags(t)&linux.VMGrowsDown == 0 {
		return start
	}
	return start - min(start, mm.Machine.StackGuardGap)
}

// LockAndFindVMA returns the VMA at addr, and holds mmap_lock for reading: lock_mm_and_find_vma. A VMA above addr that grows down
// is made to reach it. If there is neither, or it may not grow, it returns none and holds no lock. It fails with EINTR.
func (mm *MM) LockAndFindVMA(t *task.Task, addr uint64) (vma.ReadLock, error) {
	t.Enter("lock_mm_and_find_vma")
	defer t.Leave()
	if err := mm.MmapReadLockKillable(t); err != nil {
		return vma.ReadLock{}, err
	}
	mark := t.Mark()
	v := mm.Tree.Find(t, addr)
	t.Keep(mark, uint64(uintptr(unsafe.Pointer(v))))
	if v != nil && v.Start(t) <= addr {
		return vma.ReadLock{VMA: v, Mmap: true}, nil
	}
	grows := v != nil && v.Flags(t)&linux.VMGrowsDown != 0
	if grows && !mm.Rules.Has(rules.GrowUnderWrite) {
		if mm.expandDownwards(t, v, addr, false) == nil {
			return vma.ReadLock{VMA: v, Mmap: true}, nil
		}
		grows = false
	}
	if !grows {
		t.Keep(mark, 0)
	}
	mm.MmapReadUnlock(t)
	if !grows {
		return vma.ReadLock{}, nil
	}
	v, err := mm.lockAndExpand(t, addr, false)
	return vma.ReadLock{VMA: v, Mmap: true}, err
}

// ExpandStack makes a VMA above addr that grows down reach it, for a task of another process: expand_stack. The caller holds mmap_lock for reading, and does so
// afterwards if there is a VMA at addr then; else it returns nil and holds no lock.
func (mm *MM) ExpandStack(t *task.Task, addr uint64) *vma.VMA {
	mm.MmapReadUnlock(t)
	v, _ := mm.lockAndExpand(t, addr, true) // a fatal signal is as good as no VMA
	return v
}

// lockAndExpand returns what LockAndFindVMA does, with mmap_lock taken for writing at first. The layout may have changed meanwhile. remote
// says that the task is of another process.
func (mm *MM) lockAndExpand(t *task.Task, addr uint64, remote bool) (*vma.VMA, error) {
	if err := mm.lockCall(t, callExpandStack, 0, 0); err != nil { // upgrade_mmap_lock_carefully
		return nil, err
	}
	v := mm.vmi.Find(t, addr)
	if v == nil {
		mm.endCall(t, nil)
		return nil, nil
	}
	if v.Start(t) > addr {
		mm.callTouches(t, addr&^(linux.PageSize-1), v.End(t))
		if err := mm.expandDownwards(t, v, addr, remote); err != nil {
			mm.endCall(t, err)
			return nil, nil
		}
	}
	mm.callEnds(t, nil)
	mm.checkSection(t)
	mm.MmapWriteDowngrade(t)
	return v, nil
}

// expandDownwards makes v begin at the page of addr, which lies below it and above the VMA before: expand_downwards. It never merges,
// and v has an anon_vma then, even if a limit forbade it to grow. Errors are EFAULT, EPERM and ENOMEM, wrapped. The caller holds
// mmap_lock for writing; without rules.GrowUnderWrite for reading, where page_table_lock keeps two of them apart.
func (mm *MM) expandDownwards(t *task.Task, v *vma.VMA, addr uint64, remote bool) error {
	t.Enter("expand_downwards")
	defer t.Leave()
	if v.Flags(t)&linux.VMGrowsDown == 0 {
		return errno("fault", linux.EFAULT, "the mapping above %#x does not grow down", addr)
	}
	addr &^= linux.PageSize - 1
	if lowest := mm.Machine.LowestAddr(); addr < lowest {
		return errno("fault", linux.EPERM, "address %#x is below %#x", addr, lowest)
	}
	it, written := &mm.vmi, mm.MmapLock.WriteHeldBy(t)
	if !written {
		own := mm.Tree.Iterator()
		it = &own
	}
	if mm.guarded(t, it, v, addr) {
		return errno("fault", linux.ENOMEM, "%#x lies in the gap that stacks keep free", addr)
	}
	if err := mm.Tree.Preallocate(t); err != nil {
		return err
	}
	if err := mm.PrepareAnonVMA(t, v); err != nil {
		return err
	}
	if written {
		mm.StartWrite(t, v) // no fault may be under way
	}
	rmap := mm.lockRmap(t, v)
	defer rmap.unlock(t)
	if !written {
		mm.Tables.PageTableLock.Lock(t)
		defer mm.Tables.PageTableLock.Unlock(t)
	}
	start, end := v.Range(t)
	if start <= addr { // another fault has made it grow
		return nil
	}
	pgoff, growth := v.Pgoff(t), (start-addr)>>linux.PageShift
	if growth > pgoff {
		return errno("fault", linux.ENOMEM, "%d pages more have no page offset", growth)
	}
	if err := mm.accountStackGrowth(t, v, end-addr, growth, remote); err != nil {
		return err
	}
	v.SetRange(t, addr, end, pgoff-growth)
	v.AssertAttached(t) // vma_iter_store_overwrite
	it.Store(t, addr, end, v)
	return nil
}

// guarded reports whether v may not grow down to addr because of the VMA below. One without access is taken for a guard itself, and
// two stacks may touch.
func (mm *MM) guarded(t *task.Task, it *tree.Iterator, v *vma.VMA, addr uint64) bool {
	prev := it.Prev(t, v.Start(t))
	if prev == nil {
		return false
	}
	flags := prev.Flags(t)
	return flags.Accessible() && flags&linux.VMGrowsDown == 0 && addr-prev.End(t) < mm.Machine.StackGuardGap && mm.Rules.Has(rules.StackGap)
}

// accountStackGrowth checks that a VMA that grows down to size bytes, by some pages, is within the limits, and counts the pages:
// acct_stack_growth. It fails with ENOMEM. The kernel asks for the limits of the process that makes it grow: those of another one are the
// limits that each begins with.
func (mm *MM) accountStackGrowth(t *task.Task, v *vma.VMA, size, pages uint64, remote bool) error {
	flags := v.Flags(t)
	switch {
	case remote && size > DefaultStackLimit:
		return errno("fault", linux.ENOMEM, "%#x bytes exceed RLIMIT_STACK", size)
	case remote:
	case !mm.mayExpand(t, flags, pages):
		return errno("fault", linux.ENOMEM, "%d pages more exceed RLIMIT_AS", pages)
	case size > mm.Limit(t, LimitStack):
		return errno("fault", linux.ENOMEM, "%#x bytes exceed RLIMIT_STACK", size)
	case !mm.mlockFutureOK(t, flags, pages<<linux.PageShift):
		return errno("fault", linux.ENOMEM, "%d locked pages more exceed RLIMIT_MEMLOCK", pages)
	}
	if err := mm.charge(t, "fault", pages); err != nil {
		return err
	}
	if flags&linux.VMAccount == 0 { // the kernel never gives back what it charges here
		mm.uncharge(t, pages)
	}
	mm.statAccount(t, flags, pages)
	if flags&linux.VMLocked != 0 {
		mm.addLocked(t, pages)
	}
	return nil
}
