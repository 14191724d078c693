package workloads

import (
	"slices"

	"vmasim/internal/linux"
)

// drawThreads draws one to three of them: the first changes something, the second uses memory more often than not.
func (p *draft) drawThreads() {
	p.survey()
	other := p.other
	threads := one(p, 1, 2, 2, 2, 2, 2, 3, 3)
	if p.chooses && p.chance(40) { // all that a failure can leave behind is told by one task, and tried soon
		threads = 1
	}
	for i, name := range []string{"one", "two", "three"}[:threads] {
		heading := "thread " + name
		foreign := p.shares && i > 0 && p.chance(35)
		switch {
		case foreign:
			heading += " in " + draftOther
		case p.forked && p.chance(30):
			heading += " in " + draftChild
		}
		p.line(0, heading)
		p.child, p.other = p.forked, other && i == 0
		uses := [...]int{10, 75, one(p, 0, 80, 50)}[i]
		statements := one(p, 1, 1, 1, 2, 2, 3)
		if threads == 1 {
			uses, statements = 30, statements+one(p, 0, 1, 2)
		}
		for range statements {
			p.step(uses)
			if p.other && p.chance(50) {
				p.elsewhere()
			}
		}
	}
}

// step draws a statement of a thread: with a probability of uses in percent one that uses memory, and often one that the program is about.
func (p *draft) step(uses int) {
	changes, accesses := p.those(Kind.changes), p.those(Kind.accesses)
	use := len(accesses) > 0 && p.chance(uses)
	if !use && len(p.twists) > 0 && p.chance(50) && p.again() {
		return
	}
	kinds := changes
	if use {
		kinds = accesses
	}
	if p.chance(50) {
		if about := p.those(func(k Kind) bool {
			return slices.Contains(p.about, k) && k.Spec().weight > 0 && (k.accesses() == use || len(p.about) == 1)
		}); about != nil {
			kinds = about
		}
	}
	p.statement(1, kinds)
}

// again takes a twist back, or does the same beside it, or elsewhere, so that borders between VMAs move and vanish. It reports whether it
// has.
func (p *draft) again() bool {
	t := one(p, p.twists...)
	switch p.IntN(6) {
	case 1: // a part of it, or more
		t.n = 1 + p.IntN(min(3, draftPages-t.first))
	case 2: // what lies behind
		t.first = min(t.first+t.n, draftPages-1)
		t.n = min(t.n, draftPages-t.first)
	case 3: // what lies before
		t.first = max(0, t.first-t.n)
	}
	if t.kind == KindMremap {
		if t.to+t.n > draftPages || t.to < t.first+t.n && t.first < t.to+t.n {
			return false
		}
	}
	words := p.twistWords(t)
	if p.chance(65) {
		if words = p.backWords(t); words == nil {
			return false
		}
	}
	p.meet(t.spot)
	if t.kind == KindMremap {
		p.meet(spot{t.to, t.n})
	}
	p.line(1, append(words, "=> any")...)
	return true
}

// elsewhere draws statements in the other address space, mostly where there is something in the first one, and sometimes ends that.
func (p *draft) elsewhere() {
	p.line(1, "in", draftOther)
	if len(p.areas) > 0 && p.chance(70) {
		s := one(p, p.spots(false)...)
		p.line(2, append(append([]string{"mmap"}, draftPage{prot: linux.PROT_READ | linux.PROT_WRITE, sharing: "private"}.words(p, s)...),
			"at", p.at(s.first), "fixed => any")...)
		if p.chance(50) {
			p.line(2, "munmap", p.at(s.first), p.size(s.n), "=> any")
		}
	} else {
		p.statement(2, p.those(Kind.changes))
	}
	if slices.Contains(p.has, KindExit) && p.chance(60) {
		p.line(1, "exit", draftOther)
		p.other = false
	}
}

// draw draws a statement of a kind; nil: what it needs is not there, such as another address space or a file. One address space is forked
// once.
func (p *draft) draw(k Kind, depth int) *Stmt {
	if k == KindFork && (!p.forks || p.child) || (k == KindFork || k == KindExit) && depth > 1 {
		return nil
	}
	p.looks = k == KindFindVMAOf && p.wants(otherMM) && slices.ContainsFunc(p.names.MMs, func(m *MM) bool { return m.Name == draftOther })
	g := p.generators[k]
	if g == nil {
		g = NewGenerator(p.names, p.Rand, k)
		p.generators[k] = g
	}
	return g.try(p)
}

