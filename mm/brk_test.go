package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestBrk moves the end of a heap that begins at page 10 (docs/kernel.md K6, R20). All its cases were seen on Linux 6.18.
func TestBrk(t *testing.T) {
	heap := func(pages int) func(*lab) { return func(l *lab) { l.mm.Brk(l.t, at(10+pages)) } }
	fixed := func(from, to, prot int) func(*lab) { return func(l *lab) { l.mmap(from, to, prot) } }
	const r = linux.PROT_READ
	for _, c := range []struct {
		name  string
		setup func(*lab)
		addr  uint64
		want  uint64
		after string
	}{
		{"asking", heap(0), 0, at(10), ""},
		{"below the start", heap(2), at(10) - 1, at(12), "10-12 rw-p"},
		{"the first page", heap(0), at(10) + 1, at(10) + 1, "10-11 rw-p"},
		{"within a page", heap(1), at(10) + 7, at(10) + 7, "10-11 rw-p"},
		{"growing", heap(2), at(15), at(15), "10-15 rw-p"},
		{"shrinking", heap(4), at(12), at(12), "10-12 rw-p"},
		{"shrinking to nothing", heap(4), at(10), at(10), ""},
		{"beyond the address space", heap(2), linux.TaskSize + page, at(12), "10-12 rw-p"},
		{"wrapping", heap(2), ^uint64(0), at(12), "10-12 rw-p"},

		{"a page stays free", together(heap(2), fixed(16, 17, rw)), at(15), at(15), "10-15 rw-p, 16-17 rw-p"},
		{"up to the next VMA", together(heap(2), fixed(16, 17, rw)), at(16), at(12), "10-12 rw-p, 16-17 rw-p"},
		{"beyond the next VMA", together(heap(2), fixed(16, 17, rw)), at(18), at(12), "10-12 rw-p, 16-17 rw-p"},
		{"up to the gap below a stack", together(heap(2), stack(500, 501, rw)), at(243), at(243), "10-243 rw-p, 500-501 rw-p"},
		{"into the gap below a stack", together(heap(2), stack(500, 501, rw)), at(244), at(12), "10-12 rw-p, 500-501 rw-p"},

		{"what is below the start does not merge", together(fixed(8, 10, rw), heap(2)), at(13), at(13), "8-10 rw-p, 10-13 rw-p"},
		{"what was mapped above does", together(heap(2), fixed(12, 14, rw)), at(14), at(12), "10-14 rw-p"},
		{"a heap with a head of other rights", together(heap(2), func(l *lab) { l.do(l.tryMprotect(10, 12, r)) }), at(14), at(14), "10-12 r--p, 12-14 rw-p"},
		{"a heap that was unmapped", together(heap(2), func(l *lab) { l.do(l.tryMunmap(10, 12)) }), at(14), at(14), "12-14 rw-p"},
		{"shrinking where nothing is mapped", together(heap(4), func(l *lab) { l.do(l.tryMunmap(12, 14)) }), at(13), at(14), "10-12 rw-p"},
		{"shrinking over holes", together(heap(4), func(l *lab) { l.do(l.tryMunmap(12, 13)) }), at(12), at(12), "10-12 rw-p"},
		{"shrinking over what is not the heap's", together(heap(4), fixed(12, 14, r)), at(11), at(11), "10-11 rw-p"},
		{"shrinking over a sealed VMA", together(heap(4), flagged(func(*lab) {}, 10, linux.VMSealed)), at(12), at(14), "10-14 rw-p"},

		{"RLIMIT_DATA, of the heap", together(heap(2), limited(mm.LimitData, 3*page)), at(13), at(13), "10-13 rw-p"},
		{"beyond RLIMIT_DATA", together(heap(2), limited(mm.LimitData, 3*page)), at(13) + 1, at(12), "10-12 rw-p"},
		{"below RLIMIT_DATA, shrinking", together(heap(4), limited(mm.LimitData, 3*page)), at(13), at(13), "10-13 rw-p"},
		{"above RLIMIT_DATA, shrinking", together(heap(4), limited(mm.LimitData, 2*page)), at(13), at(14), "10-14 rw-p"},
		{"RLIMIT_DATA, of all", together(fixed(0, 2, rw), heap(2), limited(mm.LimitData, 4*page)), at(13), at(12), "0-2 rw-p, 10-12 rw-p"},
		{"RLIMIT_AS", together(heap(2), limited(mm.LimitAS, 3*page)), at(13), at(13), "10-13 rw-p"},
		{"beyond RLIMIT_AS", together(heap(2), limited(mm.LimitAS, 3*page)), at(14), at(12), "10-12 rw-p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			l.mm.SetHeap(l.t, at(10))
			c.setup(l)
			if got := l.mm.Brk(l.t, c.addr); got != c.want {
				t.Errorf("brk(%#x) is %#x, expected %#x", c.addr, got, c.want)
			}
			l.wantLayout(c.after)
			if got := l.mm.Brk(l.t, 0); got != c.want {
				t.Errorf("brk is %#x afterwards, expected %#x", got, c.want)
			}
		})
	}
}

// TestNoHeap: where no heap was set, brk is always refused.
func TestNoHeap(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	for _, addr := range []uint64{0, 1, at(0), linux.TaskSize} {
		if got := l.mm.Brk(l.t, addr); got != 0 {
			t.Errorf("brk(%#x) is %#x", addr, got)
		}
	}
	l.wantLayout("")
}

