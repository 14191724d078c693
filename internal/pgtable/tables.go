// Package pgtable is an address space's page tables: four levels of 512 entries as on x86-64, in frames of the
// simulated machine's memory.
//
// Who may do what, and under which locks (Documentation/mm/process_addrs.rst):
//
//	read a table          one of mmap_lock, VMA lock, rmap lock; or inside a section of the access domain
//	fill an empty slot    mmap_lock or VMA lock, never a rmap lock alone
//	free tables           the range unreachable: no VMA in the tree, none in rmap, no lock of one held
//
// The tables above the PMD level have PageTableLock in common; each table below has a lock of its own, in its frame's metadata. Nothing is
// allocated under any of them, and only mremap and fork hold two: internal/lockorder declares in which order locks are taken.
package pgtable

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// The sizes that one entry of each level maps, as shifts. On x86-64 with four levels the P4D level is folded into the PGD.
const (
	PMDShift = 21
	PUDShift = 30
	PGDShift = 39

	PMDSize = 1 << PMDShift // what a PTE table maps

	// AddressLimit is the end of the part of the address space that the tables of a process map.
	AddressLimit = 1 << 47

	entriesPerTable = 512
	levelBits       = 9
)

type table [entriesPerTable]Entry

// Tables are the page tables of one address space. After Destroy they may not be used.
type Tables struct {
	PageTableLock ksync.SpinLock // mm->page_table_lock

	mem    *phys.Memory
	access *ksync.Domain
	rcu    *ksync.Domain // in whose sections PTE tables are found that may be retracted; nil: none is
	pgd    phys.PFN
	root   *table // at pgd
	pages  ksync.Atomic64
}

// New returns empty tables. access is the domain in whose sections tables are read without a lock. It fails with
// ENOMEM.
func New(t *task.Task, mem *phys.Memory, access *ksync.Domain) (*Tables, error) {
	tb := &Tables{}
	return tb, tb.Init(t, mem, access)
}

// Init is New in the memory of tables that were destroyed.
func (tb *Tables) Init(t *task.Task, mem *phys.Memory, access *ksync.Domain) (err error) {
	*tb = Tables{mem: mem, access: access}
	t.Born(unsafe.Pointer(tb), &tablesLayout)
	if tb.pgd, err = tb.allocTable(t, PGDShift); err != nil {
		return err
	}
	tb.root = tb.table(Make(tb.pgd, tableEntry))
	return nil
}

// TablePages returns how many frames hold tables, without the PGD: mm_pgtables_bytes counts in pages.
func (tb *Tables) TablePages() int { return int(tb.pages.Peek()) }

// allocTable returns a new table whose entries map 1<<shift bytes each: pagetable_alloc, and the constructor, which makes its
// lock. The lock is announced right after its table: so an observer knows which is whose.
func (tb *Tables) allocTable(t *task.Task, shift uint) (phys.PFN, error) {
	table, lock := layoutsOf(shift)
	pfn, err := tb.mem.AllocObject(t, table)
	if err != nil {
		return 0, err
	}
	tb.describe(pfn, shift)
	if lock != nil && t.Mind == nil { // otherwise it may come to lie elsewhere
		t.Born(unsafe.Pointer(&tb.mem.Page(pfn).Lock), lock)
	}
	return pfn, nil
}

// describe says which table a frame holds.
func (tb *Tables) describe(pfn phys.PFN, shift uint) {
	tb.mem.Page(pfn).Describe(phys.KindTable, uint32(shift), 0)
}

// settle returns the frame of a new table that other tasks are about to see, for which pfn was allocated: see [phys.Memory.Settle].
func (tb *Tables) settle(t *task.Task, pfn phys.PFN, shift uint) phys.PFN {
	table, lock := layoutsOf(shift)
	if common := tb.mem.Settle(); common != 0 {
		pfn = common
		t.Born(unsafe.Pointer(tb.mem.Bytes(pfn)), table)
		tb.describe(pfn, shift)
	}
	if lock != nil {
		t.Born(unsafe.Pointer(&tb.mem.Page(pfn).Lock), lock)
	}
	return pfn
}

// freeTable gives a table back that no task can see: pagetable_free, and the destructor.
func (tb *Tables) freeTable(t *task.Task, pfn phys.PFN) {
	page := tb.mem.Page(pfn)
	if _, lock := layoutsOf(uint(page.Owner.Peek())); lock != nil {
		t.Died(unsafe.Pointer(&page.Lock))
	}
	tb.mem.Put(t, pfn)
}

// table returns the table that an entry refers to.
func (tb *Tables) table(e PTE) *table {
	return (*table)(unsafe.Pointer(tb.mem.WordsAt(uint64(e & frameMask))))
}

// at returns the entry for addr of a table whose entries map 1<<shift bytes each.
func (tbl *table) at(addr uint64, shift uint) *Entry { return &tbl[addr>>shift%entriesPerTable] }

// lock returns the lock of the table that an entry refers to: ptlock_ptr.
func (tb *Tables) lock(e PTE) *ksync.SpinLock { return &tb.mem.Page(e.PFN()).Lock }

func (tb *Tables) slot(pmd PTE, addr uint64) Slot {
	return Slot{tb.table(pmd).at(addr, linux.PageShift), tb.lock(pmd)}
}

