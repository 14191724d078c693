package workloads

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Generator draws random statements, meant to find where two sides differ: each kind as often as its row in the table says, then part
// by part, in their order, as the row of each part says. Now and then one part is made wrong or extreme. Whatever a statement does in
// spite of that stays inside the window.
//
// The same numbers, the same scenario and the same views give the same statements.
type Generator struct {
	*rand.Rand

	mms      []*MM
	mappable []*Ref // files
	others   []*Ref // files that cannot be mapped
	features feature
	weights  [NumKinds]int // of the kinds that are drawn
	total    int           // of the weights

	view      View // where the statement is performed
	base, end uint64
	none      bool // what the statement needs is not there
}

// View is what a generator sees of the address space that the next statement is for.
type View interface {
	Window() (base, end uint64) // where addresses lie
	Heap() uint64               // where the heap begins; 0: there is none
	Areas() int                 // how many mappings there are in the window
	Area(i int) Mapping         // one of them, in the order of their addresses
	Exists(mm int) bool         // reports whether an address space of the scenario exists
}

// Mapping is a range of addresses that is mapped alike.
type Mapping struct {
	Start, End uint64
	Prot       Prot
	Shared     bool
}

// feature is what a statement may need. Each generator has some of them, so that what ends most activity, such as a seal or a limit,
// does not end it everywhere. (Groce and others call this swarm testing.)
type feature uint16

const (
	onForks feature = 1 << iota
	onFiles
	onStacks
	onLocks
	onHeap
	onAdvice
	onMoves
	onRemote // reading and writing from the kernel's side
	onBadValues
	onSeals
	onLimits
	onSettings
	allFeatures = 1<<iota - 1

	rareFeatures = onSeals | onLimits | onSettings

	onSimulator = allFeatures + 1 // what no kernel has: there where it is asked for
)

// NewGenerator returns a generator for the files and address spaces of a scenario, which draws statements of the kinds given; if none is,
// those that a kernel performs, too, as far as it has their features. There must be one that can always be drawn, as those on ranges can.
func NewGenerator(sc *Scenario, r *rand.Rand, kinds ...Kind) *Generator {
	g := &Generator{Rand: r, mms: sc.MMs}
	for i, f := range sc.Files {
		ref := &Ref{Name: f.Name, Index: i}
		if f.Special == SpecialPipe || f.Special == SpecialClosed {
			g.others = append(g.others, ref)
		} else {
			g.mappable = append(g.mappable, ref)
		}
	}
	for f := feature(1); f < allFeatures; f <<= 1 {
		percent := 60
		if f&rareFeatures != 0 {
			percent = 15
		}
		if g.chance(percent) {
			g.features |= f
		}
	}
	for _, k := range kinds {
		g.features |= specs[k].needs
	}
	for i := range specs {
		if s := &specs[i]; (len(kinds) == 0 || slices.Contains(kinds, s.Kind)) && g.may(s.needs) {
			g.weights[s.Kind] = s.weight
			g.total += s.weight
		}
	}
	return g
}

// Draws reports whether statements of the kind are drawn.
func (g *Generator) Draws(k Kind) bool { return g.weights[k] > 0 }

// may reports whether the generator has the features.
func (g *Generator) may(f feature) bool { return g.features&f == f }

// chance reports true in so many of 100 cases.
func (g *Generator) chance(percent int) bool { return g.IntN(100) < percent }

// maxDraws is how often a statement is drawn at most until there is all that it needs.
const maxDraws = 100_000

// Next returns the next statement. It panics where no statement that the generator draws has what it needs.
func (g *Generator) Next(v View) *Stmt {
	for range maxDraws {
		if s := g.try(v); s != nil {
			return s
		}
	}
	panic(fmt.Sprintf("workloads: none of %d statements drawn has what it needs: expected a kind that needs nothing among those drawn", maxDraws))
}

// try draws a statement; nil: what it needs is not there.
func (g *Generator) try(v View) *Stmt {
	g.view = v
	g.base, g.end = v.Window()
	s := &Stmt{Kind: g.kind()}
	g.none = false
	for _, a := range s.Spec().args {
		if draw := parts[a].draw; draw != nil {
			draw(g, s)
		}
	}
	if g.none {
		return nil
	}
	if g.may(onBadValues) && g.chance(8) {
		g.spoil(s)
	}
	return s
}

// kind draws a kind by the weights.
func (g *Generator) kind() Kind {
	n := g.IntN(g.total)
	for k, weight := range g.weights {
		if n -= weight; n < 0 {
			return Kind(k)
		}
	}
	panic("unreachable: n is below the sum of the weights")
}

// spoil makes one part of a statement bad, sometimes two: which of two wrong arguments is complained about is a question of its own.
func (g *Generator) spoil(s *Stmt) {
	var bad []arg
	for _, a := range s.Spec().args {
		if parts[a].bad != nil {
			bad = append(bad, a)
		}
	}
	if len(bad) == 0 {
		return
	}
	first := g.IntN(len(bad))
	parts[bad[first]].bad(g, s)
	if second := g.IntN(len(bad)); second != first && g.chance(40) {
		parts[bad[second]].bad(g, s)
	}
}
