package mm

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/vma"
)

// lists are by what tasks from beside find address spaces.
type lists struct {
	vma.GlobalLocks
	mmlist   []*MM   // that may have pages in swap, under MmlistLock
	ksmSlots []*MM   // that ksm scans, each with a reference on its memory, under KSMLock
	probes   []probe // under ProbesLock
	ksmAt    *MM     // the one that is scanned, or comes next, under KSMLock
}

// tell gives who is in the lists, in order.
func (l *lists) tell(add func(uint64)) {
	for _, list := range [...][]*MM{l.mmlist, l.ksmSlots, {l.ksmAt}} {
		add(uint64(len(list)))
		for _, mm := range list {
			add(uint64(uintptr(unsafe.Pointer(mm))))
		}
	}
	add(uint64(len(l.probes)))
}

// Announce tells the observer of t of what the machine has beside address spaces, which was made before it watched.
func (m *Machine) Announce(t *task.Task) {
	m.Mem.Announce(t)
	t.Born(unsafe.Pointer(&m.lists.GlobalLocks), vma.GlobalLayout())
}

// has reports whether the machine has one of the tasks.
func (m *Machine) has(b Beside) bool { return m.Beside&b != 0 }

// after returns what comes behind mm in a list, the first for nil; nil at the end.
func after(t *task.Task, list []*MM, mm *MM) (next *MM) {
	i := 0
	if mm != nil {
		i = slices.Index(list, mm) + 1
	}
	if i < len(list) {
		next = list[i]
	}
	t.Learn(uint64(uintptr(unsafe.Pointer(next))))
	return next
}

func without(list []*MM, mm *MM) []*MM {
	return slices.DeleteFunc(list, func(other *MM) bool { return other == mm })
}

// listForSwap enters an address space that may have pages in swap: copy_nonpresent_pte, where it copies an entry of such a page. Here
// every page counts as one.
func (m *Machine) listForSwap(t *task.Task, child *MM) {
	m.lists.MmlistLock.Lock(t)
	if !slices.Contains(m.lists.mmlist, child) {
		m.lists.mmlist = append(m.lists.mmlist, child)
	}
	m.lists.MmlistLock.Unlock(t)
}

// unlist takes an address space out whose last user has gone: mmput.
func (m *Machine) unlist(t *task.Task, mm *MM) {
	m.lists.MmlistLock.Lock(t)
	m.lists.mmlist = without(m.lists.mmlist, mm)
	m.lists.MmlistLock.Unlock(t)
}

// unstable reports whether a fork has failed to make the address space, whose tree is not to be relied on: check_stable_address_space.
// The caller holds mmap_lock.
func (mm *MM) unstable(t *task.Task) bool { return mm.failed.Read(t) }

// isVMA reports whether what the tree holds is a VMA, and not the marker that a fork which failed has left.
func (mm *MM) isVMA(v *vma.VMA) bool { return !mm.Machine.reserved.Is(v) }
