package check

import (
	"vmasim/internal/task"
)

// deadAccess judges an access to an object that is not alive, and says whether it is wrong. Readers under RCU may look at a
// type-safe VMA's identity; a look that takes no reference is one of these.
func (c *Checker) deadAccess(ts *taskState, e *task.Event, k *cell, write bool) bool {
	o := &c.objects[k.object]
	if !c.on.has(UseAfterFree) || !write && o.isVMA() && k.role.staleReadable() && ts.inRCU() {
		return false
	}
	what := "read"
	if write {
		what = "written"
	}
	c.fail(UseAfterFree, ts.task, "%s is %s by %s: %#x -> %#x", c.cellName(k), what, e.Op, e.Old, e.New)
	return true
}

func (ts *taskState) inRCU() bool { return ts.task.Sections[task.SlotRCU].Depth > 0 }

// afterUnlock judges an access to the VMA at index n by a task that has given read locks back, and says whether it is wrong.
// said: something else was found wrong with it already.
func (c *Checker) afterUnlock(ts *taskState, e *task.Event, n int32, said bool) bool {
	o := &c.objects[n]
	for i, v := range ts.released {
		if v.object != n {
			continue
		}
		ts.released = append(ts.released[:i], ts.released[i+1:]...) // one report for each unlock
		if said || o.owner == ts.index || v.mm != nil && ts.holds(&v.mm.MmapLock) != notHeld || !c.on.has(UseAfterUnlock) {
			return false
		}
		c.fail(UseAfterUnlock, ts.task, "%s of %s after its read lock was given back", e.Op, c.CellName(e.Addr))
		return true
	}
	return false
}

// findsAgain notes that the task has begun anew to look for VMAs: what it unlocked before it may find again.
func (ts *taskState) findsAgain() { ts.released = ts.released[:0] }
