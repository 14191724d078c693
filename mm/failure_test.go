package mm_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// failing lets the k-th allocation fail, counted from 0, and all later ones, too, if forGood.
type failing struct {
	task.NoObserver
	k, n    int
	forGood bool
}

func (f *failing) Choose(_ *task.Task, what task.Choice, _ int) int {
	if what != task.AllocFails {
		return 0
	}
	n := f.n
	f.n++
	if n == f.k || f.forGood && n > f.k {
		return 1
	}
	return 0
}

// injection is an operation whose allocations fail one after the other.
type injection struct {
	name    string
	setup   func(l *lab)
	op      func(l *lab) error
	after   string      // the layout when it has succeeded
	residue []string    // layouts that a failure may leave, besides the one before (docs/kernel.md K7, R10)
	drops   []int       // pages whose contents the operation drops, and may drop when it fails
	silent  bool        // it says nothing of it
	retries bool        // one failed allocation need not be the end: it tries again
	free    bool        // it allocates nothing
	errno   linux.Errno // of the failure; 0: ENOMEM
}

var injections = []injection{
	{name: "mmap new", op: mapping(0, 4, rw), after: "0-4 rw-p"},
	{name: "mmap shared", op: func(l *lab) error { return l.tryMap(l.t, 0, 4, rw, sharedAnon, mm.MmapArgs{}) }, after: "0-4 rw-s shmem"},
	{name: "mmap file", setup: func(l *lab) { l.open(4) }, op: func(l *lab) error {
		return l.tryMap(l.t, 0, 4, rw, linux.MAP_SHARED, mm.MmapArgs{File: l.files[0]})
	}, after: "0-4 rw-s file0+0"},
	{name: "mmap merges left", setup: maps("0-2"), op: mapping(2, 4, rw), after: "0-4 rw-p"},
	{name: "mmap merges right", setup: maps("2-4"), op: mapping(0, 2, rw), after: "0-4 rw-p"},
	{name: "mmap merges both", setup: maps("0-2", "4-6"), op: mapping(2, 4, rw), after: "0-6 rw-p"},
	{name: "mmap merges both, left faulted", setup: maps("0-2 filled", "4-6"), op: mapping(2, 4, rw), after: "0-6 rw-p"},
	{name: "mmap merges both, right faulted", setup: maps("0-2", "4-6 filled"), op: mapping(2, 4, rw), after: "0-6 rw-p"},
	{name: "mmap over several", setup: maps("0-2 filled", "2-4 r", "4-6 filled"), op: mapping(1, 5, linux.PROT_READ), after: "0-1 rw-p, 1-5 r--p, 5-6 rw-p",
		residue: []string{"0-1 rw-p, 1-2 rw-p, 2-4 r--p, 4-6 rw-p", "0-1 rw-p, 5-6 rw-p"}, drops: []int{1, 4}},
	{name: "mmap in the middle of one", setup: maps("0-4 filled"), op: mapping(1, 3, linux.PROT_READ), after: "0-1 rw-p, 1-3 r--p, 3-4 rw-p",
		residue: []string{"0-1 rw-p, 1-4 rw-p", "0-1 rw-p, 3-4 rw-p"}, drops: []int{1, 2}},
	{name: "mmap in its own place", setup: maps("0-4 filled"), op: mapping(1, 3, rw), after: "0-4 rw-p",
		residue: []string{"0-1 rw-p, 1-4 rw-p", "0-1 rw-p, 3-4 rw-p"}, drops: []int{1, 2}},

	{name: "munmap all", setup: maps("0-4 filled"), op: unmapping(0, 4), after: "", drops: []int{0, 1, 2, 3}},
	{name: "munmap head", setup: maps("0-4 filled"), op: unmapping(0, 1), after: "1-4 rw-p", residue: []string{"0-1 rw-p, 1-4 rw-p"}, drops: []int{0}},
	{name: "munmap tail", setup: maps("0-4 filled"), op: unmapping(3, 4), after: "0-3 rw-p", residue: []string{"0-3 rw-p, 3-4 rw-p"}, drops: []int{3}},
	{name: "munmap middle", setup: maps("0-4 filled"), op: unmapping(1, 3), after: "0-1 rw-p, 3-4 rw-p",
		residue: []string{"0-1 rw-p, 1-4 rw-p", "0-1 rw-p, 1-3 rw-p, 3-4 rw-p"}, drops: []int{1, 2}},
	{name: "munmap several", setup: maps("0-2 filled", "2-4 r", "5-7 filled"), op: unmapping(1, 6), after: "0-1 rw-p, 6-7 rw-p",
		residue: []string{"0-1 rw-p, 1-2 rw-p, 2-4 r--p, 5-7 rw-p", "0-1 rw-p, 1-2 rw-p, 2-4 r--p, 5-6 rw-p, 6-7 rw-p"}, drops: []int{1, 5}},
	{name: "munmap a file", setup: func(l *lab) {
		l.mmapFile(l.open(8), 0, 4, rw, linux.MAP_PRIVATE, 2)
		l.fill(0, 2)
	}, op: unmapping(1, 3), after: "0-1 rw-p file0+2, 3-4 rw-p file0+5",
		residue: []string{"0-1 rw-p file0+2, 1-4 rw-p file0+3", "0-1 rw-p file0+2, 1-3 rw-p file0+3, 3-4 rw-p file0+5"}, drops: []int{1}},

	{name: "mprotect all", setup: maps("0-4 filled"), op: protecting(0, 4), after: "0-4 r--p", free: true},
	{name: "mprotect merges left", setup: maps("0-2 r", "2-4"), op: protecting(2, 4), after: "0-4 r--p"},
	{name: "mprotect merges right", setup: maps("0-2", "2-4 r"), op: protecting(0, 2), after: "0-4 r--p"},
	{name: "mprotect merges both", setup: maps("0-2 r", "2-4", "4-6 r"), op: protecting(2, 4), after: "0-6 r--p"},
	{name: "mprotect merges both, middle faulted", setup: threeOnceWritable(1), op: protecting(2, 4), after: "0-6 r--p file0+0"},
	{name: "mprotect merges both, right faulted", setup: threeOnceWritable(2), op: protecting(2, 4), after: "0-6 r--p file0+0"},
	{name: "mprotect gives a head away", setup: threeOnceWritable(1), op: protecting(2, 3), after: "0-3 r--p file0+0, 3-4 rw-p file0+3, 4-6 r--p file0+4"},
	{name: "mprotect gives a tail away", setup: threeOnceWritable(1), op: protecting(3, 4), after: "0-2 r--p file0+0, 2-3 rw-p file0+2, 3-6 r--p file0+3"},
	{name: "mprotect splits twice", setup: maps("0-4 filled"), op: protecting(1, 3), after: "0-1 rw-p, 1-3 r--p, 3-4 rw-p", residue: []string{"0-1 rw-p, 1-4 rw-p"}},
	{name: "mprotect several", setup: maps("0-2", "2-4 x", "4-6"), op: protecting(1, 5), after: "0-1 rw-p, 1-5 r--p, 5-6 rw-p",
		residue: []string{"0-1 rw-p, 1-2 r--p, 2-4 r-xp, 4-6 rw-p", "0-1 rw-p, 1-4 r--p, 4-6 rw-p"}},

	{name: "madvise", setup: maps("0-2 filled", "2-4 r", "4-6 filled"), op: func(l *lab) error { return l.tryDontneed(1, 5) },
		after: "0-2 rw-p, 2-4 r--p, 4-6 rw-p", drops: []int{1, 4}, free: true},

	{name: "madvise changes flags", setup: maps("0-4 filled"), op: advising(1, 3, linux.MADV_DONTDUMP), after: "0-1 rw-p, 1-3 rw-p, 3-4 rw-p",
		residue: []string{"0-1 rw-p, 1-4 rw-p"}, errno: linux.EAGAIN},
	{name: "madvise installs guards", setup: func(l *lab) {
		l.mmap(0, 600, rw)
		l.fill(0, 1) // a failure leaves it faulted, so it is before
	}, op: advising(510, 514, linux.MADV_GUARD_INSTALL), after: "0-600 rw-p"},
	{name: "madvise installs guards on a file", setup: withFile(linux.MAP_SHARED), op: advising(1, 3, linux.MADV_GUARD_INSTALL), after: "0-4 rw-s file0+0"},
	{name: "madvise reads ahead", setup: withFile(linux.MAP_SHARED), op: advising(1, 3, linux.MADV_WILLNEED), after: "0-4 rw-s file0+0", silent: true},
	{name: "mseal", setup: maps("0-4 filled"), op: sealing(1, 3), after: "0-1 rw-p, 1-3 rw-p, 3-4 rw-p", residue: []string{"0-1 rw-p, 1-4 rw-p"}},
	{name: "mseal several", setup: maps("0-2 filled", "2-4 r"), op: sealing(1, 3), after: "0-1 rw-p, 1-2 rw-p, 2-3 r--p, 3-4 r--p",
		residue: []string{"0-1 rw-p, 1-2 rw-p, 2-4 r--p"}},

	{name: "fork", setup: func(l *lab) {
		maps("0-2 filled", "2-4 r", "600-602 filled")(l)
		l.mmapFile(l.open(8), 10, 14, rw, linux.MAP_PRIVATE, 0)
		l.fill(10, 11)
		l.mmapFile(l.open(8), 20, 24, rw, linux.MAP_SHARED, 0)
		l.do(l.tryMap(l.t, 30, 32, rw, sharedAnon, mm.MmapArgs{}))
	}, op: forking, after: "0-2 rw-p, 2-4 r--p, 10-14 rw-p file0+0, 20-24 rw-s file1+0, 30-32 rw-s shmem, 600-602 rw-p"},
	{name: "fork of a fork's child", setup: func(l *lab) {
		maps("0-2 filled")(l)
		child, err := l.mm.Fork(l.t, "child")
		l.do(err)
		l.mm.Put(l.t)
		l.mm = child
	}, op: forking, after: "0-2 rw-p"},

	{name: "first write", setup: maps("0-2"), op: touching(0, linux.Write), after: "0-2 rw-p"},
	{name: "first read", setup: maps("0-2"), op: touching(0, linux.Read), after: "0-2 rw-p"},
	{name: "write beside a faulted VMA", setup: maps("0-2 filled", "2-4 rwx"), op: touching(2, linux.Write), after: "0-2 rw-p, 2-4 rwxp"},
	{name: "write to the zero page", setup: func(l *lab) {
		l.mmap(0, 2, rw)
		l.do(l.touch(l.t, l.mm, 0, linux.Read))
	}, op: touching(0, linux.Write), after: "0-2 rw-p"},
	{name: "write to a page shared by fork", setup: func(l *lab) {
		maps("0-2 filled")(l)
		child, err := l.mm.Fork(l.t, "child")
		l.do(err)
		l.others = append(l.others, l.mm) // the parent goes on holding the page
		l.mm = child
	}, op: touching(0, linux.Write), after: "0-2 rw-p"},
	{name: "read of a file", setup: withFile(linux.MAP_SHARED), op: touching(0, linux.Read), after: "0-4 rw-s file0+0", retries: true},
	{name: "write to a shared file", setup: withFile(linux.MAP_SHARED), op: touching(0, linux.Write), after: "0-4 rw-s file0+0", retries: true},
	{name: "write to a private file", setup: withFile(linux.MAP_PRIVATE), op: touching(0, linux.Write), after: "0-4 rw-p file0+0", retries: true},
	{name: "write to a private file's page that was read", setup: func(l *lab) {
		withFile(linux.MAP_PRIVATE)(l)
		l.do(l.touch(l.t, l.mm, 0, linux.Read))
	}, op: touching(0, linux.Write), after: "0-4 rw-p file0+0"},
	{name: "write to shared memory", setup: func(l *lab) { l.do(l.tryMap(l.t, 0, 4, rw, sharedAnon, mm.MmapArgs{})) },
		op: touching(0, linux.Write), after: "0-4 rw-s shmem", retries: true},
}

