package check

import (
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// A frame holds a page of memory or a page table. All its words are cells, but a word is known only once a task does more
// to it than read and write it relaxed; the frame is found by its base.

// frameAt returns the cell at the base of the frame that addr lies in, -1 if that is not known to be one.
func (c *Checker) frameAt(addr unsafe.Pointer) int32 {
	n := c.cells.findAt(uintptr(addr) &^ (linux.PageSize - 1))
	if n < 0 || c.cells.cells[n].frame != n {
		return -1
	}
	return n
}

// place makes a cell one of the frame that it lies in, if it does: of what the frame holds now.
func (c *Checker) place(k *cell) {
	if k.frame < 0 {
		k.frame = c.frameAt(k.addr)
	}
	if k.frame >= 0 {
		base := &c.cells.cells[k.frame]
		k.object, k.field, k.role = base.object, base.field, base.role
		k.readRuled, k.writeRuled, k.rcuReads = base.readRuled, base.writeRuled, base.rcuReads
	}
}

// wordEvent checks a relaxed access to a word that is no known cell.
func (c *Checker) wordEvent(ts *taskState, e *task.Event, op opClass) {
	n := c.frameAt(e.Addr)
	if n < 0 {
		return
	}
	o := &c.objects[c.cells.cells[n].object]
	c.touches(ts, o)
	if !o.alive {
		c.deadWord(ts, e, op)
	}
	c.frameAccess(ts, e, n, op)
}

func (c *Checker) deadWord(ts *taskState, e *task.Event, op opClass) {
	if !c.on.has(UseAfterFree) {
		return
	}
	what := "read"
	if op.kind != task.Read {
		what = "written"
	}
	c.fail(UseAfterFree, ts.task, "%s is %s by %s", c.wordName(e.Addr), what, e.Op)
}

// wordName names a word of a frame, "" if it lies in none that is known.
func (c *Checker) wordName(addr unsafe.Pointer) string {
	n := c.frameAt(addr)
	if n < 0 {
		return ""
	}
	o := &c.objects[c.cells.cells[n].object]
	return o.String() + o.shape.layout.CellName(uintptr(addr)-uintptr(o.base))
}

// bulkEvent checks an operation on many words of a frame at once. One that writes all of it is plain: no other task may be at it.
// Others are as orderly as so many accesses to words.
func (c *Checker) bulkEvent(ts *taskState, e *task.Event, op opClass) {
	n := c.frameAt(e.Addr)
	if n < 0 {
		return
	}
	k := &c.cells.cells[n]
	o := &c.objects[k.object]
	if !o.alive {
		c.deadWord(ts, e, op)
	}
	if op.kind != task.Write || e.Size < o.shape.layout.Size {
		c.frameAccess(ts, e, n, op)
		return
	}
	if !c.on.has(DataRace) {
		return
	}
	c.overwrites(ts, e, k, c.plainOf(k))
}

// frameAccess checks an access to a word of the frame whose base is the cell n: it must come after the frame was filled. Who
// finds a frame through an entry that it has read comes after all that came before the entry was written, as the address
// depends on it.
func (c *Checker) frameAccess(ts *taskState, e *task.Event, n int32, op opClass) {
	if !c.on.has(DataRace) || op.kind > task.RMW {
		return
	}
	k := &c.cells.cells[n]
	p := c.plainOf(k)
	write := op.kind != task.Read
	if w := &p.write; w.when > 0 && !c.before(w, ts, true) {
		c.race(ts, k, w, e, write)
	}
	p.readOf(ts.index).set(ts, e.Old, e.New, write)
}
