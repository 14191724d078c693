package ksync

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// callBatch is how many callbacks share a grace period, unless it is to end early.
const callBatch = 64

// neverFull is the batch of a domain whose calls do not look for the end of a grace period.
const neverFull = math.MaxInt

// Domain is an RCU domain: cheap read sections, and grace periods that wait for all sections in progress. A section is a
// slot in the task that holds the epoch; a grace period is an epoch bump and a scan of the slots.
//
// An exact domain writes the slot at the beginning and at the end of each section. A lazy one writes it only when the epoch
// has moved on, which saves a locked instruction for each section: a task then counts as inside one until it begins the next,
// waits, or says that it is quiescent, as a CPU does in the kernel until it switches tasks. So grace periods end
// sooner or later, and sections cost almost nothing. Under an observer both are exact.
type Domain struct {
	epoch   atomic.Uint64 // first, where ReadLock finds it
	section uintptr       // where in a task its section is
	slot    int
	lazy    bool
	_       [32]byte // the epoch is read by every section, the rest written by updaters

	tasks  atomic.Pointer[[]*task.Task]
	grace  atomic.Uint64 // grace periods completed
	mu     sync.Mutex    // guards registration and the callback lists
	next   []func(*task.Task)
	wait   []func(*task.Task) // wait for the epoch target
	target uint64

	batch   int          // how many callbacks share a grace period, at least
	running atomic.Int32 // batches taken by a task that has not finished running them
}

// NewDomain returns an exact domain whose sections use the given slot of a task.
func NewDomain(slot int) *Domain { return newDomain(slot, false) }

// NewLazyDomain returns a lazy domain whose sections use the given slot of a task.
func NewLazyDomain(slot int) *Domain { return newDomain(slot, true) }

func newDomain(slot int, lazy bool) *Domain {
	section := unsafe.Offsetof(task.Task{}.Sections) + uintptr(slot)*unsafe.Sizeof(task.Section{})
	d := &Domain{section: section, slot: slot, lazy: lazy, batch: callBatch}
	d.epoch.Store(1)
	d.tasks.Store(&[]*task.Task{})
	return d
}

// EndEarly makes every call look for the end of a grace period, so that small programs see callbacks run. The domain is exact then: which
// callbacks a call runs does not depend on whether the tasks are observed.
func (d *Domain) EndEarly() { d.batch, d.lazy = 1, false }

// EndLate makes no call look for the end of a grace period: callbacks run when a Barrier asks for it. The domain is exact then.
func (d *Domain) EndLate() { d.batch, d.lazy = neverFull, false }

// CallsLook reports whether a call may look for the end of a grace period, and run callbacks.
func (d *Domain) CallsLook() bool { return d.batch != neverFull }

// Slot returns which of a task's slots the domain's sections use.
func (d *Domain) Slot() int { return d.slot }

// Register makes grace periods wait for t's sections.
func (d *Domain) Register(t *task.Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Behind the end of what scans may be looking at, where there is room: no list is ever shortened in place.
	tasks := append(*d.tasks.Load(), t)
	d.tasks.Store(&tasks)
}