// maps returns a setup that maps ranges of private anonymous memory, "0-2", with the rights rw unless it says r or x; a
// filled one is written to.
func maps(ranges ...string) func(*lab) {
	return func(l *lab) {
		for _, r := range ranges {
			var from, to int
			var what string
			if n, _ := fmt.Sscanf(r, "%d-%d %s", &from, &to, &what); n < 2 {
				panic(r)
			}
			l.mmap(from, to, map[string]int{"": rw, "filled": rw, "r": linux.PROT_READ, "x": linux.PROT_READ | linux.PROT_EXEC, "rwx": rw | linux.PROT_EXEC}[what])
			if what == "filled" {
				l.fill(from, to)
			}
		}
	}
}

// threeOnceWritable maps three neighbours of two pages that all count as writable memory, r, rw, r, of which one was
// faulted.
func threeOnceWritable(faulted int) func(*lab) {
	return func(l *lab) {
		f := l.open(8) // private file memory stays accounted, faulted or not
		l.mmapFile(f, 0, 6, rw, linux.MAP_PRIVATE, 0)
		l.do(l.tryMprotect(0, 2, linux.PROT_READ))
		l.do(l.tryMprotect(4, 6, linux.PROT_READ))
		l.do(l.tryMprotect(2*faulted, 2*faulted+2, rw|linux.PROT_EXEC)) // of its own, so that it is faulted alone
		l.fill(2*faulted, 2*faulted+2)
		l.do(l.tryMprotect(2*faulted, 2*faulted+2, map[bool]int{true: rw, false: linux.PROT_READ}[faulted == 1]))
	}
}

