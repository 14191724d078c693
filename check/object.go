package check

import (
	"cmp"
	"strings"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// kind says what the checker knows to do with a type of object.
type kind uint8

const (
	otherKind kind = iota
	vmaKind
	vmaLockKind // the rwsem of a VMA, where each has one
	mmKind
	anonKind      // anon_vma
	pageKind      // a frame that holds a page of memory
	tableKind     // a frame that holds a page table
	tableLockKind // the lock of a page table
	treeKind      // a tree of VMAs, or a node of one
	inodeKind     // a file with its page cache
)

var kindTable = map[string]kind{
	"vm_area_struct": vmaKind, "vma_lock": vmaLockKind, "mm_struct": mmKind, "anon_vma": anonKind, "page": pageKind,
	"pte_table": tableKind, "pmd_table": tableKind, "pud_table": tableKind, "pgd_table": tableKind,
	"pte_lock": tableLockKind, "pmd_lock": tableLockKind, "maple_tree": treeKind, "maple_node": treeKind, "maple_range_64": treeKind, "maple_enode": treeKind, "address_space": inodeKind,
}

// shows reports whether an object of the kind is visible once another task has touched it. The protocol itself makes a VMA or
// an mm visible.
func (k kind) shows() bool { return k != vmaKind && k != mmKind }

// role is what a field is to the protocol.
type role uint8

const (
	noRole role = iota
	startRole
	endRole
	mmRole
	anonRole
	chainRole
	pgoffRole
	fileRole
	contentRole // what else a reader of the VMA relies on: flags, hooks
	vmaSeqRole
	refcntRole
	detachedRole // the flag, where there is no vm_refcnt
	vmaLockRole  // the rwsem, likewise
	mmapLockRole
	mmSeqRole
	treeRootRole
	treeNodeRole
	fillRole // the lock that is held to read a file
)

// roleTable names the fields that have one.
var roleTable = map[string]role{
	"vm_area_struct.vm_start":       startRole,
	"vm_area_struct.vm_end":         endRole,
	"vm_area_struct.vm_mm":          mmRole,
	"vm_area_struct.anon_vma":       anonRole,
	"vm_area_struct.anon_vma_chain": chainRole,
	"vm_area_struct.vm_flags":       contentRole,
	"vm_area_struct.vm_pgoff":       pgoffRole,
	"vm_area_struct.vm_anon_pgoff":  pgoffRole,
	"vm_area_struct.vm_file":        fileRole,
	"vm_area_struct.vm_ops":         contentRole,
	"vm_area_struct.vm_lock_seq":    vmaSeqRole,
	"vm_area_struct.vm_refcnt":      refcntRole,
	"vm_area_struct.detached":       detachedRole,
	"vma_lock.lock":                 vmaLockRole,
	"mm_struct.mmap_lock":           mmapLockRole,
	"mm_struct.mm_lock_seq":         mmSeqRole,
	"maple_tree.ma_root":            treeRootRole,
	"maple_node.slots":              treeNodeRole,
	"maple_range_64.slot":           treeNodeRole,
	"maple_enode.parent":            treeNodeRole,
	"maple_enode.pivot":             treeNodeRole,
	"maple_enode.slot":              treeNodeRole,
	"maple_enode.child":             treeNodeRole,
	"maple_enode.meta.end":          treeNodeRole,
	"address_space.invalidate_lock": fillRole,
}

// roleOf returns the role of a field. Those that are numbered have the one of their name.
func roleOf(typ, field string) role {
	name, _, _ := strings.Cut(field, "[")
	return roleTable[typ+"."+name]
}

// staleReadable reports whether an RCU reader may look at the field of a VMA that is free: the identity that vma_start_read
// checks, and the two words that the allocator overwrites.
func (r role) staleReadable() bool {
	switch r {
	case startRole, endRole, mmRole, vmaSeqRole, refcntRole:
		return true
	}
	return false
}

// identifies reports whether a reverse lookup relies on the field of a VMA that it finds: which pages it maps, and where.
func (r role) identifies() bool {
	return r == startRole || r == endRole || r == mmRole || r == pgoffRole || r == fileRole
}

// shape is a layout as the checker uses it. It outlives executions.
type shape struct {
	layout *task.Layout
	kind   kind
	roles  []role
	// Who reads or writes the field needs locks.
	readRuled, writeRuled []bool
	rcuReads              []bool // an RCU section is enough to read it

	array  bool // a frame, all whose words are cells
	births int  // in this execution

	classes []int32 // of the fields that are locks
}

// unnamedLayout is of objects that come without one.
var unnamedLayout = task.Layout{Type: "object"}

// shapeOf returns the shape of a layout.
func (c *Checker) shapeOf(l *task.Layout) *shape {
	if l == nil {
		l = &unnamedLayout
	}
	for _, s := range c.shapes {
		if s.layout == l || s.layout.Type == l.Type && len(s.layout.Fields) == 0 && len(l.Fields) == 0 { // made anew by each machine
			return s
		}
	}
	s := &shape{layout: l}
	s.kind = kindTable[l.Type]
	for _, f := range l.Fields {
		s.array = s.array || f.Cell > 0
		s.roles = append(s.roles, roleOf(l.Type, f.Name))
		declared := f.Read != nil || f.Write != nil
		s.readRuled = append(s.readRuled, declared && !f.Read.Allows(task.AtomicCell))
		s.writeRuled = append(s.writeRuled, declared && !f.Write.Allows(task.AtomicCell))
		s.rcuReads = append(s.rcuReads, f.Read.Allows(task.RCU))
	}
	c.shapes = append(c.shapes, s)
	return s
}

// object is a piece of memory with named cells, in one life after another.
type object struct {
	base   unsafe.Pointer
	shape  *shape
	number int    // among those of its type
	life   uint32 // counts its lives
	alive  bool
	owner  int32 // the task that alone can find it, as it made or detached it; -1: none; anyTask
	// Of a VMA:
	refs     int32 // references that tasks hold
	excluder int32 // the task that keeps readers out; -1: none
	linked   bool  // in the reverse map of an anon_vma
	attached bool  // it was, in this life: it is made
	counted  bool  // its vm_refcnt was set to attached, and not counted down by a detach since
	begun    bool  // it was attached in this life, be it by a store that came too early
	content  int32 // in Checker.plains: all that its readers rely on; -1: neither read-locked nor changed yet

	relied int32 // in Checker.relied: what its maker did as the only one to know it; -1: nothing

	guard unsafe.Pointer // of a page table: its lock; nil: none of its own
}

const (
	noTask  int32 = -1
	anyTask int32 = -2 // of an object that waits for a grace period: the task that runs the callback frees it
)

func (o *object) isVMA() bool { return o.shape.kind == vmaKind }

func (o *object) String() string {
	name := o.shape.layout.Object(o.number)
	if !o.alive {
		name += " (freed)"
	}
	return name
}

// The checker runs between two steps of all tasks, so it may look at any memory. Only what lies in a VMA or an mm is looked
// at, and both stay what they are for ever.

func (o *object) vma() *vma.VMA { return (*vma.VMA)(o.base) }

// locks returns the mm that the VMA belongs to.
func (o *object) locks() *vma.MMLock { return o.vma().MMPeek() }

func (o *object) refcnt() int32 { return o.vma().RefcntPeek() }

func (o *object) detached() bool { return o.vma().DetachedPeek() }

// vmaSeqOffset is where vm_lock_seq lies.
var vmaSeqOffset = offsetOf(vma.Layout(), "vm_lock_seq")

func offsetOf(l *task.Layout, name string) uintptr {
	for _, f := range l.Fields {
		if f.Name == name {
			return f.Offset
		}
	}
	panic("no field " + name)
}

func (o *object) seq() uint32 {
	return (*ksync.Atomic32)(unsafe.Add(o.base, vmaSeqOffset)).Peek()
}

// Born implements [task.Observer]: an object begins a life at base. It may also be called for what was made unwatched: locks,
// address spaces, VMAs that are attached already.
func (c *Checker) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	ts := c.taskOf(t)
	o := c.born(ts.index, base, c.shapeOf(layout))
	switch o.shape.kind {
	case tableKind:
		ts.table = c.objectAt(base)
	case tableLockKind:
		if ts.table >= 0 {
			c.objects[ts.table].guard = base
		}
	}
	if o.isVMA() && o.locks() != nil && !o.detached() {
		o.owner = noTask
		c.adopt(noTask, o.locks())
	}
}

