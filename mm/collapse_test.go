package mm_test

import (
	"errors"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/mm"
)

const perTable = pgtable.PMDSize / linux.PageSize // the pages of a PTE table

// TestCollapse: collapsing 2 MiB of a file takes the page tables of all that map it there, but for those that may have pages of their own,
// have guards, or map a part; and all reads what it read before.
func TestCollapse(t *testing.T) {
	for _, spec := range []string{"", "linux-6.18,-recheck-anon-vma", "linux-6.18,-retract-waits", "mmap-lock"} {
		l := newLab(t, mm.Config{Beside: mm.Collapses}, spec)
		f := l.open(2 * perTable)
		places := []int{0, 2 * perTable, 4 * perTable, 6 * perTable, 8 * perTable}
		const shared, private, written, guarded, part = 0, 1, 2, 3, 4
		l.mmapFile(f, places[shared], places[shared]+perTable, rw, linux.MAP_SHARED, 0)
		l.mmapFile(f, places[private], places[private]+perTable, linux.PROT_READ, linux.MAP_PRIVATE, 0)
		l.mmapFile(f, places[written], places[written]+perTable, rw, linux.MAP_PRIVATE, 0)
		l.mmapFile(f, places[guarded], places[guarded]+perTable, rw, linux.MAP_SHARED, 0)
		l.mmapFile(f, places[part], places[part]+perTable/2, linux.PROT_READ, linux.MAP_SHARED, 0)
		for _, n := range places {
			l.do(l.touch(l.t, l.mm, n+1, linux.Read))
		}
		l.do(l.touch(l.t, l.mm, places[written]+2, linux.Write))
		l.do(l.mm.Madvise(l.t, at(places[guarded]+9), page, linux.MADV_GUARD_INSTALL))
		words := func() (all []uint64) {
			for _, n := range places {
				word, err := fault.Peek(l.t, l.mm, at(n+1)+8)
				l.do(err)
				all = append(all, word)
			}
			return all
		}
		before, tables := words(), l.mm.Tables.TablePages()
		l.do(l.mm.Collapse(l.t, at(places[shared])))
		if got := l.mm.Tables.TablePages(); got != tables-2 {
			t.Errorf("rules %q: %d page tables, expected %d: those of the shared mapping and of the private one are gone", spec, got, tables-2)
		}
		for i, word := range words() {
			if word != before[i] {
				t.Errorf("rules %q: page %d has %d, expected %d", spec, places[i]+1, word, before[i])
			}
		}
		l.end()
	}
}

// TestMoveWholeTable: mremap moves a page table as a whole where all of it moves, its pages keep their contents, and no memory for the
// tables above is an error that leaves all where it was.
func TestMoveWholeTable(t *testing.T) {
	for k, reached := -1, true; reached || k == 0; k++ {
		l := newLab(t, mm.Config{}, "")
		l.mmap(0, 2*perTable, rw)
		l.fill(0, 1)
		l.fill(perTable, perTable+3)
		tables := l.mm.Tables.TablePages()
		fails := &failing{k: k}
		if k >= 0 {
			l.t.Observer = fails
		}
		const to = 512 * perTable // under another PMD table
		got, err := l.tryMremap(0, 2*perTable, 2*perTable, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, to)
		l.t.Observer = nil
		if reached = k < 0 || fails.n > k; err != nil {
			if !errors.Is(err, linux.ENOMEM) {
				t.Errorf("allocation %d: %v", k, err)
			}
			l.checkContents()
			l.end()
			continue
		}
		l.moveContents(0, 2*perTable, got)
		l.checkContents()
		if n := l.mm.Tables.TablePages(); k < 0 && n > tables+1 { // a PMD table more at most; those of the pages came along
			t.Errorf("%d page tables, before %d", n, tables)
		}
		l.end()
	}
}

// TestUndoSplit: with the rule a VMA whose second split fails is joined again; without it stays cut (R10).
func TestUndoSplit(t *testing.T) {
	for spec, want := range map[string]string{"": "0-1 rw-p, 1-4 rw-p", "linux-6.18,+undo-split": "0-4 rw-p"} {
		l := newLab(t, mm.Config{MaxMapCount: 2}, spec)
		l.mmap(0, 4, rw)
		l.fill(0, 4)
		l.wantErrno(l.tryMprotect(1, 3, linux.PROT_READ), linux.ENOMEM, "the second split")
		l.wantLayout(want)
		l.checkContents()
		l.end()
	}
}

// TestHooksRefuse: either hook that mmap calls may refuse, with ENODEV; what the mapping was to replace is gone then, and nothing of it stays.
func TestHooksRefuse(t *testing.T) {
	for k, want := range []string{"0-2 rw-p", "0-2 rw-p"} {
		l := newLab(t, mm.Config{}, "")
		f := l.open(8)
		f.GiveHooks()
		l.mmap(0, 4, rw)
		l.fill(0, 4)
		l.t.Observer = &hookFails{k: k}
		err := l.tryMap(l.t, 2, 4, rw, linux.MAP_SHARED, mm.MmapArgs{File: f})
		l.t.Observer = nil
		l.wantErrno(err, linux.ENODEV, "the hook")
		delete(l.contents, 2)
		delete(l.contents, 3)
		l.wantLayout(want)
		l.checkContents()
		if n := l.m.DriverVMAs(); n != 0 {
			t.Errorf("the driver counts %d VMAs", n)
		}
		l.end()
	}
}

// TestExpandStackFromOutside: a task of another process makes a stack longer, or finds nothing and holds no lock.
func TestExpandStackFromOutside(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.do(l.tryMap(l.t, 400, 404, rw, privateAnon|linux.MAP_GROWSDOWN, mm.MmapArgs{}))
	l.mm.MmapReadLock(l.t)
	if v := l.mm.ExpandStack(l.t, at(398)); v == nil || v.Start(l.t) != at(398) {
		t.Errorf("the stack does not reach page 398: %v", v)
	} else {
		l.mm.MmapReadUnlock(l.t)
	}
	l.mm.MmapReadLock(l.t)
	if v := l.mm.ExpandStack(l.t, at(404)); v != nil {
		t.Errorf("there is a VMA above the stack: %v", v)
	}
	l.mm.MmapWriteLock(l.t) // none is held
	l.mm.MmapWriteUnlock(l.t)
	l.end()
}
