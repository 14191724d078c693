package mm_test

import (
	"fmt"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
)

const (
	mayMove   = linux.MREMAP_MAYMOVE
	moveFixed = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED
	dontUnmap = linux.MREMAP_DONTUNMAP
)

// tryMremap remaps pages and returns the page where the mapping is then.
func (l *lab) tryMremap(from, oldPages, newPages, flags, to int) (int, error) {
	addr, err := l.mm.Mremap(l.t, at(from), uint64(oldPages)*page, uint64(newPages)*page, flags, at(to))
	if err != nil {
		return 0, err
	}
	return int(int64(addr-base) / page), nil
}

// moveContents tells checkContents that pages went elsewhere.
func (l *lab) moveContents(from, pages, to int) {
	moved := map[int]uint64{}
	for n := range pages {
		if word, ok := l.contents[from+n]; ok {
			moved[to+n] = word
		}
		delete(l.contents, from+n)
		delete(l.contents, to+n)
	}
	for n, word := range moved {
		l.contents[n] = word
	}
}

func remapping(from, oldPages, newPages, flags, to int) func(*lab) error {
	return func(l *lab) error {
		_, err := l.tryMremap(from, oldPages, newPages, flags, to)
		return err
	}
}

// flagged gives the VMA at a page flags after a setup.
func flagged(setup func(*lab), n int, flags linux.VMFlags) func(*lab) {
	return func(l *lab) {
		setup(l)
		l.mm.AddFlags(l.t, at(n), flags)
	}
}

func sharedMemory(l *lab) { l.do(l.tryMap(l.t, 0, 4, rw, sharedAnon, mm.MmapArgs{})) }

