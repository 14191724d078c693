package workloads

import "vmasim/internal/linux"

// one returns one of several values.
func one[T any](g interface{ IntN(n int) int }, values ...T) T { return values[g.IntN(len(values))] }

// Constant returns the expression of a number.
func Constant(n uint64) *Expr { return &Expr{Op: ExprConst, Value: n, Hex: n >= 1<<32} }

// beyond is an address and a length past the end of any user address space, huge how much of it a huge page takes.
const (
	beyond = 1 << 47
	huge   = 2 << 20
)

// crowded is how many pages fixed addresses keep to, so that a large window has free room for large mappings. roomy is how large
// such a window is.
const (
	crowded = 256
	roomy   = 8 * huge
)

// border returns a page address: that of something mapped, or beside it, or any.
func (g *Generator) border() uint64 {
	addr := g.base + g.Uint64N(min((g.end-g.base)>>linux.PageShift, crowded))<<linux.PageShift
	if g.view.Areas() > 0 && g.chance(75) {
		a := g.area()
		switch g.IntN(5) {
		case 0, 1:
			addr = a.Start
		case 2:
			addr = a.End
		case 3:
			addr = a.Start + g.Uint64N(a.pages())<<linux.PageShift
		case 4:
			addr = a.Start - linux.PageSize
		}
	}
	return min(max(addr, g.base), g.end-linux.PageSize)
}

// area returns one of the areas, of which there must be some.
func (g *Generator) area() Mapping { return g.view.Area(g.IntN(g.view.Areas())) }

func (m Mapping) pages() uint64 { return (m.End - m.Start) >> linux.PageShift }

// span draws a range of whole pages inside the window, at least one: to a border of an area or some pages long.
func (g *Generator) span(s *Stmt) {
	start := g.border()
	end := start + uint64(1+g.IntN(8))<<linux.PageShift
	n, i := g.view.Areas(), 0
	for i < n && g.view.Area(i).End <= start {
		i++
	}
	if i < n && g.chance(40) {
		if a := g.view.Area(min(n-1, i+g.IntN(3)/2)); g.chance(30) && a.Start > start {
			end = a.Start
		} else {
			end = a.End
		}
	}
	g.setRange(s, start, min(end, g.end))
}

func (g *Generator) setRange(s *Stmt, start, end uint64) {
	s.Addr, s.Size = Constant(start), Constant(end-start)
}

// wholeArea draws a range, often that of an area.
func (g *Generator) wholeArea(s *Stmt) {
	if g.view.Areas() > 0 && g.chance(50) {
		a := g.area()
		g.setRange(s, a.Start, a.End)
	} else {
		g.span(s)
	}
}

// partOfShared draws a range, a part of a shared mapping if there is one.
func (g *Generator) partOfShared(s *Stmt) {
	g.span(s)
	for n := 0; n < 4 && g.view.Areas() > 0; n++ {
		if a := g.area(); a.Shared {
			first := g.Uint64N(a.pages())
			start := a.Start + first<<linux.PageShift
			g.setRange(s, start, start+(1+g.Uint64N(a.pages()-first))<<linux.PageShift)
			return
		}
	}
}

// badRange makes the address of a range unaligned, or one that no user has.
func (g *Generator) badRange(s *Stmt) {
	if g.chance(50) {
		s.Addr = Constant(g.far())
	} else {
		s.Addr.Value++
	}
}

// badSize gives a range a size that is no good, or one that overflows.
func (g *Generator) badSize(s *Stmt) {
	s.Size = Constant(one(g, 0, 1, ^uint64(0), -s.Addr.Value))
}

// byteOf draws where to load or store: mostly in something mapped, at one of some offsets in a page, each of them at a word.
func (g *Generator) byteOf(s *Stmt) {
	addr := g.border()
	if g.view.Areas() > 0 && g.chance(85) {
		a := g.area()
		addr = a.Start + g.Uint64N(min(8, a.pages()))<<linux.PageShift
	}
	s.Addr = Constant(addr + one[uint64](g, 0, 8, 104, linux.PageSize-8))
}

// touched draws what to touch: sometimes what is just below a stack.
func (g *Generator) touched(s *Stmt) {
	if g.byteOf(s); g.may(onStacks) && g.chance(25) {
		s.Addr = Constant(g.border())
	}
}

// badAccess makes an address none of the user's, or none at all.
func (g *Generator) badAccess(s *Stmt) {
	s.Addr = Constant(one[uint64](g, beyond, 1<<63, 0xffff7ffffffffff8, 0xffff800000000000, linux.TaskSize))
}

