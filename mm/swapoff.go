package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
)

// Swapoff goes through the address spaces that may have pages in swap, as swapoff(2) does to bring the pages back: try_to_unuse. It
// returns how many VMAs could have such pages. There is no swap, so there is nothing to bring.
func (m *Machine) Swapoff(t *task.Task) (vmas uint64) {
	t.Enter("try_to_unuse")
	defer t.Leave()
	var prev *MM // with a reference, so it stays in the list
	for {
		m.lists.MmlistLock.Lock(t)
		mm := after(t, m.lists.mmlist, prev)
		for mm != nil && !mm.Get(t) {
			mm = after(t, m.lists.mmlist, mm)
		}
		m.lists.MmlistLock.Unlock(t)
		if prev != nil {
			prev.Put(t)
		}
		if mm == nil {
			return vmas
		}
		vmas += mm.unuse(t)
		prev = mm
	}
}

// unuse looks for VMAs whose pages may be in swap: unuse_mm.
func (mm *MM) unuse(t *task.Task) (vmas uint64) {
	t.Enter("unuse_mm")
	defer t.Leave()
	mm.MmapReadLock(t)
	defer mm.MmapReadUnlock(t)
	if mm.Rules.Has(rules.UnuseStable) && mm.unstable(t) {
		return 0
	}
	mm.Tree.Ascend(t, 0, func(e tree.Entry) bool {
		if e.VMA.AnonVMA(t) != nil {
			vmas++
		}
		return true
	})
	return vmas
}
