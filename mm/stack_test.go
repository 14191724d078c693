package mm_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vmasim/fault"
	"vmasim/internal/invariants"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

const stackFlags = privateAnon | linux.MAP_GROWSDOWN

// stack returns a setup that maps a stack of pages [from, to).
func stack(from, to, prot int) func(*lab) {
	return func(l *lab) { l.do(l.tryMap(l.t, from, to, prot, stackFlags, mm.MmapArgs{})) }
}

// together returns a setup of several.
func together(setups ...func(*lab)) func(*lab) {
	return func(l *lab) {
		for _, setup := range setups {
			setup(l)
		}
	}
}

func limited(r mm.Resource, bytes uint64) func(*lab) {
	return func(l *lab) { l.mm.SetLimit(l.t, r, bytes) }
}

// TestStackGrowth touches memory below a VMA that grows down (docs/kernel.md K8, R1, R8, R18). All its cases
// were seen on Linux 6.18.
func TestStackGrowth(t *testing.T) {
	const none, r = linux.PROT_NONE, linux.PROT_READ
	for _, c := range []struct {
		name    string
		setup   func(*lab)
		touch   int
		access  linux.Access
		want    linux.AccessEnd
		after   string
		faulted string // of each VMA, whether it has an anon_vma
	}{
		{"by a page", stack(400, 402, rw), 399, linux.Write, linux.OK, "399-402 rw-p", "f"},
		{"by many", stack(400, 402, rw), 10, linux.Write, linux.OK, "10-402 rw-p", "f"},
		{"by a read", stack(400, 402, rw), 399, linux.Read, linux.OK, "399-402 rw-p", "f"},
		{"not upwards", stack(400, 402, rw), 402, linux.Write, linux.SegvMaperr, "400-402 rw-p", "-"},
		{"other memory does not grow", maps("400-402"), 399, linux.Write, linux.SegvMaperr, "400-402 rw-p", "-"},
		{"a write to a read-only one", stack(400, 402, r), 399, linux.Write, linux.SegvAccerr, "399-402 r--p", "f"},
		{"one without access", stack(400, 402, none), 399, linux.Read, linux.SegvAccerr, "399-402 ---p", "f"},
		{"up to the gap", together(maps("0-1"), stack(400, 402, rw)), 257, linux.Write, linux.OK, "0-1 rw-p, 257-402 rw-p", "-f"},
		{"into the gap", together(maps("0-1"), stack(400, 402, rw)), 256, linux.Write, linux.SegvMaperr, "0-1 rw-p, 400-402 rw-p", "--"},
		{"up to read-only memory", together(maps("0-1 r"), stack(400, 402, rw)), 256, linux.Write, linux.SegvMaperr, "0-1 r--p, 400-402 rw-p", "--"},
		{"up to inaccessible memory", together(func(l *lab) { l.mmap(0, 1, none) }, stack(400, 402, rw)), 1, linux.Write, linux.OK,
			"0-1 ---p, 1-402 rw-p", "-f"},
		{"up to another stack, which it does not join", together(stack(0, 1, rw), stack(400, 402, rw)), 1, linux.Write, linux.OK,
			"0-1 rw-p, 1-402 rw-p", "-f"},
		{"a faulted one", together(stack(400, 402, rw), func(l *lab) { l.fill(400, 402) }), 399, linux.Write, linux.OK, "399-402 rw-p", "f"},
		{"the stack below, not that above", together(stack(400, 402, rw), stack(500, 502, rw)), 399, linux.Write, linux.OK,
			"399-402 rw-p, 500-502 rw-p", "f-"},
		{"RLIMIT_STACK is the whole size", together(stack(400, 402, rw), limited(mm.LimitStack, 4*page)), 398, linux.Write, linux.OK, "398-402 rw-p", "f"},
		{"beyond RLIMIT_STACK", together(stack(400, 402, rw), limited(mm.LimitStack, 4*page-1)), 398, linux.Write, linux.SegvMaperr, "400-402 rw-p", "f"},
		{"up to RLIMIT_AS", together(stack(400, 402, rw), limited(mm.LimitAS, 4*page)), 398, linux.Write, linux.OK, "398-402 rw-p", "f"},
		{"beyond RLIMIT_AS", together(stack(400, 402, rw), limited(mm.LimitAS, 3*page)), 398, linux.Write, linux.SegvMaperr, "400-402 rw-p", "f"},
		{"RLIMIT_DATA does not count it", together(limited(mm.LimitData, 0), stack(400, 402, rw)), 398, linux.Write, linux.OK, "398-402 rw-p", "f"},
		{"beyond RLIMIT_MEMLOCK", together(stack(400, 402, rw), flagged(func(*lab) {}, 400, linux.VMLocked), limited(mm.LimitMemlock, 3*page)),
			398, linux.Write, linux.SegvMaperr, "400-402 rw-p", "f"},
		{"a locked one", together(stack(400, 402, rw), flagged(func(*lab) {}, 400, linux.VMLocked), limited(mm.LimitMemlock, 4*page)),
			398, linux.Write, linux.OK, "398-402 rw-p", "f"},
	} {
		for _, spec := range []string{"linux-6.18", "linux-6.18,+maple-nodes", "linux-6.18,-grow-under-write"} { // alone, all end alike
			t.Run(c.name+" "+spec, func(t *testing.T) {
				if invariants.Enabled && strings.HasSuffix(spec, ",-grow-under-write") {
					t.Skip("the invariant is the write lock that the rule is about")
				}
				l := newLab(t, mm.Config{}, spec)
				defer l.end()
				c.setup(l)
				if got := fault.Touch(l.t, l.mm, at(c.touch), c.access); got != c.want {
					t.Errorf("got %s, expected %s", got, c.want)
				}
				l.wantLayout(c.after)
				if got := l.faulted(); got != c.faulted {
					t.Errorf("faulted %s, expected %s", got, c.faulted)
				}
				l.checkContents()
			})
		}
	}
}

