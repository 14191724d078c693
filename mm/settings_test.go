package mm_test

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
)

// on is a lab with settings.
func on(t *testing.T, s mm.Settings) *lab {
	l := newLab(t, mm.Config{Settings: s}, "")
	t.Cleanup(l.end)
	return l
}

// mapAt maps a page of private anonymous memory, and gives where.
func (l *lab) mapAt(addr uint64, flags int) (uint64, error) {
	return l.mm.Mmap(l.t, mm.MmapArgs{Addr: addr, Len: page, Prot: rw, Flags: privateAnon | flags})
}

// TestLowAddresses: below mmap_min_addr only CAP_SYS_RAWIO maps, by a fixed address; hints are raised to what is higher of it
// and the floor of the security modules; searches and stacks stop there, too.
func TestLowAddresses(t *testing.T) {
	const floor = linux.DefaultMmapMinAddr
	for _, c := range []struct {
		name     string
		settings mm.Settings
		fixed    map[uint64]linux.Errno
		hint     uint64 // what a hint of a page comes to
	}{
		{"as usual", mm.Settings{}, map[uint64]linux.Errno{0: linux.EPERM, page: linux.EPERM, floor - page: linux.EPERM, floor: 0}, floor},
		{"CAP_SYS_RAWIO", mm.Settings{CapSysRawIO: true}, map[uint64]linux.Errno{0: 0, page: 0, floor: 0}, floor},
		{"only the modules have a floor", mm.Settings{MmapMinAddr: page, LSMMinAddr: floor}, map[uint64]linux.Errno{0: linux.EPERM, page: 0, floor: 0}, floor},
		{"no modules", mm.Settings{MmapMinAddr: page}, map[uint64]linux.Errno{0: linux.EPERM, page: 0}, page},
		{"none", mm.Settings{MmapMinAddr: 1}, map[uint64]linux.Errno{0: 0, page: 0}, page},
		{"a higher one", mm.Settings{MmapMinAddr: 1 << 20, LSMMinAddr: floor}, map[uint64]linux.Errno{floor: linux.EPERM, 1 << 20: 0}, 1 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := on(t, c.settings)
			for addr, want := range c.fixed {
				got, err := l.mapAt(addr, linux.MAP_FIXED)
				l.wantErrno(err, want, c.name)
				if want != 0 {
					continue
				}
				if got != addr || fault.Store(l.t, l.mm, addr, 7) != linux.OK {
					t.Errorf("mapped %#x at %#x, or it cannot be written to", addr, got)
				}
				_, err = l.mm.Mremap(l.t, addr, page, page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(0))
				l.do(err)
				_, err = l.mm.Mremap(l.t, at(0), page, page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, addr)
				l.do(err)
				l.do(l.mm.Munmap(l.t, addr, page))
			}
			if got, err := l.mapAt(page+1, 0); err != nil || got != c.hint {
				t.Errorf("a hint comes to %#x, %v; expected %#x", got, err, c.hint)
			}
		})
	}
}

// TestStackGuardGap: a machine with another gap.
func TestStackGuardGap(t *testing.T) {
	l := on(t, mm.Settings{StackGuardGap: 4 * page})
	l.mmap(0, 1, rw)
	l.do(l.tryMap(l.t, 20, 21, rw, privateAnon|linux.MAP_GROWSDOWN, mm.MmapArgs{}))
	l.wantErrno(l.touch(l.t, l.mm, 4, linux.Write), linux.EFAULT, "three pages from the mapping below")
	l.wantErrno(l.touch(l.t, l.mm, 5, linux.Write), 0, "four pages from it")
}

// TestFaultAround: a read fault maps the block of the setting, or its page alone.
func TestFaultAround(t *testing.T) {
	for around, want := range map[uint64]int{0: 16, page: 1, 4 * page: 4, 1 << 20: 32} {
		l := on(t, mm.Settings{FaultAround: around})
		f := l.open(32)
		l.mmapFile(f, 0, 32, rw, linux.MAP_SHARED, 0)
		for n := range 32 {
			l.do(l.touch(l.t, l.mm, n, linux.Write))
		}
		l.do(l.tryMunmap(0, 32))
		l.mmapFile(f, 0, 32, rw, linux.MAP_SHARED, 0)
		l.do(l.touch(l.t, l.mm, 0, linux.Read))
		mapped := 0
		for n := range 32 {
			if slot, ok := l.mm.Tables.Find(l.t, at(n)); ok && !slot.Get(l.t).None() {
				mapped++
			}
		}
		if mapped != want {
			t.Errorf("fault-around of %d bytes maps %d pages, expected %d", around, mapped, want)
		}
	}
}

