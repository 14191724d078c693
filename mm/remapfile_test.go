package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestRemapFilePages: what it maps, and what it refuses.
func TestRemapFilePages(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	remap := func(from, to, prot int, pgoff uint64) error {
		return l.mm.RemapFilePages(l.t, at(from), uint64(to-from)*page, prot, pgoff, 0)
	}
	file := l.open(8)
	l.mmapFile(file, 0, 4, rw, linux.MAP_SHARED, 0)
	l.mmapFile(file, 6, 8, rw, linux.MAP_PRIVATE, 0)
	l.do(remap(1, 2, 0, 5))
	l.wantLayout("0-1 rw-s file0+0, 1-2 rw-s file0+5, 2-4 rw-s file0+2, 6-8 rw-p file0+0")
	if v := l.mm.Tree.Find(l.t, at(1)); v.Pgoff(l.t) != 5 {
		t.Errorf("page offset %d", v.Pgoff(l.t))
	}
	if got := l.resident(1, 2); got != "+" {
		t.Errorf("the page is not there: %q", got)
	}
	l.do(remap(0, 4, 0, 0)) // several VMAs of one file become one
	l.wantLayout("0-4 rw-s file0+0, 6-8 rw-p file0+0")
	l.do(l.tryMprotect(3, 4, linux.PROT_READ))
	for what, c := range map[string]struct {
		err  error
		want linux.Errno
	}{
		"a protection":    {remap(0, 1, linux.PROT_READ, 0), linux.EINVAL},
		"no length":       {remap(0, 0, 0, 0), linux.EINVAL},
		"other rights":    {remap(2, 4, 0, 0), linux.EINVAL},
		"a hole":          {remap(3, 5, 0, 0), linux.EINVAL},
		"nothing":         {remap(5, 6, 0, 0), linux.EINVAL},
		"private memory":  {remap(6, 7, 0, 0), linux.EINVAL},
		"a wrapped page":  {remap(0, 1, 0, ^uint64(0)), linux.EINVAL},
		"beyond any file": {remap(0, 1, 0, 1<<52), linux.EOVERFLOW},
	} {
		l.wantErrno(c.err, c.want, what)
	}
	l.wantLayout("0-3 rw-s file0+0, 3-4 r--s file0+3, 6-8 rw-p file0+0")
}
