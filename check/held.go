package check

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// holdMode says how a task holds a lock.
type holdMode uint8

const (
	notHeld holdMode = iota
	readHeld
	writeHeld
)

// held is a lock that a task has, or queued for.
type held struct {
	addr  unsafe.Pointer
	cell  int32
	class int32 // in the order, noClass if it is in no known object
	mode  holdMode
	spin  bool
	stack stack
}

// lockState is what the checker knows about a lock beside who holds it.
type lockState struct {
	fromWriters, fromReaders clock // what those have seen that gave it back
}

// lockEvent follows what happens to a lock.
func (c *Checker) lockEvent(ts *taskState, e *task.Event, n int32, op opClass) {
	switch e.Op {
	case task.OpDownRead, task.OpDownReadTrylock:
		c.asks(ts, e, n, op, readHeld, e.New&semReaders == e.Old&semReaders+1)
	case task.OpDownWrite, task.OpDownWriteTrylock:
		c.asks(ts, e, n, op, writeHeld, e.New&semWriter != 0 && e.Old&semWriter == 0)
	case task.OpMutexLock, task.OpMutexTrylock, task.OpSpinLock, task.OpSpinTrylock:
		c.asks(ts, e, n, op, writeHeld, e.Old == 0)
	case task.OpRWSemWait, task.OpRWSemTry, task.OpMutexWait:
		if ts.waiting.addr == e.Addr && !e.Interrupted {
			c.acquired(ts, ts.waiting)
		}
		ts.waiting = held{}
	case task.OpUpRead:
		c.gaveBack(ts, e, n, readHeld)
	case task.OpUpWrite, task.OpMutexUnlock, task.OpSpinUnlock:
		c.gaveBack(ts, e, n, writeHeld)
	case task.OpDowngradeWrite:
		c.handsOn(ts, n, writeHeld)
		if h := ts.find(e.Addr); h != nil {
			h.mode = readHeld
		}
	case task.OpRCUWaitEvent:
		ts.later.join(c.cells.cells[n].rel) // only a control dependency follows; a wake-up orders more
	}
}

// The word of a ksync.RWSem, as its events show it.
const (
	semReaders = 1<<32 - 1
	semWriter  = 1 << 32
)

// asks notes that ts has got a lock, or has queued for it.
func (c *Checker) asks(ts *taskState, e *task.Event, n int32, op opClass, mode holdMode, got bool) {
	h := held{addr: e.Addr, cell: n, class: c.classOf(ts, n), mode: mode, spin: e.Op == task.OpSpinLock || e.Op == task.OpSpinTrylock, stack: stackOf(ts.task)}
	if op.kind == task.Lock && h.class != noClass {
		c.blocksOn(ts, h.class)
	}
	switch {
	case got:
		c.acquired(ts, h)
	case op.kind == task.Lock:
		ts.waiting = h
	}
}

// acquired notes that ts has a lock.
func (c *Checker) acquired(ts *taskState, h held) {
	if c.on.anyOf(TwoWriters, ReaderAndWriter) {
		c.checkExclusion(ts, &h)
	}
	ts.held = append(ts.held, h)
	k := &c.cells.cells[h.cell]
	if k.lock >= 0 {
		l := &c.locks[k.lock]
		ts.now.join(l.fromWriters)
		if h.mode == writeHeld {
			ts.now.join(l.fromReaders)
		}
	}
	if k.role == mmapLockRole {
		ts.findsAgain()
		mm := (*vma.MMLock)(c.objects[k.object].base)
		if seq := mm.LockSeq.Peek(); h.mode == writeHeld && seq&1 != 0 && c.tellsParity(mm) {
			c.fail(SeqParity, ts.task, "mmap_lock is taken for writing while mm_lock_seq is odd: %d", seq)
		}
	}
}

