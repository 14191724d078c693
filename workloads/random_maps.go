package workloads

import "vmasim/internal/linux"

// badTarget makes the address of a mapping unaligned, or one that no user has, or a hint that is too low.
func (g *Generator) badTarget(s *Stmt) {
	start := g.base
	if s.Addr != nil {
		start = s.Addr.Value
	}
	switch g.IntN(3) {
	case 0:
		s.Addr = Constant(max(g.base, start-1))
	case 1:
		s.Addr = Constant(g.far())
	case 2:
		s.Addr = Constant(one[uint64](g, 0, 1, linux.PageMask))
		s.Flags &^= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	}
}

// badLength makes the size of a mapping none, or too large.
func (g *Generator) badLength(s *Stmt) {
	start := uint64(0)
	if s.Addr != nil {
		start = s.Addr.Value
	}
	s.Size = Constant(g.weird(start))
}

// sharing draws that of anonymous memory.
func (g *Generator) sharing(s *Stmt) {
	switch n := g.IntN(100); {
	case n < 11:
		s.Backing.Sharing = linux.MAP_SHARED
	case n < 14:
		s.Backing.Sharing = linux.MAP_DROPPABLE
	default:
		s.Backing.Sharing = linux.MAP_PRIVATE
	}
}

// badSharing draws a type that asks for what is known, or one that nothing knows.
func (g *Generator) badSharing(s *Stmt) {
	s.Backing.Sharing = one[Sharing](g, linux.MAP_SHARED_VALIDATE, linux.MAP_SHARED_VALIDATE, 0, 4, 9)
	s.Flags |= one(g, 0, linux.MAP_SYNC, 1<<32, 0x200000)
}

// backing sometimes draws a file, which is shared more often than anonymous memory, and an offset: often the one that continues what is
// mapped below or above, so that the mapping can merge.
func (g *Generator) backing(s *Stmt) {
	if !g.may(onFiles) || len(g.mappable) == 0 || !g.chance(30) {
		return
	}
	const private, shared = linux.MAP_PRIVATE, linux.MAP_SHARED
	b := &s.Backing
	b.Sharing = one[Sharing](g, private, private, private, private, private, shared, shared, shared, linux.MAP_SHARED_VALIDATE)
	b.File = one(g, g.mappable...)
	offset := uint64(g.IntN(16)) << linux.PageShift
	if g.chance(70) {
		offset = (s.Addr.Value - g.base) >> linux.PageShift % 16 << linux.PageShift // the same offset for the same address
	}
	if offset != 0 {
		b.Offset = Constant(offset)
	}
}

// badBacking draws a file that cannot be mapped, or an offset that is no good.
func (g *Generator) badBacking(s *Stmt) {
	if len(g.others) > 0 && g.chance(40) {
		s.Backing.File = one(g, g.others...)
		return
	}
	s.Backing.Offset = Constant(one(g, 1, linux.PageSize+1, 1<<63, ^uint64(0)-linux.PageMask, 1<<63-linux.PageSize, 1<<63-linux.PageSize-s.Size.Value))
}

// mapOptions draws the flags of a mapping, and whether it is placed at its address, near it, or anywhere.
func (g *Generator) mapOptions(s *Stmt) {
	for _, f := range []struct {
		flag, percent int
		needs         feature
	}{
		{linux.MAP_NORESERVE, 10, 0}, {linux.MAP_STACK, 4, 0}, {linux.MAP_POPULATE, 6, 0}, {linux.MAP_SYNC, 1, 0},
		{linux.MAP_GROWSDOWN, 12, onStacks}, {linux.MAP_LOCKED, 5, onLocks},
	} {
		if g.may(f.needs) && g.chance(f.percent) {
			s.Flags |= f.flag
		}
	}
	switch n := g.IntN(100); {
	case n < 60:
		s.Flags |= linux.MAP_FIXED
	case n < 70:
		s.Flags |= linux.MAP_FIXED_NOREPLACE
	case n < 85:
		if g.chance(20) {
			s.Addr.Value += uint64(g.IntN(linux.PageSize))
		}
		s.Size = Constant(g.length())
	default:
		s.Addr, s.Size = nil, Constant(g.length())
	}
	if g.chance(10) {
		s.Size.Value -= uint64(g.IntN(linux.PageSize))
	}
}

// length is that of a mapping without a fixed address, in bytes: small, or where the window has room, about 2 MiB.
func (g *Generator) length() uint64 {
	if g.end-g.base < roomy || g.chance(50) {
		return uint64(1+g.IntN(6)) << linux.PageShift
	}
	n := uint64(1+g.IntN(2)) * huge
	if g.chance(30) {
		n += uint64(g.IntN(3)-1) << linux.PageShift
	}
	return n
}

// badMapOptions draws flags that mmap does not know, that exclude each other, or that ask for huge pages: their pool is empty, which
// MAP_NORESERVE does not notice.
func (g *Generator) badMapOptions(s *Stmt) {
	switch g.IntN(3) {
	case 0:
		s.Flags |= one(g, 0x8000000, 0x200000, 0x400000, 0x800)
	case 1:
		g.span(s)
		s.Flags |= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	case 2:
		s.Flags = s.Flags&^linux.MAP_NORESERVE | linux.MAP_HUGETLB | one(g, 0, 0, 21<<26, 16<<26)
	}
}

// newSize draws that of a mapping that is moved: as it was, larger or smaller. Of a shared mapping, none of the old size makes a second one.
func (g *Generator) newSize(s *Stmt) {
	old := s.Size.Value
	s.NewSize = Constant(old)
	switch pages := uint64(1+g.IntN(4)) << linux.PageShift; g.IntN(4) {
	case 0:
		s.NewSize.Value += pages
	case 1:
		s.NewSize.Value -= min(old-linux.PageSize, pages)
	}
	if g.chance(6) {
		s.Size.Value = 0
	}
}

func (g *Generator) moveOptions(s *Stmt) {
	if g.chance(75) {
		s.Flags |= linux.MREMAP_MAYMOVE
	}
	if g.chance(50) {
		s.Flags |= linux.MREMAP_FIXED | linux.MREMAP_MAYMOVE
		s.To = Constant(g.border())
	}
	if g.chance(15) {
		s.Flags |= linux.MREMAP_DONTUNMAP | linux.MREMAP_MAYMOVE
		if s.Size.Value != 0 {
			s.NewSize.Value = s.Size.Value
		}
		if s.To == nil && g.chance(50) {
			s.To = Constant(g.border())
		}
	}
	g.keepInside(s)
}

// keepInside has a mapping moved to where it stays inside the window.
func (g *Generator) keepInside(s *Stmt) {
	if s.To != nil {
		s.To.Value = min(s.To.Value, g.end-min(s.NewSize.Value, g.end-g.base))
	}
}

// badMoveOptions draws flags that mremap does not know or that do not go together with its sizes, and places that are none or that
// overlap the old one.
func (g *Generator) badMoveOptions(s *Stmt) {
	switch start := s.Addr.Value; g.IntN(5) {
	case 0:
		s.Flags |= one(g, 8, 0x100)
	case 1:
		s.Flags &^= linux.MREMAP_MAYMOVE
	case 2:
		s.Flags |= linux.MREMAP_DONTUNMAP
		s.NewSize.Value += linux.PageSize
		g.keepInside(s)
	case 3:
		s.Flags |= linux.MREMAP_FIXED
		s.To = Constant(one(g, start+1, start, start+linux.PageSize))
		g.keepInside(s)
	case 4:
		s.Flags |= linux.MREMAP_FIXED
		s.To = Constant(g.far())
	}
}
