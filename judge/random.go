package judge

import (
	"math/rand/v2"

	"vmasim/internal/linux"
	"vmasim/internal/operands"
	"vmasim/workloads"
)

// generator makes sequences of operations meant to find drift: few kinds of attributes, so that neighbours are often equal;
// addresses at the borders of what is mapped; touched and untouched memory; wrong arguments now and then. The same seed and
// the same simulator give the same sequence.
type generator struct {
	operands.Drawer[area] // for the address space that the next operation is for

	flavor flavor
	w      *world
}

// flavor is what a sequence may do beside the ordinary. Each sequence has its own, so that what ends most activity (a seal, a
// limit) does not end it everywhere.
type flavor struct {
	fork, files, seal, limits, stacks, locks, heap, advice, moves, nasty, large, prctl, remote bool
}

func newGenerator(seed, sequence uint64) *generator {
	g := &generator{}
	g.Rand = rand.New(rand.NewPCG(seed, sequence))
	f := &g.flavor
	for _, b := range []*bool{&f.fork, &f.files, &f.stacks, &f.locks, &f.heap, &f.advice, &f.moves, &f.nasty, &f.remote} {
		*b = g.Chance(60)
	}
	for _, b := range []*bool{&f.seal, &f.limits, &f.large, &f.prctl} {
		*b = g.Chance(15)
	}
	return g
}

// one returns one of several values.
func one[T any](g *generator, values ...T) T { return operands.One(g.Rand, values...) }

// use says for which address space the next operation is.
func (g *generator) use(w *world, areas []area) {
	g.w, g.Areas, g.Base, g.End = w, areas, w.set.window.Base, w.set.window.End()
}

// operation is how often a kind of statement is drawn, and what makes it. It gives nil if there is nothing to do it to.
type operation struct {
	weight int
	when   func(f *flavor) bool // nil: always
	make   func(g *generator) *workloads.Stmt
}

// operations is what a sequence consists of.
var operations = [...]operation{
	{24, nil, (*generator).mmap},
	{7, nil, ranged(workloads.KindMunmap)},
	{9, nil, (*generator).mprotect},
	{5, nil, (*generator).reunite},
	{4, nil, (*generator).dontneed},
	{9, func(f *flavor) bool { return f.advice }, (*generator).madvise},
	{12, func(f *flavor) bool { return f.moves }, (*generator).mremap},
	{8, nil, (*generator).touch},
	{5, nil, (*generator).load},
	{14, nil, (*generator).store},
	{5, func(f *flavor) bool { return f.locks }, (*generator).mlock},
	{2, func(f *flavor) bool { return f.locks }, ranged(workloads.KindMunlock)},
	{1, func(f *flavor) bool { return f.locks }, (*generator).mlockall},
	{2, func(f *flavor) bool { return f.seal }, ranged(workloads.KindMseal)},
	{1, nil, (*generator).msync},
	{2, nil, ranged(workloads.KindMincore)},
	{5, func(f *flavor) bool { return f.heap }, (*generator).brk},
	{2, func(f *flavor) bool { return f.limits }, (*generator).setrlimit},
	{2, func(f *flavor) bool { return f.fork }, (*generator).fork},
	{2, func(f *flavor) bool { return f.fork }, (*generator).exit},
	{1, func(f *flavor) bool { return f.prctl }, (*generator).prctl},
	{2, func(f *flavor) bool { return f.files }, (*generator).remapFilePages},
	{2, func(f *flavor) bool { return f.remote }, (*generator).peek},
	{4, func(f *flavor) bool { return f.remote }, (*generator).poke},
	{4, func(f *flavor) bool { return f.nasty }, (*generator).nasty},
}

// next returns the next operation.
func (g *generator) next() *workloads.Stmt {
	total := 0
	for _, o := range operations {
		total += o.weight
	}
	for {
		n := g.IntN(total)
		for _, o := range operations {
			if n -= o.weight; n >= 0 {
				continue
			}
			if o.when == nil || o.when(&g.flavor) {
				if s := o.make(g); s != nil {
					return s
				}
			}
			break
		}
	}
}

