package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

// TestHugeTLB: what MAP_HUGETLB refuses while there are no huge pages, and in which order.
func TestHugeTLB(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	const huge = privateAnon | linux.MAP_HUGETLB
	file := l.open(1)
	for what, c := range map[string]struct {
		args mm.MmapArgs
		want linux.Errno
	}{
		"no pages":             {mm.MmapArgs{Len: phys.HugeSize, Flags: huge}, linux.ENOMEM},
		"a length rounded up":  {mm.MmapArgs{Len: 1, Flags: huge}, linux.ENOMEM},
		"no length":            {mm.MmapArgs{Flags: huge}, linux.EINVAL},
		"1 GiB":                {mm.MmapArgs{Len: 1, Flags: huge | 30<<26}, linux.ENOMEM},
		"a size that is none":  {mm.MmapArgs{Len: 1, Flags: huge | 20<<26}, linux.EINVAL},
		"an address that is":   {mm.MmapArgs{Addr: phys.HugeSize + page, Len: 1, Flags: huge | linux.MAP_FIXED}, linux.EINVAL},
		"a file":               {mm.MmapArgs{Len: 1, Flags: linux.MAP_SHARED | linux.MAP_HUGETLB, File: file}, linux.EINVAL},
		"an offset inside one": {mm.MmapArgs{Len: 1, Flags: huge, Offset: page}, linux.EINVAL},
		"no type":              {mm.MmapArgs{Len: 1, Flags: linux.MAP_ANONYMOUS | linux.MAP_HUGETLB}, linux.EINVAL},
	} {
		_, err := l.mm.Mmap(l.t, c.args)
		l.wantErrno(err, c.want, what)
	}
	// The old mapping is gone when it turns out that there are none.
	l.do(l.tryMap(l.t, 0, 1, rw, privateAnon, mm.MmapArgs{}))
	l.wantErrno(l.tryMap(l.t, 0, 1, rw, huge, mm.MmapArgs{}), linux.ENOMEM, "over another mapping")
	l.wantLayout("")
}
