package task

import (
	"unsafe"

	"vmasim/internal/linux"
)

// Meter measures what a task of a plain run waits for, and how long its faults take. The cells ask it where there is a wait, and nowhere
// else, so a lock that is free costs nothing. The clock is the meter's. Each task has one of its own.
type Meter interface {
	// WaitBegins says that the task has to wait at op for the cell, a lock of the class.
	WaitBegins(op Op, class LockClass, cell unsafe.Pointer)
	// WaitIsLong says that the task is about to sleep.
	WaitIsLong()
	// WaitEnds says that the task goes on, because of what it waited for or of a signal.
	WaitEnds()
	// Released says that the task has given back the cell, for which another waits.
	Released(cell unsafe.Pointer)
	// FaultBegins says that the task begins the fault whose number TimedFault tells; FaultEnds, that the fault is over.
	FaultBegins()
	FaultEnds(work FaultWork, end linux.AccessEnd)
}

// LockClass is a kind of lock, or another reason to wait, as a [Meter] counts them.
type LockClass uint8

// The classes. classTable names them.
const (
	Unclassed LockClass = iota // its address says which one
	MmapLock
	VMAReaders
	VMALockSem
	AnonVMASem
	IMmapSem
	IRWSem
	DupMmapSem
	PageTables
	PMDTable
	PTETable
	InvalidateMutex
	InodeHash
	ZoneGrowing
	ZoneLock
	PageCacheIndex
	MmlistLock
	UprobesLock
	KSMLock
	GracePeriod
	AccessSection
	NumLockClasses
)

// ClassInfo describes a class.
type ClassInfo struct {
	Name string // as internal/lockorder declares the lock, where it is one of those
	Doc  string
}

var classTable = [NumLockClasses]ClassInfo{
	Unclassed:       {"other", "a lock that no class is declared for"},
	MmapLock:        {"mm_struct.mmap_lock", "the lock of the whole address space"},
	VMAReaders:      {"vma_lock", "a writer waits for the readers of a VMA: `vma_start_write` and the detaching of a VMA"},
	VMALockSem:      {"vma_lock.lock", "the semaphore of a VMA, in the generations that have one"},
	AnonVMASem:      {"anon_vma.rwsem", "a tree of anon_vmas"},
	IMmapSem:        {"address_space.i_mmap_rwsem", "the mappings of a file"},
	IRWSem:          {"address_space.i_rwsem", "the bytes of a file"},
	DupMmapSem:      {"global.dup_mmap_sem", "forks against uprobes"},
	PageTables:      {"mm_tables.page_table_lock", "the upper page tables"},
	PMDTable:        {"pmd_lock.ptl", "a PMD table"},
	PTETable:        {"pte_lock.ptl", "a PTE table"},
	InvalidateMutex: {"address_space.invalidate_lock", "the filling of a file's page cache"},
	InodeHash:       {"zone.inode_hash_lock", "the inodes that are open"},
	ZoneGrowing:     {"zone.growing", "the making of another chunk of memory usable"},
	ZoneLock:        {"zone.lock", "the free list of frames"},
	PageCacheIndex:  {"address_space.i_pages.xa_lock", "the index of a file's cached pages"},
	MmlistLock:      {"global.mmlist_lock", "the list that swapoff goes through"},
	UprobesLock:     {"global.uprobes_treelock", "the breakpoints in files"},
	KSMLock:         {"global.ksm_mmlist_lock", "the list that ksm goes through"},
	GracePeriod:     {"grace period", "`synchronize_rcu` and `rcu_barrier`: RCU read sections keep it from ending"},
	AccessSection:   {"tlb flush", "memory accesses in progress keep it from ending, as an interrupt to another CPU would"},
}

// Info returns the class's name and meaning.
func (c LockClass) Info() ClassInfo { return classTable[c] }

// sectionClasses are the classes of waits for the sections of a domain, by its slot.
var sectionClassTable = [NumSlots]LockClass{SlotRCU: GracePeriod, SlotAccess: AccessSection}

// SectionClass returns the class of waits for sections of the domain that uses a slot.
func SectionClass(slot int) LockClass { return sectionClassTable[slot] }

// FaultWork is the kind of page that a fault was about.
type FaultWork uint8

// The kinds. workNames names them.
const (
	FaultAnon  FaultWork = iota // a page of anonymous memory, or one that was there already
	FaultFile                   // a page of a file
	FaultCOW                    // a page that is copied to be written to
	FaultReuse                  // a page that is mapped read-only and may be written to as it is
	NumFaultWorks
)

var workNames = [NumFaultWorks]string{"anon", "file", "cow", "reuse"}

func (w FaultWork) String() string { return workNames[w] }

// WaitBegins is [Meter.WaitBegins] of the task's meter, if it has one.
func (t *Task) WaitBegins(op Op, class LockClass, cell unsafe.Pointer) {
	if t.Meter != nil {
		t.Meter.WaitBegins(op, class, cell)
	}
}

// WaitEnds is [Meter.WaitEnds] of the task's meter.
func (t *Task) WaitEnds() {
	if t.Meter != nil {
		t.Meter.WaitEnds()
	}
}

// Released is [Meter.Released] of the task's meter.
func (t *Task) Released(cell unsafe.Pointer) {
	if t.Meter != nil {
		t.Meter.Released(cell)
	}
}

// WaitIsLong is [Meter.WaitIsLong] of the task's meter.
func (t *Task) WaitIsLong() {
	if t.Meter != nil {
		t.Meter.WaitIsLong()
	}
}
