package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// access is what a step touches, as far as the order of two steps can matter. Cells and objects have numbers, given when
// they are first announced: two executions that begin with the same steps give the same ones.
//
// Two steps are dependent if exchanging them, when they come one after the other, can change what either does or whether
// it can be performed, and otherwise independent. A step's access is known for certain once it was performed; that of a
// pending operation is the most that it can be.
type access struct {
	task   int8
	wakes  int8  // the task that it wakes up, or kills; -1: none
	cell   int32 // 0: none
	object int32 // that the cell lies in; 0: none known
	life   int32 // the object whose life it begins or ends; 0: none
	op     task.Op
	class  accessClass
	flags  accessFlags
}

type accessClass uint8

const (
	reads   accessClass = iota // the cell
	writes                     // the cell
	waits                      // for what it waits for there is a step that allows it for good, and that alone matters
	section                    // begins or ends a read section
	updates                    // begins a grace period, or deals with callbacks
)

type accessFlags uint8

const (
	// everything: dependent with all: nothing comes after a step that breaks a rule.
	everything accessFlags = 1 << iota
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
)

// dependent reports whether the order of two steps of different tasks can matter. A signal matters to all steps of its task:
// any of them may go on to look whether one is pending, which is no step of its own.
func dependent(a, b *access) bool {
	switch {
	case (a.flags|b.flags)&everything != 0:
		return true
	case a.cell != 0 && sameCells(a, b) && (a.class == writes || b.class == writes) && a.class <= writes && b.class <= writes:
		return true
	case a.class >= section && b.class >= section && (a.class == updates || b.class == updates):
		return true
	case a.life|b.life != 0 && sameMemory(a, b):
		return true
	case a.wakes == b.task && (minds(b) || a.op == task.OpSendSig), b.wakes == a.task && (minds(a) || b.op == task.OpSendSig):
		return true
	case a.wakes >= 0 && a.wakes == b.wakes: // either may be the one that ends the sleep
		return true
	case a.flags&barrier != 0 && b.flags&callbacks != 0, b.flags&barrier != 0 && a.flags&callbacks != 0:
		return true
	}
	return false
}

// sign is a set to which a step belongs. Two steps without a set in common are independent, which is quick to see.
type sign uint64

func (a *access) sign() sign {
	switch {
	case a.flags&(everything|callbacks|barrier|bulk) != 0, a.class == updates, a.life != 0, a.wakes >= 0:
		return ^sign(0)
	case a.class == section:
		return 1
	}
	return 2 << (uint32(a.cell) % 63)
}

func sameCells(a, b *access) bool {
	return a.cell == b.cell || (a.flags|b.flags)&bulk != 0 && a.object == b.object
}

func sameMemory(a, b *access) bool {
	return a.life != 0 && (a.life == b.life || a.life == b.object) || b.life != 0 && b.life == a.object
}

// minds reports whether a wake-up of the step's task matters to the step: it takes one, or forgets those before it.
func minds(a *access) bool { return a.op == task.OpSchedule || a.flags&drains != 0 }

// neverTogether reports whether a step of a could not have come right before one of b, so that exchanging them is
// no question: a lock cannot be taken before it is given back.
func neverTogether(a, b *access) bool {
	return a.op == task.OpSpinUnlock && b.op == task.OpSpinLock
}

// cells numbers the addresses of one execution, and says which object they lie in.
type cells struct {
	slots   []cellSlot // open addressing, a power of two
	round   uint32     // slots of other rounds are empty
	count   int32
	addrs   []unsafe.Pointer // by number, from 1
	objects []object
}

type cellSlot struct {
	addr   unsafe.Pointer
	round  uint32
	number int32
	object int32
}

// object is memory that was born in this execution.
type object struct {
	base   unsafe.Pointer
	size   uintptr
	number int32
}

func (c *cells) reset() {
	c.round++
	c.count = 0
	c.addrs = c.addrs[:0]
	c.objects = c.objects[:0]
	if c.slots == nil {
		c.slots = make([]cellSlot, 256)
	}
}

// at returns the entry of an address, which it numbers if it is new.
func (c *cells) at(addr unsafe.Pointer) *cellSlot {
	mask := uintptr(len(c.slots) - 1)
	for h := (uintptr(addr) * 0x9e3779b97f4a7c15) >> 32; ; h++ {
		s := &c.slots[h&mask]
		if s.round != c.round {
			if int(c.count)*2 >= len(c.slots) {
				c.grow()
				return c.at(addr)
			}
			c.count++
			c.addrs = append(c.addrs, addr)
			*s = cellSlot{addr, c.round, c.count, c.objectOf(addr)}
			return s
		}
		if s.addr == addr {
			return s
		}
	}
}

func (c *cells) grow() {
	old := c.slots
	c.slots = make([]cellSlot, 2*len(old))
	mask := uintptr(len(c.slots) - 1)
	for _, s := range old {
		if s.round != c.round {
			continue
		}
		h := (uintptr(s.addr) * 0x9e3779b97f4a7c15) >> 32
		for c.slots[h&mask].round == c.round {
			h++
		}
		c.slots[h&mask] = s
	}
}

func (c *cells) objectOf(addr unsafe.Pointer) int32 {
	for _, o := range c.objects {
		if uintptr(addr)-uintptr(o.base) < o.size {
			return o.number
		}
	}
	return 0
}

// lived notes a birth, or, with size 0, a death. It returns the object's number, or 0 if cells of it were seen before
// it was known where it lies.
func (c *cells) lived(base unsafe.Pointer, size uintptr) int32 {
	for _, o := range c.objects {
		if o.base == base {
			return o.number
		}
	}
	if size == 0 {
		return 0
	}
	// Its number is that of its address, which every execution with the same beginning gives alike.
	for _, addr := range c.addrs {
		if uintptr(addr)-uintptr(base) < size {
			return 0
		}
	}
	n := c.at(base).number
	c.objects = append(c.objects, object{base, size, n})
	c.at(base).object = n
	return n
}
