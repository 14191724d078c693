package workloads

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"vmasim/internal/linux"
)

// Drafts draws whole programs for the explorer: some VMAs, and two or three threads that change and use them, all in a few pages, so that
// they meet. Statements are drawn by a [Generator].
type Drafts struct {
	changes  []Kind // of the statements that are drawn, those that change the layout, or address spaces
	accesses []Kind // those that use memory
	edits    []Kind // changes that init makes, too
	in       bool   // there may be another address space
	may      []string
}

// draftPages is how many pages a draft is about: enough for a VMA with two neighbours and holes beside them.
const draftPages = 6

// Names in a draft. The region is that of the first mapping; addresses count from it.
const (
	draftRegion = "A"
	draftFile   = "F"
	draftChild  = "child" // forked
	draftOther  = "other" // there from the beginning
)

// NewDrafts returns what draws programs with statements of these names, in which these choices may be taken. It refuses names of statements
// that are none, or that cannot be drawn.
func NewDrafts(calls, may []string) (*Drafts, error) {
	d := &Drafts{may: may}
	for _, name := range calls {
		s := specByName(name)
		switch {
		case s == nil:
			return nil, fmt.Errorf("%q is no statement", name)
		case s.Kind == KindIn:
			d.in = true
		case s.weight == 0:
			return nil, fmt.Errorf("%s cannot be drawn", name)
		case s.accesses():
			d.accesses = append(d.accesses, s.Kind)
		default:
			d.changes = append(d.changes, s.Kind)
			if slices.Contains([]Kind{KindMunmap, KindMprotect, KindMadvise, KindFork}, s.Kind) {
				d.edits = append(d.edits, s.Kind)
			}
		}
	}
	if d.changes == nil {
		return nil, fmt.Errorf("no statement that changes a layout among %s", strings.Join(calls, ", "))
	}
	return d, nil
}

// accesses reports whether the statement uses memory at one place, or looks at all that there is, and leaves the layout as it is.
func (s *Spec) accesses() bool {
	return len(s.args) == 0 || slices.Contains(s.args, argByte) || slices.Contains(s.args, argWord)
}

// Draw draws a program. The same numbers give the same one.
func (d *Drafts) Draw(r *rand.Rand) (*Scenario, error) {
	p := &draft{Drafts: d, Rand: r, base: DefaultWindowBase, generators: map[Kind]*Generator{}}
	if p.chance(20) {
		p.base += huge - draftPages/2<<linux.PageShift // across two page tables
	}
	p.drawHeader()
	p.drawInit()
	p.drawThreads()
	p.drawFinally()
	return Parse("draft"+Extension, []byte(p.text.String()))
}

// draft is a program that is being drawn.
type draft struct {
	*Drafts
	*rand.Rand
	text       strings.Builder
	base       uint64
	pages      [draftPages]draftPage
	areas      []Mapping // of the pages
	file       bool      // there is one
	forks      bool      // some thread may fork
	forked     bool      // init has
	child      bool      // the child exists where the next statement is performed
	other      bool      // so does the other address space
	stored     []string  // words that are stored to
	generators map[Kind]*Generator
	names      *Scenario // in which drawn statements have their names
}

// draftPage is what init has made of a page.
type draftPage struct {
	area   int // pages of one number were mapped, and changed, together; 0: there is nothing
	prot   Prot
	shared bool
}

func (p *draft) chance(percent int) bool { return p.IntN(100) < percent }

func (p *draft) line(depth int, words ...string) {
	p.text.WriteString(strings.Repeat("    ", depth) + strings.Join(words, " ") + "\n")
}

// Window implements [View].
func (p *draft) Window() (base, end uint64) { return p.base, p.base + draftPages<<linux.PageShift }

// Heap implements [View].
func (p *draft) Heap() uint64 { return 0 }

// Areas implements [View].
func (p *draft) Areas() int { return len(p.areas) }

// Area implements [View].
func (p *draft) Area(i int) Mapping { return p.areas[i] }

// Exists implements [View].
func (p *draft) Exists(mm int) bool {
	return mm == 0 || p.names.MMs[mm].Name == draftChild && p.child || p.names.MMs[mm].Name == draftOther && p.other
}

// survey makes the areas of the pages.
func (p *draft) survey() {
	p.areas = nil
	for i := 0; i < draftPages; {
		first, start := p.pages[i], i
		for i++; i < draftPages && p.pages[i] == first; i++ {
		}
		if first.area != 0 {
			p.areas = append(p.areas, Mapping{p.base + uint64(start)<<linux.PageShift, p.base + uint64(i)<<linux.PageShift, first.prot, first.shared})
		}
	}
}

// drawHeader draws the declarations.
func (p *draft) drawHeader() {
	p.forks = slices.Contains(p.changes, KindFork) && p.chance(70)
	p.other = p.in && p.chance(70)
	if p.forks {
		p.line(0, "mm", draftChild)
	}
	if p.other {
		p.line(0, "mm", draftOther)
	}
	if p.file = p.chance(40); p.file {
		p.line(0, "file", draftFile, one(p, "memory", "memory", "temp"), pagesText(draftPages))
	}
	if p.chance(10) {
		p.line(0, "limit vma_refs 2")
	}
	names, err := Parse("names", []byte(p.text.String()+"init\n    yield\n"))
	if err != nil {
		panic(err) // the text is ours
	}
	p.names = names
	for _, choice := range p.may {
		if p.chance(50) {
			p.line(0, "may", choice)
		}
	}
}

func pagesText(n int) string { return formatSize(uint64(n)<<linux.PageShift, false) }

// at is the address of a page.
func at(page int) string {
	if page == 0 {
		return draftRegion
	}
	return draftRegion + "+" + pagesText(page)
}

