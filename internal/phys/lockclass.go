package phys

import (
	"unsafe"

	"vmasim/internal/task"
)

// SpinClass returns the class of a spinlock of the memory, and, if it is that of a page, the page; Unclassed and nil: it is neither.
func (m *Memory) SpinClass(lock unsafe.Pointer) (task.LockClass, *Page) {
	first, last := uintptr(unsafe.Pointer(&m.pages[0])), uintptr(unsafe.Pointer(&m.pages[len(m.pages)-1]))
	switch at := uintptr(lock); {
	case lock == unsafe.Pointer(&m.lock):
		return task.ZoneLock, nil
	case at >= first && at < last+unsafe.Sizeof(Page{}):
		return task.Unclassed, &m.pages[(at-first)/unsafe.Sizeof(Page{})]
	}
	return task.Unclassed, nil
}
