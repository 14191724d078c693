package explore

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"unsafe"

	"vmasim/internal/task"
)

// sharingTrials is how many random executions come first, so that most of what tasks share is known.
const sharingTrials = 100

// maxLive is how many values that a task saw can be live.
const maxLive = 4

// states goes through all schedules depth first, but does not go on from a state where it has been. A state is the values
// of the cells, the wake-ups under way, and for each task what it has seen: being deterministic, a task that saw the
// same does the same. Of locks and of other cells with more to them than a number it is the operations since they
// were last free that count.
//
// A world may say more ([World].Locals): then a task is where it stands in the code and what it remembers.
//
// States are told apart by a hash of 64 bits: among a million of them two are mistaken for one with a probability below
// 1 in 10 million. An oracle that remembers how a state was reached may see less than with the other strategies.
type states struct {
	dfs
	seen map[uint64]struct{}
	been bool // this execution has come to where an earlier one was

	sharing sharing
	trials  int // random executions so far
	rng     *rand.Rand
	addr    unsafe.Pointer // of the last operation

	hash   uint64 // of the cells
	cells  cells
	values []cellValue // by the number of the cell
	grace  uint64      // what happened to the read sections' domains, if anything did
	local  [maxTasks]taskState
	woken  taskSet

	starts [maxTasks]uint64 // where the tasks stand before the first step
	places []uint64         // where the task stands that took the n-th step, from 1
	frames []uintptr        // scratch
}

// taskState is what a state says of one task.
type taskState struct {
	number uint64 // of its world's
	live   int    // how many of the last values count; -1: all that it has seen and done since the number changed
	saw    uint64
	last   [maxLive]uint64 // values seen, the last one first
	place  uint64          // where it stands in the code
}

// cellValue is what the value of a cell adds to the hash.
type cellValue struct {
	known bool
	first uint64 // the value at first, which adds nothing: that it was written in between does not matter
	adds  uint64
}

func planStates(*Options, int) plan {
	return &onePhase{whole: true, make: func(*Executor) (*phase, error) {
		return each([]*states{{dfs: dfs{bound: -1}, seen: map[uint64]struct{}{},
			sharing: sharing{cells: map[unsafe.Pointer]use{}}, rng: rand.New(rand.NewPCG(1, 1))}}), nil
	}}
}

func (d *states) next() bool {
	d.been, d.hash, d.grace, d.woken = false, 0, 0, 0
	d.cells.reset()
	clear(d.values)
	for i := range d.local {
		d.local[i] = taskState{live: -1}
	}
	if d.trials < sharingTrials {
		d.trials++
		d.been = true
		return true
	}
	if d.sharing.news {
		d.sharing.news = false
		clear(d.seen)
		d.dfs = dfs{bound: -1, path: d.path[:0]}
	}
	return d.dfs.next()
}

func (d *states) pick(s *state) int {
	switch {
	case d.trials < sharingTrials:
		return s.enabled.nth(d.rng.IntN(s.enabled.len()))
	case d.been: // to the end, so that the world can be used again
		return s.stay(s.enabled)
	case d.at == len(d.path):
		if i := d.alone(s); i >= 0 {
			d.path = append(d.path, decision{taken: i, of: 1})
			return d.dfs.pick(s)
		}
		key := d.key(s)
		_, d.been = d.seen[key]
		d.seen[key] = struct{}{}
	}
	if d.been {
		return s.stay(s.enabled)
	}
	return d.dfs.pick(s)
}

// alone returns a task whose step can be taken at once, or -1.
func (d *states) alone(s *state) int {
	for rest := s.enabled; rest != 0; rest &= rest - 1 {
		if i := rest.first(); d.sharing.local(i, s.pending[i].Event) {
			return i
		}
	}
	return -1
}

func (d *states) choose(s *state, i, n int) int {
	if d.been {
		return 0
	}
	v := d.dfs.choose(s, i, n)
	d.local[i].see(uint64(v) + 1)
	return v
}

func (d *states) key(s *state) uint64 {
	h := mix(d.hash, d.grace) ^ uint64(d.woken)
	for i := range s.tasks {
		t := &d.local[i]
		if e := s.pending[i].Event; e != nil {
			h = mix(h, uint64(e.Op)<<56^uint64(uintptr(e.Addr)))
		}
		h = mix(mix(h, t.number), t.place)
		if t.live < 0 {
			h = mix(h, t.saw)
		}
		for n := range t.live {
			h = mix(h, t.last[n])
		}
	}
	return h
}

func (d *states) tracker() tracker { return d }

func (d *states) states() int { return len(d.seen) }