// TestMremap goes through the rules of docs/kernel.md for mremap (R13 to R17). A result of stays is the old address. faulted tells of
// each VMA whether it has an anon_vma.
func TestMremap(t *testing.T) {
	const (
		stays = -1
		top   = int((linux.MmapBase - base) / page)
	)
	for _, c := range []struct {
		name    string
		setup   func(*lab)
		op      [5]int // from, old pages, new pages, flags, to
		want    int
		moved   int // pages that keep their contents at another place
		after   string
		faulted string
	}{
		{"no-op", maps("0-4 filled"), [5]int{0, 4, 4, 0, 0}, stays, 0, "0-4 rw-p", "f"},
		{"no-op of a part, into a hole", maps("0-4"), [5]int{2, 6, 6, mayMove, 0}, stays, 0, "0-4 rw-p", "-"},
		{"shrink", maps("0-4 filled"), [5]int{0, 4, 2, 0, 0}, stays, 0, "0-2 rw-p", "f"},
		{"shrink in the middle makes a hole", maps("0-6"), [5]int{1, 3, 2, 0, 0}, stays, 0, "0-3 rw-p, 4-6 rw-p", "--"},
		{"shrink over holes and VMAs (R15)", maps("0-2", "3-5 r", "6-8"), [5]int{0, 7, 1, 0, 0}, stays, 0, "0-1 rw-p, 7-8 rw-p", "--"},
		{"shrink of what is beyond the VMA", maps("0-2"), [5]int{0, 6, 4, 0, 0}, stays, 0, "0-2 rw-p", "-"},

		{"grow in place", maps("0-2 filled"), [5]int{0, 2, 4, 0, 0}, stays, 0, "0-4 rw-p", "f"},
		{"grow from the middle", maps("0-4 filled"), [5]int{2, 2, 4, 0, 0}, stays, 0, "0-6 rw-p", "f"},
		{"grow up to a mergeable VMA", maps("0-2 filled", "4-6"), [5]int{0, 2, 4, 0, 0}, stays, 0, "0-6 rw-p", "f"},
		{"grow an unfaulted one up to a faulted one", maps("0-2", "4-6 filled"), [5]int{0, 2, 4, 0, 0}, stays, 0, "0-6 rw-p", "f"},
		{"grow up to one with another anon_vma", maps("0-2 filled", "4-6 filled"), [5]int{0, 2, 4, 0, 0}, stays, 0, "0-4 rw-p, 4-6 rw-p", "ff"},
		{"grow up to one with other rights", maps("0-2", "4-6 r"), [5]int{0, 2, 4, 0, 0}, stays, 0, "0-4 rw-p, 4-6 r--p", "--"},
		{"grow up to a stack, without a gap (R16)", func(l *lab) {
			l.mmap(0, 2, rw)
			l.do(l.tryMap(l.t, 3, 5, rw, privateAnon|linux.MAP_GROWSDOWN, mm.MmapArgs{}))
		}, [5]int{0, 2, 3, 0, 0}, stays, 0, "0-3 rw-p, 3-5 rw-p", "--"},
		{"grow moves when there is no room", maps("0-2 filled", "2-4 r"), [5]int{0, 2, 3, mayMove, 0}, top - 3, 2, fmt.Sprintf("2-4 r--p, %d-%d rw-p", top-3, top), "-f"},

		{"move", maps("0-4 filled"), [5]int{0, 4, 4, moveFixed, 10}, 10, 4, "10-14 rw-p", "f"},
		{"move a part", maps("0-4 filled"), [5]int{1, 2, 2, moveFixed, 10}, 10, 2, "0-1 rw-p, 3-4 rw-p, 10-12 rw-p", "fff"},
		{"move and grow", maps("0-2 filled"), [5]int{0, 2, 4, moveFixed, 10}, 10, 2, "10-14 rw-p", "f"},
		{"move and shrink over a hole", maps("0-2 filled", "3-5"), [5]int{0, 4, 1, moveFixed, 10}, 10, 1, "4-5 rw-p, 10-11 rw-p", "-f"},
		{"move into another table", maps("510-514 filled"), [5]int{510, 4, 4, moveFixed, 1022}, 1022, 4, "1022-1026 rw-p", "f"},
		{"move replaces", maps("0-2 filled", "9-13 r"), [5]int{0, 2, 2, moveFixed, 10}, 10, 2, "9-10 r--p, 10-12 rw-p, 12-13 r--p", "-f-"},
		{"move within the VMA", maps("0-6 filled"), [5]int{0, 2, 2, moveFixed, 3}, 3, 2, "2-3 rw-p, 3-5 rw-p, 5-6 rw-p", "fff"},

		{"unfaulted takes its new offset (R13)", maps("0-4", "10-12"), [5]int{1, 2, 2, moveFixed, 12}, 12, 0, "0-1 rw-p, 3-4 rw-p, 10-14 rw-p", "---"},
		{"faulted keeps it (R13)", maps("0-4 filled", "10-12"), [5]int{1, 2, 2, moveFixed, 12}, 12, 2, "0-1 rw-p, 3-4 rw-p, 10-12 rw-p, 12-14 rw-p", "ff-f"},
		{"old companions meet again (R13)", func(l *lab) {
			maps("0-4 filled")(l)
			l.do(remapping(0, 1, 1, moveFixed, 16)(l))
			l.moveContents(0, 1, 16)
		}, [5]int{1, 1, 1, moveFixed, 17}, 17, 1, "2-4 rw-p, 16-18 rw-p", "ff"},
		{"unfaulted joins faulted at its offset", maps("0-2 filled", "10-12"), [5]int{10, 2, 2, moveFixed, 2}, 2, 0, "0-4 rw-p", "f"},
		{"joins itself from below", maps("4-8"), [5]int{4, 4, 4, moveFixed, 0}, 0, 0, "0-4 rw-p", "-"},
		{"joins itself from above", maps("4-8"), [5]int{4, 2, 2, moveFixed, 8}, 8, 0, "6-10 rw-p", "-"},
		{"is swallowed when both sides fit", maps("0-2 filled", "4-6"), [5]int{4, 2, 2, moveFixed, 2}, 2, 0, "0-4 rw-p", "f"},

		{"duplicate of shared memory", sharedMemory, [5]int{1, 0, 2, moveFixed, 10}, 10, 0, "0-4 rw-s shmem, 10-12 rw-s shmem", "--"},
		{"duplicate beyond the VMA's end", sharedMemory, [5]int{1, 0, 9, moveFixed, 10}, 10, 0, "0-4 rw-s shmem, 10-19 rw-s shmem", "--"},

		{"dontunmap", maps("0-4 filled"), [5]int{0, 4, 4, moveFixed | dontUnmap, 10}, 10, 4, "0-4 rw-p, 10-14 rw-p", "-f"},
		{"dontunmap of a part (R14)", maps("0-4 filled"), [5]int{1, 2, 2, moveFixed | dontUnmap, 10}, 10, 2, "0-4 rw-p, 10-12 rw-p", "ff"},
		{"dontunmap with a hint", maps("0-4 filled"), [5]int{0, 4, 4, mayMove | dontUnmap, 10}, 10, 4, "0-4 rw-p, 10-14 rw-p", "-f"},
		{"dontunmap of shared memory", sharedMemory, [5]int{0, 4, 4, moveFixed | dontUnmap, 10}, 10, 0, "0-4 rw-s shmem, 10-14 rw-s shmem", "--"},
		{"dontunmap beside itself, unfaulted", maps("0-4"), [5]int{0, 4, 4, moveFixed | dontUnmap, 4}, 4, 0, "0-8 rw-p", "-"},
		{"dontunmap of several", maps("0-2 filled", "2-4 r"), [5]int{0, 4, 4, moveFixed | dontUnmap, 10}, 10, 2, "0-2 rw-p, 2-4 r--p, 10-12 rw-p, 12-14 r--p", "--f-"},

		{"several, with a hole (R15)", maps("0-2 filled", "3-5 r", "11-14 x"), [5]int{1, 4, 4, moveFixed, 10}, 10, 1, "0-1 rw-p, 10-11 rw-p, 11-12 r-xp, 12-14 r--p", "ff--"},
		{"several, ending in a hole", maps("0-2", "3-5 r"), [5]int{0, 9, 9, moveFixed, 10}, 10, 0, "10-12 rw-p, 13-15 r--p", "--"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{Settings: mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 1 << 20}}, "")
			defer l.end()
			c.setup(l)
			if c.want == stays {
				c.want = c.op[0]
			}
			got, err := l.tryMremap(c.op[0], c.op[1], c.op[2], c.op[3], c.op[4])
			if err != nil || got != c.want {
				t.Fatalf("got page %d, %v, expected %d", got, err, c.want)
			}
			l.wantLayout(c.after)
			if got := l.faulted(); got != c.faulted {
				t.Errorf("faulted %q, expected %q", got, c.faulted)
			}
			if c.moved > 0 {
				l.moveContents(c.op[0], c.moved, got)
			}
			l.dropUnmapped()
			l.checkContents()
			l.wantCharged()
		})
	}
}

