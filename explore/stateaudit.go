package explore

import "vmasim/internal/task"

// audit holds the states against what comes of them: an execution that comes to where another has been goes on to its end as that one
// did, and must take the same steps with the same values.
type audit struct {
	marks   []mark // states of this execution to be looked at
	tail    uint64 // a hash of the steps so far
	power   uint64 // of auditBase: as many as steps
	differ  int    // how often what came was not the same
	compare int    // how often that was looked at
}

// mark is a state that an execution was in.
type mark struct {
	key         stateHash
	came        came
	known       uint32 // when it was there
	tail, power uint64 // likewise
}

// came is what came of a state.
type came struct {
	steps uint32 // a hash of them, odd; 0: it was not seen before
	known uint32 // how much was known then by which the strategy chooses the steps: where it has learned more, it may choose others
}

const auditBase = 0x9e3779b97f4a7c15 // odd: it has an inverse

func (a *audit) begin() { a.marks, a.tail, a.power = a.marks[:0], 0, 1 }

// pass notes that the execution is in a state, and how much is known.
func (a *audit) pass(key stateHash, came came, known uint32) {
	a.marks = append(a.marks, mark{key, came, known, a.tail, a.power})
}

// step notes a step.
func (a *audit) step(i int, e *task.Event) {
	a.tail = a.tail*auditBase + Mix(Mix(uint64(i)<<32|uint64(e.Op), uint64(uintptr(e.Addr))), tells(e))
	a.power *= auditBase
}

// end compares what came of the states with what came of them while as much was known as now, and calls first with what came of the others.
func (a *audit) end(known uint32, first func(key stateHash, came came)) {
	for _, m := range a.marks {
		steps := uint32((a.tail-m.tail*(a.power*inverse(m.power)))>>32) | 1
		switch {
		case m.came.steps == 0 || m.came.known != known:
			first(m.key, came{steps, m.known})
		case m.came.steps != steps:
			a.differ++
			fallthrough
		default:
			a.compare++
		}
	}
}

// inverse returns what an odd number has to be multiplied with to give 1.
func inverse(n uint64) uint64 {
	x := n // right in 3 bits, and in twice as many after each turn
	for range 5 {
		x *= 2 - n*x
	}
	return x
}