// TestNoTHP: where huge pages are not known nothing is placed for them, their advice is refused, and MAP_STACK leaves no flag.
func TestNoTHP(t *testing.T) {
	for _, no := range []bool{false, true} {
		l := on(t, mm.Settings{NoTHP: no, NoKSM: no})
		first, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: page, Prot: rw, Flags: privateAnon | linux.MAP_STACK})
		l.do(err)
		second, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: 2 << 20, Prot: rw, Flags: privateAnon})
		l.do(err)
		if aligned := second%(2<<20) == 0; aligned == no || no && second != first-2<<20 {
			t.Errorf("no THP: %t, placed at %#x below %#x", no, second, first)
		}
		if _, _, _, flags := l.mm.Tree.Find(l.t, first).Snapshot(); (flags&linux.VMNoHugePage != 0) == no {
			t.Errorf("no THP: %t, MAP_STACK leaves %v", no, flags)
		}
		want := linux.Errno(0)
		if no {
			want = linux.EINVAL
		}
		for _, advice := range []int{linux.MADV_HUGEPAGE, linux.MADV_NOHUGEPAGE, linux.MADV_MERGEABLE, linux.MADV_UNMERGEABLE} {
			l.wantErrno(l.mm.Madvise(l.t, first, page, advice), want, "advice")
		}
	}
}

// TestOvercommitModes: the three modes, one after the other, on a machine with RAM and swap.
func TestOvercommitModes(t *testing.T) {
	const ram, swap = 64 << 20, 32 << 20
	for _, c := range []struct {
		name     string
		settings mm.Settings
		length   uint64
		flags    int
		want     linux.Errno
	}{
		{"guess, all there is", mm.Settings{}, ram + swap, privateAnon, 0},
		{"guess, a page more", mm.Settings{}, ram + swap + page, privateAnon, linux.ENOMEM},
		{"guess, shared", mm.Settings{}, ram + swap + page, sharedAnon, linux.ENOMEM},
		{"guess, not reserved", mm.Settings{}, ram + swap + page, privateAnon | linux.MAP_NORESERVE, 0},
		{"guess, shared and not reserved", mm.Settings{}, ram + swap + page, sharedAnon | linux.MAP_NORESERVE, 0},
		{"always", mm.Settings{Overcommit: linux.OvercommitAlways}, 1 << 40, privateAnon, 0},
		// Half of the RAM and all swap, less 2 MiB for the administrator; all of it is never promised.
		{"never, within the limit", mm.Settings{Overcommit: linux.OvercommitNever}, ram/2 + swap - ram/32 - page, privateAnon, 0},
		{"never, the limit", mm.Settings{Overcommit: linux.OvercommitNever}, ram/2 + swap - ram/32, privateAnon, linux.ENOMEM},
		{"never, not reserved", mm.Settings{Overcommit: linux.OvercommitNever}, ram + swap, privateAnon | linux.MAP_NORESERVE, linux.ENOMEM},
		{"never, shared", mm.Settings{Overcommit: linux.OvercommitNever}, ram + swap, sharedAnon, linux.ENOMEM},
		{"never, another ratio", mm.Settings{Overcommit: linux.OvercommitNever, OvercommitRatio: 100}, ram + swap - ram/32 - page, privateAnon, 0},
		{"never, by kilobytes", mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 4 << 10}, 4<<20 + swap - ram/32, privateAnon, linux.ENOMEM},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.settings.RAM, c.settings.Swap = ram, swap
			l := on(t, c.settings)
			addr, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: c.length, Prot: rw, Flags: c.flags})
			l.wantErrno(err, c.want, "mmap")
			if err == nil {
				l.do(l.mm.Munmap(l.t, addr, c.length))
			}
			if got := l.m.Committed(); got != 0 {
				t.Errorf("%d pages are still charged", got)
			}
		})
	}
}

// TestLargeProcessLeavesRoom: from who has much, 1/32 of it is kept back where nothing may be promised twice.
func TestLargeProcessLeavesRoom(t *testing.T) {
	l := on(t, mm.Settings{Overcommit: linux.OvercommitNever, OvercommitRatio: 100, RAM: 64 << 20})
	const limit, admin, had = 64 << 20 / page, 2 << 20 / page, 32 << 20 / page
	l.mmap(0, had, rw)
	rest := limit - admin - had - had/32
	l.wantErrno(mapping(had+1, had+1+rest, rw)(l), linux.ENOMEM, "up to the limit")
	l.wantErrno(mapping(had+1, had+rest, rw)(l), 0, "a page less")
}

// TestDroppableIsNeverReserved: memory that may be dropped is not accounted, even where MAP_NORESERVE counts for nothing.
func TestDroppableIsNeverReserved(t *testing.T) {
	l := on(t, mm.Settings{Overcommit: linux.OvercommitNever})
	for addr, c := range map[uint64]struct {
		flags     int
		noReserve bool
	}{at(0): {linux.MAP_DROPPABLE | linux.MAP_ANONYMOUS, true}, at(4): {privateAnon | linux.MAP_NORESERVE, false}} {
		_, err := l.mm.Mmap(l.t, mm.MmapArgs{Addr: addr, Len: page, Prot: rw, Flags: c.flags | linux.MAP_FIXED})
		l.do(err)
		if _, _, _, flags := l.mm.Tree.Find(l.t, addr).Snapshot(); (flags&linux.VMNoReserve != 0) != c.noReserve || (flags&linux.VMAccount != 0) == c.noReserve {
			t.Errorf("flags %#x: the mapping has %v", c.flags, flags)
		}
	}
}