func (c *Checker) born(owner int32, base unsafe.Pointer, s *shape) *object {
	n := c.objectAt(base)
	if n < 0 || c.objects[n].shape != s {
		n = int32(len(c.objects))
		c.objects = append(c.objects, object{base: base, shape: s})
		c.cells.cells[c.cells.get(base)].object = n
		for i := range s.layout.Fields {
			at := c.cells.get(unsafe.Add(base, s.layout.Fields[i].Offset))
			k := &c.cells.cells[at]
			k.object, k.field, k.role = n, int32(i), s.roles[i]
			k.readRuled, k.writeRuled, k.rcuReads = s.readRuled[i], s.writeRuled[i], s.rcuReads[i]
			if s.array {
				k.frame = at
			}
		}
	}
	o := &c.objects[n]
	if o.alive { // known already: it was adopted before it was announced
		return o
	}
	s.births++
	o.number, o.life, o.alive = s.births, o.life+1, true
	o.owner, o.refs, o.excluder, o.linked, o.attached, o.counted, o.begun, o.content, o.relied, o.guard = owner, 0, noTask, false, false, false, false, -1, -1, nil
	return o
}

// objectAt returns the index of the object with the given base, -1 for none.
func (c *Checker) objectAt(base unsafe.Pointer) int32 {
	k := c.cells.find(base)
	if k < 0 {
		return -1
	}
	n := c.cells.cells[k].object
	if n < 0 || c.objects[n].base != base {
		return -1
	}
	return n
}

