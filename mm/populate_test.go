package mm_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestPopulateAs: which pages come into memory, and how: private memory that may be written is written to, all other is read.
func TestPopulateAs(t *testing.T) {
	const (
		r, x     = linux.PROT_READ, linux.PROT_EXEC
		w        = linux.PROT_WRITE
		populate = linux.MAP_POPULATE
		noBlock  = linux.MAP_POPULATE | linux.MAP_NONBLOCK
	)
	for _, c := range []struct {
		prot, flags int
		file        bool
		pages       string
		faulted     string
	}{
		{rw, privateAnon | populate, false, "AA", "f"},
		{w, privateAnon | populate, false, "AA", "f"},
		{r, privateAnon | populate, false, "zz", "-"},
		{x, privateAnon | populate, false, "zz", "-"},
		{0, privateAnon | populate, false, "--", "-"},
		{rw, privateAnon | noBlock, false, "--", "-"},
		{rw, privateAnon | linux.MAP_LOCKED | linux.MAP_NONBLOCK, false, "AA", "f"},
		{rw, sharedAnon | populate, false, "ff", "-"},
		{w, sharedAnon | populate, false, "ff", "-"},
		{rw, linux.MAP_PRIVATE | populate, true, "AA", "f"},
		{r, linux.MAP_PRIVATE | populate, true, "ff", "-"},
		{rw, linux.MAP_SHARED | populate, true, "ff", "-"},
		{0, linux.MAP_SHARED | populate, true, "--", "-"},
	} {
		l := newLab(t, mm.Config{}, "")
		args := mm.MmapArgs{}
		if c.file {
			args.File = l.open(2)
		}
		l.do(l.tryMap(l.t, 0, 2, c.prot, c.flags, args))
		if got := l.pages(0, 2); got != c.pages {
			t.Errorf("prot %#x, flags %#x: pages %q, expected %q", c.prot, c.flags, got, c.pages)
		}
		if got := l.faulted(); got != c.faulted {
			t.Errorf("prot %#x, flags %#x: faulted %q", c.prot, c.flags, got)
		}
		l.end()
	}
}

// TestPopulateLeavesPagesAlone: what is there stays, but for what the write needs.
func TestPopulateLeavesPagesAlone(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-4")(l)
	l.fill(0, 2)
	l.do(l.touch(l.t, l.mm, 2, linux.Read))
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others = append(l.others, child)
	l.fill(0, 1)
	l.wantLocked("-", 0, 4, "Aaz-", 0)
	l.do(l.mlock(0, 4))
	l.wantLocked("l", 0, 4, "AAAA", 4)
	l.checkContents()
}

// TestLockedMemoryBecomesWritable: mprotect copies the pages of locked private memory at once, unless they are locked on fault (R23).
func TestLockedMemoryBecomesWritable(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-6 r")(l)
	l.mmapFile(l.open(2), 6, 8, linux.PROT_READ, linux.MAP_PRIVATE, 0)
	l.mmapFile(l.open(2), 8, 10, linux.PROT_READ, linux.MAP_SHARED, 0)
	l.do(l.mlock(1, 3))
	l.do(l.mlockOnFault(3, 4))
	l.do(l.mlock(6, 10))
	l.wantLocked("-lo-ll", 0, 10, "-zz---ffff", 7)
	l.do(l.tryMprotect(0, 5, rw))
	l.wantLocked("-lo--ll", 0, 10, "-AA---ffff", 7)
	l.do(l.tryMprotect(6, 10, rw))
	l.wantLocked("-lo--ll", 0, 10, "-AA---AAff", 7)
	l.do(l.munlock(1, 2))
	l.do(l.tryMprotect(1, 3, linux.PROT_READ))
	l.do(l.mm.Madvise(l.t, at(1), page, linux.MADV_DONTNEED))
	l.do(l.tryMprotect(1, 3, rw))
	if got := l.pages(1, 3); got != "-A" {
		t.Errorf("pages %q of memory that was locked once", got)
	}
}

// TestFaultInRange: R26, with the errnos of MADV_POPULATE_READ and MADV_POPULATE_WRITE.
func TestFaultInRange(t *testing.T) {
	const w = linux.PROT_WRITE
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2", "2-4 r")(l)
	l.mmap(5, 6, w)
	l.mmap(6, 7, linux.PROT_NONE)
	l.mmapFile(l.open(2), 8, 11, rw, linux.MAP_SHARED, 0)
	for _, c := range []struct {
		from, to int
		write    bool
		want     linux.Errno
		pages    string
	}{
		{0, 4, false, 0, "zzzz"},
		{0, 4, true, linux.EINVAL, "AAzz"},
		{3, 6, false, linux.ENOMEM, "z--"},
		{4, 5, false, linux.ENOMEM, "-"},
		{5, 6, false, linux.EINVAL, "-"},
		{5, 6, true, 0, "A"},
		{6, 7, false, linux.EINVAL, "-"},
		{8, 10, false, 0, "ff"},
		{8, 11, true, linux.EFAULT, "FF-"},
		{0, 0, true, 0, ""},
	} {
		l.mm.MmapReadLock(l.t)
		err := l.mm.FaultInRange(l.t, at(c.from), at(c.to), c.write)
		l.mm.MmapReadUnlock(l.t)
		l.wantErrno(err, c.want, fmt.Sprint(c))
		if got := l.pages(c.from, c.to); got != c.pages {
			t.Errorf("%v: pages %q", c, got)
		}
	}
}

