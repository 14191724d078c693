package judge

import (
	"vmasim/internal/linux"
	"vmasim/internal/operands"
	"vmasim/workloads"
)

// nasty returns an operation with wrong or extreme arguments. Whatever it does in spite of them stays inside the window.
func (g *generator) nasty() *workloads.Stmt {
	start, end := g.Span()
	size := end - start
	weird, far := g.Weird(start), g.Far()
	switch g.IntN(9) {
	case 8: // no canonical address, or none of the user's
		addr := one[uint64](g, operands.Beyond, 1<<63, 0xffff7ffffffffff8, 0xffff800000000000, linux.TaskSize, linux.TaskSize-linux.PageSize)
		return &workloads.Stmt{Kind: workloads.KindTouch, Addr: number(addr), Access: one(g, linux.Read, linux.Write, linux.Exec)}
	case 0, 1:
		return g.nastyMmap(start, size, weird, far)
	case 2, 3:
		return g.nastyMremap(start, size, weird, far)
	case 4:
		s := &workloads.Stmt{Kind: workloads.KindMprotect, Addr: number(start), Size: number(size), Prot: g.prot()}
		switch g.IntN(5) {
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
		if g.Chance(30) {
			s.Flags = one(g, 0x10, 0x100, linux.MS_ASYNC|linux.MS_SYNC)
		}
	}
	switch g.IntN(4) {
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
	switch g.IntN(9) {
	case 0:
		s.Addr.Value = max(g.Base, s.Addr.Value-1)
	case 1:
		s.Addr = number(far)
	case 2:
		s.Size = number(one[uint64](g, 0, ^uint64(0), operands.Beyond, operands.Beyond+linux.PageSize))
	case 3:
		s.Backing.Offset = number(one(g, 1, linux.PageSize+1, 1<<63, ^uint64(0)-pageMask, 1<<63-linux.PageSize, 1<<63-linux.PageSize-size))
	case 4:
		s.Flags |= one(g, 0x8000000, 0x200000, 0x400000, 0x800) // unknown to mmap
	case 5:
		s.Prot |= one[workloads.Prot](g, 0x8, 0x10, 0x1000000)
		if g.Chance(30) {
			s.Addr = number(weird & (linux.PageSize - 1))
			s.Flags &^= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
		}
	case 6:
		s.Flags |= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	case 8: // the pool of huge pages is empty, which MAP_NORESERVE does not notice
		s.Flags = s.Flags&^linux.MAP_NORESERVE | linux.MAP_HUGETLB | one(g, 0, 0, 21<<26, 16<<26)
		if g.Chance(50) {
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
	if g.Chance(50) {
		s.Flags |= linux.MREMAP_FIXED
		s.To = number(g.Border())
	}
	if s.To != nil {
		s.To.Value = min(s.To.Value, g.End-size-linux.PageSize)
	}
	switch g.IntN(8) {
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
