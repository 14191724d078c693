package vma

import (
	"vmasim/internal/invariants"
	"vmasim/internal/task"
)

// The generation of Linux up to 6.3: VMAs have no lock, and mm_lock_seq does not exist. Each fault holds mmap_lock for reading, so a
// writer that holds it has every VMA to itself.
//
// These kernels have no detached flag, either. It is kept here under mmap_lock, as a statement for those who watch; no reader asks it.

// startWriteMmap has nothing to do: its caller keeps all readers out already.
func (v *VMA) startWriteMmap(t *task.Task, mm *MMLock) error {
	if invariants.Enabled {
		mm.assertWriteHeld(t)
	}
	return nil
}
