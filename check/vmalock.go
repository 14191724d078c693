package check

import (
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// refState says how far a reference on a VMA has become a read lock.
type refState uint8

const (
	tentative refState = iota // vma_start_read may give it back: the VMA may be write-locked
	locked                    // it is a read lock
	returned                  // the look-up that took it has returned the VMA
)

// vmaRef is a reference that a task holds on a VMA.
type vmaRef struct {
	vmaLife
	state refState
	fn    string // the function that took it
	stack stack
}

// vmaEvent follows an access to the VMA at index n.
func (c *Checker) vmaEvent(ts *taskState, e *task.Event, n int32, r role, write bool) {
	switch r {
	case refcntRole:
		c.refcntEvent(ts, e, n)
	case detachedRole:
		if write {
			c.flagEvent(ts, e, n)
		}
	case vmaSeqRole:
		if write {
			c.writeLocks(ts, e, n)
		}
	case chainRole:
		if write {
			c.objects[n].linked = e.NewPtr != nil
		}
	case mmRole:
		if write {
			c.adopt(ts.index, (*vma.MMLock)(e.NewPtr))
		}
		fallthrough
	case startRole, endRole, pgoffRole, fileRole, contentRole:
		if write {
			c.changes(ts, n)
		}
	}
}

// refcntEvent follows a change of vm_refcnt.
func (c *Checker) refcntEvent(ts *taskState, e *task.Event, n int32) {
	o := &c.objects[n]
	was, is := int32(e.Old), int32(e.New)
	switch e.Op {
	case task.OpRefIncNotZeroLimitedAcquire, task.OpRefIncMoreThanOneLimitedAcquire, task.OpRefIncLimitedAcquire: // what a writer adds for itself is no read lock
		if is > was {
			c.takes(ts, e.Func, n)
		}
	case task.OpRefDecAndTest, task.OpRefDecRelaxed:
		switch {
		case e.Func == freeFunc || e.Func == detachFunc && o.flagged():
			c.letsGo(ts, e, n)
		case e.Func == detachFunc:
			c.detaches(ts, e, n)
		default:
			c.gives(ts, e, n)
		}
		if is == 0 && o.flagged() { // the last put: who makes it frees the VMA
			c.objects[n].owner = ts.index
		}
	case task.OpRefAddNotZero:
		if is > was {
			o.excluder = ts.index
			ts.excluding++
			c.blocksOn(ts, c.order.vmaLock)
		}
	case task.OpRefSubRelease:
		if o.excluder >= 0 {
			c.tasks[o.excluder].excluding--
			if o.excluder != ts.index && c.on.has(StrayFlag) {
				c.fail(StrayFlag, ts.task, "%s lets readers in to %s, which %s keeps them out of", ts.task.Name, o, c.tasks[o.excluder].task.Name)
			}
		}
		o.excluder = noTask
		if e.Func == detachFunc && o.flagged() { // it has waited before
			ts.detaching, ts.left = n, is
		}
		if is == 0 && ts.detaching == n {
			o.owner = ts.index
		}
	case task.OpRefSetRelease:
		o.counted = is > 0
		o.begun = o.begun || o.counted
		if e.Func == attachFunc && !o.flagged() {
			c.attaches(ts, e, o, 0, 1)
		}
	}
	if ts.detaching == n && e.Op != task.OpRCUWaitEvent {
		ts.left = is
	}
	if is != was && is&vma.VMALockOffset != 0 && o.excluder < 0 && c.on.has(StrayFlag) {
		c.fail(StrayFlag, ts.task, "vm_refcnt of %s is %#x though no writer keeps readers out", o, is)
	}
	if was == 0 && is > 0 && e.Op != task.OpRefSetRelease && c.on.has(ReaderLeft) {
		c.fail(ReaderLeft, ts.task, "vm_refcnt of the detached %s rises to %#x", o, is)
	}
}

// letsGo follows a put of the writer's own, where a flag has said that the VMA is detached. If it leaves the VMA to readers, whose last put
// frees it, the end of the write section is nothing that they come after.
func (c *Checker) letsGo(ts *taskState, e *task.Event, n int32) {
	if e.Func == detachFunc {
		ts.detaching, ts.left = n, int32(e.New)
	}
	if o := &c.objects[n]; int32(e.New) > 0 && (e.Func == freeFunc || o.locks().Generation == vma.FreeAtZero) {
		ts.locking = slices.DeleteFunc(ts.locking, func(v vmaLife) bool { return v.object == n })
	}
}

// flagEvent follows a change of the detached flag, in generations whose vm_refcnt does not tell.
func (c *Checker) flagEvent(ts *taskState, e *task.Event, n int32) {
	switch o := &c.objects[n]; e.Func {
	case attachFunc:
		c.attaches(ts, e, o, 1, 0)
	case detachFunc:
		c.mayDetach(ts, o, e.Old == 0)
		c.writes(ts, n, "is detached")
		o.owner = ts.index
	}
}

// vmaLockTaken follows the rwsem of a VMA, in generations that have one, when a task has asked for it: to hold it for reading is to have
// a reference.
func (c *Checker) vmaLockTaken(ts *taskState, e *task.Event, lock int32) {
	asked := e.Op == task.OpDownRead || e.Op == task.OpDownReadTrylock
	if n := c.lockedBy(lock); n >= 0 && asked && e.New&semReaders == e.Old&semReaders+1 {
		c.takes(ts, e.Func, n)
	}
}

// vmaLockGiven follows it likewise, before what the task has done until then is handed on with it.
func (c *Checker) vmaLockGiven(ts *taskState, e *task.Event, lock int32) {
	if n := c.lockedBy(lock); n >= 0 && e.Op == task.OpUpRead {
		c.gives(ts, e, n)
	}
}

// lockedBy returns the index of the VMA that the lock at an index belongs to, -1 if it is not known.
func (c *Checker) lockedBy(lock int32) int32 {
	return c.objectAt(unsafe.Pointer(vma.OfLock(c.objects[lock].base)))
}

// takes notes a reference that ts got.
func (c *Checker) takes(ts *taskState, fn string, n int32) {
	o := &c.objects[n]
	c.adopt(noTask, o.locks())
	o = &c.objects[n]
	o.refs++
	ts.released = slices.DeleteFunc(ts.released, func(v unlocked) bool { return v.object == n })
	ts.refs = append(ts.refs, vmaRef{vmaLife: vmaLife{n, o.life}, fn: fn, stack: stackOf(ts.task)})
	ts.unreturned++
}

// gives notes that ts gives a reference back.
func (c *Checker) gives(ts *taskState, e *task.Event, n int32) {
	o := &c.objects[n]
	i := ts.refOn(n)
	if i < 0 {
		if c.on.has(UnlockNotHeld) && o.countsReaders() {
			c.fail(UnlockNotHeld, ts.task, "a reference on %s is dropped that %s does not have: vm_refcnt %#x -> %#x", o, ts.task.Name, e.Old, e.New)
		}
		return
	}
	ref := &ts.refs[i]
	if ref.state != returned {
		ts.unreturned--
	}
	if ref.life != o.life && c.on.has(UseAfterFree) {
		c.fail(UseAfterFree, ts.task, "the reference dropped was taken on an earlier life of %s", o)
	} else {
		o.refs--
		if ref.state != tentative {
			c.unlocks(ts, o)
		}
	}
	if mm := o.locks(); ts.mmapHeld(o) == notHeld {
		ts.released = append(ts.released, unlocked{vmaLife{n, o.life}, mm})
	}
	ts.refs = append(ts.refs[:i], ts.refs[i+1:]...)
}

// refOn returns the place of ts's last reference on a VMA, -1 for none.
func (ts *taskState) refOn(n int32) int {
	for i, r := range slices.Backward(ts.refs) {
		if r.object == n {
			return i
		}
	}
	return -1
}

// The functions of the kernel whose beginning or end says something.
const (
	attachFunc = "vma_mark_attached"
	detachFunc = "vma_mark_detached"
	lookupFunc = "lock_vma_under_rcu"
	readFunc   = "vma_start_read"
	putFunc    = "vma_refcount_put"
	freeFunc   = "vm_area_free"
)

// progress looks whether functions that ts was in have returned, now that it does something in fn.
func (c *Checker) progress(ts *taskState, fn string) {
	if ts.detaching >= 0 && fn != detachFunc {
		c.detached(ts)
	}
	for i := range ts.refs {
		r := &ts.refs[i]
		if r.state == tentative && fn != r.fn && fn != putFunc && !c.comparesLater(ts, r) {
			c.confirm(ts, r)
		}
		if r.state == locked && fn != r.fn && fn != lookupFunc && !slices.Contains(ts.task.Stack(), lookupFunc) {
			r.state = returned
			ts.unreturned--
			c.checkFound(ts, r)
		}
	}
}

// comparesLater reports whether ts is in a look-up that is yet to see that what it has a reference on is another mm's. There it may be
// write-locked, and not seem so here.
func (c *Checker) comparesLater(ts *taskState, r *vmaRef) bool {
	mm := c.objects[r.object].locks()
	return mm != nil && mm.ComparesLater() && c.isForeign(ts, r) && slices.Contains(ts.task.Stack(), lookupFunc)
}

// confirm notes that a reference has become a read lock.
func (c *Checker) confirm(ts *taskState, r *vmaRef) {
	r.state = locked
	c.reads(ts, r)
}

// writerOf returns the task that has a VMA write-locked, nil for none.
func (c *Checker) writerOf(o *object) *taskState {
	mm := o.locks()
	if mm == nil || !o.lockedIn(mm) {
		return nil
	}
	for _, ts := range c.tasks {
		if ts.holds(&mm.MmapLock) == writeHeld {
			return ts
		}
	}
	return nil
}

// lockedIn reports whether a writer of mm has the VMA, which is the mm's, write-locked if it has mmap_lock for writing.
func (o *object) lockedIn(mm *vma.MMLock) bool {
	return !mm.Generation.LocksVMAs() || o.seq() == mm.LockSeq.Peek()
}

// countsReaders reports whether the VMA has a vm_refcnt.
func (o *object) countsReaders() bool {
	mm := o.locks()
	return mm == nil || mm.Generation.Counts()
}

// flagged reports whether a flag of the VMA says that it is detached.
func (o *object) flagged() bool {
	mm := o.locks()
	return mm != nil && mm.Generation.Flagged()
}

// isAttached reports whether the VMA is attached beside what its readers hold.
func (o *object) isAttached() bool {
	if o.flagged() {
		return !o.detached()
	}
	return o.refcnt()&^vma.VMALockOffset > o.refs
}

// checkFound checks a VMA that a look-up has returned read-locked.
func (c *Checker) checkFound(ts *taskState, r *vmaRef) {
	o := &c.objects[r.object]
	if !c.on.has(WrongVMA) {
		return
	}
	start, end, _, _ := o.vma().Snapshot()
	_, addr, known := c.target(ts)
	switch {
	case r.life != o.life || !o.alive:
		c.fail(WrongVMA, ts.task, "%s was freed since the reference was taken", o)
	case c.isForeign(ts, r):
		c.fail(WrongVMA, ts.task, "%s belongs to another mm than the one that was looked up", o)
	case !o.isAttached():
		state := o.vma().LockPeek()
		c.fail(WrongVMA, ts.task, "%s is detached: %s with %d readers", o, state, o.refs)
	case known && (addr < start || addr >= end):
		c.fail(WrongVMA, ts.task, "%s does not cover %#x", o, addr)
	}
}

// target returns what ts looks up: the mm, nil if that is not known, and the address.
func (c *Checker) target(ts *taskState) (mm *vma.MMLock, addr uint64, known bool) {
	mm = ts.lookupMM
	if c.Target != nil {
		var asked *vma.MMLock
		if asked, addr, known = c.Target(ts.task); known && asked != nil {
			mm = asked
		}
	}
	return mm, addr, known
}

// isForeign reports whether the VMA that ts has locked in a look-up belongs to another mm than that which it looks up.
func (c *Checker) isForeign(ts *taskState, r *vmaRef) bool {
	mm, _, _ := c.target(ts)
	return r.fn == readFunc && mm != nil && c.objects[r.object].locks() != mm
}

// writeLocks checks a store to vm_lock_seq.
func (c *Checker) writeLocks(ts *taskState, e *task.Event, n int32) {
	o := &c.objects[n]
	mm := o.locks()
	if mm == nil || uint32(e.New) != mm.LockSeq.Peek() {
		return
	}
	if ts.holds(&mm.MmapLock) != writeHeld && c.on.has(SeqParity) {
		c.fail(SeqParity, ts.task, "vm_lock_seq of %s becomes mm_lock_seq, %d, without mmap_lock held for writing", o, e.New)
	}
	c.writes(ts, n, "is write-locked")
	if ts.holds(&mm.MmapLock) == writeHeld {
		ts.locking = append(ts.locking, vmaLife{n, o.life})
	}
}

// changes checks a store to what a reader of the VMA relies on.
func (c *Checker) changes(ts *taskState, n int32) {
	o := &c.objects[n]
	c.writes(ts, n, "is changed")
	if w := c.writerOf(o); w != nil && w != ts && !c.isOwn(ts, o) && c.on.has(TwoWriters) {
		c.fail(TwoWriters, ts.task, "%s is changed while %s has it write-locked", o, w.task.Name)
	}
}

// attaches checks vma_mark_attached, which is to change vm_refcnt or the flag from one value to another. Where VMAs have a rwsem, it
// demands no write lock.
func (c *Checker) attaches(ts *taskState, e *task.Event, o *object, from, to uint64) {
	if c.on.has(AttachState) {
		switch {
		case e.Old != from || e.New != to:
			c.fail(AttachState, ts.task, "%s is attached: %s %#x -> %#x, expected %d -> %d", o, o.shape.layout.FieldAt(uintptr(e.Addr)-uintptr(o.base)).Name, e.Old, e.New, from, to)
		case o.locks().Generation == vma.RWSem:
		case c.writerOf(o) != ts:
			c.fail(AttachState, ts.task, "%s is attached without its write lock", o)
		}
	}
	o.owner, o.attached, o.begun = noTask, true, true
}

// detaches checks the decrement of vma_mark_detached.
func (c *Checker) detaches(ts *taskState, e *task.Event, n int32) {
	o := &c.objects[n]
	c.mayDetach(ts, o, e.Old != 0)
	c.writes(ts, n, "is detached")
	ts.detaching, ts.left = n, int32(e.New)
	c.objects[n].counted = false
	if e.New == 0 {
		o.owner = ts.index
	}
}

// mayDetach checks that a VMA that ts detaches is attached, and write-locked.
func (c *Checker) mayDetach(ts *taskState, o *object, attached bool) {
	switch {
	case !c.on.has(AttachState):
	case !attached:
		c.fail(AttachState, ts.task, "%s is detached though it is not attached", o)
	case c.writerOf(o) != ts:
		c.fail(AttachState, ts.task, "%s is detached without its write lock", o)
	}
}

// detached checks the VMA when vma_mark_detached has returned.
func (c *Checker) detached(ts *taskState) {
	o := &c.objects[ts.detaching]
	if n := ts.left; n != o.locks().Generation.DetachedCount() && c.on.has(ReaderLeft) && !o.locks().MayLinger() {
		c.fail(ReaderLeft, ts.task, "vma_mark_detached leaves %s with vm_refcnt %#x: %s", o, n, c.refHolders(ts.detaching))
	}
	o.owner = ts.index
	ts.detaching = -1
}

// refHolders says who holds references on a VMA.
func (c *Checker) refHolders(n int32) string {
	var who []string
	for _, ts := range c.tasks {
		for _, r := range ts.refs {
			if r.object == n {
				who = append(who, ts.task.Name+" holds a reference taken in "+r.fn)
			}
		}
	}
	if who == nil {
		return "nobody holds a reference"
	}
	return strings.Join(who, ", ")
}

// mmOfSeq returns the mm whose mm_lock_seq is at addr.
func mmOfSeq(addr unsafe.Pointer) *vma.MMLock {
	return (*vma.MMLock)(unsafe.Add(addr, -int(unsafe.Offsetof(vma.MMLock{}.LockSeq))))
}

// mmEvent follows an access to an mm_struct.
func (c *Checker) mmEvent(ts *taskState, e *task.Event, n int32, r role, op opClass) {
	mm := (*vma.MMLock)(c.objects[n].base)
	switch {
	case r == mmapLockRole && op.kind == task.Lock:
		c.underVMALock(ts, e, "mmap_lock", "a writer that waits for this VMA holds mmap_lock")
	case r == mmapLockRole && (e.Op == task.OpUpWrite || e.Op == task.OpDowngradeWrite):
		c.writeEnds(ts, mm)
	case r == mmSeqRole && op.kind == task.Read:
		if e.Func == readFunc {
			ts.lookupMM = mm
		}
		if e.Op == task.OpSeqReadAcquire && len(ts.refs) > 0 {
			if ref := &ts.refs[len(ts.refs)-1]; ref.state == tentative && c.objects[ref.object].seq() != uint32(e.New) && !c.comparesLater(ts, ref) {
				ts.confirming = ref.object
			}
		}
	case r == mmSeqRole && (e.Op == task.OpSeqEnd || e.Op == task.OpStoreRelease || e.Op == task.OpWriteOnce): // which a plain counter moves on with
		c.ends(ts)
		c.idle(ts, e, mm)
	}
}

// inodeEvent follows an access to a file. To hold the lock of its page cache is to read it, unless it is memory.
func (c *Checker) inodeEvent(ts *taskState, e *task.Event, n int32, r role, op opClass) {
	if r == fillRole && op.kind == task.Lock && !(*phys.Inode)(c.objects[n].base).Memory() {
		c.underVMALock(ts, e, "a file", "who reads the file may wait for mmap_lock, and so for a writer that waits for this VMA")
	}
}

// underVMALock reports that ts may come to wait for something while it has a VMA read-locked.
func (c *Checker) underVMALock(ts *taskState, e *task.Event, what, why string) {
	if len(ts.refs) > 0 && c.on.has(BlockingUnderVMALock) {
		ref := &ts.refs[len(ts.refs)-1]
		c.fail(BlockingUnderVMALock, ts.task, "%s of %s while %s has %s read-locked, since %s: %s",
			e.Op, what, ts.task.Name, &c.objects[ref.object], ref.fn, why)
	}
}

// writeEnds checks the end of a write section.
func (c *Checker) writeEnds(ts *taskState, mm *vma.MMLock) {
	if seq := mm.LockSeq.Peek(); seq&1 != 0 && c.tellsParity(mm) {
		c.fail(SeqParity, ts.task, "mmap_lock is no longer held for writing, mm_lock_seq is still odd: %d", seq)
	}
	if ts.excluding > 0 && c.on.has(StrayFlag) {
		for n := range c.objects {
			if o := &c.objects[n]; o.isVMA() && o.excluder == ts.index {
				c.fail(StrayFlag, ts.task, "the write section ends with readers kept out of %s: vm_refcnt %#x", o, o.refcnt())
			}
		}
	}
}

// idle checks that no VMA of the mm seems write-locked when a write section has ended.
func (c *Checker) idle(ts *taskState, e *task.Event, mm *vma.MMLock) {
	if !c.tellsParity(mm) {
		return
	}
	if e.New&1 != 0 {
		c.fail(SeqParity, ts.task, "a write section ends with mm_lock_seq %d", e.New)
	}
	for n := range c.objects {
		if o := &c.objects[n]; o.alive && o.isVMA() && o.locks() == mm && o.seq() == uint32(e.New) {
			c.fail(SeqParity, ts.task, "%s seems write-locked in an idle mm: vm_lock_seq and mm_lock_seq are %d", o, e.New)
		}
	}
}

// tellsParity reports whether the oracle is on and the mm's sequence number is odd during a write section.
func (c *Checker) tellsParity(mm *vma.MMLock) bool {
	return c.on.has(SeqParity) && mm.OddInside()
}
