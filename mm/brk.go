package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// heapFlags are the vm_flags of the heap: VM_DATA_DEFAULT_FLAGS and VM_ACCOUNT.
const heapFlags = linux.VMRead | linux.VMWrite | linux.VMMayRead | linux.VMMayWrite | linux.VMMayExec | linux.VMAccount

// SetHeap says where the heap begins, empty: start_brk and brk, as execve and prctl(PR_SET_MM) set them. Without it brk is always
// refused. The data segment, which counts against RLIMIT_DATA with the heap, is empty.
func (mm *MM) SetHeap(t *task.Task, start uint64) {
	mm.MmapWriteLock(t)
	mm.startBrk.Write(t, start)
	mm.brk.Write(t, start)
	mm.endWrite(t)
}

// Brk is brk(2): it moves the end of the heap to addr and returns the end of the heap, which is the old one if that was refused.
// A task that is killed while it waits gets 0.
func (mm *MM) Brk(t *task.Task, addr uint64) uint64 {
	t.Enter("sys_brk")
	defer t.Leave()
	if mm.lockCall(t, callBrk, 0, 0) != nil {
		return 0
	}
	old := mm.brk.Read(t)
	from, to := pageAlign(old), pageAlign(addr)
	mm.callTouches(t, min(from, to), max(from, to))
	err, unlocked, populate := mm.checkBrk(t, addr), false, false
	switch {
	case err != nil || from == to:
	case addr <= old:
		mm.brk.Write(t, addr)
		err = mm.shrinkHeap(t, to, from)
		unlocked = err == nil
	default:
		err = mm.growHeap(t, from, to)
		populate = err == nil && mm.defFlags.Read(t)&linux.VMLocked != 0
	}
	if err != nil {
		addr = old
	}
	if !unlocked {
		mm.brk.Write(t, addr)
		mm.endCall(t, err)
	}
	if populate {
		_ = mm.populate(t, from, to, true)
	}
	return addr
}

// checkBrk reports why the heap may not end at addr, wherever it ends now: EINVAL below its start, ENOSPC beyond RLIMIT_DATA
// (check_data_rlimit).
func (mm *MM) checkBrk(t *task.Task, addr uint64) error {
	start, limit := mm.startBrk.Read(t), mm.Limit(t, LimitData)
	switch {
	case addr < start:
		return errno("brk", linux.EINVAL, "%#x lies below the heap", addr)
	case limit != Infinity && addr-start > limit:
		return errno("brk", linux.ENOSPC, "a heap of %#x bytes exceeds RLIMIT_DATA", addr-start)
	}
	return nil
}

// shrinkHeap unmaps [start, end), whatever it is, and gives mmap_lock back unless it fails. There must be something.
func (mm *MM) shrinkHeap(t *task.Task, start, end uint64) error {
	if mm.free(t, start, end) {
		return errno("brk", linux.ENOMEM, "[%#x, %#x) is not mapped", start, end)
	}
	return mm.unmap(t, start, end, true)
}

// growHeap maps [start, end), above the heap. A page more must be free, and the gap below the next VMA.
func (mm *MM) growHeap(t *task.Task, start, end uint64) error {
	if _, err := mm.unmappedArea(t, &placement{op: "brk", hint: start, length: end - start, flags: linux.MAP_FIXED}); err != nil {
		return err
	}
	if !mm.mlockFutureOK(t, mm.defFlags.Read(t), end-start) {
		return errno("brk", linux.EAGAIN, "%#x locked bytes more exceed RLIMIT_MEMLOCK", end-start)
	}
	if next := mm.vmi.Find(t, start); next != nil && end+linux.PageSize > mm.startGap(t, next) {
		return errno("brk", linux.ENOMEM, "%#x is too near the mapping at %#x", end, next.Start(t))
	}
	return mm.mapHeap(t, start, end)
}

// mapHeap maps [start, end), which is free: do_brk_flags. It joins the VMA before, if that is the heap's, never the one behind.
func (mm *MM) mapHeap(t *task.Task, start, end uint64) error {
	t.Enter("do_brk_flags")
	defer t.Leave()
	flags, pages := heapFlags|mm.defFlags.Read(t), (end-start)>>linux.PageShift
	switch {
	case !mm.mayExpand(t, flags, pages):
		return errno("brk", linux.ENOMEM, "%d pages more exceed RLIMIT_AS or RLIMIT_DATA", pages)
	case mm.MapCount(t) > mm.Machine.MaxMapCount:
		return errno("brk", linux.ENOMEM, "map_count exceeds %d", mm.Machine.MaxMapCount)
	}
	if err := mm.charge(t, "brk", pages); err != nil {
		return err
	}
	r := mergeRange{mm: mm, start: start, end: end, pgoff: start >> linux.PageShift, flags: flags}
	if start > mm.startBrk.Read(t) {
		r.prev = mm.vmi.Prev(t, start)
	}
	merged, err := r.mergeNew(t)
	if err == nil && !merged {
		err = mm.newHeapVMA(t, &r)
	}
	if err != nil {
		mm.uncharge(t, pages)
		return err
	}
	mm.statAccount(t, flags, pages)
	if flags&linux.VMLocked != 0 {
		mm.addLocked(t, pages)
	}
	return nil
}

// newHeapVMA makes a VMA and links it. It is attached after the store that makes it visible (vma_iter_store_gfp): a finder in
// between looks again.
func (mm *MM) newHeapVMA(t *task.Task, r *mergeRange) error {
	v, err := mm.Machine.VMAs.Alloc(t, &mm.MMLock, r.start, r.end, r.pgoff, r.flags)
	if err != nil {
		return err
	}
	if err := mm.Tree.Preallocate(t); err != nil {
		mm.FreeArea(t, v)
		return err
	}
	mm.StartWrite(t, v)
	mm.vmi.Store(t, r.start, r.end, v)
	mm.MarkAttached(t, v)
	mm.addMapCount(t, 1)
	return nil
}
