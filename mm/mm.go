// Package mm holds the address space: mm_struct and the operations that change it.
//
// Writers hold mmap_lock for writing, and lock each VMA that they change; fork holds the child's mmap_lock, too. mmap_lock for reading
// is for faults that could not use a VMA lock, for populating, and for tearing page tables down after a downgrade.
// internal/lockorder declares in which order locks are taken.
//
// Everything that changes the tree of VMAs runs in a write section: between MmapWriteLock and MmapWriteUnlock or
// MmapWriteDowngrade. The functions of this package that need a lock held say so; those that are system calls take
// what they need.
package mm

import (
	"fmt"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// MM is an address space: mm_struct. Writers change it under mmap_lock held for writing unless a field says otherwise.
type MM struct {
	vma.MMLock // mmap_lock, mm_lock_seq and the rules: all that decides who may use a VMA

	Machine *Machine        // whose memory, caches and settings it uses
	Name    string          // in reports
	Tree    *tree.Tree      // the VMAs by address, for readers under RCU: mm_mt
	Tables  *pgtable.Tables // the pages by address, with locks of their own: pgd

	vmi      tree.Iterator   // the writer's place in the tree; under mmap_lock held for writing, or downgraded
	users    ksync.AtomicRef // mm_users
	mapCount ksync.Plain[int]
	stat     ksync.Plain[VMStat]
	lockedVM ksync.Plain[uint64]        // pages
	defFlags ksync.Plain[linux.VMFlags] // of new VMAs, since mlockall (def_flags); VM_MERGEABLE: of those that can have it (MMF_VM_MERGE_ANY)
	mdwe     ksync.Flags64              // of PR_SET_MDWE: MMF_HAS_MDWE and MMF_HAS_MDWE_NO_INHERIT
	startBrk ksync.Plain[uint64]        // where the heap begins: start_brk
	brk      ksync.Plain[uint64]        // where it ends
	limits   limits
	failed   ksync.Plain[bool] // the fork that makes it has failed: MMF_UNSTABLE
	residue  residue           // under mmap_lock held for writing
	uffd     *uffd             // that VMAs with VM_UFFD_MISSING refer to; likewise
	uffdOpen bool              // it is not closed yet; likewise
	readings readings          // of the layout, where that is judged: one task runs at a time
	charged  uint64            // pages, whatever the mode: what Validate compares; under mmap_lock held for writing, or downgraded
}

// NewMM returns an empty address space with one user: mm_alloc. It fails with ENOMEM.
func (m *Machine) NewMM(t *task.Task, name string) (*MM, error) {
	mm, err := m.newMM(t, name)
	if err == nil && m.has(Scans) {
		m.enterKSM(t, mm)
	}
	return mm, err
}

// newMM is NewMM for fork: no task but the caller's comes by the address space.
func (m *Machine) newMM(t *task.Task, name string) (*MM, error) {
	mm := m.spare.get()
	*mm = MM{Machine: m, Name: name, Tree: mm.Tree, Tables: mm.Tables}
	if err := mm.Tables.Init(t, m.Mem, mm.tableReaders()); err != nil {
		return nil, err
	}
	if m.has(Collapses) {
		mm.Tables.LetVanish(m.RCU)
	}
	if m.nodes != nil {
		mm.Tree.InitNodes(t, m.nodes)
	} else {
		mm.Tree.Init(t, m.RCU)
	}
	mm.vmi = mm.Tree.Iterator()
	mm.MMLock.Init(m.RCU, m.Rules, m.VMAs)
	mm.RefLimit = m.MaxVMARefs
	mm.users.Init(1)
	mm.limits.init()
	m.mms.Count(t, 1)
	return mm, nil
}

// Get takes a user's reference: mmget_not_zero. It reports false if the address space is being torn down.
func (mm *MM) Get(t *task.Task) bool { return mm.users.IncNotZero(t) }

// Put gives a user's reference back and tears the address space down with the last: mmput.
func (mm *MM) Put(t *task.Task) {
	if mm.users.DecAndTest(t) == 0 {
		if mm.Machine.has(Scans) {
			mm.Machine.exitKSM(t, mm)
		}
		mm.exitMmap(t)
		if mm.Machine.has(SwapsOff) {
			mm.Machine.unlist(t, mm)
		}
		mm.MMLock.Drop(t)
	}
}

// MapCount returns the number of VMAs. The caller holds mmap_lock.
func (mm *MM) MapCount(t *task.Task) int { return mm.mapCount.Read(t) }

func (mm *MM) addMapCount(t *task.Task, d int) { mm.mapCount.Write(t, mm.mapCount.Read(t)+d) }

// checkSection validates the mm at the end of a write section, if the machine is asked to. The caller holds mmap_lock.
func (mm *MM) checkSection(t *task.Task) {
	var wrong []task.Violation
	switch {
	case mm.Machine.ValidateWrites:
		wrong = mm.Validate(t)
	case mm.Machine.JudgeCalls:
		wrong = mm.validateTree(t)
	}
	for _, v := range wrong {
		t.Violate(v.Oracle, "%s", v.Message)
	}
}

// endWrite ends a write section.
func (mm *MM) endWrite(t *task.Task) {
	mm.checkSection(t)
	mm.MmapWriteUnlock(t)
}

// pageAlign rounds n up to a whole number of pages; it wraps to 0 near the end, as PAGE_ALIGN does.
func pageAlign(n uint64) uint64 { return (n + linux.PageSize - 1) &^ (linux.PageSize - 1) }

func offsetInPage(n uint64) uint64 { return n & (linux.PageSize - 1) }

// errno returns an error of system call op that says why.
func errno(op string, e linux.Errno, why string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", op, fmt.Sprintf(why, args...), e)
}
