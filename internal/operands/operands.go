// Package operands draws operands of calls that are meant to find drift between two sides: addresses at the borders of what is mapped,
// rights of which few differ, so that neighbours are often equal, and, where wrong ones are wanted, the edges of numbers.
//
// The same numbers of the source and the same areas give the same operands.
package operands

import (
	"math/rand/v2"

	"vmasim/internal/linux"
)

// Area is a range of addresses that is mapped.
type Area interface {
	Bounds() (start, end uint64)
}

// Drawer draws operands for one address space.
type Drawer[A Area] struct {
	*rand.Rand
	Base, End uint64 // the window in which addresses lie
	Areas     []A    // what is mapped in it, in order
}

// Chance reports true in so many of 100 cases.
func (d *Drawer[A]) Chance(percent int) bool { return d.IntN(100) < percent }

// One returns one of several values.
func One[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// Beyond is an address and a length past the end of any user address space.
const Beyond = 1 << 47

const pageMask = linux.PageSize - 1

// crowded is how many pages fixed addresses keep to, so that a large window has free room for large mappings.
const crowded = 256

// Border returns a page address: that of something mapped, or beside it, or any.
func (d *Drawer[A]) Border() uint64 {
	addr := d.Base + d.Uint64N(min((d.End-d.Base)>>linux.PageShift, crowded))<<linux.PageShift
	if n := len(d.Areas); n > 0 && d.Chance(75) {
		start, end := d.Areas[d.IntN(n)].Bounds()
		switch d.IntN(5) {
		case 0, 1:
			addr = start
		case 2:
			addr = end
		case 3:
			addr = start + d.Uint64N((end-start)>>linux.PageShift)<<linux.PageShift
		case 4:
			addr = start - linux.PageSize
		}
	}
	return min(max(addr, d.Base), d.End-linux.PageSize)
}

// Span returns a range of whole pages inside the window, at least one: to a border of an area or some pages long.
func (d *Drawer[A]) Span() (start, end uint64) {
	start = d.Border()
	end = start + uint64(1+d.IntN(8))<<linux.PageShift
	i := 0
	for i < len(d.Areas) && endOf(d.Areas[i]) <= start {
		i++
	}
	if i < len(d.Areas) && d.Chance(40) {
		switch from, to := d.Areas[min(len(d.Areas)-1, i+d.IntN(3)/2)].Bounds(); {
		case d.Chance(30) && from > start:
			end = from
		default:
			end = to
		}
	}
	return start, min(end, d.End)
}

func endOf(a Area) uint64 {
	_, end := a.Bounds()
	return end
}

// Byte returns where to load or store: mostly in something mapped, at one of some offsets in a page.
func (d *Drawer[A]) Byte(offsets ...uint64) uint64 {
	addr := d.Border()
	if n := len(d.Areas); n > 0 && d.Chance(85) {
		start, end := d.Areas[d.IntN(n)].Bounds()
		addr = start + d.Uint64N(min(8, (end-start)>>linux.PageShift))<<linux.PageShift
	}
	return addr + One(d.Rand, offsets...)
}

// Neighbours returns an area and one beside it; ok is false where there are not two.
func (d *Drawer[A]) Neighbours() (a, beside A, ok bool) {
	if len(d.Areas) < 2 {
		return a, beside, false
	}
	i := d.IntN(len(d.Areas))
	a, beside = d.Areas[i], d.Areas[max(0, i-1)]
	if i == 0 || d.Chance(30) {
		beside = d.Areas[min(i+1, len(d.Areas)-1)]
	}
	return a, beside, true
}

// Huge is how much of the address space a huge page takes.
const Huge = 2 << 20

// Length is that of a mapping without a fixed address, in bytes: small, or where the window has room, about 2 MiB.
func (d *Drawer[A]) Length(room uint64) uint64 {
	if d.End-d.Base < room || d.Chance(50) {
		return uint64(1+d.IntN(6)) << linux.PageShift
	}
	n := uint64(1+d.IntN(2)) * Huge
	if d.Chance(30) {
		n += uint64(d.IntN(3)-1) << linux.PageShift
	}
	return n
}

// Prot favours rw, so that neighbours are equal often enough to merge.
func (d *Drawer[A]) Prot() int {
	const r, w, x = linux.PROT_READ, linux.PROT_WRITE, linux.PROT_EXEC
	return One(d.Rand, r|w, r|w, r|w, r|w, r|w, r|w, r, r, r, 0, 0, r|x, r|w|x, w, x)
}

// Weird returns a length that is no good, or that overflows behind start.
func (d *Drawer[A]) Weird(start uint64) uint64 {
	return One(d.Rand, 0, 1, 1<<63, ^uint64(0), ^uint64(0)-pageMask, -start, Beyond)
}

// Far returns a page address that no user has.
func (d *Drawer[A]) Far() uint64 {
	return One[uint64](d.Rand, Beyond, Beyond-linux.PageSize, 1<<63, ^uint64(0)&^pageMask)
}
