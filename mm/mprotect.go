package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

const (
	protSem    = 0x8 // PROT_SEM, accepted and ignored
	protKnown  = linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC | protSem
	protGrowth = linux.PROT_GROWSDOWN | linux.PROT_GROWSUP
)

// Mprotect is mprotect(2). VMAs before the one that fails keep the new rights. Errors are linux.Errno values, wrapped.
func (mm *MM) Mprotect(t *task.Task, addr, length uint64, prot int) error {
	t.Enter("do_mprotect_pkey")
	err := mm.mprotect(t, addr, length, prot)
	t.Leave()
	return err
}

// mprotect checks the arguments in the kernel's order.
func (mm *MM) mprotect(t *task.Task, addr, length uint64, prot int) error {
	grows := prot & protGrowth
	prot &^= protGrowth
	if grows == protGrowth {
		return errno("mprotect", linux.EINVAL, "both PROT_GROWSDOWN and PROT_GROWSUP")
	}
	if offsetInPage(addr) != 0 {
		return errno("mprotect", linux.EINVAL, "address %#x is not page aligned", addr)
	}
	if length == 0 {
		return nil
	}
	end := addr + pageAlign(length)
	if end <= addr {
		return errno("mprotect", linux.ENOMEM, "[%#x, +%#x) wraps", addr, length)
	}
	if prot&^protKnown != 0 {
		return errno("mprotect", linux.EINVAL, "unknown protection %#x", prot&^protKnown)
	}
	if err := mm.lockCall(t, callMprotect, addr, end); err != nil {
		return err
	}
	err := mm.protect(t, addr, end, prot, grows)
	mm.endCall(t, err)
	return err
}

// protect is the part of Mprotect under mmap_lock held for writing.
func (mm *MM) protect(t *task.Task, addr, end uint64, prot, grows int) error {
	v := mm.vmi.Find(t, addr)
	growsDown := grows == linux.PROT_GROWSDOWN // then it begins with the VMA, wherever that does
	if v == nil || v.Start(t) > addr && !growsDown || v.Start(t) >= end {
		return errno("mprotect", linux.ENOMEM, "nothing is mapped at %#x", addr)
	}
	if growsDown {
		addr = v.Start(t)
		mm.callTouches(t, addr, end)
	}
	if grows != 0 && (!growsDown || v.Flags(t)&linux.VMGrowsDown == 0) { // x86 has no VM_GROWSUP
		return errno("mprotect", linux.EINVAL, "the VMA at %#x does not grow", addr)
	}
	prev := v
	if v.Start(t) == addr {
		prev = mm.vmi.Prev(t, addr)
	}
	for at := addr; at < end; {
		if v == nil || v.Start(t) > at {
			return errno("mprotect", linux.ENOMEM, "nothing is mapped at %#x", at)
		}
		flags := v.Flags(t)&^linux.VMAccessFlags | protFlags(prot)
		if may := flags >> 4; flags&^may&linux.VMAccessFlags != 0 {
			return errno("mprotect", linux.EACCES, "the mapping at %#x may not become %s", at, flags.Perms())
		}
		if mm.denyWriteExec(t, v.Flags(t), flags) {
			return errno("mprotect", linux.EACCES, "the mapping at %#x may not become %s (PR_SET_MDWE)", at, flags.Perms())
		}
		next, same := min(end, v.End(t)), flags == v.Flags(t)
		changed, err := mm.mprotectFixup(t, prev, v, at, next, flags)
		if err != nil {
			return err
		}
		at = min(end, max(next, changed.End(t)))
		if !same || mm.Rules.Has(rules.PrevFollows) {
			prev = changed
		}
		if at < end {
			v = mm.vmi.Find(t, at)
		}
	}
	return nil
}