// Unregister ends that. The task must be outside any section.
func (d *Domain) Unregister(t *task.Task) {
	if t.Sections[d.slot].Depth > 0 {
		t.Violate("section-leaked", "the task ends inside a read section")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.tasks.Load()
	i := slices.Index(old, t)
	if i < 0 {
		return
	}
	tasks := append(make([]*task.Task, 0, len(old)), old[:i]...)
	tasks = append(tasks, old[i+1:]...)
	d.tasks.Store(&tasks)
}

// ReadLock begins a read section; sections nest. Nothing in a section may wait. The task must be registered.
//
// Where the task counts as inside one already, in a nested section or a lazy domain, that is no more than a count. It finds section and epoch by
// where they are, because it is then within the compiler's budget for inlining; ReadUnlock likewise.
func (d *Domain) ReadLock(t *task.Task) {
	s := (*task.Section)(unsafe.Add(unsafe.Pointer(t), d.section))
	if s.Depth++; atomic.LoadUint64((*uint64)(unsafe.Pointer(s))) != atomic.LoadUint64((*uint64)(unsafe.Pointer(d))) {
		d.begin(t)
	}
}

var (
	_ = [1]struct{}{}[unsafe.Offsetof(task.Section{}.Epoch)]
	_ = [1]struct{}{}[unsafe.Offsetof(Domain{}.epoch)]
)

// exact is in the depth of a section whose end has to be written, and announced if there is an observer, as its beginning was.
const exact = 1 << 30

// begin begins a section, of which the depth counts already, unless it is nested.
func (d *Domain) begin(t *task.Task) {
	s := &t.Sections[d.slot]
	if s.Depth&^exact > 1 {
		return
	}
	if t.Observer != nil {
		t.Begin(task.OpSectionBegin, unsafe.Pointer(s))
	}
	s.Epoch.Store(d.epoch.Load()) // an exchange: what the section reads must not be read before
	if t.Observer != nil {
		t.End(0, 1)
	}
	if t.Observer != nil || !d.lazy {
		s.Depth |= exact
	}
}

// ReadUnlock ends a read section.
func (d *Domain) ReadUnlock(t *task.Task) {
	s := (*task.Section)(unsafe.Add(unsafe.Pointer(t), d.section))
	if s.Depth--; s.Depth != 0 {
		d.end(t)
	}
}

// end ends a section, which the depth does not count any more, if it is exact and the outermost one.
func (d *Domain) end(t *task.Task) {
	s := &t.Sections[d.slot]
	switch {
	case s.Depth < 0:
		s.Depth = 0
		t.Violate("unlock-not-held", "rcu_read_unlock outside a read section")
		return
	case s.Depth != exact:
		return
	}
	s.Depth = 0
	if t.Observer != nil {
		t.Begin(task.OpSectionEnd, unsafe.Pointer(s))
	}
	store64(&s.Epoch, 0)
	if t.Observer != nil {
		t.End(1, 0)
	}
}

// Quiescent says that t, which is outside any section, looks at nothing that the domain protects: rcu_note_context_switch.
func (d *Domain) Quiescent(t *task.Task) {
	if s := &t.Sections[d.slot]; s.Depth == 0 && s.Epoch.Load() != 0 {
		store64(&s.Epoch, 0)
	}
}

// Synchronize waits until every section that was in progress when it was called has ended. The caller must be outside.
func (d *Domain) Synchronize(t *task.Task) {
	if d.inside(t) {
		return
	}
	d.Quiescent(t)
	if t.Observer != nil {
		t.Begin(task.OpSynchronize, unsafe.Pointer(d))
	}
	target := d.epoch.Add(1)
	if t.Observer != nil {
		t.End(target-1, target)
	}
	if t.Observer == nil && d.elapsed(target) {
		t.MightSleep(task.OpGracePeriodWait)
	} else {
		d.await(t, func() bool { return d.elapsed(target) })
	}
	d.grace.Add(1)
}

// await waits until cond holds, for which no task is woken.
func (d *Domain) await(t *task.Task, cond func() bool) {
	t.WaitBegins(task.OpGracePeriodWait, task.SectionClass(d.slot), unsafe.Pointer(d))
	_ = t.Await(task.OpGracePeriodWait, unsafe.Pointer(d), task.Polled, cond)
	t.WaitEnds()
}

// inside reports, also as a violation, that t is inside a section and cannot wait for a grace period.
func (d *Domain) inside(t *task.Task) bool {
	if t.Sections[d.slot].Depth == 0 {
		return false
	}
	t.Violate("sleep-in-rcu", "a grace period is waited for inside a read section")
	return true
}

// elapsed reports whether no section older than the epoch target is left.
func (d *Domain) elapsed(target uint64) bool {
	for _, t := range *d.tasks.Load() {
		if e := t.Sections[d.slot].Epoch.Load(); e != 0 && e < target {
			return false
		}
	}
	return true
}

// StartPoll begins a grace period without waiting for it and returns what to ask Poll for: start_poll_synchronize_rcu.
func (d *Domain) StartPoll(t *task.Task) (cookie uint64) {
	if t.Observer == nil {
		return d.epoch.Add(1)
	}
	t.Begin(task.OpStartPoll, unsafe.Pointer(d))
	cookie = d.epoch.Add(1)
	t.End(cookie-1, cookie)
	return cookie
}

// Poll reports whether the grace period has ended: poll_state_synchronize_rcu. t is outside any section.
func (d *Domain) Poll(t *task.Task, cookie uint64) bool {
	d.Quiescent(t)
	if t.Observer == nil {
		return d.elapsed(cookie)
	}
	t.Begin(task.OpPoll, unsafe.Pointer(d))
	ended := d.elapsed(cookie)
	t.End(b2u(ended), b2u(ended))
	return ended
}

// Call runs fn after a grace period: call_rcu. It never waits: callbacks are batched, and a batch runs in the task that
// finds its grace period over. Barrier runs the rest.
func (d *Domain) Call(t *task.Task, fn func(*task.Task)) {
	if t.Observer != nil {
		t.Begin(task.OpCall, unsafe.Pointer(d))
	}
	look := d.CallsLook() && t.Choose(task.GraceDelayed, 2) == 0
	d.mu.Lock()
	d.next = append(d.next, fn)
	var ready []func(*task.Task)
	if look && len(d.next) >= d.batch {
		ready = d.ready()
		d.advance()
	}
	d.mu.Unlock()
	if t.Observer != nil {
		t.End(0, b2u(len(ready) > 0)) // as Poll: whether a grace period has ended
	}
	if len(ready) > 0 {
		d.run(t, ready)
	}
}

// advance closes the current batch if none is waiting. The caller holds d.mu.
func (d *Domain) advance() {
	if len(d.wait) == 0 && len(d.next) > 0 {
		d.wait, d.next = d.next, nil
		d.target = d.epoch.Add(1)
	}
}

// ready takes the waiting batch if its grace period is over. The caller holds d.mu, and runs the batch.
func (d *Domain) ready() []func(*task.Task) {
	if len(d.wait) == 0 || !d.elapsed(d.target) {
		return nil
	}
	batch := d.wait
	d.wait = nil
	d.running.Add(1)
	d.grace.Add(1)
	return batch
}

func (d *Domain) run(t *task.Task, batch []func(*task.Task)) {
	for _, fn := range batch {
		fn(t)
	}
	d.running.Add(-1)
	clear(batch)
	d.mu.Lock()
	if d.next == nil { // the memory serves the next batch
		d.next = batch[:0]
	}
	d.mu.Unlock()
}

// Barrier returns when every callback queued before has run: rcu_barrier. It runs those that wait for a grace period,
// and waits for those that another task has begun to run; so no callback may call it. The caller must be outside any
// section.
func (d *Domain) Barrier(t *task.Task) {
	if d.inside(t) {
		return
	}
	if t.Observer != nil {
		t.Begin(task.OpBarrier, unsafe.Pointer(d))
	}
	d.mu.Lock()
	batch := d.next
	if len(d.wait) > 0 {
		batch = append(d.wait, d.next...)
	}
	d.wait, d.next = nil, nil
	if len(batch) > 0 {
		d.running.Add(1)
	}
	d.mu.Unlock()
	if t.Observer != nil {
		t.End(0, 0)
	}
	if len(batch) > 0 {
		d.Synchronize(t)
		d.run(t, batch)
	}
	if t.Observer == nil && d.idle() {
		t.MightSleep(task.OpGracePeriodWait)
	} else {
		d.await(t, d.idle)
	}
}

// idle reports whether no task runs callbacks.
func (d *Domain) idle() bool { return d.running.Load() == 0 }

// Pending returns how many callbacks wait for a grace period.
func (d *Domain) Pending() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.wait) + len(d.next)
}

// Tell gives how many callbacks wait, whether some are being run, and which tasks keep those that wait for a grace period from it.
func (d *Domain) Tell(add func(uint64)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	add(uint64(len(d.next))<<32 | uint64(len(d.wait)))
	add(uint64(d.running.Load()))
	for _, t := range *d.tasks.Load() {
		e := t.Sections[d.slot].Epoch.Load()
		add(b2u(e != 0) + b2u(e != 0 && len(d.wait) > 0 && e < d.target))
	}
}

// GracePeriods returns how many grace periods have ended.
func (d *Domain) GracePeriods() uint64 { return d.grace.Load() }