// statement draws a statement of one of some kinds, all of them equally often.
func (p *draft) statement(depth int, kinds []Kind) {
	k := one(p, kinds...)
	s := p.draw(k, depth)
	for n := 0; s == nil; n++ {
		if k = one(p, kinds...); n > 10 {
			k = KindMmap
		}
		s = p.draw(k, depth)
	}
	if p.chanceIf(p.unit == huge, 90, 75) {
		p.place(s)
	}
	for _, e := range []**Expr{&s.Addr, &s.To} {
		*e = p.relative(*e)
	}
	switch k {
	case KindFork:
		p.child = true
	case KindExit:
		if s.MM.Name == draftChild {
			p.child = false
		} else {
			p.other = false
		}
	case KindStore, KindPoke:
		p.store(s.Addr.String())
	}
	p.line(depth, s.String(), "=> any")
}

// place has a statement on a range meet what is there: whole VMAs and holes, or the parts beside their borders.
func (p *draft) place(s *Stmt) {
	args := s.Spec().args
	has := func(a ...arg) bool {
		return slices.ContainsFunc(args, func(b arg) bool { return slices.Contains(a, b) })
	}
	switch {
	case s.Addr == nil || !has(argTarget, argAddr, argArea, argSharedPart):
		return
	case s.Kind == KindMmap && s.Flags&linux.MAP_FIXED == 0:
		return
	}
	at := p.spot(s.Kind)
	p.meet(at)
	s.Addr = Constant(p.addr(at.first))
	if s.Size != nil || has(argRest) {
		s.Size = Constant(uint64(at.n) * p.unit)
	}
	switch s.Kind {
	case KindMmap:
		p.likeNeighbour(s, at)
	case KindMprotect:
		if pg := p.beside(at); pg.area != 0 && p.chance(40) {
			s.Prot = pg.prot
		}
	case KindMremap:
		p.placeMove(s, at)
	}
}

// spot draws a range: an area, or the head or the tail of one, a hole, all, or any.
func (p *draft) spot(k Kind) spot {
	areas, holes := p.spots(false), p.spots(true)
	chance := p.IntN(100)
	switch {
	case len(holes) > 0 && (k == KindMmap && chance < 50 || chance < 10):
		return one(p, holes...)
	case chance < 20:
		return spot{0, draftPages}
	case len(areas) > 0 && chance < 65:
		return one(p, areas...)
	case len(areas) > 0 && chance < 88:
		s := one(p, areas...)
		n := 1 + p.IntN(s.n)
		if p.chance(50) {
			s.first += s.n - n
		}
		return spot{s.first, n}
	}
	first := p.IntN(draftPages)
	return spot{first, min(1+p.IntN(3), draftPages-first)}
}

// beside returns a page beside a range: before it, if there is something, else behind it.
func (p *draft) beside(s spot) (pg draftPage) {
	if s.first > 0 {
		pg = p.pages[s.first-1]
		pg.first++
	}
	if end := s.first + s.n; end < draftPages && (pg.area == 0 || p.chance(40)) && p.pages[end].area != 0 {
		pg = p.pages[end]
		pg.first -= s.n
	}
	return pg
}

// meet notes that a thread changes pages: others are to use them.
func (p *draft) meet(s spot) {
	for i := range s.n {
		p.met = append(p.met, s.first+i)
	}
}

// likeNeighbour sometimes has a mapping be as what lies beside it, so that the two can be one VMA.
func (p *draft) likeNeighbour(s *Stmt, at spot) {
	pg := p.beside(at)
	if pg.area == 0 || pg.first < 0 || !p.chance(60) {
		return
	}
	s.Prot, s.Flags = pg.prot, linux.MAP_FIXED
	s.Backing = Backing{Sharing: linux.MAP_PRIVATE}
	if pg.sharing == "shared" {
		s.Backing.Sharing = linux.MAP_SHARED
	}
	if pg.file {
		s.Backing.File = &Ref{Name: draftFile}
		if pg.first > 0 {
			s.Backing.Offset = Constant(uint64(pg.first) << linux.PageShift)
		}
	}
}

// placeMove has a move keep its size most of the time, and go where there is room, or over something.
func (p *draft) placeMove(s *Stmt, at spot) {
	t := twisted{spot: spot{at.first, min(at.n, draftPages/2)}}
	if !p.target(&t) || p.chance(20) {
		return
	}
	s.Size = Constant(uint64(t.n) * p.unit)
	s.NewSize, s.To = s.Size, Constant(p.addr(t.to))
	p.meet(spot{t.to, t.n})
	s.Flags = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED
	if t.there != "" {
		s.Flags |= linux.MREMAP_DONTUNMAP
	}
}

// relative words an address in the pages by the region.
func (p *draft) relative(e *Expr) *Expr {
	if e == nil || e.Op != ExprConst || e.Value < p.base || e.Value > p.addr(draftPages) {
		return e
	}
	region := &Expr{Op: ExprBase, Region: Ref{Name: draftRegion}}
	if e.Value == p.base {
		return region
	}
	return &Expr{Op: ExprAdd, X: region, Y: &Expr{Op: ExprConst, Value: e.Value - p.base}}
}
