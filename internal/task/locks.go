package task

import "strings"

// LockSet is a set of locks held together.
type LockSet uint16

// The locks that protect shared fields (Documentation/mm/process_addrs.rst). A VMA without file and anon_vma is in no reverse
// map: there the rmap locks count as held. A VMA that a task has detached itself counts as not yet visible.
const (
	MmapRead       LockSet = 1 << iota // mmap_lock for reading, or for writing
	MmapWrite                          // mmap_lock for writing
	VMARead                            // the VMA's read lock
	VMAWrite                           // the VMA's write lock
	RmapRead                           // i_mmap_rwsem or the anon_vma's rwsem for reading, or for writing
	RmapWrite                          // the same for writing
	PageTableLock                      // mm->page_table_lock
	RCU                                // inside rcu_read_lock, the value re-checked under a lock
	NotYetVisible                      // the object cannot be found by another task
	AtomicCell                         // the cell's own operations order it
	PTLock                             // the lock of the page table that the entry is in
	Unreachable                        // mmap_lock, and no VMA covers what the entry maps: it can only be emptied
	InvalidateLock                     // the lock under which a file's page cache is filled
	numLocks       = iota
)

var lockNames = [numLocks]string{"mmap R", "mmap W", "VMA R", "VMA W", "rmap R", "rmap W", "page_table_lock", "RCU", "not yet visible", "atomic", "PTE lock", "unreachable", "invalidate_lock"}

func (s LockSet) String() string {
	var names []string
	for i, n := range lockNames {
		if s&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, " + ")
}

// LockRule is a choice of lock sets, any one of which allows an access.
type LockRule []LockSet

func (r LockRule) String() string {
	sets := make([]string, len(r))
	for i, s := range r {
		sets[i] = s.String()
	}
	return strings.Join(sets, ", or ")
}

// Allows reports whether a task that holds held may make the access.
func (r LockRule) Allows(held LockSet) bool {
	for _, s := range r {
		if held&s == s {
			return true
		}
	}
	return false
}
