package seqtest

import (
	"math/rand/v2"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/internal/operands"
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
	operands.Drawer[seqmodel.Range] // for the model that the next operation is for

	cfg GenConfig
}

// NewGenerator returns a generator at the start of its sequence.
func NewGenerator(cfg GenConfig) *Generator {
	g := &Generator{cfg: cfg}
	g.Rand = rand.New(rand.NewPCG(cfg.Seed, 0))
	return g
}

// Next returns the next operation for m.
func (g *Generator) Next(m *seqmodel.Model) Op {
	cfg := m.Config()
	g.Base, g.End, g.Areas = cfg.Base, cfg.MmapBase, m.Maps()
	if g.Chance(4) {
		return g.nasty(m)
	}
	for {
		switch n := g.IntN(100); {
		case n < 30:
			return g.mmap(m)
		case n < 38:
			start, end := g.Span()
			return Op{Kind: OpMunmap, Addr: start, Len: end - start}
		case n < 50:
			start, end := g.Span()
			return Op{Kind: OpMprotect, Addr: start, Len: end - start, Prot: g.Prot()}
		case n < 56:
			if op, ok := g.reunite(); ok {
				return op
			}
		case n < 60:
			start, end := g.Span()
			return Op{Kind: OpMadvise, Addr: start, Len: end - start, Advice: linux.MADV_DONTNEED}
		case n < 72:
			return Op{Kind: OpLoad, Addr: g.byteAddr()}
		case n < 94:
			return Op{Kind: OpStore, Addr: g.byteAddr(), Value: byte(1 + g.IntN(255))}
		case n < 96:
			if g.cfg.Fetch {
				return Op{Kind: OpFetch, Addr: g.byteAddr()}
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
func (g *Generator) reunite() (Op, bool) {
	a, neighbour, ok := g.Neighbours()
	if !ok {
		return Op{}, false
	}
	return Op{Kind: OpMprotect, Addr: a.Start, Len: a.End - a.Start, Prot: neighbour.Prot}, true
}

// Pick returns a number in [0, n): for the driver to choose among models out of
// the same seed.
func (g *Generator) Pick(n int) int { return g.IntN(n) }

func (g *Generator) mmap(m *seqmodel.Model) Op {
	start, end := g.Span()
	op := Op{Kind: OpMmap, Addr: start, Len: end - start, Prot: g.Prot(), File: NoFile}
	switch n := g.IntN(100); {
	case n < 60:
		op.Flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS
	case n < 67:
		op.Flags = linux.MAP_SHARED | linux.MAP_ANONYMOUS
	default:
		op.Flags = [...]int{linux.MAP_PRIVATE, linux.MAP_PRIVATE, linux.MAP_SHARED, linux.MAP_SHARED_VALIDATE}[g.IntN(4)]
		g.backWithFile(m, &op)
	}
	if g.Chance(10) {
		op.Flags |= linux.MAP_NORESERVE
	}
	if g.Chance(4) {
		op.Flags |= linux.MAP_STACK
	}
	switch n := g.IntN(100); {
	case n < 60:
		op.Flags |= linux.MAP_FIXED
	case n < 70:
		op.Flags |= linux.MAP_FIXED_NOREPLACE
	case n < 85: // the address is a hint, perhaps an unaligned one
		if g.Chance(20) {
			op.Addr += uint64(g.IntN(linux.PageSize))
		}
		op.Len = g.Length(2 * operands.Huge)
	default:
		op.Addr = 0
		op.Len = g.Length(2 * operands.Huge)
	}
	if g.Chance(10) {
		op.Len -= uint64(g.IntN(linux.PageSize))
	}
	return op
}

// backWithFile chooses a file and an offset: often the one that continues what
// is mapped below or above, so that the mapping can merge.
func (g *Generator) backWithFile(m *seqmodel.Model, op *Op) {
	if g.cfg.Files == 0 {
		op.Flags |= linux.MAP_ANONYMOUS
		return
	}
	op.File = g.IntN(g.cfg.Files)
	switch page := (op.Addr - g.Base) >> linux.PageShift; {
	case g.Chance(70):
		op.Off = page % 16 << linux.PageShift // the same offset for the same address
	default:
		op.Off = uint64(g.IntN(16)) << linux.PageShift
	}
}

// byteAddr returns where to load or store.
func (g *Generator) byteAddr() uint64 { return g.Byte(0, 1, 100, linux.PageSize-1) }

// nasty returns an operation with wrong or extreme arguments. Whatever it does
// in spite of them stays inside the window.
func (g *Generator) nasty(m *seqmodel.Model) Op {
	start, end := g.Span()
	size := end - start
	weird, far := g.Weird(start), g.Far()
	switch g.IntN(3) {
	case 0:
		return g.nastyMmap(m, start, size, weird, far)
	case 1:
		op := Op{Kind: OpMprotect, Addr: start, Len: size, Prot: g.Prot()}
		switch g.IntN(5) {
		case 0:
			op.Addr++
			op.Len = weird
		case 1:
			op.Addr = far
		case 2:
			op.Prot |= [...]int{0x8, 0x10, 0x40, 1 << 30}[g.IntN(4)]
		case 3:
			op.Prot |= [...]int{linux.PROT_GROWSDOWN, linux.PROT_GROWSUP, linux.PROT_GROWSDOWN | linux.PROT_GROWSUP}[g.IntN(3)]
		case 4:
			op.Len = [...]uint64{0, ^uint64(0), -start}[g.IntN(3)]
		}
		return op
	}
	op := Op{Kind: OpMunmap, Addr: start, Len: size}
	if g.Chance(50) {
		op.Kind, op.Advice = OpMadvise, linux.MADV_DONTNEED
		if g.Chance(30) {
			op.Advice = [...]int{7, 99, -1, 1000}[g.IntN(4)]
			op.Len = weird
			return op
		}
	}
	switch g.IntN(3) {
	case 0:
		op.Addr++
		op.Len = weird
	case 1:
		op.Addr = far
	case 2:
		op.Len = [...]uint64{0, 1, ^uint64(0), -start}[g.IntN(4)]
	}
	return op
}

func (g *Generator) nastyMmap(m *seqmodel.Model, start, size, weird, far uint64) Op {
	op := g.mmap(m)
	op.Addr, op.Len = start, size
	switch g.IntN(8) {
	case 0:
		op.Addr = max(g.Base, op.Addr-1)
	case 1:
		op.Addr = far
	case 2:
		op.Len = [...]uint64{0, ^uint64(0), operands.Beyond, operands.Beyond + linux.PageSize}[g.IntN(4)]
	case 3:
		op.Off = [...]uint64{1, linux.PageSize + 1, 1 << 63, ^uint64(0) - linux.PageMask, maxFileBytes &^ linux.PageMask, maxFileBytes&^linux.PageMask - size}[g.IntN(6)]
	case 4:
		op.Flags &^= mapTypeMask
		op.Flags |= [...]int{0, 4, 5, 7}[g.IntN(4)]
	case 5:
		op.Flags |= [...]int{0x8000000, 0x200000, 0x400000, 0x800}[g.IntN(4)] // unknown to mmap
	case 6:
		op.File, op.Flags = NoFile, op.Flags&^linux.MAP_ANONYMOUS
		op.Len = [...]uint64{0, size}[g.IntN(2)]
	case 7:
		op.Prot |= [...]int{0x8, 0x10, 0x1000000}[g.IntN(3)]
		if g.Chance(30) {
			op.Addr = weird & linux.PageMask
			op.Flags &^= mapAnyFixed
		}
	}
	return op
}
