package workloads

import (
	"fmt"
	"slices"

	"vmasim/internal/linux"
)

// draftPage is what a draft has made of a page.
type draftPage struct {
	area    int // pages of one number were mapped, and changed, together; 0: there is nothing
	prot    Prot
	sharing string
	file    bool
	first   int // what of the file it shows
}

// spot is some pages, one after the other.
type spot struct{ first, n int }

// twist is a change of some pages, and the one that takes it back. The pages on both sides of its ends differ for a while, and could be in
// one VMA before and after.
type twist struct {
	kind, back Kind
	there      string // what follows the range
	undo       string
	weight     int
}

// twistTable has them all but those that move something. Where nothing is said, what takes a twist back depends on what there was.
var twistTable = []twist{
	{KindMunmap, KindMmap, "", "", 4},
	{KindMprotect, KindMprotect, "r", "", 3},
	{KindMprotect, KindMprotect, "none", "", 1},
	{KindMadvise, KindMadvise, "dontdump", "dodump", 3},
	{KindMadvise, KindMadvise, "guard_install", "guard_remove", 2},
	{KindMlock, KindMunlock, "", "", 2},
	{KindMlock, KindMunlock, "onfault", "", 1},
	{KindMseal, KindMmap, "", "", 2},
	{KindUffdRegister, KindUffdRelease, "", "", 3},
	{KindMbind, KindMbind, "1", "0", 2},
	{KindMremap, KindMremap, "", "", 3},
}

// twisted is a twist of some pages.
type twisted struct {
	twist
	spot
	to   int       // the page to which it has moved them
	were draftPage // the first of them, before
}

// Window implements [View].
func (p *draft) Window() (base, end uint64) { return p.base, p.addr(draftPages) }

// Heap implements [View].
func (p *draft) Heap() uint64 { return 0 }

// Areas implements [View].
func (p *draft) Areas() int { return len(p.areas) }

// Area implements [View].
func (p *draft) Area(i int) Mapping { return p.areas[i] }

// Exists implements [View].
func (p *draft) Exists(mm int) bool {
	return mm == 0 || p.names.MMs[mm].Name == draftChild && p.child || p.names.MMs[mm].Name == draftOther && (p.other || p.looks)
}

// survey makes the areas of the pages.
func (p *draft) survey() {
	p.areas = nil
	for _, s := range p.spots(false) {
		pg := p.pages[s.first]
		p.areas = append(p.areas, Mapping{p.addr(s.first), p.addr(s.first + s.n), pg.prot, pg.sharing == "shared"})
	}
}

// spots returns the areas, or the holes between them.
func (p *draft) spots(holes bool) (all []spot) {
	for i := 0; i < draftPages; {
		first := i
		for i++; i < draftPages && p.pages[i].area == p.pages[first].area; i++ {
		}
		if (p.pages[first].area == 0) == holes {
			all = append(all, spot{first, i - first})
		}
	}
	return all
}

// drawInit draws the mappings, which pages of them are there, and what has happened to them since.
func (p *draft) drawInit() {
	p.line(0, "init")
	all := spot{0, draftPages}
	if p.chance(60) {
		p.mapOne()
	} else {
		p.mapSome()
	}
	p.fill(all, one(p, 0, 0, 0, 40, 80))
	twists := one(p, 0, 1, 1, 2, 2, 3)
	for range twists {
		p.twist()
	}
	switch mapped := p.spots(false); {
	case len(mapped) > 0 && p.chance(50): // what lies beside has none
		p.fill(one(p, mapped...), 80)
	case p.chance(50):
		p.fill(all, 60)
	}
	if slices.Contains(p.has, KindSessions) && p.chance(80) {
		p.line(1, "sessions", fmt.Sprint(one[uint64](p, 1<<32-1, 1<<32-1, 1<<32-2, 1<<32-3, 1<<32-4)))
	}
	if p.shares = p.other && p.chance(50); p.shares {
		p.line(1, "in", draftOther)
		p.copyArea(2)
	}
	if p.forks && p.chance(35) {
		p.forked = true
		p.line(1, "fork", draftChild, "=> any")
	}
	p.survey()
	p.child = p.forked
	before := p.those(func(k Kind) bool {
		return slices.Contains(p.about, k) && k.Spec().weight > 0 && k != KindFork && k != KindExit
	})
	if len(before) > 0 && p.chance(30) {
		p.statement(1, before)
	}
}

