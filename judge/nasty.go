package judge

import (
	"vmasim/internal/linux"
	"vmasim/workloads"
)

// crowded is how many pages fixed addresses keep to, so that a large window has free room for large mappings.
const crowded = 256

// border returns a page address: that of something mapped, or beside it, or any.
func (g *generator) border() uint64 {
	addr := g.base + g.rng.Uint64N(min((g.end-g.base)>>linux.PageShift, crowded))<<linux.PageShift
	if n := len(g.areas); n > 0 && g.chance(75) {
		a := g.areas[g.rng.IntN(n)]
		switch g.rng.IntN(5) {
		case 0, 1:
			addr = a.start
		case 2:
			addr = a.end
		case 3:
			addr = a.start + g.rng.Uint64N((a.end-a.start)>>linux.PageShift)<<linux.PageShift
		case 4:
			addr = a.start - linux.PageSize
		}
	}
	return min(max(addr, g.base), g.end-linux.PageSize)
}

// span returns a range of whole pages inside the window, at least one: to a border of an area or some pages long.
func (g *generator) span() (start, end uint64) {
	start = g.border()
	end = start + uint64(1+g.rng.IntN(8))<<linux.PageShift
	i := 0
	for i < len(g.areas) && g.areas[i].end <= start {
		i++
	}
	if i < len(g.areas) && g.chance(40) {
		switch a := g.areas[min(len(g.areas)-1, i+g.rng.IntN(3)/2)]; {
		case g.chance(30) && a.start > start:
			end = a.start
		default:
			end = a.end
		}
	}
	return start, min(end, g.end)
}

// byteAddr returns where to load or store: mostly in something mapped.
func (g *generator) byteAddr() uint64 {
	addr := g.border()
	if n := len(g.areas); n > 0 && g.chance(85) {
		a := g.areas[g.rng.IntN(n)]
		addr = a.start + g.rng.Uint64N(min(8, (a.end-a.start)>>linux.PageShift))<<linux.PageShift
	}
	return addr + one[uint64](g, 0, 8, 104, linux.PageSize-8)
}

// beyondTask is an address and a length past the end of any user address space.
const beyondTask = 1 << 47

// nasty returns an operation with wrong or extreme arguments. Whatever it does in spite of them stays inside the window.
func (g *generator) nasty() *workloads.Stmt {
	start, end := g.span()
	size := end - start
	const pageMask = linux.PageSize - 1
	weird := one[uint64](g, 0, 1, 1<<63, ^uint64(0), ^uint64(0)-pageMask, -start, beyondTask)
	far := one[uint64](g, beyondTask, beyondTask-linux.PageSize, 1<<63, ^uint64(0)&^pageMask)
	switch g.rng.IntN(9) {
	case 8: // no canonical address, or none of the user's
		addr := one[uint64](g, beyondTask, 1<<63, 0xffff7ffffffffff8, 0xffff800000000000, linux.TaskSize, linux.TaskSize-linux.PageSize)
		return &workloads.Stmt{Kind: workloads.KindTouch, Addr: number(addr), Access: one(g, linux.Read, linux.Write, linux.Exec)}
	case 0, 1:
		return g.nastyMmap(start, size, weird, far)
	case 2, 3:
		return g.nastyMremap(start, size, weird, far)
	case 4:
		s := &workloads.Stmt{Kind: workloads.KindMprotect, Addr: number(start), Size: number(size), Prot: g.prot()}
		switch g.rng.IntN(5) {
		case 0:
			s.Addr.Value++
			s.Size = number(weird)
		case 1:
			s.Addr = number(far)
		case 2:
			s.Prot |= one[workloads.Prot](g, 0x8, 0x10, 0x40, 1<<30)
		case 3:
			s.Prot |= one[workloads.Prot](g, linux.PROT_GROWSDOWN, linux.PROT_GROWSUP, linux.PROT_GROWSDOWN|linux.PROT_GROWSUP)
		case 4:
			s.Size = number(one(g, 0, ^uint64(0), -start))
		}
		return s
	}
	kinds := []workloads.Kind{workloads.KindMunmap, workloads.KindMadvise, workloads.KindMlock, workloads.KindMunlock, workloads.KindMincore, workloads.KindMsync}
	if g.flavor.seal {
		kinds = append(kinds, workloads.KindMseal)
	}
	s := &workloads.Stmt{Kind: one(g, kinds...), Addr: number(start), Size: number(size)}
	switch s.Kind {
	case workloads.KindMadvise:
		s.Advice = one(g, append(advices[:], linux.MADV_DONTNEED, 7, 99, 1000)...)
	case workloads.KindMlock, workloads.KindMsync, workloads.KindMseal:
		if g.chance(30) {
			s.Flags = one(g, 0x10, 0x100, linux.MS_ASYNC|linux.MS_SYNC)
		}
	}
	switch g.rng.IntN(4) {
	case 0:
		s.Addr.Value++
		if s.Kind != workloads.KindMlock && s.Kind != workloads.KindMunlock { // they round it down, and would go on for long
			s.Size = number(weird)
		}
	case 1:
		s.Addr = number(far)
	case 2:
		s.Size = number(one(g, 0, 1, ^uint64(0), -start))
	}
	return s
}