// TestStackGrowthFindsTheFloor: below mmap_min_addr nothing grows.
func TestStackGrowthFindsTheFloor(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	_, err := l.mm.Mmap(l.t, mm.MmapArgs{Addr: linux.DefaultMmapMinAddr + page, Len: page, Prot: rw, Flags: stackFlags | linux.MAP_FIXED})
	l.do(err)
	for addr, want := range map[uint64]linux.AccessEnd{linux.DefaultMmapMinAddr - 1: linux.SegvMaperr, linux.DefaultMmapMinAddr: linux.OK} {
		if got := fault.Touch(l.t, l.mm, addr, linux.Write); got != want {
			t.Errorf("%#x: got %s, expected %s", addr, got, want)
		}
	}
}

// TestStackCounts follows what a growing stack counts for, and what it is charged, also where the kernel would not give that back.
func TestStackCounts(t *testing.T) {
	l := newLab(t, mm.Config{Settings: mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 7 * page >> 10, RAM: page}}, "")
	defer l.end()
	stack(400, 402, rw)(l)
	stack(800, 802, linux.PROT_READ)(l)
	want := func(n int, access linux.Access, res linux.AccessEnd, stack, committed uint64) {
		t.Helper()
		if got := fault.Touch(l.t, l.mm, at(n), access); got != res {
			t.Errorf("page %d: got %s, expected %s", n, got, res)
		}
		if got := l.mm.VMStat(l.t); got != (mm.VMStat{Total: stack, Stack: stack}) || l.m.Committed() != committed {
			t.Errorf("page %d: %+v, %d pages charged; expected %d and %d", n, got, l.m.Committed(), stack, committed)
		}
	}
	want(398, linux.Write, linux.OK, 6, 4)
	want(797, linux.Read, linux.SegvMaperr, 6, 4) // 3 pages more than 4
	want(798, linux.Read, linux.OK, 8, 4)
	want(395, linux.Write, linux.SegvMaperr, 8, 4)
	want(396, linux.Write, linux.OK, 10, 6)
}

// TestStackWithoutPageOffset: a stack cannot grow to where its page offset would be negative.
func TestStackWithoutPageOffset(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	const low = linux.DefaultMmapMinAddr // page 16
	_, err := l.mm.Mmap(l.t, mm.MmapArgs{Addr: low, Len: page, Prot: rw, Flags: stackFlags | linux.MAP_FIXED})
	l.do(err)
	l.touchAddr(low, linux.OK)
	_, err = l.mm.Mremap(l.t, low, page, page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(400)) // it keeps its offset
	l.do(err)
	l.touchAddr(at(400)-17*page, linux.SegvMaperr)
	l.touchAddr(at(400)-16*page, linux.OK)
}

