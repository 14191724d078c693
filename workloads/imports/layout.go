package imports

import (
	"fmt"
	"strings"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// areas notes which files a layout maps, and how much of them.
func (im *importer) areas(areas []Area) {
	for i := range areas {
		if f := im.fileOf(&areas[i]); f != nil {
			a := &areas[i]
			f.reaches(a.Offset + a.End - a.Start)
			im.files.use(im.files.of(newDescriptors(), 0, []byte(f.path)), false)
		}
	}
}

// fileOf returns the file that an area maps; nil: it is anonymous. A range of the kernel's own has a file of its own, so that it
// merges with nothing.
func (im *importer) fileOf(a *Area) *file {
	if a.file() || a.special() {
		return im.files.at(a.Name)
	}
	return nil
}

// block writes statements that no task of the log has made.
type block struct {
	strings.Builder
	indent string
}

func (b *block) add(s *workloads.Stmt) { fmt.Fprintf(b, "%s%s\n", b.indent, s) }

// layout writes the statements that make a layout.
func (im *importer) layout(b *block, areas []Area) {
	for i := range areas {
		a := &areas[i]
		switch {
		case a.Name == "[heap]" && (i == 0 || areas[i-1].Name != a.Name):
			im.heapArea(b, a)
			continue
		case i > 0 && areas[i-1].mergesWith(a):
			im.moved(b, a, scratch(areas))
		default:
			im.mapArea(b, a, a.Start, a.Prot)
			if at := a.touched(); a.Prot&linux.PROT_WRITE != 0 && !a.Shared && !a.special() && im.o.Touch {
				b.add(&workloads.Stmt{Kind: workloads.KindTouch, Addr: hex(at), Access: linux.Write})
			}
		}
		im.advised(b, a)
	}
}

// mapArea maps what an area shows at an address.
func (im *importer) mapArea(b *block, a *Area, at uint64, prot int) {
	s := &workloads.Stmt{Kind: workloads.KindMmap, Addr: hex(at), Size: workloads.Constant(a.End - a.Start), Prot: workloads.Prot(prot), Flags: linux.MAP_FIXED}
	s.Backing = im.backing(a)
	if a.grows() {
		s.Flags |= linux.MAP_GROWSDOWN
	}
	if a.flag("nr") {
		s.Flags |= linux.MAP_NORESERVE
	}
	b.add(s)
}

// backing is what an area shows.
func (im *importer) backing(a *Area) (k workloads.Backing) {
	k.Sharing = linux.MAP_PRIVATE
	if a.Shared {
		k.Sharing = linux.MAP_SHARED
	}
	f := im.fileOf(a)
	if f == nil {
		return k
	}
	k.File = &workloads.Ref{Name: im.files.use(im.files.of(newDescriptors(), 0, []byte(f.path)), false)}
	if a.Offset != 0 {
		k.Offset = workloads.Constant(a.Offset)
	}
	return k
}

// touched is where an area was written to at least: a stack at its end.
func (a *Area) touched() uint64 {
	if a.grows() {
		return a.End - linux.PageSize
	}
	return a.Start
}

// mergesWith reports whether the area behind would be one with this if it were mapped beside it: in the recorded program something that
// the layout does not show has kept the two apart.
func (a *Area) mergesWith(next *Area) bool {
	return a.End == next.Start && a.Prot == next.Prot && a.Shared == next.Shared && a.Name == next.Name && a.grows() == next.grows() &&
		a.sameAdvice(next) && (!a.file() && !a.special() || a.Offset+a.End-a.Start == next.Offset)
}

// sameAdvice reports whether two areas are given the same flags.
func (a *Area) sameAdvice(other *Area) bool {
	for _, adv := range advices {
		if a.flag(adv.letters) != other.flag(adv.letters) {
			return false
		}
	}
	return a.flag("lo") == other.flag("lo") && a.flag("nr") == other.flag("nr")
}

// moved maps an area elsewhere, writes to it and moves it, so that it has an anon_vma of its own, which keeps it apart from the one
// before.
func (im *importer) moved(b *block, a *Area, elsewhere uint64) {
	im.mapArea(b, a, elsewhere, a.Prot|linux.PROT_READ|linux.PROT_WRITE)
	b.add(&workloads.Stmt{Kind: workloads.KindTouch, Addr: hex(elsewhere), Access: linux.Write})
	size := workloads.Constant(a.End - a.Start)
	b.add(&workloads.Stmt{Kind: workloads.KindMremap, Addr: hex(elsewhere), Size: size, NewSize: size, To: hex(a.Start),
		Flags: linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED})
	if a.Prot&(linux.PROT_READ|linux.PROT_WRITE) != linux.PROT_READ|linux.PROT_WRITE {
		b.add(&workloads.Stmt{Kind: workloads.KindMprotect, Addr: hex(a.Start), Size: size, Prot: workloads.Prot(a.Prot)})
	}
}

// scratch is where nothing is mapped, and room enough for any area.
func scratch(areas []Area) uint64 {
	at, size := uint64(1<<30), uint64(0)
	for i := range areas {
		size = max(size, areas[i].End-areas[i].Start)
	}
	for i := range areas {
		if areas[i].Start >= at+size+linux.DefaultStackGuardGap {
			break
		}
		at = max(at, areas[i].End)
	}
	return at
}

// heapArea grows the heap to what the area shows.
func (im *importer) heapArea(b *block, a *Area) {
	b.add(im.heapStatement("H", a.Start, a.End))
	b.add(&workloads.Stmt{Kind: workloads.KindBrk, Addr: hex(a.End), Expect: &workloads.Expect{Results: []workloads.Result{{Kind: workloads.ResultValue, Value: hex(a.End)}}}})
	if im.o.Touch {
		b.add(&workloads.Stmt{Kind: workloads.KindTouch, Addr: hex(a.Start), Access: linux.Write})
	}
}

func (im *importer) heapStatement(name string, start, end uint64) *workloads.Stmt {
	return &workloads.Stmt{Kind: workloads.KindHeap, Region: &workloads.Ref{Name: name}, Size: workloads.Constant(max(end-start, linux.PageSize)), Addr: hex(start)}
}

// advices are the flags of smaps that madvise gives.
var advices = []struct {
	letters string
	advice  int
}{
	{"rr", linux.MADV_RANDOM}, {"sr", linux.MADV_SEQUENTIAL}, {"dc", linux.MADV_DONTFORK}, {"dd", linux.MADV_DONTDUMP},
	{"hg", linux.MADV_HUGEPAGE}, {"nh", linux.MADV_NOHUGEPAGE}, {"mg", linux.MADV_MERGEABLE}, {"wf", linux.MADV_WIPEONFORK},
}

// advised gives an area the flags that smaps tells of it.
func (im *importer) advised(b *block, a *Area) {
	size := workloads.Constant(a.End - a.Start)
	if a.special() || a.grows() {
		return
	}
	for _, adv := range advices {
		if a.flag(adv.letters) {
			b.add(&workloads.Stmt{Kind: workloads.KindMadvise, Addr: hex(a.Start), Size: size, Advice: adv.advice})
		}
	}
	if a.flag("lo") {
		b.add(&workloads.Stmt{Kind: workloads.KindMlock, Addr: hex(a.Start), Size: size})
	}
}

// picture writes a layout as what a maps statement compares with, holes included.
func (im *importer) picture(b *block, areas []Area) {
	fmt.Fprintf(b, "%smaps\n", b.indent)
	line := func(a *workloads.Area) { fmt.Fprintf(b, "%s    %s\n", b.indent, a) }
	at := uint64(linux.PageSize)
	hole := func(end uint64) {
		if at < end {
			line(&workloads.Area{Start: hex(at), End: hex(end), Hole: true})
		}
	}
	for i := range areas {
		a := &areas[i]
		hole(a.Start)
		line(&workloads.Area{Start: hex(a.Start), End: hex(a.End), Prot: workloads.Prot(a.Prot), Backing: im.backing(a)})
		at = a.End
	}
	hole(linux.TaskSize)
}

// mmapBase guesses where the search for room begins, below which the kernel has put the program's interpreter: at the end of the
// highest mapping of a file below the stack. It is 0 if there is none.
func mmapBase(areas []Area) (base uint64) {
	for i := range areas {
		if areas[i].Name == "[stack]" {
			break
		}
		if areas[i].file() && areas[i].Start >= 1<<46 {
			base = areas[i].End
		}
	}
	return base
}

func hex(n uint64) *workloads.Expr {
	e := workloads.Constant(n)
	e.Hex = true
	return e
}
