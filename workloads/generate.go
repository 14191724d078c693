package workloads

import (
	"math/bits"
	"math/rand/v2"

	"vmasim/internal/linux"
)

// DrawKind is a way to draw the pages of a region.
type DrawKind int8

const (
	DrawRandom DrawKind = iota
	DrawSequential
	DrawStrided
	DrawZipf
)

// Draw is a place in a scenario that draws page addresses of a region.
type Draw struct {
	Kind   DrawKind
	Index  int     // among the draws of its block
	Stride uint64  // DrawStrided, in bytes
	Skew   float64 // DrawZipf
}

// DefaultSkew is the exponent of zipf(A), MaxSkew the largest one allowed: with
// it, all but one draw in a thousand hit the first page.
const (
	DefaultSkew = 1.1
	MaxSkew     = 10.0
)

// generatorSpec describes an address generator for parser and manual.
type generatorSpec struct {
	Name, Usage, Help string
}

var generatorSpecs = [...]generatorSpec{
	DrawRandom: {"random", "random(A)",
		"every page equally likely"},
	DrawSequential: {"sequential", "sequential(A)",
		"page after page, then from the start again"},
	DrawStrided: {"strided", "strided(A, STEP)",
		"STEP bytes further each time; past the end again from the start, one page on, so that every page has its turn"},
	DrawZipf: {"zipf", "zipf(A) or zipf(A, S)",
		"page n with probability proportional to 1/(n+1)^S: the first pages are the hot ones"},
}

// generatorByName gives the kind of that name, or -1.
func generatorByName(name string) DrawKind {
	for i, g := range generatorSpecs {
		if g.Name == name {
			return DrawKind(i)
		}
	}
	return -1
}

// source is a task's random numbers.
type source struct{ rand.PCG }

// newSource keeps the draws of different blocks and tasks apart: PCG streams
// from neighbouring states are only as independent as their seeds are mixed.
func newSource(seed, stream, task uint64) source {
	return source{*rand.NewPCG(mix(seed), mix(mix(seed)^mix(stream)+task))}
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below draws from 0..n-1. Multiply and take the high word: for the page counts
// of a region the bias is under 2^-12 of a draw's share even at 2^52 pages.
func (s *source) below(n uint64) uint64 {
	hi, _ := bits.Mul64(s.Uint64(), n)
	return hi
}

// drawState is that of one Draw in one task.
type drawState struct {
	at   uint64 // sequential, strided: the next offset in bytes
	zipf *rand.Zipf
	size uint64 // region size that zipf is made for
}

// next draws the offset of a page in a region of size bytes.
func (g *drawState) next(d *Draw, s *source, size uint64) uint64 {
	switch d.Kind {
	case DrawSequential:
		return g.step(linux.PageSize, size)
	case DrawStrided:
		return g.step(d.Stride, size)
	case DrawZipf:
		return g.zipfRank(d, s, size) * linux.PageSize
	default: // DrawRandom
		return s.below(pages(size)) * linux.PageSize
	}
}

// step walks through the region; each walk but the first begins one page after
// the one before, until the stride is used up.
func (g *drawState) step(stride, size uint64) uint64 {
	if g.at >= size { // the region was bound again, to a smaller one
		g.at = 0
	}
	at := g.at
	if stride < size-at {
		g.at = at + stride
		return at
	}
	if g.at = at%stride + linux.PageSize; g.at >= min(stride, size) {
		g.at = 0
	}
	return at
}

func (g *drawState) zipfRank(d *Draw, s *source, size uint64) uint64 {
	if g.size != size {
		g.size = size
		g.zipf = rand.NewZipf(rand.New(s), d.Skew, 1, pages(size)-1)
	}
	return g.zipf.Uint64()
}

func pages(size uint64) uint64 { return (size-1)/linux.PageSize + 1 }

// Choose draws one of the statement's choices, each by its weight.
func (s *Stmt) Choose(env *Env) *Stmt {
	total := uint64(0)
	for _, c := range s.Body {
		total += c.Weight
	}
	n := env.source.below(total)
	for _, c := range s.Body {
		if n < c.Weight {
			return c
		}
		n -= c.Weight
	}
	panic("unreachable: n is below the sum of the weights")
}
