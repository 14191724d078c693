package mm_test

import (
	"fmt"
	"slices"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// remapInjection is an mremap whose allocations fail one after the other.
type remapInjection struct {
	name    string
	setup   func(*lab)
	op      [5]int // from, old pages, new pages, flags, to
	moved   int    // pages that go elsewhere
	after   string
	residue []string // layouts that a failure may leave, besides the one before
	stays   []string // layouts of a success that could not unmap the source, or not merge the copy
	drops   []int    // pages that what is unmapped first takes along
}

var remapInjections = []remapInjection{
	{name: "grow", setup: maps("0-2 filled"), op: [5]int{0, 2, 4, 0, 0}, after: "0-4 rw-p"},
	{name: "grow up to a faulted one", setup: maps("0-2", "4-6 filled"), op: [5]int{0, 2, 4, 0, 0}, after: "0-6 rw-p"},
	{name: "shrink in the middle", setup: maps("0-4 filled"), op: [5]int{0, 3, 1, 0, 0}, after: "0-1 rw-p, 3-4 rw-p",
		residue: []string{"0-1 rw-p, 1-4 rw-p", "0-1 rw-p, 1-3 rw-p, 3-4 rw-p"}, drops: []int{1, 2}},
	{name: "move", setup: maps("0-4 filled"), op: [5]int{0, 4, 4, moveFixed, 10}, moved: 4, after: "10-14 rw-p",
		stays: []string{"0-4 rw-p, 10-14 rw-p"}},
	{name: "move a part into two tables", setup: maps("508-516 filled"), op: [5]int{510, 4, 4, moveFixed, 1022}, moved: 4,
		after: "508-510 rw-p, 514-516 rw-p, 1022-1026 rw-p",
		stays: []string{"508-516 rw-p, 1022-1026 rw-p", "508-510 rw-p, 510-516 rw-p, 1022-1026 rw-p", "508-510 rw-p, 510-514 rw-p, 514-516 rw-p, 1022-1026 rw-p"},
		// the copy could not be unmapped again
		residue: []string{"508-516 rw-p, 1022-1026 rw-p"}},
	{name: "move and grow", setup: maps("0-2 filled"), op: [5]int{0, 2, 4, moveFixed, 600}, moved: 2, after: "600-604 rw-p",
		stays: []string{"0-2 rw-p, 600-604 rw-p"}, residue: []string{"0-2 rw-p, 600-604 rw-p"}},
	{name: "move to old companions", setup: func(l *lab) {
		maps("0-4 filled")(l)
		l.do(remapping(0, 1, 1, moveFixed, 16)(l))
		l.moveContents(0, 1, 16)
	}, op: [5]int{1, 1, 1, moveFixed, 17}, moved: 1, after: "2-4 rw-p, 16-18 rw-p",
		stays: []string{"1-2 rw-p, 2-4 rw-p, 16-18 rw-p", "2-4 rw-p, 16-17 rw-p, 17-18 rw-p", "1-4 rw-p, 16-18 rw-p"}},
	{name: "move of faulted beside unfaulted", setup: func(l *lab) {
		maps("0-2 filled")(l)
		l.do(remapping(0, 2, 2, moveFixed, 10)(l))
		l.moveContents(0, 2, 10)
		l.mmap(2, 4, rw)
	}, op: [5]int{10, 2, 2, moveFixed, 0}, moved: 2, after: "0-4 rw-p",
		stays: []string{"0-2 rw-p, 2-4 rw-p", "0-4 rw-p, 10-12 rw-p"}},
	{name: "joins itself", setup: maps("4-8"), op: [5]int{4, 4, 4, moveFixed, 0}, after: "0-4 rw-p", stays: []string{"0-8 rw-p", "0-4 rw-p, 4-8 rw-p"}},
	{name: "move replaces", setup: maps("0-2 filled", "9-13 r"), op: [5]int{0, 2, 2, moveFixed, 10}, moved: 2, after: "9-10 r--p, 10-12 rw-p, 12-13 r--p",
		residue: []string{"0-2 rw-p, 9-10 r--p, 10-13 r--p", "0-2 rw-p, 9-10 r--p, 10-12 r--p, 12-13 r--p", "0-2 rw-p, 9-10 r--p, 12-13 r--p"},
		stays:   []string{"0-2 rw-p, 9-10 r--p, 10-12 rw-p, 12-13 r--p"}},
	{name: "dontunmap", setup: maps("0-2 filled"), op: [5]int{0, 2, 2, moveFixed | dontUnmap, 600}, moved: 2, after: "0-2 rw-p, 600-602 rw-p",
		residue: []string{"0-2 rw-p, 600-602 rw-p"}},
	{name: "several", setup: maps("0-2 filled", "3-5 x"), op: [5]int{0, 5, 5, moveFixed, 10}, moved: 2, after: "10-12 rw-p, 13-15 r-xp",
		residue: []string{"3-5 r-xp, 10-12 rw-p", "0-2 rw-p, 3-5 r-xp, 10-12 rw-p"},
		stays:   []string{"0-2 rw-p, 10-12 rw-p, 13-15 r-xp", "3-5 r-xp, 10-12 rw-p, 13-15 r-xp"}},
	{name: "duplicate", setup: sharedMemory, op: [5]int{0, 0, 2, moveFixed, 10}, after: "0-4 rw-s shmem, 10-12 rw-s shmem"},
	{name: "private file", setup: func(l *lab) {
		l.mmapFile(l.open(8), 0, 4, rw, linux.MAP_PRIVATE, 2)
		l.fill(1, 3)
	}, op: [5]int{1, 2, 2, moveFixed, 600}, moved: 2, after: "0-1 rw-p file0+2, 3-4 rw-p file0+5, 600-602 rw-p file0+3",
		residue: []string{"0-4 rw-p file0+2, 600-602 rw-p file0+3"},
		stays: []string{"0-4 rw-p file0+2, 600-602 rw-p file0+3", "0-1 rw-p file0+2, 1-4 rw-p file0+3, 600-602 rw-p file0+3",
			"0-1 rw-p file0+2, 1-3 rw-p file0+3, 3-4 rw-p file0+5, 600-602 rw-p file0+3"}},
}

// TestMremapFailedAllocations lets each allocation of mremaps fail in turn. An mremap fails with ENOMEM, its pages where they were,
// or succeeds though it could not unmap the source; the charge fits what is mapped; and where it failed it succeeds afterwards.
func TestMremapFailedAllocations(t *testing.T) {
	for _, c := range remapInjections {
		t.Run(c.name, func(t *testing.T) {
			for _, forGood := range []bool{false, true} {
				k := 0
				for c.inject(t, k, forGood) {
					if k++; k > 1000 {
						t.Fatalf("after %d allocations there is another", k)
					}
				}
				if k == 0 {
					t.Error("it made no allocation")
				}
			}
		})
	}
}

// inject runs the mremap once with the k-th allocation failing, and reports whether it came to that.
func (c *remapInjection) inject(t *testing.T, k int, forGood bool) (reached bool) {
	l := newLab(t, mm.Config{Settings: mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 1 << 20}}, "")
	defer l.end()
	c.setup(l)
	before := l.layout(l.mm)
	op := remapping(c.op[0], c.op[1], c.op[2], c.op[3], c.op[4])
	fails := &failing{k: k, forGood: forGood}
	l.t.Observer = fails
	err := op(l)
	l.t.Observer = nil
	reached = fails.n > k
	what := fmt.Sprintf("allocation %d, for good %v", k, forGood)
	if broken := l.violations(); broken != "" {
		t.Errorf("%s: %s", what, broken)
	}
	for _, n := range c.drops {
		delete(l.contents, n)
	}
	l.valid(l.mm)
	l.wantCharged()
	got := l.layout(l.mm)
	if err != nil {
		l.wantErrno(err, linux.ENOMEM, what)
		switch {
		case got == before:
		case !slices.Contains(c.residue, got):
			t.Errorf("%s leaves %q", what, got)
		case c.name == "several": // its first VMA is gone
			l.moveContents(c.op[0], c.moved, c.op[4])
			l.checkContents()
			return reached
		}
		l.checkContents()
		l.do(op(l))
		got = l.layout(l.mm)
	}
	l.moveContents(c.op[0], c.moved, c.op[4])
	l.checkContents()
	if got != c.after && (!reached || !slices.Contains(c.stays, got)) {
		t.Errorf("%s ends with %q", what, got)
	}
	return reached
}
