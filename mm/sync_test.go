package mm_test

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestSync: MAP_SYNC leaves VM_SYNC, and a file system that knows it refuses it when what was mapped at the address is gone already.
func TestSync(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	mmap := func(args mm.MmapArgs) error {
		args.Addr, args.Len, args.Prot = at(0), page, linux.PROT_READ
		args.Flags |= linux.MAP_FIXED
		_, err := l.mm.Mmap(l.t, args)
		return err
	}
	for _, kind := range []int{privateAnon, sharedAnon} {
		l.do(mmap(mm.MmapArgs{Flags: kind | linux.MAP_SYNC}))
		if f := l.mm.Tree.Find(l.t, at(0)).Flags(l.t); f&linux.VMSync == 0 {
			t.Errorf("type %#x: %v", kind, f)
		}
	}
	file := l.open(1)
	err := mmap(mm.MmapArgs{Flags: linux.MAP_PRIVATE | linux.MAP_SYNC, File: file})
	gone := l.mm.Tree.Find(l.t, at(0)) == nil
	if refused := errors.Is(err, linux.EOPNOTSUPP); refused != file.OnDAXSystem() || refused != gone {
		t.Errorf("%v, on a system that knows the flag: %v; the mapping is gone: %v", err, file.OnDAXSystem(), gone)
	}
	l.wantErrno(mmap(mm.MmapArgs{Flags: linux.MAP_SHARED_VALIDATE | 0x200000, File: file}), linux.EOPNOTSUPP, "an unknown flag")
}
