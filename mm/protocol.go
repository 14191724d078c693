package mm

import (
	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Protocol is all that page faults and the operations of this package ask of the lock of an address space. It belongs to the mm:
// there are protocols whose VMAs have no lock. An MM is the only Protocol, so that each call of it is direct; its field Generation
// says which one it follows, in a branch at the beginning of each method.
//
// A reader holds a ReadLock from the look-up to EndRead. As long as it does, the page tables that it walks stay, and what it has read of
// the VMA holds. Where it has a copy instead, both may be otherwise: the tables stay for a section of their readers, and Stable tells. A writer holds mmap_lock, locks each VMA before it changes it, and detaches it
// before it takes away its pages, its page tables and its memory.
type Protocol interface {
	// LockVMAUnderRCU begins to read the VMA at an address without mmap_lock, if that can be done.
	LockVMAUnderRCU(t *task.Task, addr uint64) vma.ReadLock
	// LockAndFindVMA does so with mmap_lock.
	LockAndFindVMA(t *task.Task, addr uint64) (vma.ReadLock, error)
	// Speculate copies the VMA at an address for a fault, in the generation that locks none. Stable is then asked under the lock of a page
	// table, before an entry is changed.
	Speculate(t *task.Task, addr uint64) (c vma.Copy, ok bool)
	Stable(t *task.Task, r vma.ReadLock) bool
	EndRead(t *task.Task, r vma.ReadLock)

	MmapWriteLock(t *task.Task)
	MmapWriteDowngrade(t *task.Task)
	MmapWriteUnlock(t *task.Task)
	// StartWrite keeps the readers of a VMA out until the write section ends.
	StartWrite(t *task.Task, v *vma.VMA)
	MarkAttached(t *task.Task, v *vma.VMA)
	// MarkDetached ends what readers may do with a VMA.
	MarkDetached(t *task.Task, v *vma.VMA)

	// freeVMA gives the memory of a detached VMA back, to be another one when vma.ReuseOf says.
	freeVMA(t *task.Task, v *vma.VMA)
	// tableReaders returns the domain whose grace period page tables wait for before they are freed.
	tableReaders() *ksync.Domain
}

var _ Protocol = (*MM)(nil)

// freeVMA drops the VMA's file and gives its memory back: remove_vma. Neither the tree nor the reverse map holds it.
func (mm *MM) freeVMA(t *task.Task, v *vma.VMA) {
	if f := v.File(t); f != nil {
		_ = f.Put(t) // the opener of the file has a reference, too, and sees the errors of writing it back
	}
	mm.FreeArea(t, v)
}

// tableReaders returns the domain of the walkers that hold no lock: the processors, and GUP-fast. All others have the
// VMA or mmap_lock, which a writer waits for before it frees tables.
func (mm *MM) tableReaders() *ksync.Domain { return mm.Machine.Access }