func (g *generator) nastyMmap(start, size, weird, far uint64) *workloads.Stmt {
	const pageMask = linux.PageSize - 1
	s := g.mmap()
	s.Addr, s.Size = number(start), number(size)
	switch g.rng.IntN(9) {
	case 0:
		s.Addr.Value = max(g.base, s.Addr.Value-1)
	case 1:
		s.Addr = number(far)
	case 2:
		s.Size = number(one[uint64](g, 0, ^uint64(0), beyondTask, beyondTask+linux.PageSize))
	case 3:
		s.Backing.Offset = number(one(g, 1, linux.PageSize+1, 1<<63, ^uint64(0)-pageMask, 1<<63-linux.PageSize, 1<<63-linux.PageSize-size))
	case 4:
		s.Flags |= one(g, 0x8000000, 0x200000, 0x400000, 0x800) // unknown to mmap
	case 5:
		s.Prot |= one[workloads.Prot](g, 0x8, 0x10, 0x1000000)
		if g.chance(30) {
			s.Addr = number(weird & (linux.PageSize - 1))
			s.Flags &^= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
		}
	case 6:
		s.Flags |= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	case 8: // the pool of huge pages is empty, which MAP_NORESERVE does not notice
		s.Flags = s.Flags&^linux.MAP_NORESERVE | linux.MAP_HUGETLB | one(g, 0, 0, 21<<26, 16<<26)
		if g.chance(50) {
			s.Addr, s.Flags = nil, s.Flags&^(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE)
		}
	case 7: // types that ask what is known, or that nobody knows
		s.Backing.Sharing = one[workloads.Sharing](g, linux.MAP_SHARED_VALIDATE, linux.MAP_SHARED_VALIDATE, 0, 4, 9)
		s.Flags |= one(g, 0, linux.MAP_SYNC, 1<<32, 0x200000)
	}
	return s
}

func (g *generator) nastyMremap(start, size, weird, far uint64) *workloads.Stmt {
	s := &workloads.Stmt{Kind: workloads.KindMremap, Addr: number(start), Size: number(size), NewSize: number(size), Flags: linux.MREMAP_MAYMOVE}
	if g.chance(50) {
		s.Flags |= linux.MREMAP_FIXED
		s.To = number(g.border())
	}
	if s.To != nil {
		s.To.Value = min(s.To.Value, g.end-size-linux.PageSize)
	}
	switch g.rng.IntN(8) {
	case 0:
		s.Addr.Value++
	case 1:
		s.Addr = number(far)
	case 2:
		s.Size = number(weird)
	case 3:
		s.NewSize = number(weird)
	case 4:
		s.Flags |= one(g, 8, 0x100)
	case 5:
		s.Flags &^= linux.MREMAP_MAYMOVE
	case 6:
		s.To = number(one(g, far, start+1, start, start+linux.PageSize))
		s.Flags |= linux.MREMAP_FIXED
	case 7:
		s.Flags |= linux.MREMAP_DONTUNMAP
		s.NewSize = number(size + linux.PageSize)
	}
	return s
}