// mapOne maps some pages together, so that nothing but what happens to them then keeps them apart.
func (p *draft) mapOne() {
	p.mapArea(spot{0, 1 + p.IntN(draftPages)}, one(p, "rw", "rw", "rw", "r"), p.file && p.chanceIf(p.wants(aFile), 85, 60))
}

// mapSome maps pages one after the other, and leaves holes.
func (p *draft) mapSome() {
	file, prot := p.file && p.chanceIf(p.wants(aFile), 85, 70), one(p, "rw", "rw", "rw", "r")
	for page := 0; page < draftPages; {
		n := min(1+p.IntN(3), draftPages-page)
		if page > 0 && p.chance(35) {
			page += n
			continue
		}
		if p.chance(20) {
			prot = one(p, "rw", "r", "none")
		}
		p.mapArea(spot{page, n}, prot, file != p.chance(10) && p.file)
		page += n
	}
}

// mapArea maps pages. The first mapping gives the region its name. A file that is mapped by whole page tables is so from its
// beginning.
func (p *draft) mapArea(s spot, prot string, file bool) {
	pg := draftPage{prot: protOf(prot), sharing: "private", file: file}
	if file {
		pg.sharing = one(p, "shared", "shared", "private")
		if pg.first = s.first; p.unit == huge {
			s.n, pg.first = 1, 0
		} else if p.chance(20) {
			pg.first = p.IntN(draftPages)
		}
	}
	words := pg.words(p, s)
	if p.area == 0 {
		words = append([]string{"mmap", draftRegion}, words...)
		words = append(words, "at", fmt.Sprintf("%#x", p.base), "fixed")
	} else {
		words = append([]string{"mmap"}, words...)
		words = append(words, "at", p.at(s.first), "fixed")
	}
	p.line(1, words...)
	p.put(s, pg)
}

// words says what is mapped, as mmap has it.
func (pg draftPage) words(p *draft, s spot) []string {
	words := []string{p.size(s.n), pg.prot.String(), pg.sharing}
	if !pg.file {
		return append(words, "anon")
	}
	words = append(words, "file", draftFile)
	if pg.first > 0 {
		words = append(words, "+"+pagesText(pg.first))
	}
	return words
}

// put notes what pages are now: an area of their own.
func (p *draft) put(s spot, pg draftPage) {
	p.area++
	pg.area = p.area
	for i := range s.n {
		p.pages[s.first+i] = pg
		pg.first++
	}
}

// touch notes that something has become of what is mapped of some pages.
func (p *draft) touch(s spot, change func(*draftPage)) {
	p.area++
	for i := s.first; i < s.first+s.n; i++ {
		if pg := &p.pages[i]; pg.area != 0 {
			pg.area = p.area
			change(pg)
		}
	}
}

func protOf(word string) Prot {
	for _, w := range protWords {
		if w.Name == word {
			return Prot(w.Value)
		}
	}
	panic("no protection " + word)
}

// fill brings pages in, each with a probability in percent.
func (p *draft) fill(s spot, percent int) {
	for i := s.first; i < s.first+s.n; i++ {
		switch {
		case p.pages[i].area == 0 || !p.chance(percent):
		case p.pages[i].prot&linux.PROT_WRITE != 0:
			p.store(p.at(i))
			p.line(1, "store", p.at(i), fmt.Sprint(i+1), "=> any")
		case p.pages[i].prot&linux.PROT_READ != 0:
			p.line(1, "touch", p.at(i), "read => any")
		}
	}
}

// store notes that a word is stored to.
func (p *draft) store(addr string) {
	if !slices.Contains(p.stored, addr) {
		p.stored = append(p.stored, addr)
	}
}

