package herd

import (
	"fmt"

	"vmasim/internal/task"
)

// address is the number that stands for the address of a variable; 0 for none.
func (v *variable) address() int64 {
	if v == nil {
		return 0
	}
	return firstAddress + int64(v.index)
}

// of returns the variable that an address is of; nil for 0.
func (v *variable) of(t *task.Task, address int64) *variable {
	i := address - firstAddress
	switch {
	case address == 0:
		return nil
	case i >= 0 && i < int64(len(v.world.vars)):
		return v.world.vars[i]
	}
	v.world.wrong = fmt.Sprintf("%s stores %d in %s, which holds addresses", t.Name, address, v.name)
	return nil
}

func (v *variable) read(t *task.Task) int64 {
	if v.pointer {
		return v.leads.ReadOnce(t).address()
	}
	return int64(v.word.ReadOnce(t))
}

func (v *variable) acquire(t *task.Task) int64 {
	if v.pointer {
		return v.leads.LoadAcquire(t).address()
	}
	return int64(v.word.LoadAcquire(t))
}

func (v *variable) write(t *task.Task, value int64) {
	if v.pointer {
		v.leads.WriteOnce(t, v.of(t, value))
		return
	}
	v.word.WriteOnce(t, uint64(value))
}

func (v *variable) release(t *task.Task, value int64) {
	if v.pointer {
		v.leads.StoreRelease(t, v.of(t, value))
		return
	}
	v.word.StoreRelease(t, uint64(value))
}

func (v *variable) xchg(t *task.Task, order task.Order, value int64) int64 {
	t.Weaken(order)
	if v.pointer {
		return v.leads.Xchg(t, v.of(t, value)).address()
	}
	return int64(v.word.Xchg(t, uint64(value)))
}

// cmpxchg is of a number: [program] refuses others.
func (v *variable) cmpxchg(t *task.Task, order task.Order, old, value int64) int64 {
	t.Weaken(order)
	return int64(v.word.CmpXchgObserved(t, uint64(old), uint64(value)))
}

// add returns the value before.
func (v *variable) add(t *task.Task, order task.Order, d int64) int64 {
	t.Weaken(order)
	return int64(v.word.Add(t, uint64(d))) - d
}

// peek returns the value in the end.
func (v *variable) peek() int64 {
	if v.pointer {
		return v.leads.Peek().address()
	}
	return int64(v.word.Peek())
}
