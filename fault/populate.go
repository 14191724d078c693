package fault

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// NewMachine returns a machine with its memory reserved. Close gives it back.
func NewMachine(cfg mm.Config) (*mm.Machine, error) { return mm.NewMachine(cfg, populate) }

// populate is the [mm.PopulateFunc] of every machine: __get_user_pages of a caller that does not want the pages themselves.
func populate(t *task.Task, m *mm.MM, v *vma.VMA, start, end uint64, how mm.GUPFlags) (next uint64, err error) {
	t.Enter("__get_user_pages")
	defer t.Leave()
	f := fault{t: t, mm: m, ReadLock: vma.ReadLock{VMA: v, Mmap: true}, flags: v.Flags(t), addr: start, tried: how&mm.FollUnlockable == 0}
	if how&mm.FollWrite != 0 {
		f.access = linux.Write
	}
	for f.addr < end {
		if t.Killed() {
			return f.addr, fmt.Errorf("populate: %w", linux.EINTR)
		}
		if f.follow(how&mm.FollForce != 0) {
			f.addr += linux.PageSize
			continue
		}
		switch res := f.handle(); res { // faultin_page
		case linux.OK:
		case retry: // the handler has dropped the lock
			m.MmapReadLock(t)
			return f.addr, nil
		case linux.OOM:
			return f.addr, fmt.Errorf("populate: no memory for the page at %#x: %w", f.addr, linux.ENOMEM)
		default:
			return f.addr, fmt.Errorf("populate: %s at %#x: %w", res, f.addr, linux.EFAULT)
		}
	}
	return end, nil
}

// follow reports whether the page is there and allows the access, by force or not: follow_page_pte.
func (f *fault) follow(force bool) bool {
	slot, ok := f.mm.Tables.Find(f.t, f.addr)
	if !ok || !f.mm.Tables.LockSlot(f.t, slot, f.addr) {
		return false
	}
	pte := slot.Get(f.t)
	allowed := f.access != linux.Write || pte.Write() || force && f.mayWriteCopy(f.mm.Machine.Exclusive(f.t, pte))
	slot.Unlock(f.t)
	return pte.Present() && allowed
}
