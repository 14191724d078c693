package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

const (
	execGain  = linux.PR_MDWE_REFUSE_EXEC_GAIN
	noInherit = linux.PR_MDWE_NO_INHERIT
)

// TestMDWE: which bits can be set, what they refuse, and who inherits them.
func TestMDWE(t *testing.T) {
	for _, bits := range []uint64{execGain, execGain | noInherit} {
		l := newLab(t, mm.Config{}, "")
		mdwe := func(space *mm.MM, bits uint64) error { return space.Prctl(l.t, linux.PR_SET_MDWE, bits) }
		l.wantErrno(mdwe(l.mm, noInherit), linux.EINVAL, "NO_INHERIT alone")
		l.wantErrno(mdwe(l.mm, 4), linux.EINVAL, "an unknown bit")
		l.mmap(0, 2, rw|linux.PROT_EXEC)
		l.mmap(2, 4, linux.PROT_READ)
		l.do(mdwe(l.mm, 0))
		l.do(mdwe(l.mm, bits))
		l.do(mdwe(l.mm, bits))
		l.wantErrno(mdwe(l.mm, 0), linux.EPERM, "taking it back")
		l.wantErrno(l.tryMap(l.t, 4, 5, rw|linux.PROT_EXEC, privateAnon, mm.MmapArgs{}), linux.EACCES, "writable and executable")
		l.wantErrno(l.tryMprotect(2, 4, linux.PROT_READ|linux.PROT_EXEC), linux.EACCES, "what was not executable")
		l.wantErrno(l.tryMprotect(0, 2, rw|linux.PROT_EXEC), linux.EACCES, "what is both already")
		l.do(l.tryMprotect(0, 2, linux.PROT_READ|linux.PROT_EXEC))
		child, err := l.mm.Fork(l.t, "child")
		l.do(err)
		l.others = append(l.others, child)
		_, err = child.Mmap(l.t, mm.MmapArgs{Addr: at(4), Len: page, Prot: rw | linux.PROT_EXEC, Flags: privateAnon | linux.MAP_FIXED})
		if bits&noInherit == 0 {
			l.wantErrno(err, linux.EACCES, "a child")
		} else {
			l.do(err)
		}
		l.end()
	}
}

// TestMemoryMerge: what has VM_MERGEABLE while it is set, and that nothing has it afterwards.
func TestMemoryMerge(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	merge := func(on uint64) { l.do(l.mm.Prctl(l.t, linux.PR_SET_MEMORY_MERGE, on)) }
	l.mmap(0, 1, rw)
	l.do(l.tryMap(l.t, 2, 3, rw, sharedAnon, mm.MmapArgs{}))
	merge(1)
	l.mmap(4, 5, rw)
	l.do(l.tryMap(l.t, 6, 7, rw, sharedAnon, mm.MmapArgs{}))
	l.mmapFile(l.open(1), 8, 9, rw, linux.MAP_PRIVATE, 0)
	l.do(l.tryMap(l.t, 10, 11, rw, linux.MAP_DROPPABLE|linux.MAP_ANONYMOUS, mm.MmapArgs{}))
	for n, want := range map[int]string{0: "mg", 2: "", 4: "mg", 6: "", 8: "mg", 10: "nr wf dd dp"} {
		if got := l.flagsAt(n); got != want {
			t.Errorf("page %d has flags %q, expected %q", n, got, want)
		}
	}
	l.do(l.mm.Mlockall(l.t, linux.MCL_FUTURE))
	l.do(l.mm.Munlockall(l.t))
	l.mmap(12, 13, rw)
	if got := l.flagsAt(12); got != "mg" {
		t.Errorf("after munlockall: %q", got)
	}
	merge(0)
	l.mmap(14, 15, rw)
	for _, n := range []int{0, 4, 8, 12, 14} {
		if got := l.flagsAt(n); got != "" {
			t.Errorf("page %d still has %q", n, got)
		}
	}
	l.wantErrno(l.mm.Prctl(l.t, 0, 0), linux.EINVAL, "an unknown option")
}
