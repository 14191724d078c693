package check

import (
	"fmt"

	"vmasim/internal/task"
	"vmasim/vma"
)

// ruleEvent checks an access to a declared field against the locks that the task holds at this moment.
func (c *Checker) ruleEvent(ts *taskState, e *task.Event, k *cell, write bool) {
	o := &c.objects[k.object]
	if !o.alive {
		return // that is use-after-free's
	}
	f := &o.shape.layout.Fields[k.field]
	rule, what := f.Read, "read"
	if write {
		rule, what = f.Write, "written"
	}
	if e.Op == task.OpSetBit && f.Bits != nil {
		rule, what = f.Bits, "marked"
	}
	if o.isVMA() && rule.Allows(mmapSet(ts.mmapHeld(o))) {
		return // as most: no more needs to be known
	}
	have := c.lockSet(ts, e, o, k.role, write)
	if rule.Allows(have) {
		c.reliesOn(ts, o, rule, have)
		if write && o.isVMA() && !rule.Allows(have&^task.NotYetVisible) && c.on.has(RmapUninitialised) {
			if way := o.findable(k.role); way != "" {
				c.fail(RmapUninitialised, ts.task, "%s is written (%s%s) by %s, who holds %s, though the VMA is in the reverse map of its %s already",
					c.cellName(k), e.Op, change(e), ts.task.Name, setName(have&^task.NotYetVisible), way)
			}
		}
		return
	}
	c.fail(LockRule, ts.task, "%s is %s (%s%s) by %s, who holds %s; allowed under: %s",
		c.cellName(k), what, e.Op, change(e), ts.task.Name, setName(have), rule)
}

// findable says by which reverse map a VMA can be found already, though its maker still writes a field that has to be complete then;
// "" for none. An anon_vma's reader looks at nothing but which pages the VMA maps. The fields that it shares with the parent are
// complete, too, when it is found by the file: a task that comes that way knows no other lock.
func (o *object) findable(r role) string {
	switch {
	case o.linked && r.identifies():
		return "anon_vma"
	case !o.attached && o.vma().Mapping().Linked():
		return "file"
	}
	return ""
}

// change words what an access did to a number. Pointers are left out: they differ from run to run.
func change(e *task.Event) string {
	if e.OldPtr != nil || e.NewPtr != nil {
		return ""
	}
	return fmt.Sprintf(": %#x -> %#x", e.Old, e.New)
}

func setName(s task.LockSet) string {
	if s == 0 {
		return "nothing"
	}
	return s.String()
}

// lockSet returns the locks that ts holds with regard to an object.
func (c *Checker) lockSet(ts *taskState, e *task.Event, o *object, r role, write bool) (have task.LockSet) {
	if ts.inRCU() {
		have |= task.RCU
	}
	if c.isOwn(ts, o) {
		have |= task.NotYetVisible
	}
	for i := range ts.held {
		if h := &ts.held[i]; h.spin {
			have |= c.order.lockSet(h) & task.PageTableLock
		}
	}
	switch o.shape.kind {
	case vmaKind:
		have |= c.vmaLockSet(ts, e, o, r, write)
	case mmKind:
		have |= mmapSet(ts.holdsAt(o.base)) // mmap_lock is the first field
	case anonKind:
		have |= rmapSetOf(ts.holdsRmap((*vma.AnonVMA)(o.base)))
	default:
		for i := range ts.held {
			have |= c.order.lockSet(&ts.held[i])
		}
		have &^= task.PTLock // of another table
		if o.guard != nil && ts.holdsAt(o.guard) == writeHeld {
			have |= task.PTLock
		}
		if o.shape.kind == tableKind && e.New == 0 && have&task.MmapRead != 0 {
			have |= task.Unreachable
		}
	}
	return have
}

// holdsRmap says how ts holds the lock of an anon_vma's tree. While it is not made there is none.
func (ts *taskState) holdsRmap(a *vma.AnonVMA) holdMode {
	if root := a.RootPeek(); root != nil {
		return ts.holds(&root.RWSem)
	}
	return notHeld
}

func rmapSetOf(m holdMode) task.LockSet {
	switch m {
	case writeHeld:
		return task.RmapRead | task.RmapWrite
	case readHeld:
		return task.RmapRead
	}
	return 0
}

func mmapSet(m holdMode) task.LockSet {
	switch m {
	case writeHeld:
		return task.MmapRead | task.MmapWrite
	case readHeld:
		return task.MmapRead
	}
	return 0
}

// vmaLockSet returns the locks with regard to a VMA.
func (c *Checker) vmaLockSet(ts *taskState, e *task.Event, o *object, r role, write bool) task.LockSet {
	mm := o.locks()
	if mm == nil {
		return 0
	}
	have := mmapSet(ts.holds(&mm.MmapLock))
	if have&task.MmapWrite != 0 && o.lockedIn(mm) {
		have |= task.VMAWrite
	}
	if o.refs > 0 && ts.refOn(c.objectAt(o.base)) >= 0 || mm.Generation == vma.Speculative && ts.inRCU() {
		have |= task.VMARead // in the other case it may be copied, and the counter says whether the copy is good
	}
	if r == chainRole { // links come and go under the lock of whichever anon_vma they are of
		for i := range ts.held {
			have |= c.order.lockSet(&ts.held[i]) & (task.RmapRead | task.RmapWrite)
		}
		return have
	}
	return have | c.rmapSet(ts, e, o, r, write)
}

// rmapSet returns how ts holds the locks of the reverse map through which the VMA can be found: that of its file and that of its
// anon_vma. To write it needs both; where there is neither, no task can come that way and nothing needs to be held.
func (c *Checker) rmapSet(ts *taskState, e *task.Event, o *object, r role, write bool) task.LockSet {
	file, anon := o.vma().FilePeek(), o.vma().AnonPeek()
	ways, reading, writing := 0, 0, 0
	count := func(m holdMode) {
		ways++
		if m != notHeld {
			reading++
		}
		if m == writeHeld {
			writing++
		}
	}
	if file != nil && (r != anonRole || !write) { // to set which anon_vma it has is no concern of the file's
		count(ts.holds(&file.IMmap))
	}
	switch {
	case anon != nil:
		count(ts.holdsRmap(anon))
	case r == anonRole && e.OldPtr != nil: // it is being taken away: the lock of what it was counts
		count(ts.holdsRmap((*vma.AnonVMA)(e.OldPtr)))
	}
	var have task.LockSet
	if reading > 0 {
		have |= task.RmapRead
	}
	if writing == ways && (write || ways > 0) {
		have |= task.RmapWrite
	}
	return have
}
