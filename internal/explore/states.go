package explore

import (
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"vmasim/internal/task"
)

// Recurring is a [World] whose program has its worlds at the same addresses and with the same values every time, for the
// strategy States.
type Recurring interface {
	World
	// Locals returns a number that, with the operations that task i has performed since the number last changed and the
	// values that the last few of them saw, determines what it goes on to do: the number of its round, say. few is how
	// many, at most 4; 0: all. Without this two ways to one state that a task could only remember apart, but does
	// not, would be two states.
	Locals(i int) (number uint64, few int)
}

// sharingTrials is how many random executions come first, so that most of what tasks share is known.
const sharingTrials = 100

// maxFew is how many last values can count.
const maxFew = 4

// states goes through all schedules depth first, but does not go on from a state where it has been. A state is the values
// of the cells, the wake-ups under way, and for each task what it has seen: being deterministic, a task that saw the
// same does the same. Of locks and of other cells with more to them than a number it is the operations since they
// were last free that count.
//
// States are told apart by a hash of 64 bits: among a million of them two are mistaken for one with a probability below
// 1 in 10 million. A watcher that remembers how a state was reached may see less than with the other strategies.
type states struct {
	dfs
	seen map[uint64]struct{}
	been bool // this execution has come to where an earlier one was

	sharing sharing
	trials  int // random executions so far
	rng     *rand.Rand
	addr    unsafe.Pointer // of the last operation

	hash   uint64 // of the cells and tasks
	cells  cells
	values []uint64                 // what each cell that changed adds to the hash, by number
	grace  uint64                   // what happened to the read sections' domains, if anything did
	saw    [maxTasks]uint64         // by each task since its locals changed
	few    [maxTasks]int            // how many values count
	last   [maxTasks][maxFew]uint64 // values
	locals [maxTasks]uint64
	woken  taskSet
}

func planStates(*Options) plan {
	return &onePhase{whole: true, parts: func(*executor) (func() strategy, error) {
		return each([]*states{{dfs: dfs{bound: -1}, seen: map[uint64]struct{}{},
			sharing: sharing{cells: map[unsafe.Pointer]use{}}, rng: rand.New(rand.NewPCG(1, 1))}}), nil
	}}
}

func (d *states) next() bool {
	d.been, d.hash, d.grace, d.woken = false, 0, 0, 0
	d.cells.reset()
	d.values = d.values[:0]
	d.saw, d.locals = [maxTasks]uint64{}, [maxTasks]uint64{}
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
			d.path = append(d.path, decision{taken: i})
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
		if i := rest.first(); d.sharing.local(s.pending[i].Event) {
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
	d.saw[i] = mix(d.saw[i], uint64(v)+1)
	return v
}

func (d *states) key(s *state) uint64 {
	h := mix(d.hash, d.grace) ^ uint64(d.woken)
	for i := range s.tasks {
		h = mix(h, d.saw[i])
		if e := s.pending[i].Event; e != nil {
			h = mix(h, uint64(e.Op)<<56^uint64(uintptr(e.Addr)))
		}
		for _, v := range d.last[i][:d.few[i]] {
			h = mix(h, v)
		}
	}
	return h
}

// announced forgets what a task saw before its locals changed.
func (d *states) announced(s *state, i int) {
	if s.locals != nil {
		v, few := s.locals(i)
		if v != d.locals[i] {
			d.locals[i] = v
			d.saw[i], d.last[i] = mix(v, 0), [maxFew]uint64{}
		}
		d.few[i] = few
	}
	if e := s.pending[i].Event; e == nil {
		d.saw[i], d.last[i] = 0, [maxFew]uint64{}
	} else if e.Op == task.OpXchg { // see dpor.announced
		d.woken &^= 1 << i
		if i == s.last {
			d.sharing.share(d.addr)
		}
	}
}

func (d *states) performed(s *state, i int, e *task.Event) {
	if d.addr = e.Addr; d.been || d.at == len(d.path) { // what comes before was noted by an earlier execution
		d.sharing.note(i, e)
	}
	if d.been {
		return
	}
	d.saw[i] = mix(d.saw[i], uint64(e.Op)<<56^uint64(uintptr(e.Addr)))
	if n := d.few[i]; n > 0 {
		copy(d.last[i][1:n], d.last[i][:n])
		d.last[i][0] = e.Old
	} else {
		d.saw[i] = mix(d.saw[i], e.Old)
	}
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
	case task.OpSynchronize, task.OpCall, task.OpBarrier:
		d.grace = mix(mix(d.grace, uint64(i)), uint64(e.Op))
		return
	case task.OpSectionBegin, task.OpSectionEnd:
		if d.grace != 0 {
			d.grace = mix(mix(d.grace, uint64(i)), uint64(e.Op))
		}
	}
	d.set(i, e)
}

// set puts the value of the operation's cell into the hash.
func (d *states) set(i int, e *task.Event) {
	kind := e.Op.Info().Kind
	if kind == task.Read || kind == task.Wait && !e.Interrupted {
		return
	}
	at := d.value(e.Addr)
	old := *at
	v := mix(uint64(uintptr(e.Addr)), e.New)
	switch {
	case kind == task.Lock || kind == task.Try || kind == task.Unlock || kind == task.Wait:
		if e.New == 0 && kind != task.Wait {
			v = 0 // free
		} else if kind != task.Try || e.Old != e.New {
			v = mix(mix(old, uint64(i)), uint64(e.Op))
		} else {
			v = old
		}
	case e.Op == task.OpSlabAlloc || e.Op == task.OpSlabFree || e.Op == task.OpPlainWrite && e.New == 0:
		v = mix(mix(old, uint64(i)), uint64(e.Op))
	}
	d.hash ^= old ^ v
	*at = v
}

func (d *states) value(addr unsafe.Pointer) *uint64 {
	n := int(d.cells.at(addr).number)
	for n >= len(d.values) {
		d.values = append(d.values, 0)
	}
	return &d.values[n]
}

func (d *states) lived(_ *state, i int, base unsafe.Pointer, size uintptr) {
	if i >= 0 {
		d.sharing.lived(i, base, size)
	}
}

func (d *states) stepped(*state, int, bool) {}

// mix returns a hash of two numbers, in that order.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(a, 23) ^ 0x2545f4914f6cdd1d
}
