package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// memory knows what a load of a pointer may see in place of the latest value. Executions are sequentially consistent but for
// that: a load that only an address dependency orders, as of rcu_dereference, may have been performed before earlier ones of
// its task, so that it misses stores whose effects the task has seen. arm64 does that, and the kernel's memory model (LKMM)
// allows it; x86 does not.
//
// A load cannot go back behind what orders it. So a task is bound to see a store once it has
//
//   - seen it, or what came after it in its task or in another that was bound to see it, by an acquire, a read-modify-write
//     or a lock;
//   - seen such a thing by a plain or relaxed load, and then done one of the above;
//   - seen the store itself: loads of one cell keep their order;
//   - begun a read section after a grace period that began after the store;
//   - taken an exception for an access that showed it.
//
// Everything is taken for stronger than it is where that is simpler, so less is offered than the kernel's model allows:
// every store hands on what its task is bound to see or has seen, as a release does; a read-modify-write orders even if it
// fails; and who has waited, dealt with grace periods or read in bulk performs no load early from then on.
//
// Whether a store may be missed depends on nothing but the order of dependent steps (see dependent): what hands knowledge
// on is two steps on one cell one of which writes, or a grace period and a section. So two executions that differ only in
// the order of independent steps offer the same, which the reduction relies on. A wait is independent of steps on its cell
// that come after the one that allowed it; that is why waiting ends it all.
type memory struct {
	views  [maxTasks]knowledge
	cells  cells
	known  []clock // by number of the cell: what who reads it comes to know
	grace  clock   // what the grace periods that have begun order
	stores []store // of pointers
	early  bool    // the load being performed has only its dependency
	older  []unsafe.Pointer
}

// knowledge is what a task knows of the others' stores, which each task numbers from 1.
type knowledge struct {
	bound   clock // it is bound to see these
	seen    clock // loads have shown these, but nothing has ordered them yet
	access  clock // so have those since its last access through the page tables began
	inOrder bool
}

// store is one of a pointer.
type store struct {
	cell     int32
	old, new unsafe.Pointer
	task     int8
	number   int32
	shows    clock // what who sees the new value comes to know
}

func (m *memory) reset() {
	m.views = [maxTasks]knowledge{}
	m.cells.reset()
	clear(m.known)
	clear(m.stores)
	m.known, m.stores, m.grace, m.early = m.known[:0], m.stores[:0], clock{}, false
}

// cell returns what who reads the cell at addr comes to know.
func (m *memory) cell(addr unsafe.Pointer) (number int32, known *clock) {
	number = m.cells.at(addr).number
	for int(number) >= len(m.known) {
		m.known = append(m.known, clock{})
	}
	return number, &m.known[number]
}

// overwritten returns what the load of a pointer that task i performs may see instead of the latest value, the newest first, and
// no more of it than a choice has values.
func (m *memory) overwritten(i int, addr unsafe.Pointer) []unsafe.Pointer {
	m.early, m.older = true, m.older[:0]
	v := &m.views[i]
	cell, _ := m.cell(addr)
	for k := len(m.stores) - 1; k >= 0 && !v.inOrder && len(m.older) < maxValues-1; k-- {
		s := &m.stores[k]
		if s.cell != cell {
			continue
		}
		if v.bound[s.task] >= s.number {
			break
		}
		m.older = append(m.older, s.old)
	}
	return m.older
}

// trapped says that task i has taken an exception.
func (m *memory) trapped(i int) {
	v := &m.views[i]
	v.bound.join(&v.access, maxTasks)
}

// performed takes a step of task i into account.
func (m *memory) performed(i int, t *task.Task, e *task.Event) {
	v, early := &m.views[i], m.early
	m.early = false
	switch e.Op {
	case task.OpSectionBegin:
		if e.Addr == unsafe.Pointer(&t.Sections[task.SlotAccess]) {
			v.seen.join(&v.access, maxTasks)
			v.access = clock{}
		}
		v.bound.join(&m.grace, maxTasks)
		return
	case task.OpSectionEnd:
		return
	case task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpBarrier, task.OpStartPoll, task.OpPoll:
		v.order()
		v.inOrder = true
		m.grace.join(&v.bound, maxTasks)
		return
	}
	switch kind := e.Op.Info().Kind; {
	case e.Size > 0:
		v.inOrder = v.inOrder || kind == task.Read // what is written in bulk is found through what is stored afterwards
	case kind == task.Read:
		m.read(v, e, early)
	case kind == task.Write || kind == task.Unlock:
		m.write(v, i, e)
	case kind == task.Wait:
		v.inOrder = true
	case kind == task.Wake:
		v.order()
	default: // it reads and may write
		v.order()
		_, known := m.cell(e.Addr)
		v.bound.join(known, maxTasks)
		if kind == task.RMW && !(conditional(e.Op) && e.Old == e.New) {
			m.write(v, i, e)
		}
	}
}

// order binds the task to see what its loads have shown.
func (v *knowledge) order() {
	v.bound.join(&v.seen, maxTasks)
	v.bound.join(&v.access, maxTasks)
}

func (m *memory) read(v *knowledge, e *task.Event, early bool) {
	cell, known := m.cell(e.Addr)
	switch {
	case early:
		v.bound.join(m.shows(cell, e.OldPtr), maxTasks)
	case e.Op.Info().Order <= task.Relaxed:
		v.access.join(known, maxTasks)
	default:
		v.order()
		v.bound.join(known, maxTasks)
	}
}

// shows returns what who sees a pointer in a cell comes to know.
func (m *memory) shows(cell int32, p unsafe.Pointer) *clock {
	for k := len(m.stores) - 1; k >= 0; k-- {
		if s := &m.stores[k]; s.cell == cell && s.new == p {
			return &s.shows
		}
	}
	return &clock{} // it was there from the start
}

func (m *memory) write(v *knowledge, i int, e *task.Event) {
	v.bound[i]++
	cell, known := m.cell(e.Addr)
	known.join(&v.bound, maxTasks)
	known.join(&v.seen, maxTasks)
	known.join(&v.access, maxTasks)
	if e.OldPtr != nil || e.NewPtr != nil {
		m.stores = append(m.stores, store{cell, e.OldPtr, e.NewPtr, int8(i), v.bound[i], *known})
	}
}
