package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

func (l *lab) seal(from, to int) {
	l.tb.Helper()
	l.do(l.mm.Mseal(l.t, at(from), uint64(to-from)*page, 0))
}

func TestMsealErrno(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2", "3-5")(l)
	for what, c := range map[string]struct {
		err  error
		want linux.Errno
	}{
		"flags":              {l.mm.Mseal(l.t, at(0)+1, page, 1), linux.EINVAL},
		"unaligned":          {l.mm.Mseal(l.t, at(0)+1, page, 0), linux.EINVAL},
		"length -1":          {l.mm.Mseal(l.t, at(0), ^uint64(0), 0), linux.EINVAL},
		"wraps":              {l.mm.Mseal(l.t, at(0), ^uint64(page-1), 0), linux.EINVAL},
		"no length":          {l.mm.Mseal(l.t, at(30), 0, 0), 0},
		"a hole in between":  {l.mm.Mseal(l.t, at(1), 3*page, 0), linux.ENOMEM},
		"a hole at the end":  {l.mm.Mseal(l.t, at(4), 2*page, 0), linux.ENOMEM},
		"a hole at the head": {l.mm.Mseal(l.t, at(2), 2*page, 0), linux.ENOMEM},
	} {
		l.wantErrno(c.err, c.want, what)
	}
	l.wantLayout("0-2 rw-p, 3-5 rw-p") // nothing was sealed or split
	if l.flagsAt(1)+l.flagsAt(3) != "" {
		t.Errorf("flags %q, %q", l.flagsAt(1), l.flagsAt(3))
	}
}

// TestSealed: what a sealed mapping refuses, and what it does not (R24).
func TestSealed(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2 filled", "4-6 r")(l)
	l.mmapFile(l.open(2), 8, 10, linux.PROT_READ, linux.MAP_PRIVATE, 0)
	l.mmap(12, 14, rw)
	for _, n := range []int{0, 4, 8} {
		l.seal(n, n+2)
		l.seal(n, n+2) // twice is once
		if got := l.flagsAt(n); got != "sl" {
			t.Errorf("flags %q", got)
		}
	}
	mremap := func(from, to int) error {
		_, err := l.mm.Mremap(l.t, at(from), 2*page, 2*page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(to))
		return err
	}
	for _, n := range []int{0, 4, 8} {
		l.wantErrno(l.tryMunmap(n, n+2), linux.EPERM, "munmap")
		l.wantErrno(l.tryMprotect(n, n+1, linux.PROT_READ), linux.EPERM, "mprotect") // though it may change nothing
		l.wantErrno(l.tryMap(l.t, n, n+1, rw, privateAnon, mm.MmapArgs{}), linux.EPERM, "MAP_FIXED")
		l.wantErrno(mremap(n, 20), linux.EPERM, "mremap")
		l.wantErrno(mremap(12, n), linux.EPERM, "mremap to it")
	}
	for _, advice := range []int{linux.MADV_FREE, linux.MADV_DONTNEED, linux.MADV_DONTNEED_LOCKED, linux.MADV_REMOVE, linux.MADV_GUARD_INSTALL,
		linux.MADV_DONTFORK, linux.MADV_WIPEONFORK} {
		l.wantErrno(l.tryMadvise(4, 6, advice), linux.EPERM, "discard what cannot be written to")
	}
	for _, n := range []int{0, 8} { // it can be written to, or comes back from the file
		l.madvise(n, n+1, linux.MADV_DONTNEED)
		l.madvise(n, n+2, linux.MADV_DONTFORK)
	}
	l.madvise(4, 6, linux.MADV_COLD)
	l.madvise(4, 6, linux.MADV_RANDOM)
	l.do(l.mm.Mlock(l.t, at(4), 2*page))
	delete(l.contents, 0)
	l.wantLayout("0-2 rw-p, 4-6 r--p, 8-10 r--p file0+0, 12-14 rw-p")
	l.checkContents()
}

// TestSealResidue: what fails on a sealed mapping has cut the one before it (R10), and mprotect has changed it (R11).
func TestSealResidue(t *testing.T) {
	for name, c := range map[string]struct {
		op   func(l *lab) error
		want string
	}{
		"munmap":    {func(l *lab) error { return l.tryMunmap(1, 3) }, "0-1 rw-p, 1-2 rw-p, 2-4 rw-p"},
		"MAP_FIXED": {func(l *lab) error { return l.tryMap(l.t, 1, 3, rw, privateAnon, mm.MmapArgs{}) }, "0-1 rw-p, 1-2 rw-p, 2-4 rw-p"},
		"mprotect":  {func(l *lab) error { return l.tryMprotect(1, 3, linux.PROT_READ) }, "0-1 rw-p, 1-2 r--p, 2-4 rw-p"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			maps("0-4 filled")(l)
			l.seal(2, 4)
			l.wantErrno(c.op(l), linux.EPERM, name)
			l.wantLayout(c.want)
			l.checkContents()
		})
	}
}

// TestSealMerges: sealed memory joins its like.
func TestSealMerges(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmap(0, 8, rw)
	l.seal(2, 4)
	l.seal(5, 6)
	l.wantLayout("0-2 rw-p, 2-4 rw-p, 4-5 rw-p, 5-6 rw-p, 6-8 rw-p")
	l.seal(3, 7)
	l.wantLayout("0-2 rw-p, 2-7 rw-p, 7-8 rw-p")
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	defer child.Put(l.t)
	l.wantErrno(child.Munmap(l.t, at(3), page), linux.EPERM, "the child's")
}
