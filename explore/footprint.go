package explore

import (
	"math/bits"
	"slices"
)

// footprint is what a step touches, with cells and objects numbered by their addresses: the same in all executions.
type footprint struct {
	access
	lives [3]int32 // objects whose lives it begins or ends, the first ones too, which access leaves out
}

// footprints numbers those of a search, and knows which of them matter to each other.
type footprints struct {
	numbers cells // of addresses; never reset
	ids     map[footprint]int32
	all     []footprint
	bare    []int32         // by footprint: the one without lives
	depends []bitset        // by footprint: those whose order with it matters, and those of its task
	races   []bitset        // by footprint: those of other tasks that race with it where they come before it
	objects map[int32]int32 // the object of each cell
	news    bool            // a cell was found to lie in an object: what was searched took it for one that lies in none
	pending map[access]pendingStep
	turned  uint32 // how many of these were found to matter to another task that had not been
}

// pendingStep is what is known of an operation that is pending.
type pendingStep struct {
	upTo    int // footprints that it was compared with
	visible bool
}

func newFootprints() *footprints {
	p := &footprints{ids: map[footprint]int32{}, objects: map[int32]int32{}, pending: map[access]pendingStep{}}
	p.numbers.reset()
	return p
}

// of returns the number of the footprint of a step that touches a and begins or ends lives. local numbers the cells of both.
func (p *footprints) of(a access, lives []int32, local *cells) int32 {
	f := footprint{access: p.global(a, local)}
	n := 0
	for _, l := range lives {
		switch l = p.global(access{cell: l}, local).cell; {
		case l == f.life || slices.Contains(f.lives[:], l):
		case n == len(f.lives):
			f.flags |= dependsOnAll
		default:
			f.lives[n] = l
			n++
		}
	}
	slices.Sort(f.lives[:])
	id, ok := p.ids[f]
	if !ok {
		bare := int32(-1)
		if n > 0 {
			bare = p.of(a, nil, local)
		}
		id = p.add(f, bare)
	}
	return id
}

// global returns an access with the numbers of addresses in place of those of one execution.
func (p *footprints) global(a access, local *cells) access {
	for _, n := range []*int32{&a.cell, &a.object, &a.life} {
		if *n != 0 {
			*n = p.numbers.at(local.addrs[*n-1]).number
		}
	}
	return a
}

func (p *footprints) add(f footprint, bare int32) int32 {
	id := int32(len(p.all))
	if bare < 0 {
		bare = id
	}
	p.ids[f] = id
	if f.cell != 0 {
		p.agree(&f)
	}
	p.all, p.bare = append(p.all, f), append(p.bare, bare)
	p.depends, p.races = append(p.depends, nil), append(p.races, nil)
	for o := range id + 1 {
		p.relate(id, o)
		p.relate(o, id)
	}
	return id
}

// agree sees to it that a cell lies in the same object in all footprints: in some executions it is touched before it is known where it lies.
func (p *footprints) agree(f *footprint) {
	known, ok := p.objects[f.cell]
	switch {
	case !ok:
		p.objects[f.cell] = f.object
	case known == f.object:
	case f.object == 0:
		f.object = known
	case known != 0:
		f.flags |= dependsOnAll
	default:
		p.objects[f.cell] = f.object
		for id := range int32(len(p.all)) {
			if p.all[id].cell == f.cell {
				p.all[id].object = f.object
				for o := range int32(len(p.all)) {
					p.relate(id, o)
					p.relate(o, id)
				}
			}
		}
		p.news = true
	}
}

// relate notes how b matters to a, where it comes before it.
func (p *footprints) relate(a, b int32) {
	l, e := &p.all[a], &p.all[b]
	same, order := l.task == e.task, dependent(&l.access, &e.access)
	if same || order {
		p.depends[a].set(b)
	}
	if same || !order && !l.lifeOf(e) {
		return
	}
	p.races[a].set(b)
}

// lifeOf reports whether e is about an object whose life f begins or ends.
func (f *footprint) lifeOf(e *footprint) bool {
	for _, l := range f.lives {
		if l != 0 && (l == e.object || l == e.life) {
			return true
		}
	}
	return false
}

// visible reports whether a pending operation may matter to another task.
func (p *footprints) visible(a access, local *cells) bool {
	a = p.global(a, local)
	k := p.pending[a]
	if k.visible || k.upTo == len(p.all) {
		return k.visible
	}
	for ; !k.visible && k.upTo < len(p.all); k.upTo++ {
		e := &p.all[k.upTo]
		k.visible = e.task != a.task && (dependent(&a, &e.access) || e.lifeOf(&footprint{access: a}))
	}
	if _, known := p.pending[a]; known && k.visible {
		p.turned++
	}
	p.pending[a] = k
	return k.visible
}

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) set(n int32) {
	for int(n>>6) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}

func (b bitset) has(n int32) bool { return int(n>>6) < len(b) && b[n>>6]>>(n&63)&1 != 0 }

func (b bitset) meets(o bitset) bool {
	for i := range min(len(b), len(o)) {
		if b[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// each calls f with each number of the set.
func (b bitset) each(f func(int32)) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			f(int32(64*i + bits.TrailingZeros64(w)))
		}
	}
}
