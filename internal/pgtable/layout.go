package pgtable

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// An entry may be read without a lock, once, by a task that keeps its table from being freed. It is changed under the lock of its
// table, but for the entries of the PGD and the PUD tables, whose lock is page_table_lock; and a task that frees the tables of a
// range that cannot be reached empties the entries above them without one.
var (
	atomicRule = task.LockRule{task.AtomicCell}
	pteRule    = task.LockRule{task.PTLock, task.NotYetVisible}
	pmdRule    = task.LockRule{task.PTLock, task.Unreachable, task.NotYetVisible}
	upperRule  = task.LockRule{task.PageTableLock, task.Unreachable, task.NotYetVisible}
)

const entrySize = unsafe.Sizeof(Entry{})

var pteLayout = task.Layout{
	Type: "pte_table", Size: linux.PageSize,
	Fields: []task.Field{{Name: "pte", Size: linux.PageSize, Cell: entrySize, Read: atomicRule, Write: pteRule, Doc: "maps a page"}},
}

var pmdLayout = task.Layout{
	Type: "pmd_table", Size: linux.PageSize,
	Fields: []task.Field{{Name: "pmd", Size: linux.PageSize, Cell: entrySize, Read: atomicRule, Write: pmdRule, Doc: "refers to a PTE table"}},
}

var pudLayout = task.Layout{
	Type: "pud_table", Size: linux.PageSize,
	Fields: []task.Field{{Name: "pud", Size: linux.PageSize, Cell: entrySize, Read: atomicRule, Write: upperRule, Doc: "refers to a PMD table"}},
}

var pgdLayout = task.Layout{
	Type: "pgd_table", Size: linux.PageSize,
	Fields: []task.Field{{Name: "pgd", Size: linux.PageSize, Cell: entrySize, Read: atomicRule, Write: upperRule, Doc: "refers to a PUD table"}},
}

// The lock of a table lies elsewhere: in the kernel it is an object of its own, too (ptlock_alloc). To lockdep the two levels
// that have one are classes of their own, for the kernel takes one of each together.

var pteLockLayout = task.Layout{
	Type: "pte_lock", Size: unsafe.Sizeof(ksync.SpinLock{}),
	Fields: []task.Field{{Name: "ptl", Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule, Doc: "guards the entries of a PTE table"}},
}

var pmdLockLayout = task.Layout{
	Type: "pmd_lock", Size: unsafe.Sizeof(ksync.SpinLock{}),
	Fields: []task.Field{{Name: "ptl", Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule, Doc: "guards the entries of a PMD table"}},
}

// layoutsOf returns the declarations of a table whose entries map 1<<shift bytes each and of its lock, nil if it has none.
func layoutsOf(shift uint) (table, lock *task.Layout) {
	switch shift {
	case PGDShift:
		return &pgdLayout, nil
	case PUDShift:
		return &pudLayout, nil
	case PMDShift:
		return &pmdLayout, &pmdLockLayout
	}
	return &pteLayout, &pteLockLayout
}

// tablesLayout declares the cells of Tables.
var tablesLayout = task.Layout{
	Type: "mm_tables", Size: unsafe.Sizeof(Tables{}),
	Fields: []task.Field{
		{Name: "page_table_lock", Offset: unsafe.Offsetof(Tables{}.PageTableLock), Size: unsafe.Sizeof(ksync.SpinLock{}), Read: atomicRule, Write: atomicRule,
			Doc: "guards the entries of the PGD and the PUD tables, and the publication of an anon_vma"},
		{Name: "pgtables_bytes", Offset: unsafe.Offsetof(Tables{}.pages), Size: unsafe.Sizeof(ksync.Atomic64{}), Read: atomicRule, Write: atomicRule,
			Doc: "tables below the PGD"},
	},
}

// TablesLayout returns the declaration of what an address space has beside its tables. The caller must not change it.
func TablesLayout() *task.Layout { return &tablesLayout }

// TableLayouts returns the declarations of the tables, lowest level first. The caller must not change them.
func TableLayouts() []*task.Layout {
	return []*task.Layout{&pteLayout, &pmdLayout, &pudLayout, &pgdLayout}
}

// LockLayouts returns the declarations of the locks of tables, lowest level first. The caller must not change them.
func LockLayouts() []*task.Layout { return []*task.Layout{&pteLockLayout, &pmdLockLayout} }