func withFile(flags int) func(*lab) {
	return func(l *lab) { l.mmapFile(l.open(4), 0, 4, rw, flags, 0) }
}

func mapping(from, to, prot int) func(*lab) error {
	return func(l *lab) error { return l.tryMap(l.t, from, to, prot, privateAnon, mm.MmapArgs{}) }
}

func unmapping(from, to int) func(*lab) error {
	return func(l *lab) error { return l.tryMunmap(from, to) }
}

func protecting(from, to int) func(*lab) error {
	return func(l *lab) error { return l.tryMprotect(from, to, linux.PROT_READ) }
}

func advising(from, to, advice int) func(*lab) error {
	return func(l *lab) error { return l.tryMadvise(from, to, advice) }
}

func sealing(from, to int) func(*lab) error {
	return func(l *lab) error { return l.mm.Mseal(l.t, at(from), uint64(to-from)*page, 0) }
}

func touching(n int, access linux.Access) func(*lab) error {
	return func(l *lab) error { return l.touch(l.t, l.mm, n, access) }
}

func forking(l *lab) error {
	child, err := l.mm.Fork(l.t, "child")
	if err != nil {
		return err
	}
	defer child.Put(l.t)
	l.valid(child)
	if got, want := l.layout(child), l.layout(l.mm); got != want {
		l.tb.Errorf("the child has %q, its parent %q", got, want)
	}
	return nil
}