// mprotectFixup gives [start, end), a part of v, new flags and changes the entries of its pages: mprotect_fixup. It
// returns the VMA that the range is now in.
func (mm *MM) mprotectFixup(t *task.Task, prev, v *vma.VMA, start, end uint64, flags linux.VMFlags) (*vma.VMA, error) {
	t.Enter("mprotect_fixup")
	defer t.Leave()
	if err := checkSealed(t, "mprotect", v); err != nil {
		return nil, err
	}
	old := v.Flags(t)
	if flags == old {
		return v, nil
	}
	pages, charged := (end-start)>>linux.PageShift, uint64(0)
	switch {
	case flags&linux.VMWrite != 0:
		if !mm.mayExpand(t, flags, pages) && mm.mayExpand(t, old, pages) {
			return nil, errno("mprotect", linux.ENOMEM, "%d writable pages more exceed RLIMIT_DATA", pages)
		}
		if old&(linux.VMAccount|linux.VMWrite|linux.VMHugeTLB|linux.VMShared|linux.VMNoReserve) == 0 {
			if err := mm.charge(t, "mprotect", pages); err != nil {
				return nil, err
			}
			charged = pages
			flags |= linux.VMAccount
		}
	case old&linux.VMAccount != 0 && v.IsAnonymous(t) && v.AnonVMA(t) == nil:
		flags &^= linux.VMAccount
	}
	v, err := mm.modify(t, prev, v, start, end, flags)
	if err != nil {
		mm.uncharge(t, charged)
		return nil, err
	}
	mm.StartWrite(t, v)
	v.SetFlags(t, flags|v.Flags(t)&linux.VMSticky)
	mm.changeProtection(t, start, end, flags)
	if old&(linux.VMWrite|linux.VMShared|linux.VMLocked) == linux.VMLocked && flags&linux.VMWrite != 0 {
		mm.callFaults(t)
		mm.populateLocked(t, v, start, end) // locked memory is to have no faults
	}
	if old&^flags&linux.VMAccount != 0 {
		mm.uncharge(t, pages)
	}
	s := mm.stat.Read(t)
	s.account(old, -pages)
	s.account(flags, pages)
	mm.stat.Write(t, s)
	return v, nil
}

// PageBits returns the protection of a page of a VMA with these flags, without the right to write, which a fault adds
// when it has made the page writable: vm_get_page_prot.
func PageBits(f linux.VMFlags) pgtable.PTE {
	switch {
	case !f.Accessible():
		return pgtable.None
	case f&linux.VMExec != 0:
		return pgtable.ReadExec
	default:
		return pgtable.ReadOnly
	}
}

// changeProtection adapts the entries of [start, end), a part of v: change_protection. v is write-locked. Where writing
// becomes allowed, only pages that are not shared become writable at once; the rest wait for a fault.
func (mm *MM) changeProtection(t *task.Task, start, end uint64, flags linux.VMFlags) {
	t.Enter("change_protection")
	defer t.Leave()
	m := mm.Machine
	prot := PageBits(flags)
	mayWrite := flags&linux.VMWrite != 0 && flags&linux.VMMayShare == 0
	changed := false
	_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		if !mm.Tables.LockTable(t, c) {
			return nil
		}
		for i := range c.Entries {
			pte := c.Entries[i].Get(t)
			if !pte.Present() {
				continue
			}
			changed = true
			if mayWrite && m.Exclusive(t, pte) {
				c.Entries[i].Modify(t, prot|pgtable.RW)
			} else {
				c.Entries[i].Modify(t, prot)
			}
		}
		c.Lock.Unlock(t)
		return nil
	})
	if changed {
		m.FlushTLB(t)
	}
}

// Exclusive reports whether the entry maps an anonymous page without other references. The caller holds the entry's
// lock.
func (m *Machine) Exclusive(t *task.Task, pte pgtable.PTE) bool {
	if pte.Special() {
		return false
	}
	page := m.Mem.Page(pte.PFN())
	return page.Kind.Read(t) == phys.KindAnon && page.Refcount.Read(t) == 1
}
