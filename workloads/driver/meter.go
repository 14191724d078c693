package driver

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// meters is what the meters of a run's tasks share.
type meters struct {
	machine *mm.Machine
	epoch   time.Time
	holders [64]holderShard
	stacks  stackTable
}

// holderShard is a part of the cells for which tasks wait that want to know who had them.
type holderShard struct {
	mu      sync.Mutex
	holders map[unsafe.Pointer]*holder
	_       [48]byte
}

// holder is who gives a cell back first after a task has asked.
type holder struct {
	who     atomic.Uint64 // a stack and a statement; 0: not known yet
	waiting int           // tasks that have asked and still wait; under the shard's mu
}

// noStack is the number of a stack that was not looked at.
const noStack = 0

// keep notes who it was. A stack that was looked at is not 0.
func (h *holder) keep(stack uint32, kind workloads.Kind) {
	h.who.Store(uint64(kind)<<32 | uint64(stack))
}

// known returns who it was; noStack if that is not known.
func (h *holder) known() (stack uint32, kind workloads.Kind) {
	if h == nil {
		return noStack, 0
	}
	who := h.who.Load()
	return uint32(who), workloads.Kind(who >> 32)
}

func newMeters(m *mm.Machine, epoch time.Time) *meters {
	ms := &meters{machine: m, epoch: epoch}
	for i := range ms.holders {
		ms.holders[i].holders = map[unsafe.Pointer]*holder{}
	}
	return ms
}

func (ms *meters) shard(cell unsafe.Pointer) *holderShard {
	return &ms.holders[uintptr(cell)*0x9e3779b97f4a7c15>>58]
}

// ask returns the holder of a cell, who is going to give it back.
func (ms *meters) ask(cell unsafe.Pointer) *holder {
	s := ms.shard(cell)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holders[cell]
	if h == nil || h.waiting == 0 { // that one was asked for by tasks that wait no more
		h = &holder{}
		s.holders[cell] = h
	}
	h.waiting++
	return h
}

// done says that a task that has asked waits no more.
func (ms *meters) done(cell unsafe.Pointer, h *holder) {
	s := ms.shard(cell)
	s.mu.Lock()
	defer s.mu.Unlock()
	h.waiting--
}

// asked returns the holder that tasks have asked for, once; nil: none has.
func (ms *meters) asked(cell unsafe.Pointer) *holder {
	s := ms.shard(cell)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holders[cell]
	delete(s.holders, cell)
	return h
}

// meter is the meter of one task. Only its task uses it, until that has ended.
type meter struct {
	of   *meters
	t    *task.Task
	kind workloads.Kind // of the statement that the task is in
	gaps sampler

	waiting bool
	cell    unsafe.Pointer
	now     waited // while waiting

	ended  []waited // whose holder may not be known yet
	sums   map[waitKey]*waitSum
	waits  map[waitClass]*histogram
	faults map[faultClass]*histogram

	rec    *recording    // nil: nothing is recorded
	all    bool          // every fault of this statement is timed
	fault  time.Duration // when the fault that is timed began
	before task.Counters // what was counted then
}

// waited is a wait.
type waited struct {
	waitClass
	kind        workloads.Kind
	stack       uint32 // of the waiter; noStack if the wait was short
	began, took time.Duration
	holder      *holder // nil: not asked for
}

// waitClass is what one histogram is about.
type waitClass struct {
	class task.LockClass
	op    task.Op
}

// faultGap is the mean distance of two faults that are timed.
const faultGap = 16 * sampleGap

// maxUnknown is how many waits are kept whose holder may still become known. It says so a microsecond after the wait has ended.
const maxUnknown = 16

func (w *worker) startMeter(ms *meters) {
	w.meter = meter{of: ms, t: w.Task, gaps: sampler{w.sampler.state ^ 0x2545f4914f6cdd1d | 1}}
	w.Task.Meter = &w.meter
	if w.run.recorder != nil {
		w.meter.rec = &recording{of: w.run.recorder}
	}
	w.meter.nextFault()
}

func (m *meter) clock() time.Duration { return time.Since(m.of.epoch) }

// WaitBegins implements [task.Meter]. A wait that goes on in another way, as a writer's who has spun, is the same.
func (m *meter) WaitBegins(op task.Op, class task.LockClass, cell unsafe.Pointer) {
	if m.waiting {
		return
	}
	if op == task.OpSpinLock {
		if class = m.of.machine.SpinClass(cell); class == task.Unclassed {
			class = calledClass()
		}
	}
	m.waiting, m.cell = true, cell
	m.now = waited{waitClass: waitClass{class, op}, kind: m.kind, began: m.clock()}
	m.rec.note(Event{Kind: Begins, At: m.now.began, Task: m.t.Name, What: doneWait, Name: m.now.String()})
	if m.gaps.gap() < 2 { // of short waits one in sampleGap: to say where one is takes a microsecond or two
		m.askFor()
	}
}

// calledClass returns the class of a spinlock that is a field of an object which the machine does not know: of a file, whose package alone takes
// that lock, or of an address space.
func calledClass() task.LockClass {
	var pcs [8]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "vmasim/internal/ksync.") && !strings.HasPrefix(f.Function, "vmasim/internal/task.") {
			if strings.HasPrefix(f.Function, "vmasim/internal/phys.") {
				return task.PageCacheIndex
			}
			return task.PageTables
		}
		if !more {
			return task.Unclassed
		}
	}
}

