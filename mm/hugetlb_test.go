package mm_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/phys"
	"vmasim/mm"
)

// TestHugeTLB: what MAP_HUGETLB refuses while there are no huge pages, and in which order.
func TestHugeTLB(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	const huge = privateAnon | unix.MAP_HUGETLB
	file := l.open(1)
	for what, c := range map[string]struct {
		args mm.MmapArgs
		want unix.Errno
	}{
		"no pages":             {mm.MmapArgs{Len: phys.HugeSize, Flags: huge}, unix.ENOMEM},
		"a length rounded up":  {mm.MmapArgs{Len: 1, Flags: huge}, unix.ENOMEM},
		"no length":            {mm.MmapArgs{Flags: huge}, unix.EINVAL},
		"1 GiB":                {mm.MmapArgs{Len: 1, Flags: huge | 30<<26}, unix.ENOMEM},
		"a size that is none":  {mm.MmapArgs{Len: 1, Flags: huge | 20<<26}, unix.EINVAL},
		"an address that is":   {mm.MmapArgs{Addr: phys.HugeSize + page, Len: 1, Flags: huge | unix.MAP_FIXED}, unix.EINVAL},
		"a file":               {mm.MmapArgs{Len: 1, Flags: unix.MAP_SHARED | unix.MAP_HUGETLB, File: file}, unix.EINVAL},
		"an offset inside one": {mm.MmapArgs{Len: 1, Flags: huge, Offset: page}, unix.EINVAL},
		"no type":              {mm.MmapArgs{Len: 1, Flags: unix.MAP_ANONYMOUS | unix.MAP_HUGETLB}, unix.EINVAL},
	} {
		_, err := l.mm.Mmap(l.t, c.args)
		l.wantErrno(err, c.want, what)
	}
	// What was at the address is gone when it turns out that there are none.
	l.do(l.tryMap(l.t, 0, 1, rw, privateAnon, mm.MmapArgs{}))
	l.wantErrno(l.tryMap(l.t, 0, 1, rw, huge, mm.MmapArgs{}), unix.ENOMEM, "over another mapping")
	l.wantLayout("")
}
