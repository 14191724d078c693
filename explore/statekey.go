package explore

import (
	"math/bits"
	"runtime"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// maxLive is how many values that a task saw can be live.
const maxLive = 4

// stateKey follows an execution and says in which state it is: the values of the cells, the wake-ups under way, what is decided by no
// event ([World].Rest), and for each task what its operations have told it since its locals last changed ([World].Locals). A task
// is deterministic, so one that was told the same does the same. Nothing that an operation does not tell its task is part of that, such as how many
// other readers a lock has, or the value that a store has overwritten.
//
// Nothing in it depends on the order of independent steps.
type stateKey struct {
	hash   stateHash // of the cells
	cells  cells
	values []cellValue          // by the number of the cell
	opaque stateHash            // what was done of which a world that does not tell its rest may remember the order
	calls  [task.NumSlots]calls // by the slot of the domain
	rest   func(uint64)
	into   *stateHash // where rest adds

	local  [maxTasks]taskState
	marks  [maxTasks][]stateHash // what tasks had been told at their marks
	woken  taskSet
	queued int // how often a task has queued for a lock
	chosen int // choices other than 0

	starts [maxTasks]uint64 // where the tasks stand before the first step
	places []uint64         // where the task stands that took the n-th step, from 1
	frames []uintptr        // scratch
}

// stateHash is a hash of what was added to it, in that order.
type stateHash [2]uint64

func (h *stateHash) add(v uint64) {
	h[0] = Mix(h[0], v)
	h[1] = Mix(h[1]^0x8ebc6af09c88c6e3, bits.RotateLeft64(v, 31))
}

func (h *stateHash) addHash(o stateHash) {
	h.add(o[0])
	h[1] = Mix(h[1], o[1])
}

// toggle adds what has no order, or takes it out again.
func (h *stateHash) toggle(o stateHash) { h[0], h[1] = h[0]^o[0], h[1]^o[1] }

func hashOf(a, b uint64) (h stateHash) {
	h.add(a)
	h.add(b)
	return h
}

// taskState is what a state says of one task.
type taskState struct {
	number uint64 // of its world's
	live   int    // how many of the last values count; -1: all that it was told and has done since the number changed
	saw    stateHash
	last   [maxLive]uint64 // values seen, the last one first
	place  uint64          // where it stands in the code
	ticket int             // when it queued for the lock that it waits for
	grace  [task.NumSlots]uint64
}

// cellValue is what the value of a cell adds to the hash.
type cellValue struct {
	known bool
	sure  bool   // first is the value at first
	first uint64 // which adds nothing: that it was written in between does not matter
	adds  stateHash
}

// begin makes ready for another execution.
func (k *stateKey) begin() {
	k.hash, k.opaque, k.woken, k.queued, k.chosen = stateHash{}, stateHash{}, 0, 0, 0
	for slot := range k.calls {
		k.calls[slot].waiting = k.calls[slot].waiting[:0]
	}
	k.cells.reset()
	clear(k.values)
	for i := range k.local {
		k.local[i] = taskState{live: -1}
		k.marks[i] = k.marks[i][:0]
	}
}

// key returns a hash of the state.
func (k *stateKey) key(s *state) stateHash {
	h := k.hash
	woken := k.woken
	for i := range s.tasks {
		if !s.pending[i].who.Prepared() {
			woken &^= 1 << i
		}
	}
	h.add(uint64(woken) | uint64(k.chosen)<<32)
	h.add(uint64(s.enabled))
	for i := range s.tasks {
		t, p := &k.local[i], &s.pending[i]
		if e := p.Event; e != nil {
			h.add(uint64(e.Op)<<56 ^ uint64(uintptr(e.Addr)))
			h.add(k.standing(s, i, e))
		}
		h.add(t.number)
		h.add(t.place)
		if t.live < 0 {
			h.addHash(t.saw)
		}
		for n := range t.live {
			h.add(t.last[n])
		}
	}
	if k.tell(s, &h) {
		k.addGrace(s, &h)
	} else {
		h.addHash(k.opaque)
	}
	return h
}

// tell adds the rest of the world's state, and reports whether the world tells it.
func (k *stateKey) tell(s *state, h *stateHash) bool {
	if k.rest == nil {
		k.rest = func(v uint64) { k.into.add(v) }
	}
	k.into = h
	return s.untold != nil && s.untold(k.rest)
}

// standing says what of a task's wait its lock's value does not tell: how many wait before it.
func (k *stateKey) standing(s *state, i int, e *task.Event) (n uint64) {
	if s.pending[i].who.Killed() {
		n = 1 << 32
	}
	if !inQueue(e) {
		return n
	}
	for j := range s.tasks {
		o := s.pending[j].Event
		if o != nil && inQueue(o) && o.Addr == e.Addr && k.local[j].ticket < k.local[i].ticket {
			n++
		}
	}
	return n
}

// inQueue reports whether an operation waits for its turn.
func inQueue(e *task.Event) bool { return e.Op.Info().Kind == task.Wait || e.Op == task.OpRWSemTry }

// announced forgets what a task saw before its locals changed.
func (k *stateKey) announced(s *state, i int, note bool) {
	e := s.pending[i].Event
	t := &k.local[i]
	var number uint64
	if number, t.live = s.locals(i, e); number != t.number {
		*t = taskState{number: number, live: t.live, ticket: t.ticket}
		k.marks[i] = k.marks[i][:0]
	}
	switch {
	case e == nil:
		*t = taskState{number: number}
	case t.live >= 0:
		t.place = k.placeOf(s, i, note)
	}
}

// placeOf returns where in the code task i, which is running, has announced its operation. Where it is not noted, it reuses what was
// noted by earlier executions with the same beginning.
func (k *stateKey) placeOf(s *state, i int, note bool) uint64 {
	at := &k.starts[i]
	if s.steps > 0 {
		for s.steps >= len(k.places) {
			k.places = append(k.places, 0)
		}
		at = &k.places[s.steps]
	}
	if note {
		*at = 1
		for _, pc := range k.callers() {
			*at = Mix(*at, uint64(pc))
		}
	}
	return *at
}

// callers returns the calls that the running task is in.
func (k *stateKey) callers() []uintptr {
	for {
		if n := runtime.Callers(0, k.frames); n < len(k.frames) {
			return k.frames[:n]
		}
		k.frames = make([]uintptr, 2*len(k.frames)+32)
	}
}

// mark and keep implement mind.
func (k *stateKey) mark(i int) int {
	k.marks[i] = append(k.marks[i], k.local[i].saw)
	return len(k.marks[i])
}

func (k *stateKey) keep(i, mark int, what uint64) {
	if mark > len(k.marks[i]) {
		return // it has begun another statement since
	}
	t := &k.local[i]
	t.saw = k.marks[i][mark-1]
	t.saw.addHash(hashOf(uint64(mark), what+1)) // what a mark inside this one kept may be the same
	k.marks[i] = k.marks[i][:mark]
}

// chose notes a choice of task i.
func (k *stateKey) chose(i, v int) {
	k.local[i].see(uint64(v) + 1)
	if v != 0 {
		k.chosen++
	}
}

// performed takes in a step of task i.
func (k *stateKey) performed(s *state, i int, e *task.Event) {
	t := &k.local[i]
	if t.live >= 0 || !inQueue(e) || e.Interrupted { // a task that has got a lock does not remember whether it had to wait
		t.saw.add(uint64(e.Op)<<56 ^ uint64(uintptr(e.Addr)))
		t.see(tells(e))
	}
	switch e.Op {
	case task.OpWakeUp:
		for j := range s.tasks {
			if s.pending[j].who == e.Target {
				k.woken |= 1 << j
			}
		}
		return
	case task.OpSchedule:
		k.woken &^= 1 << i
		return
	case task.OpSynchronize, task.OpCall, task.OpBarrier, task.OpStartPoll, task.OpPoll, task.OpGracePeriodWait:
		k.opaque.add(uint64(i)<<32 | uint64(e.Op))
		k.graceStep(t, e)
		return
	case task.OpSectionBegin, task.OpSectionEnd:
		if k.opaque != (stateHash{}) {
			k.opaque.add(uint64(i)<<32 | uint64(e.Op))
		}
	case task.OpDownRead, task.OpDownWrite, task.OpMutexLock:
		k.queued++
		t.ticket = k.queued
	}
	k.set(i, e)
}

// graceStep follows which tasks and callbacks wait for a grace period.
func (k *stateKey) graceStep(t *taskState, e *task.Event) {
	d := (*ksync.Domain)(e.Addr)
	c := &k.calls[d.Slot()]
	switch e.Op {
	case task.OpSynchronize, task.OpStartPoll:
		t.grace[d.Slot()] = e.New
		return
	case task.OpGracePeriodWait:
		t.grace[d.Slot()] = 0
		return
	case task.OpPoll:
		return
	case task.OpCall:
		h := hashOf(t.number, 0)
		h.addHash(t.saw)
		c.waiting = append(c.waiting, h)
	}
	c.domain = d
	left := max(len(c.waiting)-d.Pending(), 0)
	for _, h := range c.waiting[:left] { // which the task now runs
		t.saw.addHash(h)
	}
	c.waiting = append(c.waiting[:0], c.waiting[left:]...)
}

// calls are callbacks of a domain that wait, in order: each told by what its task was told before.
type calls struct {
	domain  *ksync.Domain
	waiting []stateHash
}

// addGrace adds which sections are waited for, and by which callbacks.
func (k *stateKey) addGrace(s *state, h *stateHash) {
	for slot := range k.calls {
		for _, c := range k.calls[slot].waiting {
			h.addHash(c)
		}
		for i := range s.tasks {
			if target := k.local[i].grace[slot]; target != 0 {
				h.add(uint64(i+1)<<32 | uint64(olderSections(s, slot, target)))
			}
		}
	}
}

// olderSections returns the tasks that are in a section of before an epoch.
func olderSections(s *state, slot int, epoch uint64) (set taskSet) {
	for i := range s.tasks {
		if e := s.pending[i].who.Sections[slot].Epoch.Load(); e != 0 && e < epoch {
			set |= 1 << i
		}
	}
	return set
}

// see takes in a value that the task saw.
func (t *taskState) see(v uint64) {
	t.saw.add(v)
	copy(t.last[1:], t.last[:maxLive-1])
	t.last[0] = v
}

// many stands for every count of references that leaves some, and that the kernel asks no more about.
const many = 1 << 40

// tells returns what an operation tells the task that has performed it.
func tells(e *task.Event) uint64 {
	if e.Quiet {
		return 0
	}
	switch e.Op.Info().Kind {
	case task.Write, task.Lock, task.Unlock, task.Wake, task.Fence: // that a lock has to be waited for, the task's next operation tells
		return 0
	case task.Wait:
		return asBit(e.Interrupted)
	case task.Try:
		return asBit(e.Old != e.New)
	case task.Read:
		return e.Old
	}
	switch e.Op {
	case task.OpSlabAlloc:
		return e.New
	case task.OpRefInc, task.OpAtomicInc:
		return asBit(int32(e.Old) <= 0)
	case task.OpRefIncNotZero, task.OpAtomicIncNotZero, task.OpRefIncNotZeroLimitedAcquire, task.OpRefIncMoreThanOneLimitedAcquire, task.OpRefIncLimitedAcquire, task.OpRefAddNotZero:
		if e.New != e.Old {
			return many
		}
	case task.OpRefDecAndTest, task.OpAtomicDecAndTest, task.OpRefSubRelease, task.OpRefDecRelaxed:
		if n := int32(e.New); n > 0 && n < writerOnly && e.Old != e.New {
			return many
		}
		return e.New
	case task.OpSynchronize, task.OpStartPoll, task.OpBarrier: // numbers of grace periods, which the rest of the world tells
		return 0
	case task.OpCall:
		return e.New
	}
	return e.Old
}

// writerOnly: of counts that are so high a writer asks for more than whether any is left.
const writerOnly = 1 << 29

func asBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// set puts the value of the operation's cell into the hash.
func (k *stateKey) set(i int, e *task.Event) {
	kind := e.Op.Info().Kind
	t := &k.local[i]
	if e.OldPtr != nil || e.Op == task.OpPlainRead && e.Old == 0 { // the number, if it is one, does not say what is there
		t.saw.addHash(k.value(e.Addr).adds)
	}
	if kind == task.Read || kind == task.Wait {
		return
	}
	switch {
	case e.Op == task.OpSlabAlloc || e.Op == task.OpSlabFree:
		k.opaque.add(uint64(i)<<32 | uint64(e.Op))
		return
	case e.Op == task.OpSectionBegin, e.Op == task.OpSectionEnd, kind == task.Wake, kind == task.Fence:
		return
	case e.Size > 0:
		k.fill(e)
		return
	}
	at := k.value(e.Addr)
	if !at.known {
		at.known, at.sure, at.first = true, kind != task.Write, e.Old
	}
	var v stateHash
	switch {
	case at.sure && e.New == at.first && (e.New != 0 || e.Op != task.OpPlainWrite):
	case e.NewPtr != nil, e.Op == task.OpPlainWrite && e.New == 0: // what its writer was told says what is there
		if v = hashOf(uint64(uintptr(e.Addr)), e.New); t.live < 0 {
			v.add(t.number)
			v.addHash(t.saw)
		}
	default:
		v = hashOf(uint64(uintptr(e.Addr)), e.New)
	}
	k.hash.toggle(at.adds)
	k.hash.toggle(v)
	at.adds = v
}

// fill takes in that bytes of a frame were written in bulk: instead of the values of its words, the content of the frame counts.
func (k *stateKey) fill(e *task.Event) {
	base := unsafe.Add(e.Addr, -int(uintptr(e.Addr)%linux.PageSize))
	k.forget(base, linux.PageSize)
	at := k.value(unsafe.Add(base, 1)) // where no word begins
	at.adds = hashOf(uint64(uintptr(base)), 1)
	for _, word := range (*[linux.PageSize / 8]uint64)(base) {
		if word != 0 {
			at.adds.add(word)
		} else {
			at.adds[0]++
		}
	}
	k.hash.toggle(at.adds)
}

func (k *stateKey) value(addr unsafe.Pointer) *cellValue {
	n := int(k.cells.at(addr).number)
	for n >= len(k.values) {
		k.values = append(k.values, cellValue{})
	}
	return &k.values[n]
}

// Mix returns a hash of two numbers, in that order.
func Mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(a, 23) ^ 0x2545f4914f6cdd1d
}