// badTouch is badAccess, or the last page of all, which is outside the window: a touch does no harm there.
func (g *Generator) badTouch(s *Stmt) {
	if g.badAccess(s); g.chance(20) {
		s.Addr = Constant(linux.TaskSize - linux.PageSize)
	}
}

// access draws how to touch. An instruction must not reach into the next page.
func (g *Generator) access(s *Stmt) {
	if s.Access = one(g, linux.Read, linux.Read, linux.Write, linux.Exec); s.Access == linux.Exec {
		s.Addr.Value &^= linux.PageMask
	}
}

// nop is an instruction that does nothing: a page may be executed from its first word on.
const nop = 0x90

func (g *Generator) word(s *Stmt) { s.Value = Constant(g.Uint64N(1<<16)<<8 | nop) }

// prot favours rw, so that neighbours are equal often enough to merge.
func (g *Generator) prot(s *Stmt) {
	const r, w, x = linux.PROT_READ, linux.PROT_WRITE, linux.PROT_EXEC
	s.Prot = one[Prot](g, r|w, r|w, r|w, r|w, r|w, r|w, r, r, r, 0, 0, r|x, r|w|x, w, x)
}

func (g *Generator) badProt(s *Stmt) { s.Prot |= one[Prot](g, 0x8, 0x10, 0x40, 0x1000000, 1<<30) }

// reprotect draws a protection: sometimes, for an area, that of a neighbour, so that up to three become one if nothing else keeps them
// apart.
func (g *Generator) reprotect(s *Stmt) {
	n := g.view.Areas()
	if n < 2 || !g.chance(35) {
		g.prot(s)
		return
	}
	i := g.IntN(n)
	beside := max(0, i-1)
	if i == 0 || g.chance(30) {
		beside = min(i+1, n-1)
	}
	a := g.view.Area(i)
	g.setRange(s, a.Start, a.End)
	s.Prot = g.view.Area(beside).Prot
}

// far returns a page address that no user has.
func (g *Generator) far() uint64 {
	return one[uint64](g, beyond, beyond-linux.PageSize, 1<<63, ^uint64(0)&^linux.PageMask)
}

// weird returns a length that is no good, or that overflows behind start.
func (g *Generator) weird(start uint64) uint64 {
	return one(g, 0, 1, 1<<63, ^uint64(0), ^uint64(0)-linux.PageMask, -start, beyond, beyond+linux.PageSize)
}

// breakAddr draws an end of the heap.
func (g *Generator) breakAddr(s *Stmt) {
	heap := g.view.Heap()
	g.none = heap == 0
	s.Addr = Constant(heap + uint64(g.IntN(12))<<linux.PageShift + uint64(g.IntN(3))*100)
}

func (g *Generator) badBreak(s *Stmt) {
	s.Addr = Constant(one(g, g.view.Heap()-linux.PageSize, g.far()))
}

func (g *Generator) resource(s *Stmt) {
	s.Limit = one(g, linux.RLIMIT_AS, linux.RLIMIT_DATA, linux.RLIMIT_STACK, linux.RLIMIT_MEMLOCK)
	if g.chance(50) {
		s.Size = Constant(uint64(g.IntN(40)) << linux.PageShift)
	}
}

func (g *Generator) setting(s *Stmt) {
	s.Option, s.Value = linux.PR_SET_MEMORY_MERGE, Constant(uint64(g.IntN(2)))
	if g.chance(20) {
		s.Option, s.Value = linux.PR_SET_MDWE, Constant(uint64(g.IntN(5)))
	}
}

// advice draws that which drops pages, or another that changes VMAs or pages.
func (g *Generator) advice(s *Stmt) {
	s.Advice = linux.MADV_DONTNEED
	if g.may(onAdvice) && !g.chance(30) {
		for s.Advice = linux.MADV_PAGEOUT; s.Advice == linux.MADV_PAGEOUT; { // whether it drops pages depends on what else the machine does
			s.Advice = one(g, adviceWords...).Value
		}
	}
}

// newMM draws an address space that does not exist, for fork; oldMM one to end.
func (g *Generator) newMM(s *Stmt) { g.mm(s, false) }
func (g *Generator) oldMM(s *Stmt) { g.mm(s, true) }

func (g *Generator) mm(s *Stmt, exists bool) {
	if g.none = len(g.mms) == 1; g.none {
		return
	}
	i := 1 + g.IntN(len(g.mms)-1)
	s.MM = &Ref{Name: g.mms[i].Name, Index: i}
	g.none = g.view.Exists(i) != exists
}
