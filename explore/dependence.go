package explore

import "vmasim/internal/task"

// access is what a step touches, as far as the order of two steps can matter. Cells and objects have numbers, given when
// they are first announced: two executions that begin with the same steps give the same ones.
//
// Two steps are dependent if exchanging them, when they come one after the other, can change what either does or whether
// it can be performed, and otherwise independent. A step's access is known for certain once it was performed; that of a
// pending operation is the most that it can be.
type access struct {
	task   int8
	wakes  int8 // the task that it wakes up, or kills; -1: none
	domain int8 // 1 + the slot of the RCU domain that it is about; 0: of none
	op     task.Op
	cell   int32 // 0: none
	object int32 // that the cell lies in; 0: none known
	life   int32 // the object whose life it begins or ends; 0: none
	class  accessClass
	flags  accessFlags
}

type accessClass uint8

const (
	reads   accessClass = iota // the cell
	writes                     // the cell
	waits                      // for what it waits for there is a step that allows it for good, and that alone matters
	section                    // begins or ends a read section
	queues                     // adds a callback to those that wait for a grace period, and asks for no section
	updates                    // begins a grace period, or deals with callbacks
)

type accessFlags uint16

const (
	// dependsOnAll: the step is dependent with every other, as one that breaks a rule is: nothing comes after it.
	dependsOnAll accessFlags = 1 << iota
	// guarded: whether it can be performed depends on a condition that others can make false again.
	guarded
	// drains: it may forget wake-ups that came before.
	drains
	// callbacks: it may end a batch of RCU callbacks, as any step can of a task that once took one.
	callbacks
	// barrier: it waits for batches of callbacks.
	barrier
	// bulk: it is about many cells of its object at once.
	bulk
	// commutes: it takes or gives back a lock for reading while no writer has it and none waits. The order of such steps cannot be told
	// afterwards, and whether a step is one is decided by steps that are none.
	commutes
	// full: it is a full barrier. All of them are in one order.
	full
)

// dependent reports whether the order of two steps of different tasks can matter. A signal matters to all steps of its task:
// any of them may go on to look whether one is pending, which is no step of its own.
func dependent(a, b *access) bool {
	switch {
	case (a.flags|b.flags)&dependsOnAll != 0:
		return true
	case a.cell != 0 && sameCells(a, b) && (a.class == writes || b.class == writes) && a.class <= writes && b.class <= writes && a.flags&b.flags&commutes == 0:
		return true
	case a.class >= section && b.class >= section && a.class+b.class > section+queues && a.domain == b.domain && // a section and one that queues commute
		(a.flags&b.flags&commutes == 0 || a.class == b.class):
		return true
	case a.life|b.life != 0 && sameMemory(a, b):
		return true
	case a.wakes == b.task && (consumesWakeup(b) || a.op == task.OpSendSig), b.wakes == a.task && (consumesWakeup(a) || b.op == task.OpSendSig):
		return true
	case a.wakes >= 0 && a.wakes == b.wakes: // either may be the one that ends the sleep
		return true
	case a.flags&b.flags&full != 0:
		return true
	case a.flags&barrier != 0 && b.flags&callbacks != 0, b.flags&barrier != 0 && a.flags&callbacks != 0:
		return true
	}
	return false
}

// bloom is a set to which a step belongs. Two steps without a set in common are independent, which is quick to see.
type bloom uint64

func (a *access) bloom() bloom {
	switch {
	case a.flags&(dependsOnAll|callbacks|barrier|bulk) != 0, a.class >= queues, a.life != 0, a.wakes >= 0:
		return ^bloom(0)
	case a.class == section:
		return 1
	}
	own := bloom(4) << (uint32(a.cell) % 62)
	if a.flags&full != 0 {
		own |= 2
	}
	return own
}

func sameCells(a, b *access) bool {
	return a.cell == b.cell || (a.flags|b.flags)&bulk != 0 && a.object == b.object
}

func sameMemory(a, b *access) bool {
	return a.life != 0 && (a.life == b.life || a.life == b.object) || b.life != 0 && b.life == a.object
}

// consumesWakeup reports whether a wake-up of the step's task matters to the step: it takes one, or forgets those before it.
func consumesWakeup(a *access) bool { return a.op == task.OpSchedule || a.flags&drains != 0 }

// neverTogether reports whether a step of a could not have come right before one of b, so that exchanging them is
// no question: a lock cannot be taken before it is given back.
func neverTogether(a, b *access) bool {
	return a.op == task.OpSpinUnlock && b.op == task.OpSpinLock
}