// TestBrkMapCount: brk is refused where mmap is, also when it would make no VMA.
func TestBrkMapCount(t *testing.T) {
	l := newLab(t, mm.Config{MaxMapCount: 2}, "")
	defer l.end()
	l.mm.SetHeap(l.t, at(10))
	maps("0-1", "2-3")(l)
	for i, want := range []uint64{at(11), at(11)} { // up to one too many
		if got := l.mm.Brk(l.t, at(11+i)); got != want {
			t.Errorf("brk is %#x, expected %#x", got, want)
		}
	}
	l.wantLayout("0-1 rw-p, 2-3 rw-p, 10-11 rw-p")
}

// TestBrkIsCharged: the heap counts and is charged as writable memory, and given back as far as it shrinks.
func TestBrkIsCharged(t *testing.T) {
	l := newLab(t, mm.Config{Settings: mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 5 * page >> 10, RAM: page}}, "")
	defer l.end()
	l.mm.SetHeap(l.t, at(10))
	for _, c := range [][2]int{{13, 13}, {15, 13}, {14, 14}, {11, 11}} {
		if got := l.mm.Brk(l.t, at(c[0])); got != at(c[1]) {
			t.Errorf("brk is %#x, expected page %d", got, c[1])
		}
		pages := uint64(c[1] - 10)
		if got := l.mm.VMStat(l.t); got != (mm.VMStat{Total: pages, Data: pages}) || l.m.Committed() != pages {
			t.Errorf("%+v, %d pages charged, expected %d", got, l.m.Committed(), pages)
		}
	}
}

// TestBrkIsInherited: a child has its parent's heap, and moves its own end. A faulted heap is no longer one VMA then (R9).
func TestBrkIsInherited(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mm.SetHeap(l.t, at(10))
	l.mm.Brk(l.t, at(12))
	l.fill(10, 12)
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others = append(l.others, child)
	if got := child.Brk(l.t, at(13)); got != at(13) {
		t.Errorf("the child's brk is %#x", got)
	}
	if got, want := l.layout(child), "10-12 rw-p, 12-13 rw-p"; got != want {
		t.Errorf("the child has %s, expected %s", got, want)
	}
	if got := l.mm.Brk(l.t, 0); got != at(12) {
		t.Errorf("the parent's brk is %#x", got)
	}
	l.wantLayout("10-12 rw-p")
}

// TestBrkDowngrades: while shrinking brk clears pages, others have mmap_lock for reading.
func TestBrkDowngrades(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mm.SetHeap(l.t, at(10))
	l.mm.Brk(l.t, at(14))
	l.fill(10, 14)
	if !l.beside(func(t *task.Task) error { l.mm.Brk(t, at(12)); return nil }, "vms_clear_ptes", func(t *task.Task) {
		l.mm.MmapReadLock(t)
		if v := l.mm.Tree.Lookup(t, at(12)); v != nil {
			l.tb.Error("what was cut off is still there")
		}
		l.mm.MmapReadUnlock(t)
	}) {
		t.Error("a reader had to wait")
	}
	if got := l.mm.Brk(l.t, 0); got != at(12) {
		t.Errorf("brk is %#x", got)
	}
	delete(l.contents, 12)
	delete(l.contents, 13)
	l.checkContents()
	l.end()
}

// TestBrkAttachesAfterStore: a finder between the store and the attaching of a new heap VMA counts a miss and looks again.
func TestBrkAttachesAfterStore(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mm.SetHeap(l.t, at(10))
	seen := false
	l.run(func(enabled []int) int {
		if found, refcnt := l.visible(10); found && refcnt == 0 {
			seen = true
		}
		return enabled[0]
	}, func(t *task.Task) { l.mm.Brk(t, at(12)) })
	if !seen {
		t.Error("the VMA was attached when it was stored")
	}
	l.end()
}

// TestBrkWithoutMemory lets each allocation fail in turn: the heap stays as it was.
func TestBrkWithoutMemory(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to int // the end
		after    string
		residue  string // of a failed one: what is cut stays cut
	}{
		{"a new heap", 10, 12, "10-12 rw-p", ""},
		{"growing", 12, 14, "10-14 rw-p", "10-12 rw-p"},
		{"shrinking", 14, 12, "10-12 rw-p", "10-12 rw-p, 12-14 rw-p"},
	} {
		for k, reached := 0, true; reached; k++ {
			l := newLab(t, mm.Config{}, "")
			l.mm.SetHeap(l.t, at(10))
			l.mm.Brk(l.t, at(c.from))
			before := l.layout(l.mm)
			fails := &failing{k: k}
			l.t.Observer = fails
			got := l.mm.Brk(l.t, at(c.to))
			l.t.Observer = nil
			if reached = fails.n > k; reached {
				if got != at(c.from) {
					t.Errorf("%s, allocation %d: brk is %#x", c.name, k, got)
				}
				if got := l.layout(l.mm); got != before && got != c.residue {
					t.Errorf("%s, allocation %d leaves %s", c.name, k, got)
				}
				l.mm.Brk(l.t, at(c.to))
			}
			if k == 0 && !reached {
				t.Errorf("%s allocates nothing", c.name)
			}
			l.wantLayout(c.after)
			l.end()
		}
	}
}