// adopt makes sure that an mm is known, which no event says the birth of.
func (c *Checker) adopt(owner int32, mm *vma.MMLock) {
	base := unsafe.Pointer(mm)
	if mm == nil || c.objectAt(base) >= 0 {
		return
	}
	c.born(owner, base, c.shapeOf(vma.MMLockLayout()))
	c.reclassify()
}

// Died implements [task.Observer]: an object's life has ended.
func (c *Checker) Died(t *task.Task, base unsafe.Pointer) {
	n := c.objectAt(base)
	if n < 0 {
		return
	}
	o := &c.objects[n]
	if o.isVMA() && o.refs > 0 && c.on.has(ReaderLeft) {
		c.fail(ReaderLeft, t, "%s is freed while %s", o, c.refHolders(n))
	}
	o.alive, o.owner = false, noTask
	if o.shape.kind == tableKind { // a grace period after it was last seen
		ts := c.taskOf(t)
		ts.now.join(ts.ended)
	}
}

// CellName returns what the cell at addr is called: the object and field that it is. It is "" for a cell that is in no known
// object.
func (c *Checker) CellName(addr unsafe.Pointer) string {
	n := c.cells.find(addr)
	if n < 0 {
		return c.wordName(addr)
	}
	k := &c.cells.cells[n]
	if k.frame >= 0 {
		c.place(k)
	}
	return c.cellName(k)
}

func (c *Checker) cellName(k *cell) string {
	if k.object < 0 {
		return ""
	}
	o := &c.objects[k.object]
	name := o.String()
	if o.shape.kind == mmKind && c.Name != nil {
		name = cmp.Or(c.Name(o.base), name)
	}
	if k.field < 0 {
		return name
	}
	return name + o.shape.layout.CellName(uintptr(k.addr)-uintptr(o.base))
}
