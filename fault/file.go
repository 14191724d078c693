package fault

import (
	"errors"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

// filePage maps a page of a file, or of shared anonymous memory: do_fault.
func (f *fault) filePage() linux.AccessEnd {
	f.work = task.FaultFile
	shared := f.flags&linux.VMMayShare != 0
	switch {
	case f.access != linux.Write:
		return f.readFault()
	case shared:
		return f.sharedFault()
	default:
		return f.cowFault()
	}
}

// cachedPage returns the file's page under the fault, with a reference. If it must be read, it releases the fault's lock
// for that and asks for a retry; the second time it reads under the lock: filemap_fault.
func (f *fault) cachedPage() (phys.PFN, linux.AccessEnd) {
	f.t.Enter("filemap_fault")
	defer f.t.Leave()
	file, index := f.VMA.File(f.t), f.VMA.PgoffAt(f.t, f.addr)
	f.removals = file.Removals(f.t)
	pages, err := file.PageCount(f.t)
	if err != nil || index >= pages {
		return 0, linux.Sigbus
	}
	if pfn := file.Lookup(f.t, index); pfn != 0 {
		return pfn, linux.OK
	}
	if f.tried || file.Memory() || !f.mm.Rules.Has(rules.ReadUnlocked) { // shmem_fault reads no disk and drops no lock
		pfn, err := file.Page(f.t, index)
		switch {
		case err == nil:
			return pfn, linux.OK
		case errors.Is(err, linux.ENOMEM):
			return 0, linux.OOM
		default:
			return 0, linux.Sigbus
		}
	}
	first, last := f.readAround(file, index)
	file.Get(f.t) // the VMA's reference may go with the lock
	f.release()
	file.ReadAhead(f.t, first, last) // an error will show when it is tried again
	_ = file.Put(f.t)                // the opener of the file sees the errors of writing it back
	f.tried = true
	f.t.Reach(task.RetryRead)
	return 0, retry
}

// readAround returns the pages to read where page index of a file is not cached: do_sync_mmap_readahead.
func (f *fault) readAround(file *phys.File, index uint64) (first, last uint64) {
	around := f.mm.Machine.ReadAround
	advised := f.flags & (linux.VMRandRead | linux.VMSeqRead | linux.VMExec)
	if f.flags&linux.VMHugePage != 0 {
		advised = 0
	}
	if file.Memory() || advised&linux.VMRandRead != 0 {
		around = 0
	}
	if around == mm.ReadAroundDevice {
		around = file.DeviceReadAhead()
	}
	switch {
	case around == 0:
		return index, index + 1
	case advised&linux.VMSeqRead != 0:
		return index, index + around
	case advised&linux.VMExec != 0: // code, and no more of it than is mapped
		return index, min(index+around, f.VMA.PgoffAt(f.t, f.VMA.End(f.t)))
	}
	first = index - min(index, around/2)
	return first, first + around
}

// readFault maps a page of a file for reading, and the cached ones around it: do_read_fault.
func (f *fault) readFault() linux.AccessEnd {
	f.t.Enter("do_read_fault")
	defer f.t.Leave()
	if f.mm.Machine.FaultAround > linux.PageSize { // should_fault_around
		f.faultAround()
	}
	pfn, res := f.cachedPage()
	if res != linux.OK {
		return res
	}
	return f.finish(pfn, f.protection(false))
}

// finish maps the page of the page cache that was asked for, whose reference it takes over: finish_fault.
func (f *fault) finish(pfn phys.PFN, prot pgtable.PTE) linux.AccessEnd {
	if !f.table() {
		f.mm.Machine.Mem.Put(f.t, pfn)
		return linux.OOM
	}
	f.mapFilePage(f.slot, f.addr, pfn, prot)
	return linux.OK
}

// faultAround maps the pages around the fault that are in the page cache: do_fault_around. The block is aligned by
// address; where the VMA begins inside it, it begins there, as long as ever. It ends with the VMA and with the page table.
func (f *fault) faultAround() {
	vmaStart, vmaEnd := f.VMA.Range(f.t)
	block := f.mm.Machine.FaultAround
	start := max(f.addr&^(block-1), vmaStart)
	end := min(start+block, vmaEnd, f.addr|(pgtable.PMDSize-1)+1)
	file, prot := f.VMA.File(f.t), f.protection(false)
	f.removals = file.Removals(f.t)
	pages, err := file.PageCount(f.t)
	if err != nil || f.noTable && !f.tableAround(file, start, end, pages) {
		return
	}
	if f.mm.Tables.Vanish() {
		f.mm.Machine.RCU.ReadLock(f.t)
		defer f.mm.Machine.RCU.ReadUnlock(f.t)
	}
	_ = f.mm.Tables.Chunks(f.t, start, end, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			addr := c.Addr + uint64(i)<<linux.PageShift
			if !c.Entries[i].Get(f.t).None() {
				continue
			}
			index := f.VMA.PgoffAt(f.t, addr)
			if index >= pages {
				break
			}
			if pfn := file.Lookup(f.t, index); pfn != 0 {
				f.mapFilePage(c.Slot(i), addr, pfn, prot)
			}
		}
		return nil
	})
}