// touchAddr writes at addr and fails the test unless that ends so.
func (l *lab) touchAddr(addr uint64, want linux.AccessEnd) {
	l.tb.Helper()
	if got := fault.Touch(l.t, l.mm, addr, linux.Write); got != want {
		l.tb.Errorf("%#x: got %s, expected %s", addr, got, want)
	}
}

// TestGrowsDownIsForPrivateMemory: files and shared memory do not grow, and say so after what else is wrong with them.
func TestGrowsDownIsForPrivateMemory(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(2)
	writeOnly, err := l.m.Mem.OpenFile(l.t, f.Name(), linux.O_WRONLY)
	l.do(err)
	l.files = append(l.files, writeOnly)
	for _, c := range []struct {
		flags int
		file  int // -1: anonymous
		want  linux.Errno
	}{
		{linux.MAP_PRIVATE, 0, linux.EINVAL},
		{linux.MAP_SHARED, 0, linux.EINVAL},
		{linux.MAP_PRIVATE, 1, linux.EACCES},
		{sharedAnon, -1, linux.EINVAL},
		{privateAnon, -1, 0},
	} {
		args := mm.MmapArgs{}
		if c.file >= 0 {
			args.File = l.files[c.file]
		}
		l.wantErrno(l.tryMap(l.t, 0, 1, linux.PROT_READ, c.flags|linux.MAP_GROWSDOWN, args), c.want, fmt.Sprintf("flags %#x", c.flags))
	}
}

// TestMprotectGrowsDown: PROT_GROWSDOWN begins at the VMA's start, if that lies before the end of the range.
func TestMprotectGrowsDown(t *testing.T) {
	const down, up, r = linux.PROT_GROWSDOWN, linux.PROT_GROWSUP, linux.PROT_READ
	for _, c := range []struct {
		from, to, prot int
		want           linux.Errno
		after          string
	}{
		{12, 13, r | down, 0, "10-13 r--p, 13-14 rw-p, 20-24 rw-p"},
		{8, 11, r | down, 0, "10-11 r--p, 11-14 rw-p, 20-24 rw-p"},
		{8, 10, r | down, linux.ENOMEM, "10-14 rw-p, 20-24 rw-p"},
		{15, 22, r | down, linux.EINVAL, "10-14 rw-p, 20-24 rw-p"},
		{12, 16, r | down, linux.ENOMEM, "10-14 r--p, 20-24 rw-p"},
		{12, 22, r | down, linux.ENOMEM, "10-14 r--p, 20-24 rw-p"},
		{12, 13, r | up, linux.EINVAL, "10-14 rw-p, 20-24 rw-p"},
		{8, 13, r | up, linux.ENOMEM, "10-14 rw-p, 20-24 rw-p"},
		{12, 13, r | up | down, linux.EINVAL, "10-14 rw-p, 20-24 rw-p"},
	} {
		l := newLab(t, mm.Config{}, "")
		stack(10, 14, rw)(l)
		l.mmap(20, 24, rw)
		l.wantErrno(l.tryMprotect(c.from, c.to, c.prot), c.want, fmt.Sprintf("%d-%d %#x", c.from, c.to, c.prot))
		l.wantLayout(c.after)
		l.end()
	}
}

// TestStackGrowthLocks: growing takes mmap_lock for writing, and gives all but the read lock back before the page is mapped.
func TestStackGrowthLocks(t *testing.T) {
	for during, beside := range map[string]bool{"expand_downwards": false, "do_anonymous_page": true} {
		l := newLab(t, mm.Config{}, "")
		stack(400, 402, rw)(l)
		grow := func(t *task.Task) error { return l.touch(t, l.mm, 398, linux.Write) }
		if got := l.beside(grow, during, func(t *task.Task) {
			l.mm.MmapReadLock(t)
			l.mm.MmapReadUnlock(t)
		}); got != beside {
			t.Errorf("a reader got in during %s: %v", during, got)
		}
		l.wantLayout("398-402 rw-p")
		l.end()
	}
}