// dropUnmapped forgets the contents of pages that are mapped no more.
func (l *lab) dropUnmapped() {
	for n := range l.contents {
		if l.mm.Tree.Lookup(l.t, at(n)) == nil {
			delete(l.contents, n)
		}
	}
}

// wantCharged fails the test unless exactly the pages of accounted VMAs are charged, and those of shared anonymous memory.
func (l *lab) wantCharged() {
	l.tb.Helper()
	want := uint64(0)
	shared := map[uint32]bool{}
	for v := l.mm.Tree.Find(l.t, 0); v != nil; v = l.mm.Tree.Find(l.t, v.End(l.t)) {
		if start, end, _, flags := v.Snapshot(); flags&linux.VMAccount != 0 {
			want += (end - start) / page
		}
		if file := v.FilePeek(); file != nil && file.Charged() != 0 && !shared[file.ID()] {
			shared[file.ID()] = true
			want += file.Charged()
		}
	}
	if got := l.m.Committed(); got != want {
		l.tb.Errorf("%d pages are charged, the accounted VMAs have %d", got, want)
	}
}

// TestMremapErrnos goes through the errno lists of docs/kernel.md K5 and K9, first match first: what comes later in a list is
// wrong in the calls before it, too. Nothing changes but where said.
func TestMremapErrnos(t *testing.T) {
	const big = linux.TaskSize
	type call struct {
		name            string
		addr, old, size uint64
		flags           int
		to              uint64
		want            linux.Errno
	}
	args := []call{
		{"unknown flag", at(0) + 1, page, 0, 8, at(2) + 1, linux.EINVAL},
		{"unaligned", at(0) + 1, page, 0, 0, at(9), linux.EINVAL},
		{"new length 0", at(9), page, 0, 0, 0, linux.EINVAL},
		{"new length wraps", at(9), page, ^uint64(0), 0, 0, linux.EINVAL},
		{"too long", at(9), page, big + page, 0, 0, linux.EINVAL},
		{"new address too high", at(9), page, 2 * page, moveFixed, big - page, linux.EINVAL},
		{"new address unaligned", at(9), page, page, moveFixed, at(2) + 1, linux.EINVAL},
		{"fixed without maymove", at(9), page, page, linux.MREMAP_FIXED, at(20), linux.EINVAL},
		{"dontunmap without maymove", at(9), page, page, dontUnmap, at(20), linux.EINVAL},
		{"dontunmap with another length", at(9), page, 2 * page, mayMove | dontUnmap, at(20), linux.EINVAL},
		{"overlap", at(9), 2 * page, page, moveFixed, at(10), linux.EINVAL},
		{"overlap of what is not there", at(9), 2 * page, 2 * page, mayMove | dontUnmap, at(10), linux.EINVAL},

		{"nothing there", at(9), page, page, 0, 0, linux.EFAULT},
		{"nothing there, fixed", at(9), page, page, moveFixed, at(0), linux.EFAULT},
		{"nothing there, another length", at(9), page, 2 * page, moveFixed, at(0), linux.EFAULT},
		{"a hole first", at(9), 6 * page, 6 * page, moveFixed, at(0), linux.EFAULT},
		{"beyond the address space", 1 << 47, page, page, 0, 0, linux.EFAULT},
		{"sealed, the same length", at(10), page, page, 0, 0, linux.EPERM},
		{"sealed, shrinking", at(10), 2 * page, page, 0, 0, linux.EPERM},
		{"sealed, of length 0", at(10), 0, page, mayMove, 0, linux.EPERM},
		{"sealed, moved", at(10), page, page, moveFixed, at(0), linux.EPERM},
		{"length 0 of private memory", at(0), 0, page, mayMove, 0, linux.EINVAL},
		{"length 0 of private memory, though it wraps", at(0), ^uint64(0), page, mayMove, 0, linux.EINVAL},
		{"dontunmap of a device's", at(20), 9 * page, 9 * page, mayMove | dontUnmap, at(0), linux.EINVAL},
		{"growth from beyond the VMA", at(0), 5 * page, 6 * page, mayMove, 0, linux.EFAULT},
		{"move of more than the VMA", at(0), 5 * page, 6 * page, moveFixed, at(30), linux.EFAULT},
		{"dontunmap of more than the VMA", at(0), 5 * page, 5 * page, mayMove | dontUnmap, at(30), linux.EFAULT},
		{"shrink to more than the VMA, fixed", at(0), 6 * page, 5 * page, moveFixed, at(30), linux.EFAULT},
		{"growth of a device's", at(20), 2 * page, 3 * page, mayMove, 0, linux.EFAULT},
		{"growth of a locked one", at(24), 2 * page, 5 * page, mayMove, 0, linux.EAGAIN},
		{"growth beyond RLIMIT_AS", at(0), 4 * page, 44 * page, mayMove, 0, linux.ENOMEM},
		{"no room and not allowed to move", at(0), 2 * page, 3 * page, 0, 0, linux.ENOMEM},
		{"length 0 and not allowed to move", at(30), 0, page, 0, 0, linux.ENOMEM},
		{"dontunmap beyond RLIMIT_AS", at(40), 20 * page, 20 * page, mayMove | dontUnmap, 0, linux.ENOMEM},
		{"shrink beyond the address space", at(0), big, page, 0, 0, linux.EINVAL},
	}
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-4 filled", "10-12", "20-22", "24-26", "40-60")(l)
	l.do(l.tryMap(l.t, 30, 32, rw, sharedAnon, mm.MmapArgs{}))
	l.mm.AddFlags(l.t, at(10), linux.VMSealed)
	l.mm.AddFlags(l.t, at(20), linux.VMDontExpand)
	l.mm.AddFlags(l.t, at(24), linux.VMLocked)
	l.mm.SetLimit(l.t, mm.LimitMemlock, 4*page)
	l.mm.SetLimit(l.t, mm.LimitAS, 50*page)
	before, faulted := l.layout(l.mm), l.faulted()
	for _, c := range args {
		_, err := l.mm.Mremap(l.t, c.addr, c.old, c.size, c.flags, c.to)
		l.wantErrno(err, c.want, c.name)
		if got := l.layout(l.mm); got != before {
			t.Fatalf("%s leaves %q", c.name, got)
		}
	}
	if got := l.faulted(); got != faulted {
		t.Errorf("faulted %q, before %q", got, faulted)
	}
	l.checkContents()
}

