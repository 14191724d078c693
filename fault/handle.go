package fault

import (
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// fault is one fault being handled: struct vm_fault.
type fault struct {
	vma.ReadLock // of the VMA at addr; FAULT_FLAG_VMA_LOCK unless it is mmap_lock

	t      *task.Task
	mm     *mm.MM
	flags  linux.VMFlags // of the VMA
	anon   *vma.AnonVMA  // of the VMA, once prepareAnon has seen to it
	addr   uint64
	access linux.Access
	slot   pgtable.Slot // of addr
	tried  bool         // locks were dropped for reading a page once: FAULT_FLAG_TRIED

	work      task.FaultWork // what its page is, for its meter
	isPresent bool           // the page was mapped when the access failed
	removals  uint64         // of pages from the file's cache, when the page to map was looked for
	noTable   bool           // there is no page table yet, and so no slot: a file's page may turn out not to exist

	speculative bool   // there is no VMA, but flags, anon and index from a copy of it: FAULT_FLAG_SPECULATIVE
	doubt       bool   // which may be good no more: the fault goes on under mmap_lock
	index       uint64 // of addr in the VMA, likewise: linear_page_index
}

// release drops the lock that keeps the VMA stable: release_fault_lock.
func (f *fault) release() { f.mm.EndRead(f.t, f.ReadLock) }

// lockEntry locks the entry of addr if it is still what it was seen to be: pte_offset_map_lock and pte_same. It reports whether it did.
func (f *fault) lockEntry(slot pgtable.Slot, addr uint64, seen pgtable.PTE) bool {
	if f.speculative {
		return f.tryEntry(slot, seen)
	}
	pte, ok := f.mm.Tables.LockAndGet(f.t, slot, addr)
	if !ok {
		return false
	}
	if pte == seen || !f.mm.Rules.Has(rules.RecheckEntry) {
		return true
	}
	slot.Unlock(f.t)
	return false
}

// handle is handle_mm_fault and handle_pte_fault. On retry it has released the lock.
func (f *fault) handle() linux.AccessEnd {
	if f.t.Observer != nil {
		return f.handleObserved()
	}
	pte, ok := f.look()
	if !ok {
		return linux.OOM
	}
	return f.handlePTE(pte)
}

func (f *fault) handleObserved() linux.AccessEnd {
	f.t.Enter("handle_mm_fault")
	defer f.t.Leave()
	mark := f.t.Mark()
	pte, ok := f.look()
	if !ok {
		return linux.OOM
	}
	f.t.Keep(mark, uint64(uintptr(unsafe.Pointer(f.slot.Entry)))^uint64(pte))
	return f.handlePTE(pte)
}

// look finds the entry of addr, and makes the page table if there is none and the VMA is anonymous. It reports false if memory is short.
func (f *fault) look() (pte pgtable.PTE, ok bool) {
	slot, pte, found := f.mm.Tables.Look(f.t, f.addr)
	f.slot, f.noTable = slot, !found
	if found || !f.VMA.IsAnonymous(f.t) {
		return pte, true
	}
	if !f.table() {
		return 0, false
	}
	return f.slot.Get(f.t), true
}

func (f *fault) handlePTE(pte pgtable.PTE) linux.AccessEnd {
	switch {
	case f.noTable:
		return f.filePage()
	case pte.Guard(): // handle_pte_marker
		return linux.SegvMaperr
	case !pte.None():
		return f.present(pte)
	case f.VMA.IsAnonymous(f.t):
		return f.anonymousPage()
	default:
		return f.filePage()
	}
}

// table makes the page table if there is none: pte_alloc. It reports false if memory is short.
func (f *fault) table() bool {
	if !f.noTable {
		return true
	}
	slot, err := f.mm.Tables.Alloc(f.t, f.addr)
	f.slot, f.noTable = slot, err != nil
	return err == nil
}

// present handles a fault on a page that is mapped: it may lack the right to write, or another fault was faster.
func (f *fault) present(pte pgtable.PTE) linux.AccessEnd {
	if !f.lockEntry(f.slot, f.addr, pte) {
		return linux.OK // changed meanwhile: the access decides
	}
	if f.access == linux.Write && !pte.Write() {
		return f.writeProtected(pte)
	}
	f.slot.Unlock(f.t)
	return linux.OK
}

// protection returns the protection of a page that this fault maps. A page written to from the kernel's side may be read-only to
// the process itself: maybe_mkwrite.
func (f *fault) protection(writable bool) pgtable.PTE {
	prot := mm.PageBits(f.flags)
	if writable {
		prot |= pgtable.Dirty
		if f.flags&linux.VMWrite != 0 {
			prot |= pgtable.RW
		}
	}
	return prot
}

// install maps a page unless another fault was faster: set_pte. It reports whether it did.
func (f *fault) install(pte pgtable.PTE) bool {
	if !f.lockEntry(f.slot, f.addr, 0) {
		return false
	}
	f.slot.Set(f.t, pte)
	f.slot.Unlock(f.t)
	return true
}

// prepareAnon makes sure that the VMA has an anon_vma: vmf_anon_prepare. That looks at the neighbours, so it needs
// mmap_lock; under the VMA lock only a trylock is allowed, because a writer may be waiting for this very VMA.
func (f *fault) prepareAnon() linux.AccessEnd {
	if f.speculative {
		if f.anon == nil {
			return f.doubts(task.SPFAbortAnonVMA)
		}
		return linux.OK
	}
	if f.anon = f.VMA.AnonVMA(f.t); f.anon != nil {
		return linux.OK
	}
	f.t.Enter("vmf_anon_prepare")
	defer f.t.Leave()
	if !f.Mmap && !f.mm.Rules.Dropped(rules.AnonVMAUnderLock) { // otherwise it was looked for before the VMA lock, and was there
		if !f.tryMmapLock() {
			f.release()
			return retry
		}
		defer f.mm.MmapReadUnlock(f.t)
	}
	mark := f.t.Mark()
	if f.mm.PrepareAnonVMA(f.t, f.VMA) != nil {
		return linux.OOM
	}
	f.t.Keep(mark, 0)
	f.anon = f.VMA.AnonVMA(f.t)
	return linux.OK
}

// tryMmapLock takes mmap_lock for reading under the VMA lock, if that needs no waiting.
func (f *fault) tryMmapLock() bool {
	if !f.mm.Rules.Has(rules.RetryUnderTrylock) {
		f.mm.MmapReadLock(f.t)
		return true
	}
	return f.mm.MmapReadTrylock(f.t)
}

// describeAnon says what a new anonymous page is, before it is mapped: folio_add_new_anon_rmap.
func (f *fault) describeAnon(pfn phys.PFN) {
	owner := uint32(0)
	if f.anon != nil {
		owner = f.anon.ID
	} else {
		f.t.Violate("no-anon-vma", "the page for %#x is anonymous, and its VMA has no anon_vma", f.addr)
	}
	index := f.index
	if !f.speculative {
		index = f.VMA.AnonPgoffAt(f.t, f.addr)
	}
	page := f.mm.Machine.Mem.Page(pfn)
	page.Describe(phys.KindAnon, owner, index)
	page.Mapcount.Init(1)
}

// discard gives back a page that was described, but not mapped after all because another fault was faster.
func (f *fault) discard(pfn phys.PFN) {
	mem := f.mm.Machine.Mem
	mem.Page(pfn).Mapcount.Init(0)
	mem.Put(f.t, pfn)
}

// anonymousPage maps a page of anonymous memory that was not touched before: do_anonymous_page. A read gets the zero
// page and needs no anon_vma, unless the machine forbids the zero page: then it gets a page of its own, as a write does.
func (f *fault) anonymousPage() linux.AccessEnd {
	if f.t.Observer == nil {
		return f.mapAnonymous()
	}
	f.t.Enter("do_anonymous_page")
	res := f.mapAnonymous()
	f.t.Leave()
	return res
}

func (f *fault) mapAnonymous() linux.AccessEnd {
	mem := f.mm.Machine.Mem
	if f.access != linux.Write && !f.mm.Machine.ForbidZeroPage {
		f.install(pgtable.Make(mem.ZeroPage(), f.protection(false)).MkSpecial())
		return linux.OK
	}
	if res := f.prepareAnon(); res != linux.OK {
		return res
	}
	node := f.node()
	vma.FetchNext(f.t) // while the page is cleared
	pfn, err := mem.AllocZeroed(f.t)
	if err != nil {
		return linux.OOM
	}
	f.describeAnon(pfn)
	mem.Page(pfn).Node.Init(node)
	if !f.install(pgtable.Make(pfn, f.protection(f.flags&linux.VMWrite != 0))) {
		f.discard(pfn)
	}
	return linux.OK
}

// node returns where a new page of the VMA is to lie, as its policy says: get_vma_policy.
func (f *fault) node() uint8 {
	if f.mm.Machine.Beside&mm.Binds == 0 || f.speculative { // which it does only where there is no policy
		return 0
	}
	p := f.VMA.Policy(f.t)
	if p == nil {
		return 0
	}
	return p.Node(f.t)
}

// writeProtected handles a write to a page that is mapped read-only: do_wp_page. The caller holds the entry's lock, which
// is given back.
func (f *fault) writeProtected(pte pgtable.PTE) linux.AccessEnd {
	f.t.Enter("do_wp_page")
	defer f.t.Leave()
	f.work = task.FaultReuse
	m := f.mm.Machine
	if f.flags&linux.VMMayShare != 0 { // wp_page_shared
		f.VMA.File(f.t).MarkDirty(f.t, pte.PFN())
		f.slot.Modify(f.t, f.protection(true))
		f.slot.Unlock(f.t)
		return linux.OK
	}
	if m.Exclusive(f.t, pte) { // wp_page_reuse
		f.slot.Modify(f.t, f.protection(true))
		f.slot.Unlock(f.t)
		return linux.OK
	}
	if !pte.Special() {
		m.Mem.Get(f.t, pte.PFN()) // it must not go away while it is copied
	}
	f.slot.Unlock(f.t)
	res := f.copyOnWrite(pte)
	if !pte.Special() {
		m.Mem.Put(f.t, pte.PFN())
	}
	return res
}

// copyOnWrite replaces a shared page by a copy: wp_page_copy.
func (f *fault) copyOnWrite(old pgtable.PTE) linux.AccessEnd {
	f.work = task.FaultCOW
	if res := f.prepareAnon(); res != linux.OK {
		return res
	}
	m := f.mm.Machine
	pfn, err := f.copyFrame(old)
	if err != nil {
		return linux.OOM
	}
	f.describeAnon(pfn)
	if !f.lockEntry(f.slot, f.addr, old) {
		f.discard(pfn)
		return linux.OK
	}
	// ptep_clear_flush: no task may still be reading the old page when another can write the new one.
	f.slot.GetAndClear(f.t)
	m.FlushTLB(f.t)
	f.slot.Set(f.t, pgtable.Make(pfn, f.protection(true)))
	f.slot.Unlock(f.t)
	if !old.Special() {
		m.Mem.Page(old.PFN()).Mapcount.Add(f.t, ^uint32(0)) // folio_remove_rmap_pte: atomic_add_negative
		m.Mem.Put(f.t, old.PFN())
	}
	return linux.OK
}

// copyFrame returns a new frame with the bytes of the page that the entry maps.
func (f *fault) copyFrame(old pgtable.PTE) (phys.PFN, error) {
	mem := f.mm.Machine.Mem
	if old.Special() {
		return mem.AllocZeroed(f.t)
	}
	pfn, err := mem.Alloc(f.t)
	if err == nil {
		mem.Copy(f.t, pfn, old.PFN())
	}
	return pfn, err
}