// copyArea maps, in the address space at hand, memory where there is some in the first one: of the same file if it is of one.
func (p *draft) copyArea(depth int) {
	mapped := p.spots(false)
	if mapped == nil {
		mapped = p.spots(true)
	}
	s := one(p, mapped...)
	pg := p.pages[s.first]
	if pg.sharing == "" {
		pg.sharing = "private"
	}
	pg.prot = one[Prot](p, linux.PROT_READ|linux.PROT_WRITE, linux.PROT_READ)
	p.line(depth, append(append([]string{"mmap"}, pg.words(p, s)...), "at", p.at(s.first), "fixed => any")...)
	if p.chance(50) {
		p.line(depth, "touch", p.at(s.first), "read => any")
	}
}

// twist changes some pages of what is mapped.
func (p *draft) twist() {
	var all []twist
	for _, t := range twistTable {
		if slices.Contains(p.has, t.kind) {
			for range t.weight {
				all = append(all, t)
			}
		}
	}
	mapped := p.spots(false)
	if all == nil || mapped == nil {
		return
	}
	t := twisted{twist: one(p, all...)}
	s := one(p, mapped...)
	t.n = min(1+p.IntN(2), s.n)
	t.first = s.first + p.IntN(s.n-t.n+1)
	t.were = p.pages[t.first]
	if t.kind == KindMremap && !p.target(&t) {
		return
	}
	p.line(1, append(p.twistWords(t), "=> any")...)
	p.touch(t.spot, func(*draftPage) {})
	switch t.kind {
	case KindMunmap:
		p.touch(t.spot, func(pg *draftPage) { *pg = draftPage{} })
	case KindMprotect:
		p.touch(t.spot, func(pg *draftPage) { pg.prot = protOf(t.there) })
	case KindMremap:
		p.put(spot{t.to, t.n}, t.were)
		if t.there == "" {
			p.touch(t.spot, func(pg *draftPage) { *pg = draftPage{} })
		}
	}
	p.twists = append(p.twists, t)
}

// target draws where pages are moved, apart from where they are, and whether the place is left as it is.
func (p *draft) target(t *twisted) bool {
	var all []int
	for to := 0; to+t.n <= draftPages; to++ {
		if to+t.n <= t.first || to >= t.first+t.n {
			all = append(all, to)
		}
	}
	if all == nil {
		return false
	}
	t.to, t.there = one(p, all...), one(p, "", "", "dontunmap")
	if holes := p.spots(true); len(holes) > 0 && p.chance(50) {
		if h := one(p, holes...); h.n >= t.n {
			t.to = h.first + p.IntN(h.n-t.n+1)
		}
	}
	return true
}

// twistWords words a twist.
func (p *draft) twistWords(t twisted) []string {
	words := []string{t.kind.String(), p.at(t.first)}
	switch t.kind {
	case KindMbind:
	case KindMremap:
		return append(words, p.size(t.n), "to", p.size(t.n), "at", p.at(t.to), "fixed maymove", t.there)
	default:
		words = append(words, p.size(t.n))
	}
	return append(words, t.there)
}

// backWords words what takes a twist back; nil: nothing does.
func (p *draft) backWords(t twisted) []string {
	words := []string{t.back.String(), p.at(t.first)}
	switch t.kind {
	case KindMunmap:
		return append(append([]string{"mmap"}, t.were.words(p, t.spot)...), "at", p.at(t.first), "fixed")
	case KindMprotect:
		return append(words, p.size(t.n), t.were.prot.String())
	case KindMremap:
		t.first, t.to, t.there = t.to, t.first, one(p, "", "", "dontunmap")
		return p.twistWords(t)
	case KindMbind:
		return append(words, t.undo)
	case KindMseal:
		return nil
	}
	switch {
	case !slices.Contains(p.has, t.back):
		return nil
	case t.back == KindUffdRelease:
		return words[:1]
	}
	return append(words, p.size(t.n), t.undo)
}