// TestStackGrowthRaces runs a growing fault beside other operations, which come in after each number of its steps: between the
// lock for reading and that for writing everything may change.
func TestStackGrowthRaces(t *testing.T) {
	ok := func(err error) bool { return err == nil }
	segv := func(err error) bool { return errors.Is(err, linux.EFAULT) }
	for what, c := range map[string]struct {
		other func(l *lab, t *task.Task) error
		want  func(error) bool // what the fault may end with
		after []string
	}{
		"a deeper one": {func(l *lab, t *task.Task) error { return l.touch(t, l.mm, 397, linux.Write) }, ok, []string{"397-402 rw-p"}},
		"a higher one": {func(l *lab, t *task.Task) error { return l.touch(t, l.mm, 399, linux.Write) }, ok, []string{"398-402 rw-p"}},
		"munmap of it all": {func(l *lab, t *task.Task) error { return l.mm.Munmap(t, at(390), 12*page) },
			func(err error) bool { return ok(err) || segv(err) }, []string{""}},
		"mmap in its place": {func(l *lab, t *task.Task) error { return l.tryMap(t, 398, 402, rw, privateAnon, mm.MmapArgs{}) },
			func(err error) bool { return ok(err) || segv(err) }, []string{"398-402 rw-p"}},
		"mmap right below": {func(l *lab, t *task.Task) error { return l.tryMap(t, 397, 398, rw, privateAnon, mm.MmapArgs{}) },
			func(err error) bool { return ok(err) || segv(err) }, []string{"397-398 rw-p, 398-402 rw-p", "397-398 rw-p, 400-402 rw-p"}},
	} {
		for steps, more := 0, true; more; steps++ {
			l := newLab(t, mm.Config{}, "")
			l.m.ValidateWrites = false // its steps are many and of no interest
			stack(400, 402, rw)(l)
			var err error
			more = false
			left := steps
			res := l.run(func(enabled []int) int {
				if left--; left < 0 && slices.Contains(enabled, 1) {
					more = more || slices.Contains(enabled, 0)
					return 1
				}
				return enabled[0]
			}, func(t *task.Task) { err = l.touch(t, l.mm, 398, linux.Write) },
				func(t *task.Task) { l.do(c.other(l, t)) })
			if got := l.layout(l.mm); !c.want(err) || !slices.Contains(c.after, got) {
				t.Errorf("%s after %d steps: %v, layout %s\n%s", what, steps, err, got, res.Log())
			}
			l.end()
		}
	}
}

// TestKilledWhileGrowing: a task that is killed while it waits for mmap_lock for writing gives up.
func TestKilledWhileGrowing(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	stack(400, 402, rw)(l)
	var victim *task.Task
	var err error
	l.run(nil, func(t *task.Task) {
		l.mm.MmapReadLock(t)
		for !l.mm.MmapLock.Contended() {
			l.mm.MapCount(t) // a step
		}
		victim.Kill(t)
		for l.mm.MmapLock.Contended() {
			l.mm.MapCount(t)
		}
		l.mm.MmapReadUnlock(t)
	}, func(t *task.Task) {
		victim = t
		err = l.touch(t, l.mm, 399, linux.Write)
	})
	l.wantErrno(err, linux.EINTR, "the fault")
	l.wantLayout("400-402 rw-p")
	l.end()
}

// TestStackGrowthWithoutMemory: a stack that cannot grow for want of memory is a SIGSEGV; one that has grown stays so when there is no
// page for it.
func TestStackGrowthWithoutMemory(t *testing.T) {
	for k, reached := 0, true; reached; k++ {
		l := newLab(t, mm.Config{}, "")
		stack(400, 402, rw)(l)
		fails := &failing{k: k}
		l.t.Observer = fails
		err := l.touch(l.t, l.mm, 398, linux.Write)
		l.t.Observer = nil
		reached = fails.n > k
		switch got := l.layout(l.mm); {
		case !reached:
			l.wantErrno(err, 0, "nothing failed")
		case got == "398-402 rw-p":
			l.wantErrno(err, linux.ENOMEM, "no page")
		case got == "400-402 rw-p":
			l.wantErrno(err, linux.EFAULT, "no growth")
		default:
			t.Errorf("allocation %d leaves %s", k, got)
		}
		l.wantErrno(l.touch(l.t, l.mm, 398, linux.Write), 0, "again")
		l.wantLayout("398-402 rw-p")
		l.end()
	}
}
