package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

// locked tells of each VMA whether it is locked (l), locked on fault (o) or neither (-).
func (l *lab) locked() string {
	l.mm.MmapReadLock(l.t)
	defer l.mm.MmapReadUnlock(l.t)
	var s []byte
	for v := l.mm.Tree.Find(l.t, 0); v != nil; v = l.mm.Tree.Find(l.t, v.End(l.t)) {
		s = append(s, map[linux.VMFlags]byte{0: '-', linux.VMLocked: 'l', linux.VMLockedMask: 'o'}[v.Flags(l.t)&linux.VMLockedMask])
	}
	return string(s)
}

// pages tells of each page of [from, to) whether the page tables map nothing (-), the zero page (z), memory of the process (a), a
// page of a file (f) or a guard marker (g); capitals may be written to.
func (l *lab) pages(from, to int) string {
	var s []byte
	for n := from; n < to; n++ {
		slot, ok := l.mm.Tables.Find(l.t, at(n))
		c := byte('-')
		if ok && !slot.Peek().None() {
			switch pte := slot.Peek(); {
			case pte.Guard():
				c = 'g'
			case pte.Special():
				c = 'z'
			case l.m.Mem.Page(pte.PFN()).Kind.Peek() == phys.KindAnon:
				c = 'a'
			default:
				c = 'f'
			}
			if slot.Peek().Write() {
				c -= 'a' - 'A'
			}
		}
		s = append(s, c)
	}
	return string(s)
}

// wantLocked fails the test unless locked, the pages [from, to) and locked_vm are these.
func (l *lab) wantLocked(locked string, from, to int, pages string, lockedVM uint64) {
	l.tb.Helper()
	if got := l.locked(); got != locked {
		l.tb.Errorf("locked %q, expected %q", got, locked)
	}
	if got := l.pages(from, to); got != pages {
		l.tb.Errorf("pages %q, expected %q", got, pages)
	}
	if got := l.mm.LockedVM(l.t); got != lockedVM {
		l.tb.Errorf("locked_vm %d, expected %d", got, lockedVM)
	}
}

func (l *lab) mlock(from, to int) error { return l.mm.Mlock(l.t, at(from), uint64(to-from)*page) }

func (l *lab) mlockOnFault(from, to int) error {
	return l.mm.Mlock2(l.t, at(from), uint64(to-from)*page, linux.MLOCK_ONFAULT)
}

func (l *lab) munlock(from, to int) error { return l.mm.Munlock(l.t, at(from), uint64(to-from)*page) }

