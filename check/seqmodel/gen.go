package seqmodel

import (
	"math/rand/v2"

	"vmasim/internal/linux"
)

// GenConfig says what a Generator may do.
type GenConfig struct {
	Seed  uint64
	Files int  // how many open files the driver has: op.File is below it
	Fetch bool // instruction fetches too
	Fork  bool // fork and exit too: the driver keeps several models
}

// Generator makes operation sequences meant to find disagreement: few kinds of
// attributes, so that neighbours are often equal; addresses at the borders of
// what is mapped; touched and untouched memory; wrong arguments now and then.
// The same seed and the same models give the same sequence.
//
// It stays between Config.Base and Config.MmapBase of the model, except where
// the address makes the call fail.
type Generator struct {
	cfg GenConfig
	rng *rand.Rand
}

// NewGenerator returns a generator at the start of its sequence.
func NewGenerator(cfg GenConfig) *Generator {
	return &Generator{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0))}
}

// beyondTask is an address and a length past the end of any user address space.
const beyondTask = 1 << 47

// Next returns the next operation for m.
func (g *Generator) Next(m *Model) Op {
	if g.chance(4) {
		return g.nasty(m)
	}
	for {
		switch n := g.rng.IntN(100); {
		case n < 30:
			return g.mmap(m)
		case n < 38:
			start, end := g.span(m)
			return Op{Kind: OpMunmap, Addr: start, Len: end - start}
		case n < 50:
			start, end := g.span(m)
			return Op{Kind: OpMprotect, Addr: start, Len: end - start, Prot: g.prot()}
		case n < 56:
			if op, ok := g.reunite(m); ok {
				return op
			}
		case n < 60:
			start, end := g.span(m)
			return Op{Kind: OpMadvise, Addr: start, Len: end - start, Advice: linux.MADV_DONTNEED}
		case n < 72:
			return Op{Kind: OpLoad, Addr: g.byteAddr(m)}
		case n < 94:
			return Op{Kind: OpStore, Addr: g.byteAddr(m), Value: byte(1 + g.rng.IntN(255))}
		case n < 96:
			if g.cfg.Fetch {
				return Op{Kind: OpFetch, Addr: g.byteAddr(m)}
			}
		case n < 98:
			if g.cfg.Fork {
				return Op{Kind: OpFork}
			}
		default:
			if g.cfg.Fork {
				return Op{Kind: OpExit}
			}
		}
	}
}

// reunite gives an area the rights of a neighbour, so that up to three become
// one if nothing else keeps them apart.
func (g *Generator) reunite(m *Model) (Op, bool) {
	if len(m.areas) < 2 {
		return Op{}, false
	}
	i := g.rng.IntN(len(m.areas))
	a, neighbour := m.areas[i], m.areas[max(0, i-1)]
	if i == 0 || g.chance(30) {
		neighbour = m.areas[min(i+1, len(m.areas)-1)]
	}
	return Op{Kind: OpMprotect, Addr: a.start, Len: a.end - a.start, Prot: neighbour.prot}, true
}

// Pick returns a number in [0, n): for the driver to choose among models out of
// the same seed.
func (g *Generator) Pick(n int) int { return g.rng.IntN(n) }

