package inject

import (
	"hash/maphash"
	"slices"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/mm"
	"vmasim/tree"
)

// state is what all address spaces of a scenario are like; nil: does not exist.
type state []*space

// space is what one address space is like.
type space struct {
	areas []area
	pages map[uint64]content // what the page tables map, by address
}

// area is a VMA.
type area struct {
	start, end, offset uint64 // the offset is that of its start, in bytes
	flags              linux.VMFlags
	file               *phys.File // nil: anonymous memory
	faulted            bool       // it has an anon_vma
	blank              content    // what untouched memory of it holds, where that is known
	cached             map[uint64]content
}

// content is what a page holds.
type content struct {
	guard bool
	sum   uint64 // of its bytes; 0: not known
}

// same reports whether two contents are equal as far as they are known.
func (c content) same(o content) bool {
	return c.guard == o.guard && (c.sum == o.sum || c.sum == 0 || o.sum == 0)
}

// state observes all address spaces.
func (d *performance) state() state {
	var s state
	for _, m := range d.spaces {
		if m == nil {
			s = append(s, nil)
			continue
		}
		s = append(s, d.space(m))
	}
	return s
}

func (d *performance) space(m *mm.MM) *space {
	s := &space{pages: map[uint64]content{}}
	m.Tree.Ascend(d.actor.Task, 0, func(e tree.Entry) bool {
		start, end, pgoff, flags := e.VMA.Snapshot()
		a := area{start: start, end: end, offset: pgoff << linux.PageShift, flags: flags, file: e.VMA.FilePeek(), faulted: e.VMA.AnonPeek() != nil}
		if a.file == nil || a.file.Zero() {
			a.blank.sum = d.sum(make([]byte, linux.PageSize))
		} else {
			a.cached = d.cached(a.file)
		}
		s.areas = append(s.areas, a)
		return true
	})
	_ = m.Tables.Chunks(d.actor.Task, 0, linux.TaskSize, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			e := c.Entries[i].Peek()
			addr := c.Addr + uint64(i)<<linux.PageShift
			switch {
			case e.None():
			case e.Guard():
				s.pages[addr] = content{guard: true}
			default:
				s.pages[addr] = content{sum: d.sum(d.machine.Mem.Bytes(e.PFN())[:])}
			}
		}
		return nil
	})
	return s
}

// cached returns what the page cache has of a file, by the offsets of pages.
func (d *performance) cached(f *phys.File) map[uint64]content {
	pages, t := map[uint64]content{}, d.actor.Task
	if f.CachedPages(t) == 0 {
		return nil
	}
	count, err := f.PageCount(t)
	if err != nil {
		return nil
	}
	for i := range count {
		if pfn := f.Lookup(t, i); pfn != 0 {
			pages[i<<linux.PageShift] = content{sum: d.sum(d.machine.Mem.Bytes(pfn)[:])}
			d.machine.Mem.Put(t, pfn)
		}
	}
	return pages
}

// sum is a checksum that is never 0.
func (d *performance) sum(bytes []byte) uint64 { return maphash.Bytes(d.seed, bytes) | 1 }

// at returns the area at an address, nil for none.
func (s *space) at(addr uint64) *area {
	i, found := slices.BinarySearchFunc(s.areas, addr, func(a area, addr uint64) int {
		switch {
		case a.end <= addr:
			return -1
		case addr < a.start:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return &s.areas[i]
}

// reads returns what a page of an area holds, whether it is mapped by the page tables or would be by a fault.
func (s *space) reads(a *area, addr uint64) content {
	if c, mapped := s.pages[addr]; mapped {
		return c
	}
	if a.cached != nil {
		return a.cached[a.offset+addr-a.start]
	}
	return a.blank
}
