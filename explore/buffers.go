package explore

import "vmasim/internal/task"

// buffers restricts views to what x86 does (TSO): each processor has a buffer from which its stores reach memory in their order, and a load that
// finds none of its own there may overtake them. Nothing else is out of order.
//
// It is kept as the axioms have it, not as buffers that are emptied in steps: accesses are nodes of a graph whose edges say what reached memory
// before what, and a load may see each store that closes no circle. Edges are the order of a task's accesses but from a store to a later load that
// no barrier stands before; from a store of another task to who sees it; the order of the stores to a cell; and from a load to the store
// behind the one it has seen. All of that the order of dependent steps decides, so stores to different cells need not be dependent.
type buffers struct {
	nodes   []orderedAccess // from 1
	edges   []orderEdge     // from 1
	tasks   [maxTasks]buffered
	domains [domains]struct{ begun, ended int32 } // as [grace]
	woken   [maxTasks]int32                       // who woke the task
	mark    int32                                 // of the search that goes on
	stack   []int32
}

// orderedAccess is an access, or a barrier.
type orderedAccess struct {
	before int32 // the first edge, to what was in memory before it
	cell   int32 // that it stores to; 0: it is no store
	place  int32 // of the store in the history of the cell
	mark   int32
}

type orderEdge struct{ node, next int32 }

// buffered is where a task stands: nodes, 0 for none.
type buffered struct {
	loaded  int32 // its last load
	stored  int32 // its last store
	drained int32 // the last store that must have reached memory before a later load
}

func (b *buffers) reset() {
	*b = buffers{nodes: append(b.nodes[:0], orderedAccess{}), edges: append(b.edges[:0], orderEdge{}), stack: b.stack}
}

// node adds one behind others.
func (b *buffers) node(before ...int32) int32 {
	n := int32(len(b.nodes))
	b.nodes = append(b.nodes, orderedAccess{})
	for _, p := range before {
		b.order(p, n)
	}
	return n
}

// order says that p was in memory before n.
func (b *buffers) order(p, n int32) {
	if p != 0 {
		b.nodes[n].before = b.link(p, b.nodes[n].before)
	}
}

// link puts a node before a list.
func (b *buffers) link(node, next int32) int32 {
	b.edges = append(b.edges, orderEdge{node, next})
	return int32(len(b.edges) - 1)
}

// fence has task i empty its buffer, behind others.
func (b *buffers) fence(i int, behind ...int32) int32 {
	t := &b.tasks[i]
	n := b.node(t.loaded, t.stored)
	for _, p := range behind {
		b.order(p, n)
	}
	*t = buffered{n, n, n}
	return n
}

// waits reports whether a store of task i may still be in its buffer. If none is, its loads are in order with all that it has done, and seeing an
// older value is coming before the store of the later one.
func (b *buffers) waits(i int) bool { return b.tasks[i].stored != b.tasks[i].drained }

// oldest returns the place of the oldest store to a cell that a load of task i may see: the last that was in memory before what is before the load.
func (b *buffers) oldest(i int, cell int32) (place int32) {
	t := &b.tasks[i]
	b.mark++
	b.stack = append(b.stack[:0], t.loaded, t.drained)
	for len(b.stack) > 0 {
		n := &b.nodes[b.stack[len(b.stack)-1]]
		b.stack = b.stack[:len(b.stack)-1]
		if n.mark == b.mark {
			continue
		}
		n.mark = b.mark
		if n.cell == cell {
			place = max(place, n.place)
		}
		for e := n.before; e != 0; e = b.edges[e].next {
			b.stack = append(b.stack, b.edges[e].node)
		}
	}
	return place
}

