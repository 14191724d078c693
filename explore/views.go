package explore

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// views is a memory model in which loads may be stale: each cell has the history of its stores, in the order in which they were performed, and
// each task a view of it, which says for each cell the oldest store that the task may still see. Which of them a load sees is a choice.
//
// It is the kernel's memory model (LKMM, tools/memory-model) but that no store comes before an earlier load of its task: neither is it seen before that
// (load buffering), nor does it take a place before a store that the load has shown, as it may depend on it. Other stores may take their places
// before some that were performed already: that is a choice, too.
//
// A full barrier brings what its task is bound to see to all tasks before it goes on, so each store that comes after it, through whomever, tells that.
//
// A store carries a message: what who sees the store, and orders that load, is bound to see. It is what the storing task's later stores hand on,
// and with a release all that the task is bound to see or has seen. A relaxed load notes the message as pending; a barrier or an
// acquire binds. A pointer that a relaxed load has found binds for the object that it points to: an address dependency.
//
// The values that a load may see depend only on the order of dependent steps (see dependent), which the reduction relies on.
type views struct {
	cells     cells
	history   []history // by number of the cell
	tasks     [maxTasks]taskView
	sc        view // full barriers agree on it
	domains   [domains]grace
	chosen    int // the store that the load being performed sees, or that the store being performed comes before; -1: none, so the last
	scratch   []int
	messages  []int32  // where the views of stores lie
	step      int      // the last one
	seen      int      // the step of the store that the last load has seen in place of the last store; 0: it was there before
	missed    int      // the step of that, or of the store that the last one comes before; 0: there is none
	buffers   *buffers // what they are restricted to; nil: nothing
	impatient bool     // the last load could have seen an older store but for its task's patience
}

// domains is how many RCU domains there may be, numbered as in [access].
const domains = 1 + len(task.Task{}.Sections)

// grace is what an RCU domain hands on.
type grace struct {
	begun view // the grace periods that have begun order it
	ended view // read sections that have ended have seen it
}

// view says of each cell, by its number, up to which store of it something is known, by the place of the store.
type view []int32

// patience is how often a task may see the same older store: stores become visible some time, and loops that wait for that end.
const patience = 2

// spacing is how far apart the places of two stores are: others may come between them.
const spacing = 1 << 10

// grow makes a view one of at least n cells.
func (v *view) grow(n int) {
	if old := len(*v); n > old {
		*v = slices.Grow(*v, n-old)[:n]
		clear((*v)[old:])
	}
}

func (v *view) join(o view) {
	v.grow(len(o))
	to := (*v)[:len(o)]
	for i, n := range o {
		to[i] = max(to[i], n)
	}
}

func (v *view) raise(cell, place int32) {
	v.grow(int(cell) + 1)
	(*v)[cell] = max((*v)[cell], place)
}

func (v view) at(cell int32) int32 {
	if int(cell) >= len(v) {
		return 0
	}
	return v[cell]
}

// history is what was stored in a cell. The first entry is what was there before.
type history struct {
	stores  []stored
	locked  view  // if the cell is a lock: what those who had it have seen
	reached view  // and what full barriers before that have brought to all
	holder  int32 // with buffers: the last of these
}

type stored struct {
	place   int32
	step    int  // in which it was performed; 0: before
	update  bool // it belongs to a read-modify-write, which comes right behind what it has seen
	value   uint64
	pointer unsafe.Pointer // that value is the address of; nil: it is none
	owner   *taskView
	message view
	handed  view  // the part of it that a read-modify-write had from others
	reached view  // what full barriers before it have brought to all: part of the message
	task    int   // with buffers: whose it is
	node    int32 // and the node of it; 0: none
	readers int32 // and a list of the nodes of those who saw it when it was the last
}

// tells is what a task learns by a load of the store. Of one of its own it is what others have told that: the processor may forward the store to
// the load before it is performed, so all that came before it binds the load to nothing.
func (s *stored) tells(t *taskView) view {
	if s.owner == t {
		return s.handed
	}
	return s.message
}

// taskView is what a task knows.
type taskView struct {
	bound    view           // it is bound to see it
	pending  view           // relaxed loads have shown it, and nothing has ordered them yet
	own      view           // its stores tell it
	tells    view           // its later stores tell it, whatever their order is: they come after a barrier
	reached  view           // full barriers have brought it to all, and what it has seen, or did, came after these
	woken    view           // who woke it has seen it
	found    map[int32]view // by number of an object: the pointer to it told it
	overdue  view           // it has seen older stores as often as it may, and sees only those behind them
	again    map[int32]int  // by number of a cell: how often it has seen the same older store of it in a row
	released view           // it had seen it when it last gave a lock back
	latest   bool           // it sees the latest only
}