// TestMlockErrnos goes through the first-match table of docs/kernel.md K9, and R23.
func TestMlockErrnos(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2", "2-3 x", "4-5")(l)
	const bad = linux.MCL_CURRENT << 5
	limit := func(bytes uint64) { l.mm.SetLimit(l.t, mm.LimitMemlock, bytes) }
	for _, c := range []struct {
		what  string
		limit uint64
		err   func() error
		want  linux.Errno
	}{
		{"mlock2, flags before the limit", 0, func() error { return l.mm.Mlock2(l.t, at(0), page, 2) }, linux.EINVAL},
		{"mlock, limit 0", 0, func() error { return l.mm.Mlock(l.t, at(3), 0) }, linux.EPERM},
		{"munlock, limit 0", 0, func() error { return l.munlock(0, 1) }, 0},
		{"munlock, a hole", 0, func() error { return l.munlock(2, 5) }, linux.ENOMEM},
		{"mlockall, flags before the limit", 0, func() error { return l.mm.Mlockall(l.t, 0) }, linux.EINVAL},
		{"mlockall, limit 0", 0, func() error { return l.mm.Mlockall(l.t, linux.MCL_FUTURE) }, linux.EPERM},
		{"munlockall, limit 0", 0, func() error { return l.mm.Munlockall(l.t) }, 0},
		{"mmap, limit 0", 0, func() error { return l.tryMap(l.t, 8, 9, rw, linux.MAP_ANONYMOUS|linux.MAP_LOCKED, mm.MmapArgs{}) }, linux.EPERM},

		{"mlock, the limit before a hole", page, func() error { return l.mlock(3, 5) }, linux.ENOMEM},
		{"mlockall, limit", page, func() error { return l.mm.Mlockall(l.t, linux.MCL_CURRENT) }, linux.ENOMEM},
		{"mlockall, the limit is not about the future", page, func() error { return l.mm.Mlockall(l.t, linux.MCL_FUTURE) }, 0},
		{"mmap, limit, before a missing type", page, func() error { return l.tryMap(l.t, 8, 10, rw, linux.MAP_ANONYMOUS, mm.MmapArgs{}) }, linux.EAGAIN},
		{"mmap, in use before the limit", page, func() error {
			return l.tryMap(l.t, 4, 6, rw, privateAnon|linux.MAP_FIXED_NOREPLACE, mm.MmapArgs{})
		}, linux.EEXIST},
		{"munlockall", page, func() error { return l.mm.Munlockall(l.t) }, 0},
		{"mmap, limit", page, func() error { return l.tryMap(l.t, 8, 10, rw, linux.MAP_LOCKED|privateAnon, mm.MmapArgs{}) }, linux.EAGAIN},

		{"mlock, nothing", mm.Infinity, func() error { return l.mlock(3, 4) }, linux.ENOMEM},
		{"mlock, nothing in no length", mm.Infinity, func() error { return l.mlock(3, 3) }, 0},
		{"mlock, length -1", mm.Infinity, func() error { return l.mm.Mlock(l.t, at(3), ^uint64(0)) }, 0},
		{"mlock, wraps", mm.Infinity, func() error { return l.mm.Mlock(l.t, at(0), ^uint64(0)-page) }, linux.EINVAL},
		{"munlock, wraps", mm.Infinity, func() error { return l.mm.Munlock(l.t, at(0), ^uint64(0)-page) }, linux.EINVAL},
		{"mlockall, unknown", mm.Infinity, func() error { return l.mm.Mlockall(l.t, linux.MCL_CURRENT|bad) }, linux.EINVAL},
		{"mlockall, only on fault", mm.Infinity, func() error { return l.mm.Mlockall(l.t, linux.MCL_ONFAULT) }, linux.EINVAL},
	} {
		limit(c.limit)
		l.wantErrno(c.err(), c.want, c.what)
	}
	l.wantLayout("0-2 rw-p, 2-3 r-xp, 4-5 rw-p")
	l.wantLocked("---", 0, 5, "-----", 0)
	limit(mm.Infinity)
	l.do(l.mm.Mlock(l.t, at(1)+0x800, 0)) // no length, but a page is touched
	l.do(l.mm.Munlock(l.t, at(1)+1, page))
	l.wantLocked("---", 0, 5, "-A---", 0)
}

// TestMlockMerges: neighbours that are locked alike are one VMA, others are not.
func TestMlockMerges(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-6 filled")(l)
	step := func(err error, layout, locked string, lockedVM uint64) {
		t.Helper()
		l.do(err)
		l.wantLayout(layout)
		l.wantLocked(locked, 0, 6, "AAAAAA", lockedVM)
	}
	step(l.mlock(2, 4), "0-2 rw-p, 2-4 rw-p, 4-6 rw-p", "-l-", 2)
	step(l.mlock(2, 4), "0-2 rw-p, 2-4 rw-p, 4-6 rw-p", "-l-", 2)
	step(l.mlock(1, 3), "0-1 rw-p, 1-4 rw-p, 4-6 rw-p", "-l-", 3)
	step(l.mlockOnFault(3, 5), "0-1 rw-p, 1-3 rw-p, 3-5 rw-p, 5-6 rw-p", "-lo-", 4)
	step(l.mlock(4, 6), "0-1 rw-p, 1-3 rw-p, 3-4 rw-p, 4-6 rw-p", "-lol", 5)
	step(l.mlock(0, 6), "0-6 rw-p", "l", 6)
	step(l.munlock(0, 1), "0-1 rw-p, 1-6 rw-p", "-l", 5)
	step(l.munlock(3, 4), "0-1 rw-p, 1-3 rw-p, 3-4 rw-p, 4-6 rw-p", "-l-l", 4)
	step(l.mm.Munlockall(l.t), "0-6 rw-p", "-", 0)
	l.checkContents()
}