func number(n uint64) *workloads.Expr {
	return &workloads.Expr{Op: workloads.ExprConst, Value: n, Hex: n >= 1<<32}
}

// ranged makes a call on a range.
func ranged(kind workloads.Kind) func(g *generator) *workloads.Stmt {
	return func(g *generator) *workloads.Stmt {
		start, end := g.Span()
		return &workloads.Stmt{Kind: kind, Addr: number(start), Size: number(end - start)}
	}
}

func (g *generator) prot() workloads.Prot { return workloads.Prot(g.Prot()) }

func (g *generator) mmap() *workloads.Stmt {
	start, end := g.Span()
	s := &workloads.Stmt{Kind: workloads.KindMmap, Addr: number(start), Size: number(end - start), Prot: g.prot()}
	s.Backing.Sharing = linux.MAP_PRIVATE
	switch n := g.IntN(100); {
	case n < 60 || n >= 70 && !g.flavor.files:
	case n < 68:
		s.Backing.Sharing = linux.MAP_SHARED
	case n < 70:
		s.Backing.Sharing = linux.MAP_DROPPABLE
	default:
		if g.Chance(40) {
			s.Backing.Sharing = linux.MAP_SHARED
		}
		g.backWithFile(s)
	}
	for _, f := range []struct{ flag, percent int }{{linux.MAP_NORESERVE, 10}, {linux.MAP_STACK, 4}, {linux.MAP_POPULATE, 6}, {linux.MAP_SYNC, 1}} {
		if g.Chance(f.percent) {
			s.Flags |= f.flag
		}
	}
	if g.flavor.stacks && g.Chance(12) {
		s.Flags |= linux.MAP_GROWSDOWN
	}
	if g.flavor.locks && g.Chance(5) {
		s.Flags |= linux.MAP_LOCKED
	}
	switch n := g.IntN(100); {
	case n < 60:
		s.Flags |= linux.MAP_FIXED
	case n < 70:
		s.Flags |= linux.MAP_FIXED_NOREPLACE
	case n < 85: // the address is a hint, perhaps an unaligned one
		if g.Chance(20) {
			s.Addr = number(start + uint64(g.IntN(linux.PageSize)))
		}
		s.Size = number(g.Length(roomy))
	default:
		s.Addr, s.Size = nil, number(g.Length(roomy))
	}
	if g.Chance(10) {
		s.Size.Value -= uint64(g.IntN(linux.PageSize))
	}
	return s
}

// backWithFile chooses a file and an offset: often the one that continues what is mapped below or above, so that the mapping
// can merge.
func (g *generator) backWithFile(s *workloads.Stmt) {
	i := g.IntN(len(g.w.set.scenario.Files) - unmappable)
	if g.Chance(2) {
		i = len(g.w.set.scenario.Files) - 1 - g.IntN(unmappable)
	}
	s.Backing.File = &workloads.Ref{Name: g.w.set.scenario.Files[i].Name, Index: i}
	offset := uint64(g.IntN(16)) << linux.PageShift
	if g.Chance(70) {
		offset = (s.Addr.Value - g.Base) >> linux.PageShift % 16 << linux.PageShift // the same offset for the same address
	}
	if offset != 0 {
		s.Backing.Offset = number(offset)
	}
}

// unmappable is how many of sequenceScenario's files, the last ones, cannot be mapped.
const unmappable = 2

// roomy is how large a window is that has room for large mappings.
const roomy = 8 * operands.Huge

func (g *generator) mprotect() *workloads.Stmt {
	s := ranged(workloads.KindMprotect)(g)
	s.Prot = g.prot()
	if g.flavor.stacks && g.Chance(15) {
		s.Prot |= linux.PROT_GROWSDOWN
	}
	return s
}

// reunite gives an area the rights of a neighbour, so that up to three become one if nothing else keeps them apart.
func (g *generator) reunite() *workloads.Stmt {
	a, neighbour, ok := g.Neighbours()
	if !ok {
		return nil
	}
	return &workloads.Stmt{Kind: workloads.KindMprotect, Addr: number(a.start), Size: number(a.end - a.start), Prot: workloads.Prot(neighbour.prot)}
}