// reset forgets an execution, but keeps the memory that it needed.
func (m *views) reset() {
	m.cells.reset()
	for i := range m.history {
		h := &m.history[i]
		*h = history{stores: h.stores[:0], locked: h.locked[:0], reached: h.reached[:0]}
	}
	m.history, m.messages = m.history[:0], m.messages[:0]
	for i := range m.tasks {
		m.tasks[i].reset()
	}
	for i := range m.domains {
		m.domains[i] = grace{m.domains[i].begun[:0], m.domains[i].ended[:0]}
	}
	m.sc, m.chosen = m.sc[:0], -1
	if m.buffers != nil {
		m.buffers.reset()
	}
}

func (t *taskView) reset() {
	clear(t.found)
	clear(t.again)
	*t = taskView{
		bound: t.bound[:0], pending: t.pending[:0], own: t.own[:0], tells: t.tells[:0], reached: t.reached[:0], woken: t.woken[:0],
		overdue: t.overdue[:0], released: t.released[:0], found: t.found, again: t.again,
	}
}

// cell returns the number of a cell and its history.
func (m *views) cell(addr unsafe.Pointer) (int32, *history) {
	n := m.cells.at(addr).number
	if old := len(m.history); int(n) >= old { // what lies behind is empty
		m.history = slices.Grow(m.history, int(n)+1-old)[:n+1]
	}
	return n, &m.history[n]
}

// message returns a view of n cells that nothing is known of, for as long as the execution lasts.
func (m *views) message(n int) view {
	if len(m.messages)+n > cap(m.messages) { // what was given out stays where it is
		m.messages = make([]int32, 0, max(2*cap(m.messages), 64*n))
	}
	at := len(m.messages)
	m.messages = m.messages[:at+n]
	v := m.messages[at : at+n : at+n]
	clear(v)
	return v
}

// copy returns a copy of a view, for as long as the execution lasts.
func (m *views) copy(v view) view {
	c := m.message(len(v))
	copy(c, v)
	return c
}

// settle takes in a store that was not announced, as Init makes: every task is bound to see it.
func (m *views) settle(c int32, latest uint64) {
	h := &m.history[c]
	if len(h.stores) == 0 || h.last().value == latest {
		return
	}
	place := h.last().place + spacing
	h.stores = append(h.stores, stored{place: place, value: latest})
	for i := range m.tasks {
		m.tasks[i].bound.raise(c, place)
	}
}

// begun returns the number of the cell of a step and its history, which begins with what the step has found.
func (m *views) begun(e *task.Event) (int32, *history) {
	c, h := m.cell(e.Addr)
	if len(h.stores) == 0 {
		h.stores = append(h.stores, stored{value: e.Old, pointer: e.OldPtr})
	}
	return c, h
}

func (h *history) last() *stored { return &h.stores[len(h.stores)-1] }

// told returns what the last store tells.
func (h *history) told() view {
	if len(h.stores) == 0 {
		return nil
	}
	return h.last().message
}

// oldest returns the place of the oldest store that task i may see.
func (m *views) oldest(i int, c int32, addr unsafe.Pointer) int32 {
	t := &m.tasks[i]
	place := max(t.bound.at(c), t.overdue.at(c))
	if object := m.cells.at(addr).object; object != 0 {
		place = max(place, t.found[object].at(c))
	}
	return place
}

// older returns the stores before the last that the load of task i may see, the newest first, of those that may be.
func (m *views) older(i int, addr unsafe.Pointer, latest uint64, may func(uint64) bool) []int {
	c, h := m.cell(addr)
	m.settle(c, latest)
	m.scratch, m.impatient = m.scratch[:0], false
	if m.tasks[i].latest || m.buffers != nil && !m.buffers.waits(i) {
		return nil
	}
	oldest := m.oldest(i, c, addr)
	if m.buffers != nil && len(h.stores) > 1 && h.stores[len(h.stores)-2].place >= oldest {
		oldest = max(oldest, m.buffers.oldest(i, c))
	}
	for k := len(h.stores) - 2; k >= 0 && h.stores[k].place >= oldest && len(m.scratch) < maxValues-1; k-- {
		if v := h.stores[k].value; may == nil || may(v) {
			m.scratch = append(m.scratch, k)
		}
	}
	m.impatient = len(m.scratch) == 0 && oldest == m.tasks[i].overdue.at(c) && oldest > m.tasks[i].bound.at(c)
	return m.scratch
}