// TestMremapResidue: what a failed mremap leaves changed (docs/kernel.md K7, R10, R15).
func TestMremapResidue(t *testing.T) {
	sealed := func(setup func(*lab), n int) func(*lab) { return flagged(setup, n, linux.VMSealed) }
	for _, c := range []struct {
		name  string
		setup func(*lab)
		op    [5]int
		want  linux.Errno
		after string
	}{
		{"sealed destination", sealed(maps("0-2", "10-12", "12-14 r"), 12), [5]int{0, 2, 2, moveFixed, 11}, linux.EPERM,
			"0-2 rw-p, 10-11 rw-p, 11-12 rw-p, 12-14 r--p"},
		{"sealed behind what shrinks", sealed(maps("0-4", "4-6 r"), 4), [5]int{0, 6, 2, 0, 0}, linux.EPERM, "0-2 rw-p, 2-4 rw-p, 4-6 r--p"},
		{"several, the second sealed", sealed(maps("0-2", "2-4 r", "10-16 x"), 2), [5]int{0, 4, 4, moveFixed, 10}, linux.EPERM,
			"2-4 r--p, 10-12 rw-p, 12-16 r-xp"},
		{"the destination goes before a limit says no", flagged(maps("0-2", "10-14 x"), 0, 0), [5]int{0, 2, 2, moveFixed | dontUnmap, 11}, linux.ENOMEM,
			"0-2 rw-p, 10-11 r-xp, 13-14 r-xp"},
		{"of length 0, onto itself", sharedMemory, [5]int{1, 0, 1, moveFixed, 1}, linux.EFAULT, "0-1 rw-s shmem, 2-4 rw-s shmem"},
		{"shrink that ends beyond, onto something", maps("0-2", "10-12"), [5]int{0, 1 << 30, 1, moveFixed, 1<<30 + 10}, 0, "1073741834-1073741835 rw-p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			c.setup(l)
			if c.want == linux.ENOMEM {
				l.mm.SetLimit(l.t, mm.LimitData, 3*page)
			}
			_, err := l.tryMremap(c.op[0], c.op[1], c.op[2], c.op[3], c.op[4])
			l.wantErrno(err, c.want, "the call")
			l.wantLayout(c.after)
		})
	}
}