func (g *generator) dontneed() *workloads.Stmt {
	s := ranged(workloads.KindMadvise)(g)
	s.Advice = linux.MADV_DONTNEED
	return s
}

// advices are those that change VMAs or pages.
var advices = [...]int{
	linux.MADV_FREE, linux.MADV_DONTNEED_LOCKED, linux.MADV_DONTFORK, linux.MADV_DOFORK, linux.MADV_DONTDUMP, linux.MADV_DODUMP, linux.MADV_WIPEONFORK,
	linux.MADV_KEEPONFORK, linux.MADV_HUGEPAGE, linux.MADV_NOHUGEPAGE, linux.MADV_MERGEABLE, linux.MADV_UNMERGEABLE, linux.MADV_POPULATE_READ,
	linux.MADV_POPULATE_WRITE, linux.MADV_GUARD_INSTALL, linux.MADV_GUARD_REMOVE, linux.MADV_COLD, linux.MADV_WILLNEED, linux.MADV_REMOVE,
	linux.MADV_NORMAL, linux.MADV_RANDOM, linux.MADV_SEQUENTIAL,
}

func (g *generator) madvise() *workloads.Stmt {
	s := ranged(workloads.KindMadvise)(g)
	s.Advice = one(g, advices[:]...)
	return s
}

func (g *generator) mremap() *workloads.Stmt {
	start, end := g.Span()
	if len(g.Areas) > 0 && g.Chance(50) {
		a := g.Areas[g.IntN(len(g.Areas))]
		start, end = a.start, a.end
	}
	s := &workloads.Stmt{Kind: workloads.KindMremap, Addr: number(start), Size: number(end - start), NewSize: number(end - start)}
	switch g.IntN(4) {
	case 0:
		s.NewSize.Value += uint64(1+g.IntN(4)) << linux.PageShift
	case 1:
		s.NewSize.Value -= min(s.NewSize.Value-linux.PageSize, uint64(1+g.IntN(4))<<linux.PageShift)
	}
	if g.Chance(75) {
		s.Flags |= linux.MREMAP_MAYMOVE
	}
	if g.Chance(50) {
		s.Flags |= linux.MREMAP_FIXED | linux.MREMAP_MAYMOVE
		s.To = number(g.Border())
	}
	if g.Chance(15) {
		s.Flags |= linux.MREMAP_DONTUNMAP | linux.MREMAP_MAYMOVE
		s.NewSize.Value = s.Size.Value
		if s.To == nil && g.Chance(50) {
			s.To = number(g.Border())
		}
	}
	if g.Chance(6) {
		s.Size.Value = 0
	}
	if s.To != nil { // it has to stay inside the window
		s.To.Value = min(s.To.Value, g.End-min(s.NewSize.Value, g.End-g.Base))
	}
	return s
}

// byteAddr returns the address of a word.
func (g *generator) byteAddr() uint64 { return g.Byte(0, 8, 104, linux.PageSize-8) }

func (g *generator) touch() *workloads.Stmt {
	s := &workloads.Stmt{Kind: workloads.KindTouch, Addr: number(g.byteAddr()), Access: one(g, linux.Read, linux.Read, linux.Write, linux.Exec)}
	if g.flavor.stacks && g.Chance(25) {
		s.Addr = number(g.Border())
	}
	if s.Access == linux.Exec {
		s.Addr.Value &^= linux.PageSize - 1 // an instruction that does not reach into the next page
	}
	return s
}

func (g *generator) load() *workloads.Stmt {
	return &workloads.Stmt{Kind: workloads.KindLoad, Addr: number(g.byteAddr() &^ 7)}
}

// nop is an instruction that does nothing: a page may be executed from its first word on.
const nop = 0x90

func (g *generator) store() *workloads.Stmt {
	return &workloads.Stmt{Kind: workloads.KindStore, Addr: number(g.byteAddr() &^ 7), Value: number(g.Uint64N(1<<16)<<8 | nop)}
}