// earlier returns the stores before which the store of task i may take its place, the newest first.
func (m *views) earlier(i int, addr unsafe.Pointer, latest uint64) []int {
	c, h := m.cell(addr)
	m.settle(c, latest)
	m.scratch = m.scratch[:0]
	if m.tasks[i].latest || m.buffers != nil {
		return nil
	}
	// A store may depend on every load before it, so it comes behind all that these have shown.
	oldest := max(m.oldest(i, c, addr), m.tasks[i].pending.at(c))
	for k := len(h.stores) - 1; k > 0 && h.stores[k-1].place >= oldest && len(m.scratch) < maxValues-1; k-- {
		if s := &h.stores[k]; !s.update && s.place-h.stores[k-1].place > 1 {
			m.scratch = append(m.scratch, k)
		}
	}
	return m.scratch
}

// performed takes a step of task i into account.
func (m *views) performed(s *state, i int, e *task.Event) {
	t, chosen := &m.tasks[i], m.chosen
	m.chosen, m.step, m.seen, m.missed = -1, s.steps, 0, 0
	if m.buffers != nil {
		m.buffered(s, i, e, chosen)
		return
	}
	switch e.Op {
	case task.OpMB:
		if e.Order() == task.Full {
			m.barrier(t)
		}
	case task.OpWMB:
		t.tells.join(t.own)
	case task.OpRMB:
		t.bound.join(t.pending)
	case task.OpSectionBegin:
		t.bound.join(m.domains[sectionDomain(s.pending[i].who, e.Addr)].begun)
	case task.OpSectionEnd:
		ended := &m.domains[sectionDomain(s.pending[i].who, e.Addr)].ended
		ended.join(t.bound)
		ended.join(t.pending)
	case task.OpSynchronize, task.OpCall, task.OpBarrier, task.OpStartPoll:
		m.barrier(t)
		m.domains[updatedDomain(e.Addr)].begun.join(t.bound)
	case task.OpGracePeriodWait, task.OpPoll:
		t.bound.join(m.domains[updatedDomain(e.Addr)].ended)
		if e.Op == task.OpGracePeriodWait { // what was before it is known to all that comes behind any later full barrier
			m.barrier(t)
		}
		t.latest = true // sections that end later may have ended before the wait was allowed
	case task.OpWakeUp, task.OpSendSig:
		for j := range s.tasks {
			if s.pending[j].who == e.Target {
				m.tasks[j].woken.join(t.bound)
				m.tasks[j].woken.join(t.pending)
			}
		}
	case task.OpSchedule:
		t.bound.join(t.woken)
		t.bound.join(t.pending)
	case task.OpRCUWaitEvent: // the condition is a relaxed load
		c, _ := m.cell(e.Addr)
		m.load(t, c, chosen, task.Relaxed, nil)
	case task.OpSeqBegin: // a store, and smp_wmb
		m.store(t, e, -1, task.Relaxed, nil)
		t.tells.join(t.own)
	case task.OpSeqEnd:
		t.tells.join(t.own)
		m.store(t, e, -1, task.Relaxed, nil)
	default:
		if e.Size == 0 {
			m.access(t, e, chosen)
		}
	}
}

// access takes a step into account that is about one cell.
func (m *views) access(t *taskView, e *task.Event, chosen int) {
	c, h := m.cell(e.Addr)
	switch order := e.Order(); e.Op.Info().Kind {
	case task.Read:
		m.load(t, c, chosen, order, e.OldPtr)
	case task.Write:
		m.store(t, e, chosen, order, nil)
	case task.RMW:
		if conditional(e.Op) && e.Old == e.New { // it has failed
			m.load(t, c, chosen, task.Relaxed, nil)
			return
		}
		m.update(t, e, order)
	case task.Lock, task.Try, task.Wait:
		if e.Op == task.OpSpinTrylock && e.Old != 0 { // it has failed
			m.load(t, c, -1, task.Relaxed, nil)
			return
		}
		t.bound.join(h.locked)
		t.reached.join(h.reached)
		if len(t.released) > 0 { // po-unlock-lock-po: what came before the unlock comes before what follows, for third parties, too
			t.bound.join(t.released)
			t.tells.join(t.released)
			t.tells.join(h.locked)
		}
		if e.Op == task.OpSpinLock || e.Op == task.OpSpinTrylock {
			m.store(t, e, -1, task.Acquire, h.told())
			m.history[c].last().update = true
		}
	case task.Unlock:
		h.locked.join(t.bound)
		h.locked.join(t.pending)
		t.released.join(t.bound)
		t.released.join(t.pending)
		h.reached.join(t.reached)
		if e.Op == task.OpSpinUnlock {
			m.store(t, e, -1, task.Release, nil)
		}
	}
}