// buffered takes a step of task i into account.
func (m *views) buffered(s *state, i int, e *task.Event, chosen int) {
	b := m.buffers
	switch e.Op {
	case task.OpMB:
		if e.Order() == task.Full {
			b.tasks[i].drained = b.tasks[i].stored
		}
	case task.OpWMB, task.OpRMB: // the compiler's affair
	case task.OpSectionBegin:
		b.tasks[i].loaded = b.node(b.tasks[i].loaded, b.domains[sectionDomain(s.pending[i].who, e.Addr)].begun)
	case task.OpSectionEnd:
		ended := &b.domains[sectionDomain(s.pending[i].who, e.Addr)].ended
		*ended = b.node(*ended, b.tasks[i].loaded, b.tasks[i].stored)
	case task.OpSynchronize, task.OpCall, task.OpBarrier, task.OpStartPoll:
		begun := &b.domains[updatedDomain(e.Addr)].begun
		*begun = b.fence(i, *begun)
	case task.OpGracePeriodWait, task.OpPoll:
		b.fence(i, b.domains[updatedDomain(e.Addr)].ended)
		m.tasks[i].latest = true // sections that end later may have ended before the wait was allowed
	case task.OpWakeUp, task.OpSendSig:
		n := b.fence(i)
		for j := range s.tasks {
			if s.pending[j].who == e.Target {
				b.woken[j] = b.node(b.woken[j], n)
			}
		}
	case task.OpSchedule:
		b.fence(i, b.woken[i])
	case task.OpRCUWaitEvent: // the condition is a load
		m.bufferedLoad(i, e, chosen)
	case task.OpSeqBegin, task.OpSeqEnd:
		m.bufferedStore(i, e)
	default:
		if e.Size == 0 {
			m.bufferedAccess(i, e, chosen)
		}
	}
}

// bufferedAccess takes a step into account that is about one cell. A read-modify-write and the taking of a lock empty the buffer, whatever order
// is asked for: they have the prefix lock.
func (m *views) bufferedAccess(i int, e *task.Event, chosen int) {
	switch kind := e.Op.Info().Kind; {
	case kind == task.RMW && conditional(e.Op) && e.Old == e.New: // it has failed
		if e.Op == task.OpCmpXchg {
			m.buffers.fence(i)
		}
		m.bufferedLoad(i, e, chosen)
	case kind == task.Read:
		m.bufferedLoad(i, e, chosen)
	case kind == task.Write:
		m.bufferedStore(i, e)
	case kind == task.RMW, e.Op == task.OpSpinLock, e.Op == task.OpSpinTrylock && e.Old == 0:
		m.bufferedStore(i, e)
		t := &m.buffers.tasks[i]
		t.loaded, t.drained = t.stored, t.stored
	case e.Op == task.OpSpinTrylock:
		m.bufferedLoad(i, e, chosen)
	case e.Op == task.OpSpinUnlock:
		m.bufferedStore(i, e)
	case kind == task.Lock, kind == task.Try, kind == task.Wait, kind == task.Unlock:
		_, h := m.cell(e.Addr)
		h.holder = m.buffers.fence(i, h.holder)
	}
}

// bufferedLoad sees the store that was chosen, -1 being the last.
func (m *views) bufferedLoad(i int, e *task.Event, chosen int) {
	b, t := m.buffers, &m.buffers.tasks[i]
	c, h := m.begun(e)
	m.load(&m.tasks[i], c, chosen, task.Relaxed, nil)
	n := b.node(t.loaded, t.drained)
	if chosen < 0 {
		chosen = len(h.stores) - 1
	}
	if seen := &h.stores[chosen]; seen.task != i {
		b.order(seen.node, n)
	}
	if chosen+1 < len(h.stores) {
		b.order(n, h.stores[chosen+1].node)
	} else {
		h.stores[chosen].readers = b.link(n, h.stores[chosen].readers)
	}
	t.loaded = n
}

// bufferedStore adds a store behind the last one and those who have seen that.
func (m *views) bufferedStore(i int, e *task.Event) {
	b, t := m.buffers, &m.buffers.tasks[i]
	c, h := m.begun(e)
	m.settle(c, e.Old)
	last := h.last()
	n := b.node(t.loaded, t.stored, last.node)
	for k := last.readers; k != 0; k = b.edges[k].next {
		b.order(b.edges[k].node, n)
	}
	m.append(&m.tasks[i], c, -1, stored{value: e.New, pointer: e.NewPtr, task: i, node: n})
	b.nodes[n].cell, b.nodes[n].place = c, h.last().place
	t.stored = n
}