// askFor asks who has what the task waits for.
func (m *meter) askFor() {
	if m.now.holder == nil && m.now.class != task.GracePeriod && m.now.class != task.AccessSection {
		m.now.holder = m.of.ask(m.cell)
	}
}

// WaitIsLong implements [task.Meter].
func (m *meter) WaitIsLong() {
	if !m.waiting || m.now.stack != noStack {
		return
	}
	m.askFor()
	m.now.stack = m.of.stacks.here()
	if m.rec != nil {
		m.rec.slept = true
	}
}

// WaitEnds implements [task.Meter].
func (m *meter) WaitEnds() {
	if !m.waiting {
		return
	}
	m.waiting = false
	m.now.took = m.clock() - m.now.began
	if m.now.holder != nil {
		m.of.done(m.cell, m.now.holder)
	}
	m.rec.note(Event{Kind: Ends, At: m.now.began + m.now.took, Task: m.t.Name, What: doneWait, holder: m.now.holder})
	m.ended = append(m.ended, m.now)
	if len(m.ended) > maxUnknown {
		m.settle(maxUnknown / 2)
	}
}

// Released implements [task.Meter].
func (m *meter) Released(cell unsafe.Pointer) {
	if h := m.of.asked(cell); h != nil {
		h.keep(m.of.stacks.here(), m.kind)
	}
}

// settle adds up the waits that have ended, but for the last ones.
func (m *meter) settle(keep int) {
	if m.sums == nil {
		m.sums, m.waits = map[waitKey]*waitSum{}, map[waitClass]*histogram{}
	}
	n := max(len(m.ended)-keep, 0)
	for i := range m.ended[:n] {
		m.add(&m.ended[i])
	}
	m.ended = m.ended[:copy(m.ended, m.ended[n:])]
}

// add adds a wait to the sums.
func (m *meter) add(w *waited) {
	h := m.waits[w.waitClass]
	if h == nil {
		h = new(histogram)
		m.waits[w.waitClass] = h
	}
	h.record(uint64(w.took))
	key := waitKey{waitClass: w.waitClass, kind: w.kind, stack: w.stack, asked: w.holder != nil}
	key.holder, key.holderKind = w.holder.known()
	s := m.sums[key]
	if s == nil {
		s = &waitSum{}
		m.sums[key] = s
	}
	s.count++
	s.total += w.took
}

// nextFault draws which fault is timed next.
func (m *meter) nextFault() {
	gap := uint64(0)
	if !m.all || m.rec.many() {
		gap = uint64(m.gaps.gap()) * (faultGap / sampleGap)
	}
	m.t.TimedFault = m.t.Counters[task.PgFault] + 1 + gap
}

// FaultBegins implements [task.Meter].
func (m *meter) FaultBegins() {
	m.before = m.t.Counters
	m.fault = m.clock()
	m.rec.note(Event{Kind: Begins, At: m.fault, Task: m.t.Name, What: doneFault, Name: "page fault"})
}

// FaultEnds implements [task.Meter].
func (m *meter) FaultEnds(work task.FaultWork, end linux.AccessEnd) {
	took := m.clock() - m.fault
	class := faultClass{path: pathOf(&m.before, &m.t.Counters), work: work, end: end}
	if m.faults == nil {
		m.faults = map[faultClass]*histogram{}
	}
	h := m.faults[class]
	if h == nil {
		h = new(histogram)
		m.faults[class] = h
	}
	h.record(uint64(max(took, 0)))
	if m.rec != nil && m.rec.open {
		m.rec.note(Event{Kind: Ends, At: m.fault + took, Task: m.t.Name, What: doneFault, Args: []Arg{{"path", class.path}, {"page", work.String()}, {"end", end.String()}}})
	}
	m.nextFault()
}

// begin and end are called around each statement while a run is recorded.
func (m *meter) begin(s *workloads.Stmt) {
	if m.all = m.rec.begin(m.clock(), m.t.Name, s); m.all {
		m.nextFault()
	}
}

func (m *meter) end(s *workloads.Stmt, result string) {
	m.all = false
	m.rec.end(m.clock(), m.t.Name, result, s)
}

// maxFrames is how many functions of a stack are kept, innermost first.
const maxFrames = 24

// stack is where a task was: program counters.
type stack [maxFrames]uintptr

// stackTable numbers stacks from 1.
type stackTable struct {
	mu      sync.Mutex
	numbers map[stack]uint32
	all     []stack
	kernel  map[string]string // made when it is needed first
	held    map[uint32]string // the function that held a lock, by the stack that gave it back
}

// here returns the number of the stack of the meter's caller.
func (st *stackTable) here() uint32 {
	var s stack
	runtime.Callers(3, s[:])
	st.mu.Lock()
	defer st.mu.Unlock()
	if n := st.numbers[s]; n != noStack {
		return n
	}
	if st.numbers == nil {
		st.numbers = map[stack]uint32{}
	}
	st.all = append(st.all, s)
	n := uint32(len(st.all))
	st.numbers[s] = n
	return n
}
