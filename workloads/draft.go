package workloads

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"vmasim/internal/linux"
)

// Drafts draws whole programs for the explorer: some VMAs, and one to three threads that change and use them, all in a few pages, so that
// they meet. Each program has some of the kinds of statements only, so that those that it has meet more often (swarm testing, as of a
// [Generator]).
type Drafts struct {
	kinds []Kind // that may be drawn
	about []Kind // those of them that every program has
	may   []string
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

// NewDrafts returns what draws programs with statements of these names, among them always those that the programs are about, and in which
// these choices may be taken. It refuses names of statements that are none, or that cannot be drawn.
func NewDrafts(calls, about, may []string) (*Drafts, error) {
	d := &Drafts{may: may}
	for _, name := range calls {
		s := specByName(name)
		switch {
		case s == nil:
			return nil, fmt.Errorf("%q is no statement", name)
		case s.weight == 0 && s.Kind != KindIn && s.Kind != KindSessions:
			return nil, fmt.Errorf("%s cannot be drawn", name)
		}
		d.kinds = append(d.kinds, s.Kind)
		if slices.Contains(about, name) {
			d.about = append(d.about, s.Kind)
		}
	}
	if !slices.ContainsFunc(d.kinds, Kind.changes) {
		return nil, fmt.Errorf("no statement that changes a layout among %s", strings.Join(calls, ", "))
	}
	return d, nil
}

// accesses reports whether the statement uses memory at one place, or looks at all that there is, and leaves the layout as it is.
func (k Kind) accesses() bool {
	s := k.Spec()
	return s.weight > 0 && (len(s.args) == 0 || slices.Contains(s.args, argByte) || slices.Contains(s.args, argWord) || slices.Contains(s.args, argFileTo))
}

// changes reports whether the statement changes the layout, or address spaces.
func (k Kind) changes() bool { return k.Spec().weight > 0 && !k.accesses() }

// Draw draws a program. The same numbers give the same one.
func (d *Drafts) Draw(r *rand.Rand) (*Scenario, error) {
	p := &draft{Drafts: d, Rand: r, base: DefaultWindowBase, unit: linux.PageSize, generators: map[Kind]*Generator{}}
	p.chooseKinds()
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
	has        []Kind // of those that may be drawn
	base       uint64
	unit       uint64 // what is called a page here: one, or what a page table covers
	pages      [draftPages]draftPage
	area       int // the last number of an area
	areas      []Mapping
	twists     []twisted
	file       bool     // there is one
	forks      bool     // some thread may fork
	forked     bool     // init has
	child      bool     // the child exists where the next statement is performed
	other      bool     // so does the other address space
	shares     bool     // something is mapped there, too
	chooses    bool     // something may go either way
	looks      bool     // the statement that is drawn looks at the other address space, whether it is there or not
	met        []int    // pages that the threads change or use
	stored     []string // words that are stored to
	generators map[Kind]*Generator
	names      *Scenario // in which drawn statements have their names
}

func (p *draft) chance(percent int) bool { return p.IntN(100) < percent }

// chanceIf is chance with one of two probabilities.
func (p *draft) chanceIf(is bool, yes, no int) bool {
	if is {
		return p.chance(yes)
	}
	return p.chance(no)
}

func (p *draft) line(depth int, words ...string) {
	p.text.WriteString(strings.Repeat("    ", depth) + strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ") + "\n")
}

// chooseKinds draws which kinds of statements the program has: those that it is about, and some of the others.
func (p *draft) chooseKinds() {
	for _, k := range p.kinds {
		if slices.Contains(p.about, k) || p.chance(50) {
			p.has = append(p.has, k)
		}
	}
	for !slices.ContainsFunc(p.has, Kind.changes) {
		if k := one(p, p.kinds...); k.changes() {
			p.has = append(p.has, k)
		}
	}
}

// those returns the kinds of the program for which is holds.
func (p *draft) those(is func(Kind) bool) (kinds []Kind) {
	for _, k := range p.has {
		if is(k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// wants reports whether a statement of the program wants to have something.
func (p *draft) wants(what scenery) bool {
	return slices.ContainsFunc(p.has, func(k Kind) bool { return k.Spec().wants&what != 0 })
}

// drawHeader draws the declarations.
func (p *draft) drawHeader() {
	p.forks = slices.Contains(p.has, KindFork) && p.chanceIf(slices.Contains(p.about, KindFork), 100, 70)
	p.other = p.wants(otherMM) && p.chance(80)
	if p.wants(hugeFile) && p.chance(80) {
		p.unit = huge
	} else if p.chanceIf(slices.Contains(p.has, KindMremap), 40, 20) {
		p.base += huge - draftPages/2<<linux.PageShift // across two page tables
	}
	if p.forks {
		p.line(0, "mm", draftChild)
	}
	if p.other {
		p.line(0, "mm", draftOther)
	}
	if p.file = p.chanceIf(p.wants(aFile) || p.unit == huge, 95, 35); p.file {
		hooks := ""
		if p.chanceIf(p.wants(hooked) || slices.Contains(p.may, "hook-fails"), 80, 30) {
			hooks = "hooks"
		}
		p.line(0, "file", draftFile, one(p, "memory", "memory", "temp"), pagesText(draftPages), hooks)
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
		if p.chance(50) && (choice != "hook-fails" || strings.Contains(p.text.String(), "hooks")) {
			p.line(0, "may", choice)
			p.chooses = true
		}
	}
}

func pagesText(n int) string { return formatSize(uint64(n)<<linux.PageShift, false) }

// size is that of so many of what is called a page here.
func (p *draft) size(n int) string { return formatSize(uint64(n)*p.unit, false) }

// addr is the address of a page.
func (p *draft) addr(page int) uint64 { return p.base + uint64(page)*p.unit }

// at words the address of a page.
func (p *draft) at(page int) string {
	if page == 0 {
		return draftRegion
	}
	return draftRegion + "+" + p.size(page)
}

// drawFinally has what was stored be a part of the outcome, and ends what an owner is to be told of.
func (p *draft) drawFinally() {
	var lines []string
	for _, addr := range p.stored[:min(len(p.stored), 6)] {
		lines = append(lines, "load "+addr)
	}
	if slices.Contains(p.has, KindMbind) && p.chance(60) {
		lines = append(lines, "mbind "+p.at(one(p, 0, p.IntN(draftPages)))+" "+one(p, "0", "1", "1", "1")+" flags 1") // do all pages lie there?
	}
	if slices.Contains(p.has, KindMunmap) && p.chance(25) {
		lines = append(lines, "munmap "+draftRegion+" "+p.size(draftPages))
	}
	for i, line := range lines {
		if i == 0 {
			p.line(0, "finally")
		}
		p.line(1, line, "=> any")
	}
}
