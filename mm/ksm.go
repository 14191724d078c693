package mm

import (
	"slices"

	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
)

// enterKSM lets ksm scan a new address space: __ksm_enter. The kernel does it for those that have asked.
func (m *Machine) enterKSM(t *task.Task, mm *MM) {
	mm.MMLock.Count.Inc(t) // mmgrab
	m.lists.KSMLock.Lock(t)
	m.lists.ksmSlots = append(m.lists.ksmSlots, mm)
	m.lists.KSMLock.Unlock(t)
}

// exitKSM takes an address space without users out of the list: __ksm_exit. If ksm is at it, ksm takes it out, and is waited for as long
// as it holds mmap_lock.
func (m *Machine) exitKSM(t *task.Task, mm *MM) {
	t.Enter("__ksm_exit")
	defer t.Leave()
	m.lists.KSMLock.Lock(t)
	listed, scanned := slices.Contains(m.lists.ksmSlots, mm), m.lists.ksmAt == mm
	if listed {
		t.Learn(1)
	}
	switch {
	case scanned:
		t.Learn(2)
	case listed:
		m.lists.ksmSlots = without(m.lists.ksmSlots, mm)
	}
	m.lists.KSMLock.Unlock(t)
	switch {
	case !listed: // ksm was faster
	case scanned:
		mm.MmapWriteLock(t)
		mm.MmapWriteUnlock(t)
	default:
		mm.MMLock.Drop(t)
	}
}

// KSMScan goes once through all VMAs that ksm may look for equal pages in, and returns how many there are: scan_get_next_rmap_item. It
// has no user's reference on an address space, only one on its memory: the address space may be torn down, or be being torn down.
func (m *Machine) KSMScan(t *task.Task) (vmas uint64) {
	t.Enter("scan_get_next_rmap_item")
	defer t.Leave()
	m.lists.KSMLock.Lock(t)
	mm := after(t, m.lists.ksmSlots, nil)
	m.lists.ksmAt = mm
	m.lists.KSMLock.Unlock(t)
	for mm != nil {
		mm.MmapReadLock(t)
		if !mm.Rules.Has(rules.KSMTestsExit) || mm.users.Read(t) > 0 { // ksm_test_exit
			mm.Tree.Ascend(t, 0, func(e tree.Entry) bool {
				if mm.isVMA(e.VMA) {
					vmas++
				}
				return true
			})
		}
		next, left := m.nextKSM(t, mm)
		mm.MmapReadUnlock(t)
		if left {
			mm.MMLock.Drop(t)
		}
		mm = next
	}
	return vmas
}

// nextKSM moves on to the next address space, and reports whether it has taken mm out because its last user has gone.
func (m *Machine) nextKSM(t *task.Task, mm *MM) (next *MM, left bool) {
	m.lists.KSMLock.Lock(t)
	defer m.lists.KSMLock.Unlock(t)
	next = after(t, m.lists.ksmSlots, mm)
	m.lists.ksmAt = next
	if mm.users.Read(t) > 0 {
		return next, false
	}
	m.lists.ksmSlots = without(m.lists.ksmSlots, mm)
	return next, true
}
