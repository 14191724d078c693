package mm_test

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestMbind: what mbind refuses, and that strictness asks for the pages that are there, which moving makes right.
func TestMbind(t *testing.T) {
	const strict, move = 1, 2
	l := newLab(t, mm.Config{Beside: mm.Binds}, "")
	l.mmap(0, 4, rw)
	l.fill(1, 2)
	for _, c := range []struct {
		page  int
		node  uint64
		flags int
		want  error
	}{
		{9, 0, 0, linux.EFAULT},
		{0, mm.Nodes, 0, linux.EINVAL},
		{0, 0, 4, linux.EINVAL},
		{0, 1, strict, linux.EIO},
		{0, 0, strict, nil},
		{0, 1, 0, nil},
		{0, 1, strict, linux.EIO},
		{2, 1, strict | move, nil},
		{0, 1, strict, nil},
		{0, 0, strict, linux.EIO},
	} {
		if err := l.mm.Mbind(l.t, at(c.page), c.node, c.flags); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	l.fill(2, 3) // where the policy says
	if err := l.mm.Mbind(l.t, at(0), 1, strict); err != nil {
		t.Error(err)
	}
	l.end()
}

// TestMergesCompareThePolicy: neighbours with different policies stay apart, those that were split from one VMA join again.
func TestMergesCompareThePolicy(t *testing.T) {
	l := newLab(t, mm.Config{Beside: mm.Binds}, "")
	l.mmap(0, 4, rw)
	if err := l.mm.Mbind(l.t, at(0), 1, 0); err != nil {
		t.Fatal(err)
	}
	for _, prot := range []int{linux.PROT_READ, rw} {
		l.do(l.tryMprotect(1, 2, prot))
	}
	if n := l.mm.MapCount(l.t); n != 1 {
		t.Errorf("%d VMAs of one policy", n)
	}
	l.mmap(4, 6, rw)
	if n := l.mm.MapCount(l.t); n != 2 {
		t.Errorf("%d VMAs of two policies", n)
	}
	l.end()
}

// TestPoliciesKeepAnonVMAsApart: a fault takes over the anon_vma of a neighbour only if that has the same policy.
func TestPoliciesKeepAnonVMAsApart(t *testing.T) {
	for _, bound := range []bool{false, true} {
		l := newLab(t, mm.Config{Beside: mm.Binds}, "")
		l.mmap(0, 1, rw)
		l.mmap(1, 2, linux.PROT_READ)
		if bound {
			l.do(l.mm.Mbind(l.t, at(1), 1, 0))
		}
		l.do(l.tryMprotect(0, 1, linux.PROT_READ|linux.PROT_WRITE|linux.PROT_EXEC)) // nor do they merge
		l.do(l.tryMprotect(1, 2, rw))
		l.fill(0, 2)
		a, b := l.mm.Tree.Find(l.t, at(0)), l.mm.Tree.Find(l.t, at(1))
		if shared := a.AnonPeek() == b.AnonPeek(); a == b || shared == bound {
			t.Errorf("bound: %v, one anon_vma: %v, one VMA: %v", bound, shared, a == b)
		}
	}
}