// barrier is smp_mb.
func (m *views) barrier(t *taskView) {
	t.bound.join(t.pending)
	t.bound.join(m.sc)
	m.sc.join(t.bound)
	t.tells.join(t.bound)
	t.reached.join(t.bound)
}

// load sees the store that was chosen, -1 being the last.
func (m *views) load(t *taskView, c int32, chosen int, order task.Order, pointer unsafe.Pointer) {
	h := &m.history[c]
	if len(h.stores) == 0 {
		return
	}
	seen := h.last()
	if chosen >= 0 {
		m.seen, m.missed = h.stores[chosen].step, seen.step
		seen = &h.stores[chosen]
		t.wait(c, seen.place)
	}
	t.bound.raise(c, seen.place)
	t.reached.join(seen.reached)
	message := seen.tells(t)
	if order >= task.Acquire {
		t.bound.join(message)
		return
	}
	t.pending.join(message)
	if pointer == nil {
		return
	}
	if object := m.cells.objectOf(pointer); object != 0 {
		if t.found == nil {
			t.found = map[int32]view{}
		}
		f := t.found[object]
		f.join(message)
		t.found[object] = f
	}
}

// wait notes that an older store has been seen.
func (t *taskView) wait(c, place int32) {
	if t.again == nil {
		t.again = map[int32]int{}
	}
	if t.bound.at(c) < place {
		t.again[c] = 0
	}
	if t.again[c]++; t.again[c] == patience {
		t.overdue.raise(c, place+1)
	}
}

// update is a read-modify-write: it sees the last store, and hands on what that told.
func (m *views) update(t *taskView, e *task.Event, order task.Order) {
	if order == task.Full {
		m.barrier(t)
	}
	c, h := m.cell(e.Addr)
	m.settle(c, e.Old)
	told, handed := h.told(), view(nil)
	if len(h.stores) > 0 {
		t.reached.join(h.last().reached)
		handed = m.copy(h.last().tells(t))
	}
	if order == task.Acquire || order == task.Full || acquiresZero(e) {
		t.bound.join(handed)
	} else {
		t.pending.join(handed)
	}
	m.store(t, e, -1, order, told)
	h.last().update, h.last().handed = true, handed
	if order == task.Full {
		m.barrier(t)
	}
}

// acquiresZero reports whether a step has dropped the last reference, which acquires: refcount_sub_and_test.
func acquiresZero(e *task.Event) bool {
	return (e.Op == task.OpRefDecAndTest || e.Op == task.OpRefSubRelease) && e.New == 0 && e.Order() == task.Release
}

// store adds a store before the one that was chosen, -1 being behind the last. It hands on what is told, too.
func (m *views) store(t *taskView, e *task.Event, chosen int, order task.Order, told view) {
	c, _ := m.begun(e)
	m.settle(c, e.Old)
	n := max(int(c)+1, len(told), len(t.tells), len(t.reached))
	if order >= task.Release {
		n = max(n, len(t.bound), len(t.pending))
	}
	message := m.message(n)
	copy(message, told)
	message.join(t.tells)
	message.join(t.reached)
	if order >= task.Release {
		message.join(t.bound)
		message.join(t.pending)
	}
	own := m.append(t, c, chosen, stored{value: e.New, pointer: e.NewPtr, owner: t})
	message.raise(c, own.place)
	own.message, own.reached = message, m.copy(t.reached)
	t.own.join(message)
}

// append adds a store of a task to a cell before the one that was chosen, -1 being behind the last.
func (m *views) append(t *taskView, c int32, chosen int, own stored) *stored {
	h := &m.history[c]
	at := len(h.stores)
	own.place, own.step = h.last().place+spacing, m.step
	if chosen >= 0 {
		m.missed = h.last().step
		at, own.place = chosen, h.stores[chosen-1].place+(h.stores[chosen].place-h.stores[chosen-1].place)/2
	}
	t.bound.raise(c, own.place)
	h.stores = slices.Insert(h.stores, at, own)
	return &h.stores[at]
}