// announced forgets what a task saw before its locals changed.
func (d *states) announced(s *state, i int) {
	e := s.pending[i].Event
	t := &d.local[i]
	if e == nil {
		*t = taskState{}
		return
	}
	var number uint64
	if number, t.live = s.locals(i, e); number != t.number {
		*t = taskState{number: number, live: t.live}
	}
	if t.live >= 0 {
		t.place = d.place(s, i)
	}
	if e.Op == task.OpXchg { // see dpor.announced
		d.woken &^= 1 << i
		if i == s.last {
			d.sharing.share(d.addr)
		}
	}
}

// place returns where in the code task i, which is running, has announced its operation. It reuses findings of earlier executions
// with the same beginning.
func (d *states) place(s *state, i int) uint64 {
	at := &d.starts[i]
	if s.steps > 0 {
		for s.steps >= len(d.places) {
			d.places = append(d.places, 0)
		}
		at = &d.places[s.steps]
	}
	if d.at == len(d.path) && !d.been {
		*at = 1
		for _, pc := range d.callers() {
			*at = mix(*at, uint64(pc))
		}
	}
	return *at
}

// callers returns the calls that the running task is in.
func (d *states) callers() []uintptr {
	for {
		if n := runtime.Callers(0, d.frames); n < len(d.frames) {
			return d.frames[:n]
		}
		d.frames = make([]uintptr, 2*len(d.frames)+32)
	}
}

func (d *states) performed(s *state, i int, e *task.Event) {
	if d.addr = e.Addr; d.been || d.at == len(d.path) { // what comes before was noted by an earlier execution
		d.sharing.note(i, e)
	}
	if d.been {
		return
	}
	t := &d.local[i]
	t.saw = mix(t.saw, uint64(e.Op)<<56^uint64(uintptr(e.Addr)))
	t.see(e.Old)
	switch e.Op {
	case task.OpWakeUp:
		for j := range s.tasks {
			if s.pending[j].who == e.Target {
				d.woken |= 1 << j
			}
		}
		return
	case task.OpSchedule:
		d.woken &^= 1 << i
		return
	case task.OpSynchronize, task.OpCall, task.OpBarrier, task.OpStartPoll, task.OpPoll:
		d.grace = mix(mix(d.grace, uint64(i)), uint64(e.Op))
		return
	case task.OpSectionBegin, task.OpSectionEnd:
		if d.grace != 0 {
			d.grace = mix(mix(d.grace, uint64(i)), uint64(e.Op))
		}
	}
	d.set(i, e)
}

// see takes in a value that the task saw.
func (t *taskState) see(v uint64) {
	t.saw = mix(t.saw, v)
	copy(t.last[1:], t.last[:maxLive-1])
	t.last[0] = v
}

// set puts the value of the operation's cell into the hash.
func (d *states) set(i int, e *task.Event) {
	kind := e.Op.Info().Kind
	if kind == task.Read || kind == task.Wait && !e.Interrupted {
		return
	}
	at := d.value(e.Addr)
	if !at.known {
		at.known, at.first = true, e.Old
	}
	v := uint64(0)
	switch {
	case kind == task.Lock || kind == task.Try || kind == task.Unlock || kind == task.Wait:
		switch {
		case e.New == 0 && kind != task.Wait: // free
		case kind != task.Try || e.Old != e.New:
			v = mix(mix(at.adds, uint64(i)), uint64(e.Op))
		default:
			v = at.adds
		}
	case e.Size > 0 || e.Op == task.OpSlabAlloc || e.Op == task.OpSlabFree || e.Op == task.OpPlainWrite && e.New == 0:
		v = mix(mix(at.adds, uint64(i)), uint64(e.Op))
	case e.New != at.first:
		v = mix(uint64(uintptr(e.Addr)), e.New)
	}
	d.hash ^= at.adds ^ v
	at.adds = v
}

func (d *states) value(addr unsafe.Pointer) *cellValue {
	n := int(d.cells.at(addr).number)
	for n >= len(d.values) {
		d.values = append(d.values, cellValue{})
	}
	return &d.values[n]
}

func (d *states) lived(_ *state, i int, base unsafe.Pointer, size uintptr) {
	if i >= 0 {
		d.sharing.lived(i, base, size)
	}
}

func (d *states) stepped(*state, int, bool) {}

// ended counts the state that the execution ended in, too.
func (d *states) ended(s *state, how Ending) {
	if !d.been && how != Redundant {
		d.seen[d.key(s)] = struct{}{}
	}
}

// mix returns a hash of two numbers, in that order.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(a, 23) ^ 0x2545f4914f6cdd1d
}
