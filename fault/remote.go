package fault

import (
	"fmt"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// Peek reads the 8-byte word at addr, which is a multiple of 8, as pread(2) of /proc/PID/mem does: with the rights that the mapping may
// be given, not those that it has. Errors are linux.Errno values, wrapped.
func Peek(t *task.Task, m *mm.MM, addr uint64) (value uint64, err error) {
	err = accessRemote(t, m, addr, linux.Read, func(word *ksync.Atomic64) { value = word.ReadOnce(t) })
	return value, err
}

// Poke writes the 8-byte word at addr, which is a multiple of 8, as pwrite(2) of /proc/PID/mem does: to a copy where the mapping is
// private, though it may be read-only. Errors are linux.Errno values, wrapped.
func Poke(t *task.Task, m *mm.MM, addr, value uint64) error {
	return accessRemote(t, m, addr, linux.Write, func(word *ksync.Atomic64) { word.WriteOnce(t, value) })
}

// accessRemote does use on the word at addr: __access_remote_vm with FOLL_FORCE, as mem_rw calls it. Whatever stands in the way is EIO.
func accessRemote(t *task.Task, m *mm.MM, addr uint64, kind linux.Access, use func(*ksync.Atomic64)) error {
	if int64(addr) < 0 { // ksys_pread64
		return fmt.Errorf("offset %#x of /proc/PID/mem is negative: %w", addr, linux.EINVAL)
	}
	t.Enter("__access_remote_vm")
	defer t.Leave()
	if err := m.MmapReadLockKillable(t); err != nil {
		return fmt.Errorf("%w: %w", linux.EIO, err)
	}
	v := m.Tree.Lookup(t, addr)
	if v == nil {
		if v = m.ExpandStack(t, addr); v == nil {
			return fmt.Errorf("nothing is mapped at %#x: %w", addr, linux.EIO)
		}
	}
	defer m.MmapReadUnlock(t)
	f := fault{t: t, mm: m, ReadLock: vma.ReadLock{VMA: v, Mmap: true}, flags: v.Flags(t), addr: addr, access: kind, tried: true} // mmap_lock is not given back
	if f.forbidden() {
		return fmt.Errorf("the mapping at %#x may never be accessed so: %w", addr, linux.EIO)
	}
	for !f.useForced(use) {
		if res := f.handle(); res != linux.OK { // faultin_page
			return fmt.Errorf("%s at %#x: %w", res, addr, linux.EIO)
		}
	}
	return nil
}

// forbidden reports whether the VMA refuses the access even to a task that may use force: check_vma_flags.
func (f *fault) forbidden() bool {
	const copied = linux.VMShared | linux.VMMayWrite // is_cow_mapping
	switch {
	case f.flags&(linux.VMIO|linux.VMPFNMap) != 0:
		return true
	case f.access == linux.Write:
		return f.flags&linux.VMWrite == 0 && f.flags&copied != linux.VMMayWrite
	default:
		return f.flags&(linux.VMRead|linux.VMMayRead) == 0
	}
}

// useForced does use on the word if the page is there and allows the access: follow_page_pte. It reports whether it did. The kernel
// takes a reference on the page under the entry's lock and copies afterwards.
func (f *fault) useForced(use func(*ksync.Atomic64)) bool {
	slot, ok := f.mm.Tables.Find(f.t, f.addr)
	if !ok || !f.mm.Tables.LockSlot(f.t, slot, f.addr) {
		return false
	}
	defer slot.Unlock(f.t)
	pte := slot.Get(f.t)
	if !pte.Present() || f.access == linux.Write && !pte.Write() && !f.mayWriteCopy(f.mm.Machine.Exclusive(f.t, pte)) {
		return false
	}
	mem := f.mm.Machine.Mem
	use(mem.Word(pte.PFN(), f.addr%linux.PageSize))
	if f.access == linux.Write && mem.Page(pte.PFN()).Kind.Read(f.t) == phys.KindFile { // set_page_dirty_lock
		f.VMA.File(f.t).MarkDirty(f.t, pte.PFN())
	}
	return true
}

// mayWriteCopy reports whether a page may be written to though its entry is read-only, because it is the process's own copy:
// can_follow_write_pte. In memory that is writable a fault has to make the entry so.
func (f *fault) mayWriteCopy(exclusive bool) bool {
	return exclusive && f.flags&(linux.VMShared|linux.VMMayShare|linux.VMWrite) == 0 && f.flags&linux.VMMayWrite != 0
}