// TestFailedAllocations lets each allocation of each operation fail in turn: the errno is ENOMEM, the address space is
// valid and changed in no other way than the kernel's would be, nothing is lost, and the operation succeeds afterwards.
func TestFailedAllocations(t *testing.T) {
	for _, c := range injections {
		t.Run(c.name, func(t *testing.T) {
			for _, forGood := range []bool{false, true} {
				k := 0
				for c.inject(t, k, forGood) {
					if k++; k > 1000 {
						t.Fatalf("after %d allocations there is another", k)
					}
				}
				if (k == 0) != c.free {
					t.Errorf("it made %d allocations", k)
				}
			}
		})
	}
}

// inject runs the operation once with the k-th allocation failing, and reports whether it came to that.
func (c *injection) inject(t *testing.T, k int, forGood bool) (reached bool) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	if c.setup != nil {
		c.setup(l)
	}
	before, faulted, faults := l.layout(l.mm), l.faulted(), l.t.Counters[task.PgFault]
	fails := &failing{k: k, forGood: forGood}
	l.t.Observer = fails
	err := c.op(l)
	l.t.Observer = nil
	reached = fails.n > k
	what := fmt.Sprintf("allocation %d, for good %v", k, forGood)
	if broken := l.violations(); broken != "" {
		t.Errorf("%s: %s", what, broken)
	}
	for _, n := range c.drops {
		delete(l.contents, n)
	}
	if !reached || c.silent || err == nil && c.retries && !forGood {
		l.wantErrno(err, 0, what)
	} else {
		l.wantErrno(err, cmp.Or(c.errno, linux.ENOMEM), what)
		if got := l.layout(l.mm); got != before && !slices.Contains(c.residue, got) {
			t.Errorf("%s leaves %q", what, got)
		}
		if got := l.faulted(); l.layout(l.mm) == before && got != faulted && l.t.Counters[task.PgFault] == faults {
			t.Errorf("%s: the faulted VMAs were %q, are %q", what, faulted, got)
		}
		l.valid(l.mm)
		l.checkContents()
		l.wantErrno(c.op(l), 0, what+", again")
	}
	l.wantLayout(c.after)
	l.valid(l.mm)
	l.checkContents()
	return reached
}

// hookFails lets the k-th hook refuse, counted from 0.
type hookFails struct {
	task.NoObserver
	k, n int
}

func (f *hookFails) Choose(_ *task.Task, what task.Choice, _ int) int {
	if what != task.HookFails {
		return 0
	}
	if f.n++; f.n-1 == f.k {
		return 1
	}
	return 0
}

// cellNames notes the names that the driver's cells have.
type cellNames struct {
	task.NoObserver
	m    *mm.Machine
	seen map[string]bool
}

func (c *cellNames) Before(_ *task.Task, e *task.Event) { c.seen[c.m.DriverCell(e.Addr)] = true }