// TestMlockLimit: what is locked already does not count twice for mlock, but it does for mmap in its place (R23).
func TestMlockLimit(t *testing.T) {
	for _, capable := range []bool{false, true} {
		l := newLab(t, mm.Config{Settings: mm.Settings{CapIPCLock: capable}}, "")
		refused := func(errno linux.Errno) linux.Errno {
			if capable {
				return 0
			}
			return errno
		}
		maps("0-2", "3-8")(l)
		l.mm.SetLimit(l.t, mm.LimitMemlock, 4*page)
		l.do(l.mlock(4, 7))
		l.wantErrno(l.mlock(3, 8), refused(linux.ENOMEM), "two more")
		l.wantErrno(l.mlock(3, 7), 0, "one more, and three again")
		l.wantErrno(l.mlock(0, 1), refused(linux.ENOMEM), "one more")
		l.wantErrno(l.tryMap(l.t, 4, 6, rw, privateAnon|linux.MAP_LOCKED, mm.MmapArgs{}), refused(linux.EAGAIN), "in place of as much")
		l.do(l.munlock(4, 6))
		l.wantErrno(l.tryMap(l.t, 4, 6, rw, privateAnon|linux.MAP_LOCKED, mm.MmapArgs{}), 0, "in place of unlocked memory")
		l.wantErrno(l.mm.Mlockall(l.t, linux.MCL_CURRENT), refused(linux.ENOMEM), "mlockall counts what is locked, too")
		l.do(l.tryMunmap(0, 6))
		if n := l.mm.LockedVM(l.t); n != map[bool]uint64{false: 1, true: 2}[capable] {
			t.Errorf("locked_vm is %d after munmap", n)
		}
		l.wantErrno(l.mm.Mlockall(l.t, linux.MCL_CURRENT), 0, "mlockall within the limit")
		l.mm.SetLimit(l.t, mm.LimitMemlock, 0)
		l.wantErrno(l.mlock(6, 7), refused(linux.EPERM), "limit 0")
		l.end()
	}
}

// TestMlockGetsStuck: how far a call gets that fails (R11, docs/kernel.md K7).
func TestMlockGetsStuck(t *testing.T) {
	for _, c := range []struct {
		name   string
		setup  func(*lab)
		op     func(*lab) error
		layout string
		locked string
		pages  string
		count  uint64
	}{
		{"a hole: flags before it, but no pages", maps("0-2", "3-5"), func(l *lab) error { return l.mlock(1, 4) },
			"0-1 rw-p, 1-2 rw-p, 3-5 rw-p", "-l-", "-----", 1},
		{"a hole at the start", maps("1-2"), func(l *lab) error { return l.mlock(0, 2) }, "1-2 rw-p", "-", "-----", 0},
		{"a hole at the end", maps("0-2"), func(l *lab) error { return l.mlock(0, 3) }, "0-2 rw-p", "l", "-----", 2},
		{"PROT_NONE: pages before it", func(l *lab) {
			maps("0-2", "2-3", "3-5")(l)
			l.do(l.tryMprotect(2, 3, linux.PROT_NONE))
		}, func(l *lab) error { return l.mlock(0, 4) }, "0-2 rw-p, 2-3 ---p, 3-4 rw-p, 4-5 rw-p", "lll-", "AA---", 4},
		{"beyond the end of a file: pages before it", func(l *lab) {
			l.mmapFile(l.open(2), 0, 3, rw, linux.MAP_PRIVATE, 0)
			l.mmap(3, 5, rw)
		}, func(l *lab) error { return l.mlock(0, 5) }, "0-3 rw-p file0+0, 3-5 rw-p", "ll", "AA---", 5},
		{"munlock up to a hole", func(l *lab) {
			maps("0-2", "3-5")(l)
			l.do(l.mm.Mlockall(l.t, linux.MCL_CURRENT))
		}, func(l *lab) error { return l.munlock(1, 5) }, "0-1 rw-p, 1-2 rw-p, 3-5 rw-p", "l-l", "AA-AA", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			c.setup(l)
			l.wantErrno(c.op(l), linux.ENOMEM, "the call")
			l.wantLayout(c.layout)
			l.wantLocked(c.locked, 0, 5, c.pages, c.count)
		})
	}
}