// TestMremapMapCount: R12 and K4, with up to 7 VMAs free of 10.
func TestMremapMapCount(t *testing.T) {
	for _, c := range []struct {
		name string
		op   [5]int
		free [2]int // with fewer it fails: in 6.18, in 7.3
	}{
		{"fixed", [5]int{0, 4, 4, moveFixed, 100}, [2]int{6, 4}},
		{"fixed, to another length", [5]int{0, 4, 5, moveFixed, 100}, [2]int{6, 4}},
		{"dontunmap", [5]int{0, 4, 4, mayMove | dontUnmap, 100}, [2]int{6, 5}},
		{"the kernel's choice", [5]int{0, 2, 9, mayMove, 0}, [2]int{4, 4}},
		{"in place", [5]int{0, 4, 5, 0, 0}, [2]int{0, 4}},
		{"shrink", [5]int{0, 4, 2, 0, 0}, [2]int{0, 4}},
		{"shrink in the middle", [5]int{1, 2, 1, 0, 0}, [2]int{1, 4}},
		{"no change", [5]int{0, 4, 4, 0, 0}, [2]int{0, 4}},
	} {
		for i, spec := range []string{"", "linux-7"} {
			for free := range 8 {
				l := newLab(t, mm.Config{MaxMapCount: 10}, spec)
				l.mmap(0, 4, rw)
				for n := 1; n < 10-free; n++ {
					l.mmap(10*n, 10*n+1, rw)
				}
				want := linux.Errno(0)
				if free < c.free[i] {
					want = linux.ENOMEM
				}
				_, err := l.tryMremap(c.op[0], c.op[1], c.op[2], c.op[3], c.op[4])
				l.wantErrno(err, want, fmt.Sprintf("%s, %d free, rules %q", c.name, free, spec))
				l.end()
			}
		}
	}
}

