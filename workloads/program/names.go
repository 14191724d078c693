package program

import (
	"fmt"
	"strconv"
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
)

// namer names the cells of one execution.
type namer struct {
	world   *world // nil while the world is set up
	objects map[unsafe.Pointer]*named
	births  map[string]int                                      // by type
	others  map[unsafe.Pointer]string                           // cells of no known object
	fixed   map[unsafe.Pointer]string                           // cells of the scenario's own
	worded  map[unsafe.Pointer]func(*task.Event, uint64) string // of these, those with words for their values
	used    []*named                                            // that names were made of, in order
	lives   map[unsafe.Pointer][]string                         // the names of the objects that have lain at an address, in order
}

// named is an object in one of its lives.
type named struct {
	name   string
	before string // what its memory was
	base   unsafe.Pointer
	layout *task.Layout
	used   bool
	is     string
}

func newNamer() namer {
	return namer{objects: map[unsafe.Pointer]*named{}, births: map[string]int{}, others: map[unsafe.Pointer]string{}, lives: map[unsafe.Pointer][]string{}}
}

// plainTypes are the types whose name says all that there is to say about an object.
var plainTypes = map[string]bool{
	"maple_node": true, "maple_range_64": true, "page": true, "pte_table": true, "pmd_table": true, "pud_table": true, "pgd_table": true,
	"pte_lock": true, "pmd_lock": true, "zone": true, "address_space": true,
}

// born numbers a new object as the oracles do: among those of its type.
func (n *namer) born(base unsafe.Pointer, layout *task.Layout) *named {
	n.births[layout.Type]++
	o := &named{name: layout.Object(n.births[layout.Type]), base: base, layout: layout}
	if last := n.objects[base]; last != nil {
		o.before = last.name
	}
	n.objects[base] = o
	n.lives[base] = append(n.lives[base], o.name)
	return o
}

// nameOf is the name of an object, "?" for one that is not known.
func (n *namer) nameOf(base unsafe.Pointer) string {
	if o := n.objects[base]; o != nil {
		return o.name
	}
	return "?"
}

// cell names what an operation accesses, "" where its own name says it all.
func (n *namer) cell(e *task.Event) (name string) {
	defer unreadable(&name)
	switch e.Op {
	case task.OpSectionBegin, task.OpSectionEnd, task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpBarrier,
		task.OpStartPoll, task.OpPoll, task.OpSendSig,
		task.OpSlabAlloc, task.OpSlabFree:
		return ""
	}
	for _, o := range n.objects {
		if off := uintptr(e.Addr) - uintptr(o.base); off < max(o.layout.Size, 1) {
			return n.field(o, off, e.Size > 0)
		}
	}
	if name := n.worldCell(e.Addr); name != "" {
		return name
	}
	return n.other(e)
}

func (n *namer) field(o *named, off uintptr, bulk bool) string {
	name := n.use(o)
	if o.layout.Type == tree.Layout().Type || bulk {
		return name // mm.mm_mt is the root
	}
	if field := o.layout.CellName(off); field != "" {
		return name + field
	}
	return fmt.Sprintf("%s+%d", name, off)
}

// standing names a lock or a VMA that tasks hold, "" for one that is not known. That a reader meets it is not noted.
func (n *namer) standing(addr unsafe.Pointer) (name string) {
	defer unreadable(&name)
	for _, o := range n.objects {
		off := uintptr(addr) - uintptr(o.base)
		switch {
		case off >= max(o.layout.Size, 1):
		case off == 0 && o.layout.Type == "vm_area_struct":
			return o.name
		default:
			return n.title(o) + o.layout.CellName(off)
		}
	}
	if addr == nil {
		return ""
	}
	return n.worldCell(addr)
}

// use returns the name of an object that the reader will meet.
func (n *namer) use(o *named) string {
	if name := n.title(o); name != o.name {
		return name // the scenario's
	}
	if !o.used && !plainTypes[o.layout.Type] {
		o.used = true
		o.is = o.layout.Type
		n.used = append(n.used, o)
	}
	if o.layout.Type == "vm_area_struct" {
		n.describe(o)
	}
	return o.name
}

// title is the name of an object, or what it is to an address space.
func (n *namer) title(o *named) string {
	switch o.layout.Type {
	case "mm_struct":
		return n.spaceName((*mm.MM)(o.base))
	case pgtable.TablesLayout().Type:
		for i := range n.world.spaces {
			if m := n.world.spaces[i].mm.Peek(); m != nil && unsafe.Pointer(&m.Tables.PageTableLock) == o.base {
				return n.spaceName(m)
			}
		}
	case tree.Layout().Type:
		for i := range n.world.spaces {
			if m := n.world.spaces[i].mm.Peek(); m != nil && unsafe.Pointer(m.Tree) == o.base {
				return n.spaceName(m) + ".mm_mt"
			}
		}
	}
	return o.name
}

// describe says where a VMA lies, unless it is being made or is free.
func (n *namer) describe(o *named) {
	start, end, _, flags := (*vma.VMA)(o.base).Snapshot()
	if start >= end || start%linux.PageSize != 0 {
		return
	}
	o.is = fmt.Sprintf("VMA %s..%s %s", n.world.place(start), n.world.place(end), flags.Perms())
}

func (n *namer) spaceName(m *mm.MM) string { return n.world.p.spaceName(m.Name) }

// spaceName is what an address space is called in the names of its cells: mm where there is one only.
func (p *Program) spaceName(name string) string {
	if len(p.scenario.MMs) == 1 {
		return "mm"
	}
	return name
}