// TestMlockMapCount: a change in the middle needs room for two VMAs, and leaves the first split if there is room for one (R10, R12).
func TestMlockMapCount(t *testing.T) {
	for _, c := range []struct {
		before []string
		want   linux.Errno
		after  string
	}{
		{[]string{"0-3", "4-5"}, 0, "0-1 rw-p, 1-2 rw-p, 2-3 rw-p, 4-5 rw-p"},
		{[]string{"0-3", "4-5", "6-7"}, linux.ENOMEM, "0-1 rw-p, 1-3 rw-p, 4-5 rw-p, 6-7 rw-p"},
		{[]string{"0-3", "4-5", "6-7", "8-9"}, linux.ENOMEM, "0-3 rw-p, 4-5 rw-p, 6-7 rw-p, 8-9 rw-p"},
	} {
		l := newLab(t, mm.Config{MaxMapCount: 4}, "")
		maps(c.before...)(l)
		l.wantErrno(l.mlock(1, 2), c.want, "mlock")
		l.wantLayout(c.after)
		l.end()
	}
}

// TestMlockall: what is mapped, what will be, and how long that lasts (R9).
func TestMlockall(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2", "3-4 r")(l)
	l.do(l.tryMprotect(3, 4, linux.PROT_NONE))
	l.do(l.mm.Mlockall(l.t, linux.MCL_CURRENT|linux.MCL_FUTURE))
	l.wantLocked("ll", 0, 4, "AA--", 3) // PROT_NONE is no error here
	l.mmap(5, 6, linux.PROT_READ)
	l.wantLocked("lll", 5, 6, "z", 4)
	l.mm.SetHeap(l.t, at(10))
	if got := l.mm.Brk(l.t, at(12)); got != at(12) {
		t.Errorf("brk returns %#x", got)
	}
	l.wantLocked("llll", 10, 12, "AA", 6)

	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others = append(l.others, child)
	parent := l.mm
	l.mm = child
	l.mmap(20, 21, rw)
	l.wantLocked("-----", 20, 21, "-", 0)
	l.mm = parent

	l.do(l.mm.Mlockall(l.t, linux.MCL_FUTURE|linux.MCL_ONFAULT))
	l.wantLocked("llll", 0, 2, "aa", 6) // what is mapped stays as it is
	l.do(l.tryMap(l.t, 20, 22, rw, privateAnon|linux.MAP_POPULATE, mm.MmapArgs{}))
	l.wantLocked("llllo", 20, 22, "--", 8)
	l.do(l.mm.Mlockall(l.t, linux.MCL_CURRENT|linux.MCL_ONFAULT))
	l.wantLocked("ooooo", 0, 2, "aa", 8)
	l.mmap(30, 31, rw)
	l.wantLocked("ooooo-", 30, 31, "-", 8) // the future is over
	l.do(l.mm.Munlockall(l.t))
	l.wantLocked("------", 20, 22, "--", 0)
}

// TestLockedStackGrowth: only the page that is touched comes into memory (R18), and locked_vm counts all.
func TestLockedStackGrowth(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.do(l.tryMap(l.t, 8, 10, rw, privateAnon|linux.MAP_GROWSDOWN|linux.MAP_LOCKED, mm.MmapArgs{}))
	l.wantLocked("l", 4, 10, "----AA", 2)
	l.do(l.touch(l.t, l.mm, 4, linux.Write))
	l.wantLocked("l", 4, 10, "A---AA", 6)
	l.mm.SetLimit(l.t, mm.LimitMemlock, 7*page)
	l.wantErrno(l.touch(l.t, l.mm, 2, linux.Write), linux.EFAULT, "growth beyond RLIMIT_MEMLOCK")
}
