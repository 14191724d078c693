package simmm

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
)

// Floor offers the operations of a space of one worker with its writers reduced to what the protocol makes shared: mmap_lock and its sequence,
// the write lock, attaching and detaching of each VMA concerned, the slab, and the stores into the tree. It knows beforehand what is mapped
// where. So it checks no argument, looks for no neighbour to merge with, keeps no account, and leaves page tables and reverse maps alone.
type Floor struct {
	*Space
	at   tree.Iterator // the writer's place in the tree
	hole uint64        // where mmap would choose
}

// Floor returns the floor of the space, which is not to be used otherwise from then on.
func (s *Space) Floor() (*Floor, error) {
	t := s.workers[0].task
	hole, err := s.mm.Mmap(t, mm.MmapArgs{Len: linux.PageSize, Prot: readWrite, Flags: anonymous})
	if err == nil {
		err = s.mm.Munmap(t, hole, linux.PageSize)
	}
	return &Floor{Space: s, at: s.mm.Tree.Iterator(), hole: hole}, err
}

// MapUnmap attaches a VMA of one page and detaches it again, n times.
func (f *Floor) MapUnmap(_, n int) {
	t, m, cache := f.workers[0].task, &f.mm.MMLock, f.machine.VMAs
	end, pgoff := f.hole+linux.PageSize, f.hole>>linux.PageShift
	for range n {
		must(m.MmapWriteLockKillable(t))
		v, err := cache.Alloc(t, m, f.hole, end, pgoff, linux.VMRead|linux.VMWrite)
		must(err)
		m.StartWrite(t, v)
		m.MarkAttached(t, v)
		f.at.Store(t, f.hole, end, v)
		m.MmapWriteUnlock(t)

		must(m.MmapWriteLockKillable(t))
		v = f.at.Find(t, f.hole)
		m.StartWrite(t, v)
		m.MarkDetached(t, v)
		f.at.Store(t, f.hole, end, nil)
		m.MmapWriteDowngrade(t)
		m.FreeArea(t, v)
		m.MmapReadUnlock(t)
	}
}

// SplitMerge cuts the worker's VMA of three pages at both ends of the middle one and makes one of the three again, n times.
func (f *Floor) SplitMerge(_, n int) {
	t, m := f.workers[0].task, &f.mm.MMLock
	middle := f.workers[0].split
	end := middle + linux.PageSize
	low, high := middle-linux.PageSize, end+linux.PageSize
	for range n {
		must(m.MmapWriteLockKillable(t))
		v := f.at.Find(t, middle)
		flags := v.Flags(t)
		m.StartWrite(t, v)
		below := f.splitOff(v, low, middle)
		v.SetRange(t, middle, high, middle>>linux.PageShift)
		f.insert(below, low, middle)
		above := f.splitOff(v, end, high)
		v.SetRange(t, middle, end, middle>>linux.PageShift)
		f.insert(above, end, high)
		v.SetFlags(t, flags&^linux.VMWrite)
		m.MmapWriteUnlock(t)

		must(m.MmapWriteLockKillable(t))
		v = f.at.Find(t, middle)
		below, above = f.at.Prev(t, middle), f.at.Find(t, end)
		for _, locked := range [...]*vma.VMA{v, above, below} {
			m.StartWrite(t, locked)
		}
		below.SetRange(t, low, high, low>>linux.PageShift)
		f.at.Store(t, low, high, below)
		for _, gone := range [...]*vma.VMA{above, v} {
			m.MarkDetached(t, gone)
			m.FreeArea(t, gone)
		}
		below.SetFlags(t, flags)
		m.MmapWriteUnlock(t)
	}
}

// splitOff returns a copy of a part of v.
func (f *Floor) splitOff(v *vma.VMA, start, end uint64) *vma.VMA {
	t := f.workers[0].task
	n, err := f.machine.VMAs.Dup(t, v, &f.mm.MMLock)
	must(err)
	n.SetRange(t, start, end, start>>linux.PageShift)
	f.mm.StartWrite(t, n)
	return n
}

// insert attaches what was split off.
func (f *Floor) insert(n *vma.VMA, start, end uint64) {
	t := f.workers[0].task
	f.mm.MarkAttached(t, n)
	f.at.Store(t, start, end, n)
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("simmm: floor: %v", err))
	}
}
