package mm

import (
	"errors"
	"slices"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// startDup keeps uprobes out until endDup: uprobe_start_dup_mmap.
func (m *Machine) startDup(t *task.Task) {
	if m.has(Probes) {
		m.lists.DupMmapSem.DownRead(t)
	}
}

func (m *Machine) endDup(t *task.Task) {
	if m.has(Probes) {
		m.lists.DupMmapSem.UpRead(t)
	}
}

// probe is a breakpoint in a file: struct uprobe. It stays for as long as the machine does.
type probe struct {
	inode  *phys.Inode
	pgoff  uint64
	offset uint64 // in the page
	word   uint64
}

// Uprobe writes a word, as a breakpoint, into the copies that all private mappings have of a page of a file: of the one that is mapped at
// addr. This is uprobe_register and register_for_each_vma. The mappings are found by the file; then each address space is locked and the
// mapping looked up again, as it may have gone.
func (mm *MM) Uprobe(t *task.Task, addr, word uint64) error {
	t.Enter("register_for_each_vma")
	defer t.Leave()
	if err := mm.MmapReadLockKillable(t); err != nil {
		return err
	}
	v := mm.Tree.Lookup(t, addr)
	if v == nil || v.File(t) == nil || addr%8 != 0 {
		mm.MmapReadUnlock(t)
		return errno("uprobe", linux.EINVAL, "no word of a file is mapped at %#x", addr)
	}
	f, p := v.File(t), probe{v.File(t).Inode, v.PgoffAt(t, addr), offsetInPage(addr), word}
	f.Get(t)
	mm.MmapReadUnlock(t)
	m := mm.Machine
	m.lists.DupMmapSem.DownWrite(t) // no fork begins, and none is on its way: an address space is known as a whole or not at all
	m.lists.ProbesLock.Lock(t)
	m.lists.probes = append(m.lists.probes, p)
	m.lists.ProbesLock.Unlock(t)
	var err error
	for _, at := range buildMapInfo(t, p) {
		if err == nil {
			err = at.each(t, p, func(v *vma.VMA) error { return at.mm.installBreakpoint(t, v, at.addr, p) })
		}
		at.mm.Put(t)
	}
	m.lists.DupMmapSem.UpWrite(t)
	if err != nil {
		m.unregister(t, f, p)
	}
	return errors.Join(err, f.Put(t))
}

// unregister takes the breakpoints of a probe out again, which could not be put everywhere: uprobe_unregister_nosync. Where memory is short
// for that, too, one stays.
func (m *Machine) unregister(t *task.Task, f *phys.File, p probe) {
	t.Enter("uprobe_unregister_nosync")
	defer t.Leave()
	m.lists.DupMmapSem.DownWrite(t)
	defer m.lists.DupMmapSem.UpWrite(t)
	word, known := m.original(t, f, p)
	for _, at := range buildMapInfo(t, p) {
		if known {
			_ = at.each(t, p, func(v *vma.VMA) error { return at.mm.removeBreakpoint(t, v, at.addr, p, word) })
		}
		at.mm.Put(t)
	}
}

// original forgets a probe, and returns the word that is to be in its place: of another probe there, or the file's.
func (m *Machine) original(t *task.Task, f *phys.File, p probe) (word uint64, known bool) {
	m.lists.ProbesLock.Lock(t)
	i := slices.Index(m.lists.probes, p)
	m.lists.probes = slices.Delete(m.lists.probes, i, i+1)
	for _, other := range m.lists.probes {
		if other.inode == p.inode && other.pgoff == p.pgoff && other.offset == p.offset {
			word, known = other.word, true
		}
	}
	m.lists.ProbesLock.Unlock(t)
	if pfn := f.Lookup(t, p.pgoff); pfn != 0 && !known { // without it in the cache, no breakpoint was written: its page is a copy
		word, known = m.Mem.Word(pfn, p.offset).ReadOnce(t), true
		m.Mem.Put(t, pfn)
	}
	return word, known
}

// mapInfo is where a page of a file is mapped, with a reference on the address space.
type mapInfo struct {
	mm   *MM
	addr uint64 // of the page
}

// buildMapInfo finds the private mappings of a probe's page: build_map_info.
func buildMapInfo(t *task.Task, p probe) (infos []mapInfo) {
	t.Enter("build_map_info")
	defer t.Leave()
	eachMapping(t, p.inode, p.pgoff, p.pgoff+1, func(v *vma.VMA, mm *MM, addr, _ uint64) {
		if p.in(t, v) && mm.Get(t) {
			infos = append(infos, mapInfo{mm, addr})
		}
	})
	return infos
}

// in reports whether v maps the file of the probe, and privately: valid_vma.
func (p *probe) in(t *task.Task, v *vma.VMA) bool {
	f := v.File(t)
	return f != nil && f.Inode == p.inode && v.FlagsOnce(t)&linux.VMMayShare == 0
}

// each has something done to the VMA where the page is mapped, if it still is, with mmap_lock held for writing.
func (i mapInfo) each(t *task.Task, p probe, do func(v *vma.VMA) error) error {
	i.mm.MmapWriteLock(t)
	defer i.mm.MmapWriteUnlock(t)
	if v := i.mm.Tree.Find(t, i.addr); v != nil && v.Contains(t, i.addr) && p.in(t, v) && v.PgoffAt(t, i.addr) == p.pgoff {
		return do(v)
	}
	return nil
}

// installBreakpoint makes the page at addr, in v, a copy of its own, and writes the word into it: install_breakpoint and
// uprobe_write_opcode. The caller holds mmap_lock for writing.
func (mm *MM) installBreakpoint(t *task.Task, v *vma.VMA, addr uint64, p probe) error {
	t.Enter("uprobe_write_opcode")
	defer t.Leave()
	if err := mm.PrepareAnonVMA(t, v); err != nil {
		return err
	}
	if _, err := mm.Machine.populate(t, mm, v, addr, addr+linux.PageSize, FollWrite|FollForce); err != nil {
		return err
	}
	slot, _ := mm.Tables.Find(t, addr)
	slot.Lock(t)
	mm.Machine.Mem.Word(slot.Get(t).PFN(), p.offset).WriteOnce(t, p.word)
	slot.Unlock(t)
	return nil
}

// removeBreakpoint writes a word in the place of the breakpoint in the page at addr, in v, if that is a copy with the breakpoint:
// remove_breakpoint and verify_opcode.
// The caller holds mmap_lock for writing.
func (mm *MM) removeBreakpoint(t *task.Task, v *vma.VMA, addr uint64, p probe, word uint64) error {
	t.Enter("remove_breakpoint")
	defer t.Leave()
	slot, ok := mm.Tables.Find(t, addr)
	if !ok {
		return nil
	}
	slot.Lock(t)
	e := slot.Get(t)
	m := mm.Machine.Mem
	there := e.Present() && m.Page(e.PFN()).Kind.Peek() == phys.KindAnon && m.Word(e.PFN(), p.offset).ReadOnce(t) == p.word
	slot.Unlock(t)
	if !there {
		return nil
	}
	p.word = word
	return mm.installBreakpoint(t, v, addr, p)
}

// uprobeMmap puts the breakpoints of its file into a VMA that is new, or has become longer: uprobe_mmap. Where there is no memory for
// one it is missing. The caller holds mmap_lock for writing.
func (mm *MM) uprobeMmap(t *task.Task, v *vma.VMA) {
	if v.File(t) == nil {
		return
	}
	t.Enter("uprobe_mmap")
	defer t.Leave()
	mm.Machine.lists.ProbesLock.Lock(t)
	probes := slices.Clone(mm.Machine.lists.probes)
	mm.Machine.lists.ProbesLock.Unlock(t)
	start, first, pages := v.Start(t), v.Pgoff(t), v.Pages(t)
	for _, p := range probes {
		if p.pgoff-first < pages && p.in(t, v) {
			_ = mm.installBreakpoint(t, v, start+(p.pgoff-first)<<linux.PageShift, p)
		}
	}
}