// begin notes what the scenario's own cells are called.
func (n *namer) begin(w *world) {
	n.world, n.fixed, n.worded = w, map[unsafe.Pointer]string{}, map[unsafe.Pointer]func(*task.Event, uint64) string{}
	for i := range w.spaces {
		name := w.p.scenario.MMs[i].Name
		n.fixed[unsafe.Pointer(&w.spaces[i].mm)] = name
		n.fixed[unsafe.Pointer(&w.spaces[i].forking)] = name
	}
	for i := range w.barriers {
		r := &w.barriers[i]
		n.worded[r.Addr()] = r.Word
		n.fixed[r.Addr()] = "barrier " + w.p.scenario.Barriers[i]
	}
	for i := range w.milestones {
		m, of := &w.milestones[i], &w.p.scenario.Awaited[i]
		n.worded[m.Addr()] = m.Word
		n.fixed[m.Addr()] = fmt.Sprintf("%s.%d", w.p.scenario.Threads[of.Thread].Name, of.Number)
	}
}

// worldCell names what belongs to the machine and the scenario.
func (n *namer) worldCell(addr unsafe.Pointer) string {
	if name := n.fixed[addr]; name != "" {
		return name
	}
	if name := n.world.machine.DriverCell(addr); name != "" {
		return name
	}
	for i := range n.world.spaces {
		if m := n.world.spaces[i].mm.Peek(); m != nil {
			if name := n.part(m, addr); name != "" {
				return name
			}
		}
	}
	return n.frame(addr)
}

// part names what belongs to an address space beside its locks.
func (n *namer) part(m *mm.MM, addr unsafe.Pointer) string {
	if off := uintptr(addr) - uintptr(unsafe.Pointer(m)); off < unsafe.Sizeof(*m) {
		if f := mm.CountersLayout().FieldAt(off); f != nil {
			return n.spaceName(m) + "." + f.Name
		}
	}
	return ""
}

// frame names what belongs to a page frame: its metadata, or the words in it.
func (n *namer) frame(addr unsafe.Pointer) string {
	mem := n.world.machine.Mem
	frames := uintptr(mem.Stats().FramesTotal)
	if off := uintptr(addr) - uintptr(unsafe.Pointer(mem.Bytes(0))); off < frames*linux.PageSize {
		return fmt.Sprintf("frame#%d+%d", off/linux.PageSize, off%linux.PageSize) // one whose birth was not told: the zero page
	}
	size := unsafe.Sizeof(phys.Page{})
	if off := uintptr(addr) - uintptr(unsafe.Pointer(mem.Page(0))); off < frames*size {
		name := fmt.Sprintf("frame#%d", off/size)
		if o := n.objects[unsafe.Pointer(mem.Bytes(phys.PFN(off/size)))]; o != nil {
			name = o.name
		}
		return name + "." + pageField(off%size)
	}
	return ""
}

func pageField(off uintptr) string {
	for _, f := range phys.Metadata() {
		if f.Offset == off {
			return f.Name
		}
	}
	return strconv.Itoa(int(off))
}

// other names a cell that is in nothing known, by what it is used as.
func (n *namer) other(e *task.Event) string {
	if name := n.others[e.Addr]; name != "" {
		return name
	}
	what := "cell"
	switch {
	case e.Op == task.OpSpinLock || e.Op == task.OpSpinTrylock || e.Op == task.OpSpinUnlock:
		what = "lock"
	case e.Op == task.OpLoadAcquire || e.Op == task.OpStoreRelease:
		what = "node" // of the tree
	}
	n.births[what]++
	n.others[e.Addr] = fmt.Sprintf("%s#%d", what, n.births[what])
	return n.others[e.Addr]
}

// unreadable is the name of what is half made: what it belongs to cannot be followed.
func unreadable(name *string) {
	if recover() != nil {
		*name = "?"
	}
}

// value words what a cell held.
func (n *namer) value(e *task.Event, v uint64, p unsafe.Pointer) (word string) {
	defer unreadable(&word)
	switch e.Op.Info().Kind {
	case task.Lock, task.Unlock, task.Wait, task.Wake:
		return ""
	}
	switch e.Op {
	case task.OpSectionBegin, task.OpSectionEnd, task.OpSlabAlloc, task.OpSlabFree, task.OpSynchronize, task.OpCall, task.OpBarrier,
		task.OpStartPoll:
		return ""
	}
	if e.Size > 0 {
		return ""
	}
	if word := n.worded[e.Addr]; word != nil {
		return word(e, v)
	}
	if e.OldPtr != nil || e.NewPtr != nil {
		return n.pointer(p)
	}
	if v >= 1<<20 {
		return fmt.Sprintf("%#x", v)
	}
	return strconv.FormatUint(v, 10)
}

func (n *namer) pointer(p unsafe.Pointer) string {
	if p == nil {
		return "NULL"
	}
	if o := n.objects[p]; o != nil {
		return n.use(o)
	}
	for i := range n.world.spaces {
		if m := n.world.spaces[i].mm.Peek(); m != nil && unsafe.Pointer(m) == p {
			return n.spaceName(m)
		}
	}
	if name := n.others[p]; name != "" {
		return name
	}
	n.births["object"]++
	n.others[p] = fmt.Sprintf("object#%d", n.births["object"])
	return n.others[p]
}

func (n *namer) list() (all []trace.Object) {
	for _, o := range n.used {
		is := o.is
		if o.before != "" {
			is += ", in the memory of " + o.before
		}
		all = append(all, trace.Object{Name: o.name, Is: is})
	}
	return all
}
