package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/tree"
)

// exitMmap tears the address space down when its last user is gone: exit_mmap.
func (mm *MM) exitMmap(t *task.Task) {
	t.Enter("exit_mmap")
	defer t.Leave()
	mm.MmapWriteLock(t)
	u := unmapping{mm: mm, end: linux.TaskSize, vmas: mm.Machine.scratch.Get(t).vmas[:0]}
	mm.Tree.Ascend(t, 0, func(e tree.Entry) bool {
		if !mm.isVMA(e.VMA) {
			return false
		}
		mm.StartWrite(t, e.VMA)
		mm.MarkDetached(t, e.VMA)
		u.vmas = append(u.vmas, e.VMA)
		u.count(t, e.VMA)
		return true
	})
	mm.Tree.Fill(t, nil)
	mm.dropUffd(t)
	u.complete(t)
	if n := mm.Tables.TablePages(); n != 0 { // check_mm: non-zero pgtables_bytes on freeing mm
		t.Violate("tables-left", "%d page tables of %s are left though nothing is mapped", n, mm.Name)
	}
	mm.Tree.Destroy(t)
	mm.MmapWriteUnlock(t)
	mm.Tables.Destroy(t)
	mm.Machine.mms.Count(t, ^uint32(0))
}
