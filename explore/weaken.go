package explore

import (
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// This file asks the strategy what a load sees, and which place a store takes, where a memory model leaves it open.

// See implements [task.Memory].
func (p *proc) See(_ *task.Task, cell unsafe.Pointer, latest uint64, may func(uint64) bool) (uint64, unsafe.Pointer, bool) {
	x := p.x
	if x.views.buffers != nil && x.pending[p.index].Event.Op == task.OpCmpXchg { // which has the prefix lock even if it fails
		return 0, nil, false
	}
	if x.stopping {
		return 0, nil, false
	}
	older := x.views.older(p.index, cell, latest, may)
	if len(older) == 0 && !x.views.impatient {
		return 0, nil, false
	}
	at := x.site(p, cell)
	if !x.mayBeWeak() || !x.weaken(p, olderValue, older) {
		if _, known := x.older[at]; !known {
			x.older[at] = false
		}
		return 0, nil, false
	}
	x.older[at] = true
	_, h := x.views.cell(cell)
	s := &h.stores[x.views.chosen]
	return s.value, s.pointer, true
}

// Overtaken implements [task.Memory].
func (p *proc) Overtaken(_ *task.Task, cell unsafe.Pointer, latest uint64) bool {
	x := p.x
	return x.mayBeWeak() && x.weaken(p, earlierPlace, x.views.earlier(p.index, cell, latest))
}

func (x *Executor) mayBeWeak() bool { return !x.stopping && (x.maxWeak == 0 || x.weakened < x.maxWeak) }

// The decisions that a memory model asks for. They are no choices that a scenario asks for by may.
const (
	olderValue   task.Choice = "older-value"
	earlierPlace task.Choice = "earlier-place"
)

// MemoryModelsOf returns the memory models that ask for a decision, as one names them.
func MemoryModelsOf(c task.Choice) []string {
	if c == earlierPlace {
		return []string{"views"}
	}
	return []string{"views", "tso"}
}

// MemoryChoices describes the decisions that a memory model asks for.
func MemoryChoices() []task.ChoiceInfo {
	return []task.ChoiceInfo{
		{Name: olderValue, Doc: "a load sees an older store than the last: with 1 the one before it, with 2 the one before that"},
		{Name: earlierPlace, Doc: "a store takes its place before stores of others that were performed already: before the last one, with 2 before the last two"},
	}
}

// weaken decides whether the access being performed is one of those that it may be besides the usual one.
func (x *Executor) weaken(p *proc, what task.Choice, others []int) bool {
	if len(others) == 0 {
		return false
	}
	v := x.strategy.choose(&x.state, p.index, 1+len(others))
	x.trail.choice(v)
	if x.recorder != nil {
		x.recorder.rec.Chosen(trace.Decision{Choice: what, Value: v, Of: 1 + len(others)})
	}
	if v == 0 {
		return false
	}
	x.weakened++
	x.views.chosen = others[v-1]
	return true
}