// TestMremapDontunmapLocked: the whole source is unlocked though a part is moved, and locked_vm goes on counting it (R14).
func TestMremapDontunmapLocked(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	flagged(maps("0-4 filled"), 0, linux.VMLocked|linux.VMLockOnFlt)(l)
	l.mm.SetLimit(l.t, mm.LimitMemlock, 4*page)
	l.do(remapping(1, 1, 1, moveFixed|dontUnmap, 10)(l))
	locked := func(n int) bool { return l.mm.Tree.Lookup(l.t, at(n)).Flags(l.t)&linux.VMLocked != 0 }
	if locked(0) || !locked(10) {
		t.Errorf("source locked %v, copy locked %v", locked(0), locked(10))
	}
	for _, c := range []struct {
		op   func(*lab) error
		want uint64
	}{
		{func(*lab) error { return nil }, 5},
		{func(l *lab) error { return l.tryMunmap(0, 4) }, 5},
		{func(l *lab) error { return l.tryMunmap(10, 11) }, 4},
	} {
		l.do(c.op(l))
		if got := l.mm.LockedVM(l.t); got != c.want {
			t.Errorf("locked_vm is %d, expected %d", got, c.want)
		}
	}
	l.contents = nil
}

// TestMremapLockedGrowth: what a locked mapping grows by is brought into memory, in place and elsewhere, unless it is locked on fault.
func TestMremapLockedGrowth(t *testing.T) {
	for _, c := range []struct {
		lock, flags, to int
		present         bool
	}{
		{0, 0, 0, true}, {0, moveFixed, 600, true}, {linux.MLOCK_ONFAULT, 0, 0, false},
	} {
		l := newLab(t, mm.Config{}, "")
		l.mmap(0, 2, rw)
		l.do(l.mm.Mlock2(l.t, at(0), 2*page, c.lock))
		got, err := l.tryMremap(0, 2, 5, c.flags, c.to)
		l.do(err)
		for n := got; n < got+5; n++ {
			slot, ok := l.mm.Tables.Find(l.t, at(n))
			if present := ok && !slot.Peek().None(); present != c.present {
				t.Errorf("%+v: page %d present %v", c, n-got, present)
			}
		}
		if locked := l.mm.LockedVM(l.t); locked != 5 {
			t.Errorf("%+v: locked_vm is %d", c, locked)
		}
		l.end()
	}
}

