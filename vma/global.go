package vma

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// GlobalLocks are locks of the whole machine, by which tasks from beside find address spaces.
type GlobalLocks struct {
	DupMmapSem ksync.RWSem    // forks hold it for reading, uprobes for writing: dup_mmap_sem, a percpu_rw_semaphore
	MmlistLock ksync.SpinLock // guards the list of address spaces that may have pages in swap: mmlist_lock
	ProbesLock ksync.SpinLock // guards the breakpoints in files: uprobes_treelock
	KSMLock    ksync.SpinLock // guards the list of address spaces that ksm scans: ksm_mmlist_lock
}

var globalLayout = task.Layout{
	Type: "global", Size: unsafe.Sizeof(GlobalLocks{}),
	Fields: []task.Field{
		{Name: "dup_mmap_sem", Offset: unsafe.Offsetof(GlobalLocks{}.DupMmapSem), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "keeps uprobes out while an address space is copied"},
		{Name: "mmlist_lock", Offset: unsafe.Offsetof(GlobalLocks{}.MmlistLock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "guards the list of address spaces that may have pages in swap"},
		{Name: "uprobes_treelock", Offset: unsafe.Offsetof(GlobalLocks{}.ProbesLock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "guards the breakpoints in files"},
		{Name: "ksm_mmlist_lock", Offset: unsafe.Offsetof(GlobalLocks{}.KSMLock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "guards the list of address spaces that ksm scans"},
	},
}

// GlobalLayout returns the declaration of the locks of the machine. The caller must not change it.
func GlobalLayout() *task.Layout { return &globalLayout }