// peek reads as a debugger does, also where the process may not.
func (g *generator) peek() *workloads.Stmt {
	return &workloads.Stmt{Kind: workloads.KindPeek, Addr: number(g.byteAddr() &^ 7)}
}

func (g *generator) poke() *workloads.Stmt {
	s := g.store()
	s.Kind = workloads.KindPoke
	return s
}

// remapFilePages is about a part of a shared mapping, if there is one.
func (g *generator) remapFilePages() *workloads.Stmt {
	s := ranged(workloads.KindRemapFilePages)(g)
	for n := 0; n < 4 && len(g.Areas) > 0; n++ {
		if a := one(g, g.Areas...); a.shared {
			pages := (a.end - a.start) >> linux.PageShift
			first := g.Uint64N(pages)
			s.Addr = number(a.start + first<<linux.PageShift)
			s.Size = number((1 + g.Uint64N(pages-first)) << linux.PageShift)
			break
		}
	}
	s.Value = number(uint64(g.IntN(8)))
	if g.Chance(30) {
		s.Flags = linux.MAP_NONBLOCK
	}
	return s
}

func (g *generator) prctl() *workloads.Stmt {
	s := &workloads.Stmt{Kind: workloads.KindPrctl, Option: linux.PR_SET_MEMORY_MERGE, Value: number(uint64(g.IntN(2)))}
	if g.Chance(20) {
		s.Option, s.Value = linux.PR_SET_MDWE, number(uint64(g.IntN(5)))
	}
	return s
}

func (g *generator) mlock() *workloads.Stmt {
	s := ranged(workloads.KindMlock)(g)
	if g.Chance(25) {
		s.Flags = linux.MLOCK_ONFAULT
	}
	return s
}

func (g *generator) mlockall() *workloads.Stmt {
	if g.Chance(50) {
		return &workloads.Stmt{Kind: workloads.KindMunlockall}
	}
	const future = linux.MCL_FUTURE
	return &workloads.Stmt{Kind: workloads.KindMlockall, Flags: one(g, linux.MCL_CURRENT, future, linux.MCL_CURRENT|future, future|linux.MCL_ONFAULT)}
}

func (g *generator) msync() *workloads.Stmt {
	s := ranged(workloads.KindMsync)(g)
	s.Flags = one(g, linux.MS_ASYNC, linux.MS_SYNC, linux.MS_INVALIDATE, linux.MS_SYNC|linux.MS_INVALIDATE)
	return s
}

func (g *generator) brk() *workloads.Stmt {
	heap := g.w.set.window.Heap
	pages := uint64(g.IntN(12))
	if g.Chance(10) {
		return &workloads.Stmt{Kind: workloads.KindBrk, Addr: number(heap - linux.PageSize)}
	}
	return &workloads.Stmt{Kind: workloads.KindBrk, Addr: number(heap + pages<<linux.PageShift + uint64(g.IntN(3))*100)}
}

func (g *generator) setrlimit() *workloads.Stmt {
	s := &workloads.Stmt{Kind: workloads.KindSetrlimit, Limit: one(g, linux.RLIMIT_AS, linux.RLIMIT_DATA, linux.RLIMIT_STACK, linux.RLIMIT_MEMLOCK)}
	if g.Chance(50) {
		s.Size = number(uint64(g.IntN(40)) << linux.PageShift)
	}
	return s
}

func (g *generator) fork() *workloads.Stmt {
	for i, m := range g.w.set.scenario.MMs {
		if g.w.spaces[i] == nil {
			return &workloads.Stmt{Kind: workloads.KindFork, MM: &workloads.Ref{Name: m.Name, Index: i}}
		}
	}
	return nil
}

func (g *generator) exit() *workloads.Stmt {
	i := 1 + g.IntN(len(g.w.spaces)-1)
	if g.w.spaces[i] == nil {
		return nil
	}
	return &workloads.Stmt{Kind: workloads.KindExit, MM: &workloads.Ref{Name: g.w.set.scenario.MMs[i].Name, Index: i}}
}