// drawInit draws the mappings, which pages of them are there, and what has happened to them since.
func (p *draft) drawInit() {
	p.line(0, "init")
	file, prot, filled := p.file && p.chance(70), one(p, "rw", "rw", "rw", "r"), one(p, 0, 40, 80)
	for page, area := 0, 1; page < draftPages; area++ {
		n := min(1+p.IntN(3), draftPages-page)
		if page > 0 && p.chance(35) {
			page += n
			continue
		}
		if p.chance(20) {
			prot = one(p, "rw", "r")
		}
		p.mapArea(area, page, n, prot, file != p.chance(10) && p.file)
		p.fill(page, page+n, filled)
		page += n
	}
	for range p.IntN(3) {
		if len(p.edits) > 0 {
			p.edit(one(p, p.edits...))
		}
	}
	if p.chance(30) {
		p.fill(0, draftPages, 30)
	}
}

// mapArea maps n pages. The first mapping gives the region its name.
func (p *draft) mapArea(area, page, n int, prot string, file bool) {
	words, where := []string{"mmap"}, at(page)
	if area == 1 {
		words, where = append(words, draftRegion), fmt.Sprintf("%#x", p.base)
	}
	sharing, backing, offset := "private", "anon", ""
	if file {
		sharing, backing = one(p, "shared", "shared", "private"), "file "+draftFile
		if first := one(p, page, page, page, page, p.IntN(draftPages)); first > 0 {
			offset = "+" + pagesText(first)
		}
	}
	words = append(words, pagesText(n), prot, sharing, backing)
	if offset != "" {
		words = append(words, offset)
	}
	p.line(1, append(words, "at", where, "fixed")...)
	for i := page; i < page+n; i++ {
		p.pages[i] = draftPage{area, protOf(prot), sharing == "shared"}
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
func (p *draft) fill(first, end, percent int) {
	for i := first; i < end; i++ {
		switch {
		case p.pages[i].area == 0 || !p.chance(percent):
		case p.pages[i].prot&linux.PROT_WRITE != 0:
			p.stored = append(p.stored, at(i))
			p.line(1, "store", at(i), fmt.Sprint(i+1), "=> any")
		case p.pages[i].prot&linux.PROT_READ != 0:
			p.line(1, "touch", at(i), "read => any")
		}
	}
}

// edit draws a change of some pages.
func (p *draft) edit(k Kind) {
	first := p.IntN(draftPages)
	n := min(1+p.IntN(3), draftPages-first)
	span := []string{k.String(), at(first), pagesText(n)}
	change := func(prot Prot, gone bool) {
		for i := first; i < first+n; i++ {
			switch pg := &p.pages[i]; {
			case gone:
				*pg = draftPage{}
			case pg.area != 0:
				pg.area, pg.prot = pg.area+draftPages, prot
			}
		}
	}
	switch k {
	case KindMunmap:
		change(0, true)
	case KindMprotect:
		word := one(p, "r", "r", "rw", "none")
		span = append(span, word)
		change(protOf(word), false)
	case KindMadvise:
		span = append(span, one(p, "dontdump", "dontdump", "dodump", "guard_install", "dontneed"))
		for i := first; i < first+n; i++ {
			if p.pages[i].area != 0 {
				p.pages[i].area += draftPages
			}
		}
	case KindFork:
		if !p.forks || p.forked {
			return
		}
		p.forked, span = true, []string{k.String(), draftChild}
	}
	p.line(1, append(span, "=> any")...)
}

// drawThreads draws two or three of them: the first changes something, the second uses memory more often than not.
func (p *draft) drawThreads() {
	p.survey()
	other := p.other
	for i, name := range []string{"one", "two", "three"}[:one(p, 2, 2, 2, 3)] {
		heading := "thread " + name
		if p.forked && p.chance(30) {
			heading += " in " + draftChild
		}
		p.line(0, heading)
		p.child, p.other = p.forked, other && i == 0
		uses := one(p, 0, 80, 50)
		if i == 1 {
			uses = 75
		} else if i == 0 {
			uses = 10
		}
		for range one(p, 1, 1, 1, 2, 2, 3) {
			kinds := p.changes
			if len(p.accesses) > 0 && p.chance(uses) {
				kinds = p.accesses
			}
			p.statement(1, kinds)
			if p.other && p.chance(50) {
				p.elsewhere()
			}
		}
	}
}

// elsewhere draws a statement in the other address space, which is empty, and sometimes ends that.
func (p *draft) elsewhere() {
	p.line(1, "in", draftOther)
	areas := p.areas
	kinds := p.changes
	if p.chance(70) {
		kinds = []Kind{KindMmap}
	}
	for range 1 + p.IntN(2) {
		p.statement(2, kinds)
		kinds = p.changes
	}
	p.areas = areas
	if slices.Contains(p.changes, KindExit) && p.chance(50) {
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
		if text := s.Addr.String(); !slices.Contains(p.stored, text) {
			p.stored = append(p.stored, text)
		}
	}
	p.line(depth, s.String(), "=> any")
}

// relative words an address in the pages by the region.
func (p *draft) relative(e *Expr) *Expr {
	if e == nil || e.Op != ExprConst || e.Value < p.base || e.Value > p.base+draftPages<<linux.PageShift {
		return e
	}
	region := &Expr{Op: ExprBase, Region: Ref{Name: draftRegion}}
	if e.Value == p.base {
		return region
	}
	return &Expr{Op: ExprAdd, X: region, Y: &Expr{Op: ExprConst, Value: e.Value - p.base}}
}

// drawFinally has what was stored be a part of the outcome.
func (p *draft) drawFinally() {
	for i, addr := range p.stored {
		if i == 0 {
			p.line(0, "finally")
		}
		p.line(1, "load", addr, "=> any")
	}
}
