package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestDevZero: private mappings of /dev/zero are anonymous memory that merges by offset; each shared one is an object of its own.
func TestDevZero(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	zero, err := l.m.Mem.OpenFile(l.t, "/dev/zero", linux.O_RDWR)
	l.do(err)
	l.files = append(l.files, zero)
	l.mmapFile(zero, 0, 2, rw, linux.MAP_PRIVATE, 0)
	l.mmapFile(zero, 2, 4, rw, linux.MAP_PRIVATE, 2)
	l.mmapFile(zero, 4, 6, rw, linux.MAP_PRIVATE, 2)
	l.mmap(6, 8, rw)
	l.wantLayout("0-4 rw-p file0+0, 4-6 rw-p file0+2, 6-8 rw-p")
	l.touchAddr(at(0), linux.OK)
	v := l.mm.Tree.Find(l.t, at(0))
	if !v.IsAnonymous(l.t) || v.AnonVMA(l.t) == nil || v.File(l.t) != zero {
		t.Errorf("anonymous %v, anon_vma %v, file %v", v.IsAnonymous(l.t), v.AnonVMA(l.t), v.File(l.t))
	}
	// Two shared ones of one page each, of which the second shows the page behind the only one that its object has.
	l.mmapFile(zero, 10, 11, rw, linux.MAP_SHARED, 0)
	l.mmapFile(zero, 11, 12, rw, linux.MAP_SHARED, 1)
	l.wantLayout("0-4 rw-p file0+0, 4-6 rw-p file0+2, 6-8 rw-p, 10-11 rw-s shmem, 11-12 rw-s shmem")
	l.touchAddr(at(10), linux.OK)
	l.touchAddr(at(11), linux.Sigbus)
	// It is not moved as one of several.
	_, err = l.mm.Mremap(l.t, at(4), 4*page, 4*page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(20))
	l.wantErrno(err, linux.EFAULT, "mremap of two VMAs")
}
