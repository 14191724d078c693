package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// resident tells of each page of [from, to), all of which are mapped, whether mincore says that it is in memory (+) or not (-).
func (l *lab) resident(from, to int) string {
	l.tb.Helper()
	vec, err := l.mm.Mincore(l.t, at(from), uint64(to-from)*page)
	l.do(err)
	for i, b := range vec {
		vec[i] = "-+"[b]
	}
	return string(vec)
}

func TestMincore(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(4)
	l.mmap(0, 4, rw)
	l.mmapFile(f, 4, 8, rw, linux.MAP_PRIVATE, 0)
	l.do(l.tryMap(l.t, 8, 10, rw, sharedAnon, mm.MmapArgs{}))
	l.mmap(10, 11, linux.PROT_NONE)
	l.do(l.touch(l.t, l.mm, 0, linux.Write))
	l.do(l.touch(l.t, l.mm, 1, linux.Read)) // the zero page
	l.madvise(2, 3, linux.MADV_GUARD_INSTALL)
	l.do(l.touch(l.t, l.mm, 5, linux.Write))
	l.do(l.touch(l.t, l.mm, 9, linux.Write))
	if got := l.resident(0, 11); got != "++--"+"-+--"+"-+"+"-" {
		t.Errorf("in memory: %q", got)
	}
	l.madvise(5, 6, linux.MADV_DONTNEED) // the copy goes, the page of the file stays
	l.madvise(9, 10, linux.MADV_DONTNEED)
	l.madvise(5, 6, linux.MADV_GUARD_INSTALL)
	if got := l.resident(0, 11); got != "++--"+"-+--"+"-+"+"-" {
		t.Errorf("in memory: %q", got)
	}
	l.do(l.tryMprotect(0, 1, linux.PROT_NONE))
	if vec, err := l.mm.Mincore(l.t, at(0), 1); err != nil || len(vec) != 1 || vec[0] != 1 {
		t.Errorf("one byte of a page: %v, %v", vec, err)
	}
	mincore := func(addr, length uint64) error { _, err := l.mm.Mincore(l.t, addr, length); return err }
	for what, c := range map[string]struct {
		err  error
		want linux.Errno
	}{
		"unaligned, beyond the end": {mincore(linux.TaskSize+1, page), linux.EINVAL},
		"beyond the end":            {mincore(linux.TaskSize+page, 0), linux.ENOMEM},
		"past the end":              {mincore(linux.TaskSize-page, 2*page), linux.ENOMEM},
		"wraps":                     {mincore(at(0), ^uint64(0)), linux.ENOMEM},
		"no length":                 {mincore(at(30), 0), 0},
		"a hole":                    {mincore(at(10), 2*page), linux.ENOMEM},
		"from a hole on":            {mincore(at(30), page), linux.ENOMEM},
	} {
		l.wantErrno(c.err, c.want, what)
	}
}
