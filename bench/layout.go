package bench

import (
	"math/rand/v2"

	"vmasim/internal/linux"
)

// Layout is an address space of VMAs at equal distances, the same for every implementation compared.
type Layout struct {
	Base  uint64 // address of the first VMA
	VMAs  int
	Pages int // of each VMA
	Gap   int // pages between one VMA and the next
}

// Start is the address of the i-th VMA.
func (l Layout) Start(i int) uint64 { return l.Base + uint64(i)*l.stride() }

// End is the address behind the i-th VMA.
func (l Layout) End(i int) uint64 { return l.Start(i) + uint64(l.Pages)*linux.PageSize }

func (l Layout) stride() uint64 { return uint64(l.Pages+l.Gap) * linux.PageSize }

// Order is a random order of the VMAs: to insert them in order would give memory a kindness that no process has.
func (l Layout) Order(seed uint64) []int { return newRand(seed).Perm(l.VMAs) }

// Part is the part-th of parts equal pieces of the layout, for threads that keep to VMAs of their own.
func (l Layout) Part(part, parts int) Layout {
	first, next := l.VMAs*part/parts, l.VMAs*(part+1)/parts
	l.Base, l.VMAs = l.Start(first), next-first
	return l
}

// walkLength is long enough that a branch predictor cannot learn a random walk by heart, short enough to stay cheap.
const walkLength = 1 << 18

// Walk is what a worker looks up turn by turn: addresses at random, or all pages in order.
func (l Layout) Walk(seed uint64, random bool) []uint64 {
	if random {
		return l.Addresses(seed, walkLength)
	}
	return l.Sequential(min(walkLength, l.VMAs*l.Pages))
}

// Addresses draws count addresses inside the VMAs, page by page uniformly.
func (l Layout) Addresses(seed uint64, count int) []uint64 {
	r := newRand(seed)
	addrs := make([]uint64, count)
	for i := range addrs {
		vma, page := r.IntN(l.VMAs), r.IntN(l.Pages)
		addrs[i] = l.Start(vma) + uint64(page)*linux.PageSize + uint64(r.IntN(linux.PageSize))
	}
	return addrs
}

// Sequential returns count addresses that walk the pages of the VMAs in order, and again from the front.
func (l Layout) Sequential(count int) []uint64 {
	addrs := make([]uint64, count)
	for i := range addrs {
		page := i % (l.VMAs * l.Pages)
		addrs[i] = l.Start(page/l.Pages) + uint64(page%l.Pages)*linux.PageSize
	}
	return addrs
}

// Shuffle puts values in a random order.
func Shuffle[T any](seed uint64, values []T) {
	newRand(seed).Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