// TestMremapStaleOffset: after MREMAP_DONTUNMAP a source that had been moved is unfaulted and merges with nothing, until it is moved
// again (R14). Its child's likewise.
func TestMremapStaleOffset(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2 filled")(l)
	l.do(remapping(0, 2, 2, moveFixed, 10)(l))
	l.do(remapping(10, 2, 2, moveFixed|dontUnmap, 20)(l))
	l.contents = nil
	l.mmap(12, 14, rw)
	l.wantLayout("10-12 rw-p, 12-14 rw-p, 20-22 rw-p")
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others = append(l.others, child)
	l.do(remapping(10, 2, 2, moveFixed, 14)(l))
	l.wantLayout("12-16 rw-p, 20-22 rw-p")
	l.do(l.touch(l.t, child, 11, linux.Write)) // its pages count from the stale offset
}

// TestMremapForkChild: memory inherited over fork, faulted, is moved to a VMA of its own, whatever it meets (R9); a longer one in
// its place still joins an unfaulted neighbour.
func TestMremapForkChild(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-3 filled")(l)
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others, l.mm = append(l.others, l.mm), child
	maps("3-4 r", "6-8", "5-6 r")(l)
	l.do(remapping(0, 2, 2, moveFixed, 4)(l)) // at an offset that fits no neighbour's
	l.moveContents(0, 2, 4)
	l.do(l.tryMprotect(3, 4, rw))
	l.wantLayout("2-3 rw-p, 3-4 rw-p, 4-6 rw-p, 6-8 rw-p")
	l.do(l.tryMunmap(3, 4))
	l.do(remapping(2, 1, 2, 0, 0)(l))
	l.wantLayout("2-4 rw-p, 4-6 rw-p, 6-8 rw-p")
	l.checkContents()
}

// TestMremapAlignment: a move of whole huge pages of private memory goes to a huge page's boundary, others to the top (R19).
func TestMremapAlignment(t *testing.T) {
	const huge = 2 << 20
	for _, c := range []struct {
		flags   int
		size    uint64
		aligned bool
	}{
		{privateAnon, huge, true}, {privateAnon, huge + page, false}, {sharedAnon, huge, false},
	} {
		l := newLab(t, mm.Config{}, "")
		l.do(l.tryMap(l.t, 0, 1, rw, c.flags, mm.MmapArgs{}))
		l.mmap(1, 2, linux.PROT_NONE)
		addr, err := l.mm.Mremap(l.t, at(0), page, c.size, mayMove, 0)
		if err != nil || addr%huge == 0 != c.aligned || !c.aligned && addr != linux.MmapBase-c.size {
			t.Errorf("%#x bytes, flags %#x: %#x, %v", c.size, c.flags, addr, err)
		}
		l.end()
	}
}

// TestMremapFile: a private file mapping takes its pages and its offset along; one that grows in place may reach where mmap would
// not go.
func TestMremapFile(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmapFile(l.open(8), 0, 4, rw, linux.MAP_PRIVATE, 2)
	l.fill(1, 2)
	l.do(remapping(1, 2, 2, moveFixed, 10)(l))
	l.moveContents(1, 2, 10)
	l.wantLayout("0-1 rw-p file0+2, 3-4 rw-p file0+5, 10-12 rw-p file0+3")
	l.checkContents()
	l.do(remapping(3, 1, 1, moveFixed, 12)(l))
	l.wantLayout("0-1 rw-p file0+2, 10-13 rw-p file0+3")
	word, res := fault.Load(l.t, l.mm, at(12))
	if res != linux.OK || word != 0x0505050505050505 {
		t.Errorf("page 5 of the file holds %#x (%s)", word, res)
	}
	l.do(remapping(10, 3, 20, 0, 0)(l))
	l.wantLayout("0-1 rw-p file0+2, 10-30 rw-p file0+3")
}
