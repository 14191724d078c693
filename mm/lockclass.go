package mm

import (
	"unsafe"

	"vmasim/internal/pgtable"
	"vmasim/internal/task"
)

// SpinClass returns the class of a spinlock of the machine that a task waits for: a spinlock is one word, which has no room for it. Those
// of address spaces and of files the machine does not know, and returns Unclassed.
func (m *Machine) SpinClass(lock unsafe.Pointer) task.LockClass {
	switch lock {
	case unsafe.Pointer(&m.lists.MmlistLock):
		return task.MmlistLock
	case unsafe.Pointer(&m.lists.ProbesLock):
		return task.UprobesLock
	case unsafe.Pointer(&m.lists.KSMLock):
		return task.KSMLock
	}
	class, page := m.Mem.SpinClass(lock)
	switch {
	case page == nil:
		return class
	case page.Owner.Peek() == pgtable.PMDShift:
		return task.PMDTable
	}
	return task.PTETable
}