func (g *Generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

// prot favours rw, so that neighbours are equal often enough to merge.
func (g *Generator) prot() int {
	const r, w, x = linux.PROT_READ, linux.PROT_WRITE, linux.PROT_EXEC
	prots := [...]int{r | w, r | w, r | w, r | w, r | w, r, r, r, 0, 0, r | x, r | w | x, w, x}
	return prots[g.rng.IntN(len(prots))]
}

func (g *Generator) mmap(m *Model) Op {
	start, end := g.span(m)
	op := Op{Kind: OpMmap, Addr: start, Len: end - start, Prot: g.prot(), File: NoFile}
	switch n := g.rng.IntN(100); {
	case n < 60:
		op.Flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS
	case n < 67:
		op.Flags = linux.MAP_SHARED | linux.MAP_ANONYMOUS
	default:
		op.Flags = [...]int{linux.MAP_PRIVATE, linux.MAP_PRIVATE, linux.MAP_SHARED, linux.MAP_SHARED_VALIDATE}[g.rng.IntN(4)]
		g.backWithFile(m, &op)
	}
	if g.chance(10) {
		op.Flags |= linux.MAP_NORESERVE
	}
	if g.chance(4) {
		op.Flags |= linux.MAP_STACK
	}
	switch n := g.rng.IntN(100); {
	case n < 60:
		op.Flags |= linux.MAP_FIXED
	case n < 70:
		op.Flags |= linux.MAP_FIXED_NOREPLACE
	case n < 85: // the address is a hint, perhaps an unaligned one
		if g.chance(20) {
			op.Addr += uint64(g.rng.IntN(linux.PageSize))
		}
		op.Len = g.length(m)
	default:
		op.Addr = 0
		op.Len = g.length(m)
	}
	if g.chance(10) {
		op.Len -= uint64(g.rng.IntN(linux.PageSize))
	}
	return op
}

// backWithFile chooses a file and an offset: often the one that continues what
// is mapped below or above, so that the mapping can merge.
func (g *Generator) backWithFile(m *Model, op *Op) {
	if g.cfg.Files == 0 {
		op.Flags |= linux.MAP_ANONYMOUS
		return
	}
	op.File = g.rng.IntN(g.cfg.Files)
	switch page := (op.Addr - m.cfg.Base) >> linux.PageShift; {
	case g.chance(70):
		op.Off = page % 16 << linux.PageShift // the same offset for the same address
	default:
		op.Off = uint64(g.rng.IntN(16)) << linux.PageShift
	}
}

// length is that of a mapping without a fixed address, in bytes: small, or
// where the window has room for such, about 2 MiB.
func (g *Generator) length(m *Model) uint64 {
	if m.cfg.MmapBase-m.cfg.Base < 2*hugeSize || g.chance(50) {
		return uint64(1+g.rng.IntN(6)) << linux.PageShift
	}
	n := uint64(1+g.rng.IntN(2)) * hugeSize
	if g.chance(30) {
		n += uint64(g.rng.IntN(3)-1) << linux.PageShift
	}
	return n
}

// crowded is how many pages fixed addresses keep to, so that a large window has
// free room for large mappings.
const crowded = 256

// border returns a page address: that of something mapped, or beside it, or any.
func (g *Generator) border(m *Model) uint64 {
	lo, hi := m.cfg.Base, m.cfg.MmapBase
	addr := lo + g.rng.Uint64N(min((hi-lo)>>linux.PageShift, crowded))<<linux.PageShift
	if n := len(m.areas); n > 0 && g.chance(75) {
		a := m.areas[g.rng.IntN(n)]
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
	return min(max(addr, lo), hi-linux.PageSize)
}

// span returns a range of whole pages inside the window, at least one: to a
// border of an area or some pages long.
func (g *Generator) span(m *Model) (start, end uint64) {
	start = g.border(m)
	end = start + uint64(1+g.rng.IntN(8))<<linux.PageShift
	if i := m.find(start); i < len(m.areas) && g.chance(40) {
		switch a := m.areas[min(len(m.areas)-1, i+g.rng.IntN(3)/2)]; {
		case g.chance(30) && a.start > start:
			end = a.start
		default:
			end = a.end
		}
	}
	return start, min(end, m.cfg.MmapBase)
}

// byteAddr returns where to load or store: mostly in something mapped.
func (g *Generator) byteAddr(m *Model) uint64 {
	addr := g.border(m)
	if n := len(m.areas); n > 0 && g.chance(85) {
		a := m.areas[g.rng.IntN(n)]
		addr = a.start + g.rng.Uint64N(min(8, (a.end-a.start)>>linux.PageShift))<<linux.PageShift
	}
	return addr + [...]uint64{0, 1, 100, linux.PageSize - 1}[g.rng.IntN(4)]
}

// nasty returns an operation with wrong or extreme arguments. Whatever it does
// in spite of them stays inside the window.
func (g *Generator) nasty(m *Model) Op {
	start, end := g.span(m)
	size := end - start
	weird := [...]uint64{0, 1, 1 << 63, ^uint64(0), ^uint64(0) - linux.PageMask, -start, beyondTask}[g.rng.IntN(7)]
	far := [...]uint64{beyondTask, beyondTask - linux.PageSize, 1 << 63, ^uint64(0) &^ linux.PageMask}[g.rng.IntN(4)]
	switch g.rng.IntN(3) {
	case 0:
		return g.nastyMmap(m, start, size, weird, far)
	case 1:
		op := Op{Kind: OpMprotect, Addr: start, Len: size, Prot: g.prot()}
		switch g.rng.IntN(5) {
		case 0:
			op.Addr++
			op.Len = weird
		case 1:
			op.Addr = far
		case 2:
			op.Prot |= [...]int{0x8, 0x10, 0x40, 1 << 30}[g.rng.IntN(4)]
		case 3:
			op.Prot |= [...]int{linux.PROT_GROWSDOWN, linux.PROT_GROWSUP, protGrows}[g.rng.IntN(3)]
		case 4:
			op.Len = [...]uint64{0, ^uint64(0), -start}[g.rng.IntN(3)]
		}
		return op
	}
	op := Op{Kind: OpMunmap, Addr: start, Len: size}
	if g.chance(50) {
		op.Kind, op.Advice = OpMadvise, linux.MADV_DONTNEED
		if g.chance(30) {
			op.Advice = [...]int{7, 99, -1, 1000}[g.rng.IntN(4)]
			op.Len = weird
			return op
		}
	}
	switch g.rng.IntN(3) {
	case 0:
		op.Addr++
		op.Len = weird
	case 1:
		op.Addr = far
	case 2:
		op.Len = [...]uint64{0, 1, ^uint64(0), -start}[g.rng.IntN(4)]
	}
	return op
}

func (g *Generator) nastyMmap(m *Model, start, size, weird, far uint64) Op {
	op := g.mmap(m)
	op.Addr, op.Len = start, size
	switch g.rng.IntN(8) {
	case 0:
		op.Addr = max(m.cfg.Base, op.Addr-1)
	case 1:
		op.Addr = far
	case 2:
		op.Len = [...]uint64{0, ^uint64(0), beyondTask, beyondTask + linux.PageSize}[g.rng.IntN(4)]
	case 3:
		op.Off = [...]uint64{1, linux.PageSize + 1, 1 << 63, ^uint64(0) - linux.PageMask, maxFileBytes &^ linux.PageMask, maxFileBytes&^linux.PageMask - size}[g.rng.IntN(6)]
	case 4:
		op.Flags &^= mapTypeMask
		op.Flags |= [...]int{0, 4, 5, 7}[g.rng.IntN(4)]
	case 5:
		op.Flags |= [...]int{0x8000000, 0x200000, 0x400000, 0x800}[g.rng.IntN(4)] // unknown to mmap
	case 6:
		op.File, op.Flags = NoFile, op.Flags&^linux.MAP_ANONYMOUS
		op.Len = [...]uint64{0, size}[g.rng.IntN(2)]
	case 7:
		op.Prot |= [...]int{0x8, 0x10, 0x1000000}[g.rng.IntN(3)]
		if g.chance(30) {
			op.Addr = weird & linux.PageMask
			op.Flags &^= mapAnyFixed
		}
	}
	return op
}
