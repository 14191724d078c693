package mm

import (
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
)

// SmapsRollup counts the pages that the address space has in memory, as a read of /proc/PID/smaps_rollup does: show_smaps_rollup. The
// kernel prints the range that it counted before the sums, from the first VMA on; an address space may have none.
func (mm *MM) SmapsRollup(t *task.Task) (pages uint64, err error) {
	t.Enter("show_smaps_rollup")
	defer t.Leave()
	if err := mm.MmapReadLockKillable(t); err != nil {
		return 0, err
	}
	defer mm.MmapReadUnlock(t)
	first := mm.Tree.Find(t, 0)
	if first == nil && mm.Rules.Has(rules.ExpectNoVMA) {
		return 0, nil
	}
	mm.Tree.Ascend(t, first.Start(t), func(e tree.Entry) bool {
		start, end := e.VMA.Range(t)
		_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error { // smaps_pte_range
			if !mm.Tables.LockTable(t, c) {
				return nil
			}
			for i := range c.Entries {
				if pte := c.Entries[i].Get(t); pte.Present() && !pte.Special() {
					pages++
				}
			}
			c.Lock.Unlock(t)
			return nil
		})
		return true
	})
	return pages, nil
}
