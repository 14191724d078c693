package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestVMStat follows the counts of pages by kind through mmap, mprotect and munmap.
func TestVMStat(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	want := func(s mm.VMStat) {
		t.Helper()
		if got := l.mm.VMStat(l.t); got != s {
			t.Errorf("got %+v, want %+v", got, s)
		}
	}
	l.mmap(0, 4, rw)
	l.mmap(4, 6, linux.PROT_READ)
	want(mm.VMStat{Total: 6, Data: 4})
	l.do(l.mm.Mprotect(l.t, at(3), 2*page, linux.PROT_EXEC))
	want(mm.VMStat{Total: 6, Data: 3, Exec: 2})
	l.do(l.mm.Munmap(l.t, at(0), 4*page))
	want(mm.VMStat{Total: 2, Exec: 1})
}

// TestAddressSpaceLimits goes through RLIMIT_AS and RLIMIT_DATA: what exceeds them is refused, what replaces as much is not,
// and a refused MAP_FIXED leaves the split at its start (docs/kernel.md R10).
func TestAddressSpaceLimits(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmap(0, 4, rw)
	l.mm.SetLimit(l.t, mm.LimitAS, 4*page)
	l.wantErrno(mapping(8, 9, rw)(l), linux.ENOMEM, "beyond RLIMIT_AS")
	l.wantErrno(mapping(1, 3, linux.PROT_READ)(l), 0, "in place of as much")
	l.wantErrno(mapping(3, 5, linux.PROT_READ)(l), linux.ENOMEM, "partly in place")
	l.wantLayout("0-1 rw-p, 1-3 r--p, 3-4 rw-p")
	l.mm.SetLimit(l.t, mm.LimitAS, mm.Infinity)

	l.mm.SetLimit(l.t, mm.LimitData, 2*page)
	l.wantErrno(mapping(8, 9, rw)(l), linux.ENOMEM, "beyond RLIMIT_DATA")
	l.wantErrno(mapping(8, 9, linux.PROT_READ)(l), 0, "read-only memory is not counted")
	l.wantErrno(l.mm.Mprotect(l.t, at(8), page, rw), linux.ENOMEM, "to become writable")
	l.mm.SetLimit(l.t, mm.LimitData, mm.Infinity)
}

// TestOvercommit has a commit limit of 4 pages: fork and mprotect are charged as mmap is.
func TestOvercommit(t *testing.T) {
	l := newLab(t, mm.Config{Settings: mm.Settings{Overcommit: linux.OvercommitNever, OvercommitKbytes: 5 * page >> 10, RAM: page}}, "")
	defer l.end()
	l.wantErrno(mapping(0, 5, rw)(l), linux.ENOMEM, "beyond the commit limit")
	l.mmap(0, 3, rw)
	l.mmap(4, 6, linux.PROT_READ)
	l.wantErrno(l.mm.Mprotect(l.t, at(4), 2*page, rw), linux.ENOMEM, "to become writable")
	l.wantErrno(mapping(0, 3, rw)(l), 0, "in place of as much")
	if _, err := l.mm.Fork(l.t, "child"); err == nil {
		t.Error("fork is not charged")
	}
	l.do(l.mm.Munmap(l.t, at(0), 2*page))
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others = append(l.others, child)
	l.do(l.mm.Mprotect(l.t, at(4), 2*page, rw))
	l.wantErrno(mapping(8, 9, rw)(l), linux.ENOMEM, "all is promised")
}

// TestOvercommitGuess refuses only what is more than all memory.
func TestOvercommitGuess(t *testing.T) {
	l := newLab(t, mm.Config{Settings: mm.Settings{RAM: 4 * page}}, "")
	defer l.end()
	l.mmap(0, 4, rw)
	l.mmap(4, 8, rw)
	l.wantErrno(mapping(10, 15, rw)(l), linux.ENOMEM, "more than all memory")
	l.wantErrno(mapping(10, 15, linux.PROT_READ)(l), 0, "read-only memory is not charged")
}