// Find returns the slot of an address, and false if there is no PTE table for it. It takes no lock and reads each
// level once.
func (tb *Tables) Find(t *task.Task, addr uint64) (Slot, bool) {
	pmd, _ := tb.walk(t, addr)
	if pmd.None() {
		return Slot{}, false
	}
	return tb.slot(pmd, addr), true
}

// walk returns the entry that refers to the PTE table for addr; or an empty one and the shift of the level at which the
// walk ended.
func (tb *Tables) walk(t *task.Task, addr uint64) (pmd PTE, shift uint) {
	if t.Observer != nil {
		return tb.walkObserved(t, addr)
	}
	pgd := tb.root.at(addr, PGDShift).Peek()
	if !pgd.Accessible() {
		return 0, PGDShift
	}
	pud := tb.table(pgd).at(addr, PUDShift).Peek()
	if !pud.Accessible() {
		return 0, PUDShift
	}
	pmd = tb.table(pud).at(addr, PMDShift).Peek()
	if !pmd.Accessible() {
		return 0, PMDShift
	}
	return pmd, 0
}

// walkObserved is walk that announces each read.
func (tb *Tables) walkObserved(t *task.Task, addr uint64) (pmd PTE, shift uint) {
	mark := t.Mark()
	e := PTE(0)
	for tbl, shift := tb.root, uint(PGDShift); shift >= PMDShift; tbl, shift = tb.table(e), shift-levelBits {
		if e = tbl.at(addr, shift).Get(t); !e.Accessible() {
			t.Keep(mark, 0) // the level is for walks that are not observed
			return 0, shift
		}
		t.Keep(mark, uint64(e))
	}
	return e, 0
}

// Alloc returns the slot of an address and makes the tables that are absent: p4d_alloc, pud_alloc, pmd_alloc,
// pte_alloc. It fails with ENOMEM; tables made before that stay, empty, until their range is freed.
func (tb *Tables) Alloc(t *task.Task, addr uint64) (Slot, error) {
	mark := t.Mark()
	if slot, ok := tb.Find(t, addr); ok {
		return slot, nil
	}
	t.Keep(mark, 0)
	pmd, err := tb.alloc(t, addr)
	if err != nil {
		return Slot{}, err
	}
	return tb.slot(pmd, addr), nil
}

// alloc makes the tables for addr that are absent, and returns the entry that refers to the PTE table.
func (tb *Tables) alloc(t *task.Task, addr uint64) (PTE, error) {
	e, lock, err := tb.allocPMD(t, addr)
	if err != nil {
		return 0, err
	}
	return tb.child(t, e, lock, linux.PageShift)
}

// allocPMD makes the tables for addr above the PTE table that are absent, and returns the place of the entry that is to refer to that,
// with its lock.
func (tb *Tables) allocPMD(t *task.Task, addr uint64) (*Entry, *ksync.SpinLock, error) {
	mark := t.Mark()
	pgd, err := tb.child(t, tb.root.at(addr, PGDShift), &tb.PageTableLock, PUDShift)
	if err != nil {
		return nil, nil, err
	}
	pud, err := tb.child(t, tb.table(pgd).at(addr, PUDShift), &tb.PageTableLock, PMDShift)
	if err != nil {
		return nil, nil, err
	}
	t.Keep(mark, uint64(pud))
	return tb.table(pud).at(addr, PMDShift), tb.lock(pud), nil
}

// findPMD returns the place of the entry that refers to the PTE table for addr, with its lock: mm_find_pmd. It is nil if there is no
// table for it.
func (tb *Tables) findPMD(t *task.Task, addr uint64) (*Entry, *ksync.SpinLock) {
	pgd := tb.root.at(addr, PGDShift).Get(t)
	if !pgd.Accessible() {
		return nil, nil
	}
	pud := tb.table(pgd).at(addr, PUDShift).Get(t)
	if !pud.Accessible() {
		return nil, nil
	}
	return tb.table(pud).at(addr, PMDShift), tb.lock(pud)
}

// child returns an entry that refers to a table whose entries map 1<<shift bytes each. If it is empty, child makes a table and
// installs it under lock, unless another task was faster: __pmd_alloc, __pte_alloc.
func (tb *Tables) child(t *task.Task, e *Entry, lock *ksync.SpinLock, shift uint) (PTE, error) {
	mark := t.Mark()
	if v := e.Get(t); v.Accessible() {
		t.Keep(mark, uint64(v))
		return v, nil
	}
	pfn, err := tb.allocTable(t, shift)
	if err != nil {
		return 0, err
	}
	t.Keep(mark, uint64(pfn))
	lock.Lock(t)
	v := e.Get(t)
	if v.None() {
		own := pfn
		if t.Mind != nil {
			pfn = tb.settle(t, pfn, shift)
		}
		v = Make(pfn, tableEntry)
		e.Set(t, v)
		if pfn != own {
			tb.mem.Unused(t, own)
		}
		lock.Unlock(t)
		tb.pages.Count(t, 1)
		t.Keep(mark, uint64(v))
		return v, nil
	}
	lock.Unlock(t)
	if t.Mind != nil { // its lock was not announced
		tb.mem.Put(t, pfn)
		t.Keep(mark, uint64(v))
		return v, nil
	}
	tb.freeTable(t, pfn) // no task has seen it
	return v, nil
}