// checkExclusion checks that no other task holds a lock that h excludes.
func (c *Checker) checkExclusion(ts *taskState, h *held) {
	for _, other := range c.tasks {
		if other == ts {
			continue
		}
		switch mode := other.holdsAt(h.addr); {
		case mode == notHeld:
		case mode == writeHeld && h.mode == writeHeld:
			if c.on.has(TwoWriters) {
				c.fail(TwoWriters, ts.task, "%s and %s hold %s for writing", ts.task.Name, other.task.Name, c.lockName(h))
			}
		case mode == writeHeld || h.mode == writeHeld:
			if c.on.has(ReaderAndWriter) {
				c.fail(ReaderAndWriter, ts.task, "%s and %s hold %s, one of them for writing", ts.task.Name, other.task.Name, c.lockName(h))
			}
		}
	}
}

// gaveBack notes that ts gave a lock back.
func (c *Checker) gaveBack(ts *taskState, e *task.Event, n int32, mode holdMode) {
	for i := len(ts.held) - 1; i >= 0; i-- {
		if ts.held[i].addr == e.Addr && ts.held[i].mode == mode {
			c.handsOn(ts, n, mode)
			copy(ts.held[i:], ts.held[i+1:])
			ts.held = ts.held[:len(ts.held)-1]
			if c.cells.cells[n].role == mmapLockRole {
				c.dropsNodes(ts)
			}
			return
		}
	}
	if c.on.has(UnlockNotHeld) {
		name := c.CellName(e.Addr)
		if name == "" {
			name = "a lock"
		}
		c.fail(UnlockNotHeld, ts.task, "%s of %s, which %s does not hold so", e.Op, name, ts.task.Name)
	}
}

// handsOn notes what those who get the lock next have seen.
func (c *Checker) handsOn(ts *taskState, n int32, mode holdMode) {
	k := &c.cells.cells[n]
	if k.lock < 0 {
		k.lock = c.addLock()
	}
	to := &c.locks[k.lock].fromReaders
	if mode == writeHeld {
		to = &c.locks[k.lock].fromWriters
	}
	ts.publish(to)
}

// addLock returns the index of another lock.
func (c *Checker) addLock() int32 {
	n := len(c.locks)
	if n == cap(c.locks) {
		c.locks = append(c.locks, lockState{})
		return int32(n)
	}
	c.locks = c.locks[:n+1]
	l := &c.locks[n]
	l.fromReaders, l.fromWriters = l.fromReaders[:0], l.fromWriters[:0]
	return int32(n)
}

// find returns the lock at addr that ts holds, nil if it does not.
func (ts *taskState) find(addr unsafe.Pointer) *held {
	for i := len(ts.held) - 1; i >= 0; i-- {
		if ts.held[i].addr == addr {
			return &ts.held[i]
		}
	}
	return nil
}

func (ts *taskState) holdsAt(addr unsafe.Pointer) holdMode {
	if h := ts.find(addr); h != nil {
		return h.mode
	}
	return notHeld
}

// holds says how ts holds a lock.
func (ts *taskState) holds(s *ksync.RWSem) holdMode { return ts.holdsAt(unsafe.Pointer(s)) }

// mmapHeld says how ts holds the mmap_lock of a VMA's mm.
func (ts *taskState) mmapHeld(o *object) holdMode {
	if mm := o.locks(); mm != nil {
		return ts.holds(&mm.MmapLock)
	}
	return notHeld
}

// stackDepth is how many functions a stack keeps.
const stackDepth = 6

// stack is the innermost kernel functions that a task was in, outermost first.
type stack struct {
	n  int
	fn [stackDepth]string
}

func stackOf(t *task.Task) (s stack) {
	s.set(t)
	return s
}

// set makes it the stack that a task has now.
func (s *stack) set(t *task.Task) {
	fns := t.Stack()
	s.n = copy(s.fn[:], fns[max(0, len(fns)-stackDepth):])
}

func (s *stack) inner() string {
	if s.n == 0 {
		return ""
	}
	return s.fn[s.n-1]
}

func (s *stack) String() string {
	text := ""
	for i, fn := range s.fn[:s.n] {
		if i > 0 {
			text += " > "
		}
		text += fn
	}
	if text == "" {
		return "(no function)"
	}
	return text
}
