package mm_test

import (
	"encoding/binary"
	"os"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

func (l *lab) tryMsync(from, to, flags int) error {
	return l.mm.Msync(l.t, at(from), uint64(to-from)*page, flags)
}

// onDisk returns the first word of a page of the real file.
func (l *lab) onDisk(f *phys.File, n int) uint64 {
	bytes, err := os.ReadFile(f.Name())
	l.do(err)
	return binary.NativeEndian.Uint64(bytes[n*page:])
}

func TestMsyncErrno(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(4)
	l.mmapFile(f, 0, 2, rw, linux.MAP_SHARED, 0)
	l.mmapFile(f, 3, 5, rw, linux.MAP_SHARED, 2)
	l.mmap(5, 6, rw)
	l.do(l.mm.Mlock(l.t, at(5), page))
	const async, sync, invalidate = linux.MS_ASYNC, linux.MS_SYNC, linux.MS_INVALIDATE
	for what, c := range map[string]struct {
		err  error
		want linux.Errno
	}{
		"unknown flag":            {l.mm.Msync(l.t, at(0)+1, page, 8), linux.EINVAL},
		"unaligned":               {l.mm.Msync(l.t, at(0)+1, page, sync), linux.EINVAL},
		"both":                    {l.tryMsync(0, 1, sync|async), linux.EINVAL},
		"wraps":                   {l.mm.Msync(l.t, at(0), -at(0)-page, sync), linux.ENOMEM},
		"no length":               {l.tryMsync(30, 30, sync), 0},
		"length that rounds to 0": {l.mm.Msync(l.t, at(30), ^uint64(0), sync), 0},
		"no flags":                {l.tryMsync(0, 2, 0), 0},
		"a hole, async":           {l.tryMsync(0, 5, async), linux.ENOMEM},
		"from a hole on":          {l.tryMsync(2, 4, sync), linux.ENOMEM},
		"a hole alone":            {l.tryMsync(30, 31, sync), linux.ENOMEM},
		"locked":                  {l.tryMsync(3, 6, invalidate), linux.EBUSY},
		"locked, not invalidated": {l.tryMsync(3, 6, sync), 0},
		"a hole, then locked":     {l.tryMsync(0, 6, sync|invalidate), linux.EBUSY},
	} {
		l.wantErrno(c.err, c.want, what)
	}
}

// TestMsyncWritesBack: MS_SYNC writes the pages of the range, behind a hole, too, and a later store is seen by a later call: the
// page could not be written to without a fault.
func TestMsyncWritesBack(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(5)
	l.mmapFile(f, 0, 2, rw, linux.MAP_SHARED, 0)
	l.mmapFile(f, 3, 5, rw, linux.MAP_SHARED, 3)
	l.mmapFile(f, 10, 15, rw, linux.MAP_SHARED, 0) // a second mapping of the same pages
	l.mmapFile(f, 20, 25, rw, linux.MAP_PRIVATE, 0)
	l.fill(0, 2)
	l.fill(3, 5)
	l.fill(20, 21)
	before := l.onDisk(f, 1)
	l.do(l.touch(l.t, l.mm, 11, linux.Write))
	l.wantErrno(l.tryMsync(1, 4, linux.MS_ASYNC), linux.ENOMEM, "async")
	l.wantErrno(l.tryMsync(20, 25, linux.MS_SYNC), 0, "private")
	if got := l.onDisk(f, 1); got != before {
		t.Errorf("the file holds %#x before it is written", got)
	}
	l.wantErrno(l.tryMsync(1, 4, linux.MS_SYNC), linux.ENOMEM, "sync over a hole")
	for n, want := range map[int]uint64{0: 0, 1: 1001, 3: 1003, 4: 0x0404040404040404} {
		if got := l.onDisk(f, n); got != want {
			t.Errorf("page %d of the file holds %#x, expected %#x", n, got, want)
		}
	}
	if got := l.pages(0, 2) + l.pages(3, 5) + l.pages(11, 12) + l.pages(20, 21); got != "FffFfA" {
		t.Errorf("pages %q: what was written back can be written to unnoticed", got)
	}
	for _, n := range []int{1, 11} {
		value := uint64(2000 + n)
		if res := fault.Store(l.t, l.mm, at(n), value); res != linux.OK {
			t.Fatal(res)
		}
		l.do(l.tryMsync(n, n+1, linux.MS_SYNC))
		if got := l.onDisk(f, 1); got != value {
			t.Errorf("after a store to page %d the file holds %d, expected %d", n, got, value)
		}
	}
}
