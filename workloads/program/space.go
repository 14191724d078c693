package program

import (
	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/mm"
)

// space is a named address space, which tasks find, make and remove as shared state like any other.
type space struct {
	mm      ksync.Pointer[mm.MM] // nil: does not exist; it holds a user's reference
	forking ksync.Atomic64       // 1: a task makes it, or it exists
}

// get returns the address space with a reference, nil if it does not exist.
func (s *space) get(t *task.Task) *mm.MM {
	m := s.mm.LoadAcquire(t)
	if m == nil || !m.Get(t) {
		return nil
	}
	return m
}
