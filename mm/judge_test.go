package mm

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

const (
	ro = linux.VMRead | linux.VMMayAny
	wr = ro | linux.VMWrite
)

var anonA, anonB = &vma.AnonVMA{ID: 1}, &vma.AnonVMA{ID: 2}

// pages makes an anonymous area of pages [start, end).
func pages(start, end uint64, flags linux.VMFlags) area {
	return area{start: start << linux.PageShift, end: end << linux.PageShift, pgoff: start, anonPgoff: start, flags: flags}
}

// owned is pages with an anon_vma and so many links.
func owned(start, end uint64, flags linux.VMFlags, anon *vma.AnonVMA, links int) area {
	a := pages(start, end, flags)
	a.anon, a.links = anon, links
	return a
}

// TestJudge: what calls may do to an address space, and what not.
func TestJudge(t *testing.T) {
	file := &phys.File{}
	mapped := func(a area, f *phys.File) area { a.file = f; return a }
	closing := func(a area) area { a.closes = true; return a }
	moved := func(a area, pgoff uint64) area { a.pgoff = pgoff; return a }
	copies := func(a area, anonPgoff uint64) area { a.file, a.anonPgoff = file, anonPgoff; return a }
	for _, c := range []struct {
		name          string
		op            operation
		spans         []span // in pages
		partial       bool
		wants         area
		before, after []area
		err           error
		oracle        string // that speaks; "": none
	}{
		{name: "mprotect joins", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro), pages(2, 4, wr)}, after: []area{pages(0, 4, ro)}},
		{name: "mprotect does not join", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro), pages(2, 4, wr)},
			after: []area{pages(0, 2, ro), pages(2, 4, ro)}, oracle: "missed-merge"},
		{name: "it could not", op: callMprotect, spans: []span{{2, 4}}, partial: true, before: []area{pages(0, 2, ro), pages(2, 4, wr)},
			after: []area{pages(0, 2, ro), pages(2, 4, ro)}},
		{name: "they were apart before", op: callMprotect, spans: []span{{6, 8}}, before: []area{pages(0, 2, ro), pages(2, 4, ro), pages(6, 8, wr)},
			after: []area{pages(0, 2, ro), pages(2, 4, ro), pages(6, 8, ro)}},
		{name: "different anon_vmas", op: callMprotect, spans: []span{{2, 4}}, before: []area{owned(0, 2, ro, anonA, 1), owned(2, 4, wr, anonB, 1)},
			after: []area{owned(0, 2, ro, anonA, 1), owned(2, 4, ro, anonB, 1)}},
		{name: "one anon_vma", op: callMprotect, spans: []span{{2, 4}}, before: []area{owned(0, 2, ro, anonA, 1), pages(2, 4, wr)},
			after: []area{owned(0, 2, ro, anonA, 1), pages(2, 4, ro)}, oracle: "missed-merge"},
		{name: "one inherited over fork", op: callMprotect, spans: []span{{2, 4}}, before: []area{owned(0, 2, ro, anonA, 2), pages(2, 4, wr)},
			after: []area{owned(0, 2, ro, anonA, 2), pages(2, 4, ro)}},
		{name: "joined all the same", op: callMprotect, spans: []span{{2, 4}}, before: []area{owned(0, 2, ro, anonA, 2), pages(2, 4, wr)},
			after: []area{owned(0, 4, ro, anonA, 2)}, oracle: "wrong-merge"},
		{name: "different anon_vmas joined", op: callMprotect, spans: []span{{2, 4}}, before: []area{owned(0, 2, ro, anonA, 1), owned(2, 4, wr, anonB, 1)},
			after: []area{owned(0, 4, ro, anonA, 1)}, oracle: "wrong-merge"},
		{name: "an unfaulted one takes over the anon_vma", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro), owned(2, 4, wr, anonB, 1)},
			after: []area{owned(0, 4, ro, anonB, 1)}},
		{name: "other flags joined", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, wr|linux.VMExec), pages(2, 4, wr)},
			after: []area{pages(0, 4, ro)}, oracle: "wrong-merge"},
		{name: "sticky flags do not count", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro|linux.VMMaybeGuard), pages(2, 4, wr)},
			after: []area{pages(0, 2, ro|linux.VMMaybeGuard), pages(2, 4, ro)}, oracle: "missed-merge"},
		{name: "a file that does not continue", op: callMprotect, spans: []span{{2, 4}}, before: []area{mapped(pages(0, 2, ro), file), moved(mapped(pages(2, 4, wr), file), 7)},
			after: []area{mapped(pages(0, 2, ro), file), moved(mapped(pages(2, 4, ro), file), 7)}},
		{name: "joined although it does not", op: callMprotect, spans: []span{{2, 4}}, before: []area{mapped(pages(0, 2, ro), file), moved(mapped(pages(2, 4, wr), file), 7)},
			after: []area{mapped(pages(0, 4, ro), file)}, oracle: "wrong-merge"},
		{name: "copies that do not continue", op: callMprotect, spans: []span{{2, 4}}, before: []area{copies(pages(0, 2, ro), 0), copies(pages(2, 4, wr), 7)},
			after: []area{copies(pages(0, 2, ro), 0), copies(pages(2, 4, ro), 7)}},
		{name: "of memory that is shared they do not matter", op: callMprotect, spans: []span{{2, 4}},
			before: []area{copies(pages(0, 2, ro|linux.VMMayShare|linux.VMShared), 0), copies(pages(2, 4, wr|linux.VMMayShare|linux.VMShared), 7)},
			after:  []area{copies(pages(0, 2, ro|linux.VMMayShare|linux.VMShared), 0), copies(pages(2, 4, ro|linux.VMMayShare|linux.VMShared), 7)}, oracle: "missed-merge"},
		{name: "copies joined although they do not", op: callMprotect, spans: []span{{2, 4}}, before: []area{copies(pages(0, 2, ro), 0), copies(pages(2, 4, wr), 7)},
			after: []area{copies(pages(0, 4, ro), 0)}, oracle: "wrong-merge"},
		{name: "a close hook keeps apart", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro), closing(pages(2, 4, wr))},
			after: []area{pages(0, 2, ro), closing(pages(2, 4, ro))}},
		{name: "a device's memory stays apart", op: callMprotect, spans: []span{{2, 4}}, before: []area{pages(0, 2, ro|linux.VMIO), pages(2, 4, wr|linux.VMIO)},
			after: []area{pages(0, 2, ro|linux.VMIO), pages(2, 4, ro|linux.VMIO)}},
		{name: "one inherited over fork grows in place and joins", op: callMremap, spans: []span{{0, 2}}, before: []area{owned(0, 1, wr, anonA, 2), pages(2, 4, wr)},
			after: []area{owned(0, 4, wr, anonA, 2)}},
		{name: "one inherited over fork moves and joins", op: callMremap, spans: []span{{8, 10}, {0, 2}}, before: []area{pages(2, 4, wr), owned(8, 10, wr, anonA, 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "one moves beside itself and joins what lies beyond", op: callMremap, spans: []span{{2, 4}, {4, 6}},
			before: []area{pages(0, 4, wr), owned(6, 8, wr, anonA, 1)}, after: []area{owned(0, 2, wr, anonA, 1), owned(4, 8, wr, anonA, 1)}},
		{name: "one moves over its own beginning and joins what lies before", op: callMremap, spans: []span{{6, 8}, {1, 3}},
			before: []area{owned(0, 2, wr, anonA, 1), pages(2, 12, wr)}, after: []area{owned(0, 6, wr, anonA, 1), owned(8, 12, wr, anonA, 1)}},
		{name: "one moves, and its rest gets the anon_vma", op: callMremap, spans: []span{{2, 4}, {5, 6}},
			before: []area{pages(0, 4, wr), owned(6, 8, wr, anonA, 1)}, after: []area{owned(0, 2, wr, anonA, 1), owned(5, 8, wr, anonA, 1)}, oracle: "wrong-merge"},
		{name: "brk joins nothing above", op: callBrk, spans: []span{{2, 4}}, before: []area{pages(4, 6, wr)}, after: []area{pages(2, 4, wr), pages(4, 6, wr)}},

		{name: "mmap", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{pages(0, 2, wr)}, after: []area{pages(0, 4, wr)}},
		{name: "mmap joins what has other rights", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, ro), before: []area{pages(0, 2, wr)},
			after: []area{pages(0, 4, wr)}, oracle: "wrong-merge"},
		{name: "mmap takes another part", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{pages(0, 2, wr), pages(5, 6, wr)},
			after: []area{pages(0, 4, wr)}, oracle: "wrong-merge"},
		{name: "mmap beside one inherited over fork", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{owned(0, 2, wr, anonA, 2)},
			after: []area{owned(0, 2, wr, anonA, 2), pages(2, 4, wr)}},
		{name: "mmap joins one inherited over fork", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{owned(0, 2, wr, anonA, 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "mmap joins one below one inherited over fork", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{owned(4, 6, wr, anonA, 3)},
			after: []area{owned(2, 6, wr, anonA, 3)}, oracle: "wrong-merge"},
		{name: "mmap joins the rest of one that it is over", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{owned(0, 4, wr, anonA, 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "mmap joins one of its own pages", op: callMmap, spans: []span{{2, 4}}, wants: pages(2, 4, wr), before: []area{owned(0, 2, wr, anonA, 1)},
			after: []area{owned(0, 4, wr, anonA, 1)}},
		{name: "a heap inherited over fork grows in place", op: callBrk, spans: []span{{0, 0}, {2, 4}}, before: []area{owned(0, 2, wr, anonA, 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "what has no pages moves to one inherited over fork", op: callMremap, spans: []span{{8, 10}, {2, 4}}, before: []area{owned(0, 2, wr, anonA, 2), moved(pages(8, 10, wr), 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "what was inherited over fork with it moves to it", op: callMremap, spans: []span{{8, 10}, {2, 4}}, before: []area{owned(0, 2, wr, anonA, 2), moved(owned(8, 10, wr, anonA, 2), 2)},
			after: []area{owned(0, 4, wr, anonA, 2)}},
		{name: "what lies where a hole would move to stays", op: callMremap, spans: []span{{20, 24}, {2, 6}}, before: []area{owned(0, 8, wr, anonA, 2), moved(pages(20, 21, wr), 2)},
			after: []area{owned(0, 2, wr, anonA, 2), pages(2, 3, wr), owned(3, 8, wr, anonA, 2)}},
		{name: "what moves with a hole joins one inherited over fork", op: callMremap, spans: []span{{20, 24}, {2, 6}}, before: []area{owned(0, 8, wr, anonA, 2), moved(pages(20, 21, wr), 2)},
			after: []area{owned(0, 8, wr, anonA, 2)}, oracle: "wrong-merge"},
		{name: "munmap takes too much", op: callMunmap, spans: []span{{2, 4}}, before: []area{pages(0, 6, wr)}, after: []area{pages(0, 2, wr)}, oracle: "wrong-merge"},

		{name: "munmap leaves a cut", op: callMunmap, spans: []span{{2, 6}}, before: []area{pages(0, 6, wr)}, after: []area{pages(0, 2, wr), pages(2, 6, wr)}, err: linux.EPERM},
		{name: "munmap cuts elsewhere", op: callMunmap, spans: []span{{2, 6}}, before: []area{pages(0, 6, wr)}, after: []area{pages(0, 3, wr), pages(3, 6, wr)},
			err: linux.EPERM, oracle: "call-residue"},
		{name: "munmap fails and unmaps", op: callMunmap, spans: []span{{2, 6}}, before: []area{pages(0, 6, wr)}, after: []area{pages(0, 2, wr)},
			err: linux.ENOMEM, oracle: "call-residue"},
		{name: "munmap fails and joins", op: callMunmap, spans: []span{{0, 6}}, before: []area{pages(0, 2, wr), pages(2, 6, wr)}, after: []area{pages(0, 6, wr)},
			err: linux.ENOMEM, oracle: "call-residue"},
		{name: "mmap leaves a hole", op: callMmap, spans: []span{{2, 4}}, before: []area{pages(0, 6, wr)}, after: []area{pages(0, 2, wr), pages(4, 6, wr)}, err: linux.ENOMEM},
		{name: "mmap fails and maps", op: callMmap, spans: []span{{2, 4}}, before: []area{pages(0, 2, wr)}, after: []area{pages(0, 4, wr)},
			err: linux.ENOMEM, oracle: "call-residue"},
		{name: "a link stays", op: callMmap, spans: []span{{2, 4}}, before: []area{pages(0, 2, wr), owned(4, 6, wr, anonA, 1)},
			after: []area{owned(0, 2, wr, anonA, 1), owned(4, 6, wr, anonA, 1)}, err: linux.ENOMEM, oracle: "call-residue"},
		{name: "mprotect stops in the middle", op: callMprotect, spans: []span{{1, 5}}, before: []area{pages(0, 2, wr), pages(2, 3, wr|linux.VMExec)},
			after: []area{pages(0, 1, wr), pages(1, 3, ro)}, err: linux.ENOMEM},
		{name: "and has changed what it was not about", op: callMprotect, spans: []span{{1, 5}}, before: []area{pages(0, 2, wr)}, after: []area{pages(0, 2, ro)},
			err: linux.ENOMEM, oracle: "call-residue"},
		{name: "mlockall leaves nothing", op: callMlockall, spans: []span{{0, 99}}, before: []area{pages(0, 2, wr)}, after: []area{pages(0, 2, wr|linux.VMLocked)},
			err: linux.ENOMEM, oracle: "call-residue"},
		{name: "mremap has moved the first", op: callMremap, spans: []span{{0, 4}, {8, 12}}, before: []area{pages(0, 2, wr), pages(2, 4, ro|linux.VMSealed)},
			after: []area{pages(2, 4, ro|linux.VMSealed), moved(pages(8, 10, wr), 8)}, err: linux.EPERM},
		{name: "and has hit what lies beside", op: callMremap, spans: []span{{0, 4}, {8, 12}}, before: []area{pages(0, 4, wr), pages(7, 9, wr)},
			after: []area{pages(0, 4, wr)}, err: linux.EPERM, oracle: "call-residue"},
		{name: "a stack that may not grow has an anon_vma", op: callExpandStack, spans: []span{{1, 4}}, before: []area{pages(2, 4, wr)},
			after: []area{owned(2, 4, wr, anonA, 1)}, err: linux.ENOMEM},
		{name: "fork changes nothing", op: callFork, spans: []span{{0, 99}}, before: []area{pages(2, 4, wr)}, after: []area{owned(2, 4, wr, anonA, 1)}, oracle: "wrong-merge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var found []task.Violation
			judged := call{op: c.op, partial: c.partial, wants: c.wants, before: c.before, after: c.after}
			for _, s := range c.spans {
				judged.spans = append(judged.spans, span{s.start << linux.PageShift, s.end << linux.PageShift})
			}
			judged.judge(task.New(1, "test", func(v task.Violation) { found = append(found, v) }), c.err)
			if c.oracle == "" && found != nil || c.oracle != "" && (len(found) != 1 || found[0].Oracle != c.oracle) {
				t.Errorf("reported %v, expected %q", found, c.oracle)
			}
		})
	}
}

// TestCallTable: every call has its entry.
func TestCallTable(t *testing.T) {
	for op, info := range callTable {
		if info.name == "" || strings.TrimSpace(info.name) != info.name {
			t.Errorf("call %d has no name", op)
		}
	}
}