// tableAround makes the page table for the pages of [start, end) that are in the page cache, if there are any. Where the first of
// them is the last of a file on disk Linux 6.18 makes none, and maps nothing: what keeps huge pages from reaching beyond the end
// of the file (filemap_map_pages, can_map_large) skips that, too.
func (f *fault) tableAround(file *phys.File, start, end, pages uint64) bool {
	last := min(pages, f.VMA.PgoffAt(f.t, start)+(end-start)>>linux.PageShift)
	for index := f.VMA.PgoffAt(f.t, start); index < last; index++ {
		if pfn := file.Lookup(f.t, index); pfn != 0 {
			f.mm.Machine.Mem.Put(f.t, pfn)
			return (index+1 < pages || file.Memory()) && f.table()
		}
	}
	return false
}

// sharedFault maps a page of a file for writing: do_shared_fault.
func (f *fault) sharedFault() linux.AccessEnd {
	f.t.Enter("do_shared_fault")
	defer f.t.Leave()
	pfn, res := f.cachedPage()
	if res != linux.OK {
		return res
	}
	return f.finish(pfn, f.protection(true))
}

// mapFilePage maps a page of the page cache and hands its reference to the entry, or drops it if another fault was faster or the
// page may be in the cache no more. A page that can be written to is dirty (page_mkwrite).
func (f *fault) mapFilePage(slot pgtable.Slot, addr uint64, pfn phys.PFN, prot pgtable.PTE) {
	mem, file := f.mm.Machine.Mem, f.VMA.File(f.t)
	fits := f.lockEntry(slot, addr, 0)
	if fits {
		if fits = file.Removals(f.t) == f.removals; fits {
			if prot.Write() {
				file.MarkDirty(f.t, pfn)
			}
			mem.Page(pfn).Mapcount.Add(f.t, 1) // folio_add_file_rmap_ptes: atomic_inc_and_test
			slot.Set(f.t, pgtable.Make(pfn, prot))
		}
		slot.Unlock(f.t)
	}
	if !fits {
		mem.Put(f.t, pfn)
	}
}

// cowFault maps a private copy of a page of a file: do_cow_fault. The anon_vma comes first, so a write beyond the end of
// the file leaves one behind.
func (f *fault) cowFault() linux.AccessEnd {
	f.t.Enter("do_cow_fault")
	defer f.t.Leave()
	f.work = task.FaultCOW
	if res := f.prepareAnon(); res != linux.OK {
		return res
	}
	mem := f.mm.Machine.Mem
	cached, res := f.cachedPage()
	if res != linux.OK {
		return res
	}
	defer mem.Put(f.t, cached)
	if !f.table() {
		return linux.OOM
	}
	pfn, err := mem.Alloc(f.t)
	if err != nil {
		return linux.OOM
	}
	mem.Copy(f.t, pfn, cached)
	f.describeAnon(pfn)
	if !f.install(pgtable.Make(pfn, f.protection(true))) {
		f.discard(pfn)
	}
	return linux.OK
}