// lockInjections are operations whose allocations fail one after the other, their own or those of the pages that they bring in.
// Where those of pages fail, mlock says EAGAIN and the others nothing, and fewer pages are there.
var lockInjections = []struct {
	name    string
	setup   func(*lab)
	op      func(*lab) error
	after   string
	residue []string // layouts that a failure may leave, besides the one before
	locked  []string // of the VMAs, before, in the end and in between
	pages   string   // in the end
}{
	{"mlock splits twice", maps("0-6"), func(l *lab) error { return l.mlock(2, 4) }, "0-2 rw-p, 2-4 rw-p, 4-6 rw-p",
		[]string{"0-2 rw-p, 2-6 rw-p"}, []string{"-", "-l-", "--"}, "--AA--"},
	{"mlock merges", func(l *lab) {
		maps("0-6")(l)
		l.do(l.touch(l.t, l.mm, 5, linux.Write)) // one anon_vma for all
		l.do(l.mlock(0, 2))
		l.do(l.mlockOnFault(4, 6))
	}, func(l *lab) error { return l.mlock(2, 6) }, "0-6 rw-p", []string{"0-4 rw-p, 4-6 rw-p"}, []string{"l-o", "l", "lo"}, "AAAAAA"},
	{"mlock over several", maps("0-2", "2-4 r", "4-6"), func(l *lab) error { return l.mlock(1, 5) },
		"0-1 rw-p, 1-2 rw-p, 2-4 r--p, 4-5 rw-p, 5-6 rw-p",
		[]string{"0-1 rw-p, 1-2 rw-p, 2-4 r--p, 4-6 rw-p"}, []string{"---", "-lll-", "-ll-"}, "-AzzA-"},
	{"munlock splits", func(l *lab) {
		maps("0-6")(l)
		l.do(l.mlock(0, 6))
	}, func(l *lab) error { return l.munlock(2, 4) }, "0-2 rw-p, 2-4 rw-p, 4-6 rw-p", []string{"0-2 rw-p, 2-6 rw-p"}, []string{"l", "l-l", "ll"}, "AAAAAA"},
	{"mlockall", func(l *lab) {
		maps("0-2", "2-4 r", "4-6")(l)
		l.do(l.mlockOnFault(4, 6))
	}, func(l *lab) error { return l.mm.Mlockall(l.t, linux.MCL_CURRENT) }, "0-2 rw-p, 2-4 r--p, 4-6 rw-p", nil, []string{"--o", "lll"}, "AAzzAA"},
	{"mlock of a file", withFile(linux.MAP_PRIVATE), func(l *lab) error { return l.mlock(0, 4) }, "0-4 rw-p file0+0", nil, []string{"-", "l"}, "AAAA--"},
	{"mmap", nil, func(l *lab) error {
		return l.tryMap(l.t, 0, 4, rw, sharedAnon|linux.MAP_LOCKED, mm.MmapArgs{})
	}, "0-4 rw-s shmem", nil, []string{"", "l"}, "ffff--"},
	{"mprotect of locked memory", func(l *lab) {
		maps("0-4 r")(l)
		l.do(l.mlock(0, 4))
	}, func(l *lab) error { return l.tryMprotect(1, 3, rw) }, "0-1 r--p, 1-3 rw-p, 3-4 r--p",
		[]string{"0-1 r--p, 1-4 r--p"}, []string{"l", "lll", "ll"}, "zAAz--"},
}

// TestFailedAllocationsOfLocks is TestFailedAllocations for what brings pages in.
func TestFailedAllocationsOfLocks(t *testing.T) {
	for _, c := range lockInjections {
		t.Run(c.name, func(t *testing.T) {
			for _, forGood := range []bool{false, true} {
				k := 0
				for reached := true; reached; k++ {
					l := newLab(t, mm.Config{}, "")
					if c.setup != nil {
						c.setup(l)
					}
					layouts := append([]string{l.layout(l.mm), c.after}, c.residue...)
					fails := &failing{k: k, forGood: forGood}
					l.t.Observer = fails
					err := c.op(l)
					l.t.Observer = nil
					reached = fails.n > k
					what := fmt.Sprintf("allocation %d, for good %v", k, forGood)
					if err != nil && !errors.Is(err, linux.ENOMEM) && !errors.Is(err, linux.EAGAIN) || err != nil && !reached {
						t.Errorf("%s: %v", what, err)
					}
					if got := l.layout(l.mm); !slices.Contains(layouts, got) {
						t.Errorf("%s leaves %q", what, got)
					}
					if got := l.locked(); !slices.Contains(c.locked, got) {
						t.Errorf("%s leaves locks %q", what, got)
					}
					l.valid(l.mm)
					if !reached {
						l.wantLayout(c.after)
						if got := l.pages(0, 6); got != c.pages {
							t.Errorf("pages %q, expected %q", got, c.pages)
						}
					}
					l.end()
				}
				if k == 1 {
					t.Error("it allocates nothing")
				}
			}
		})
	}
}
