package mm_test

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
)

// guarded maps private anonymous pages [0, 4) with what fill writes, and guards the two in the middle.
func guarded(l *lab) {
	maps("0-4 filled")(l)
	l.madvise(1, 3, linux.MADV_GUARD_INSTALL)
	delete(l.contents, 1)
	delete(l.contents, 2)
}

func (l *lab) wantPages(from, to int, want string) {
	l.tb.Helper()
	if got := l.pages(from, to); got != want {
		l.tb.Errorf("pages %q, expected %q", got, want)
	}
}

// TestGuardedPages: no access reaches a guarded page, whose contents are gone; without the marker it is like new.
func TestGuardedPages(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	guarded(l)
	l.wantPages(0, 4, "AggA")
	for _, access := range []linux.Access{linux.Read, linux.Write, linux.Exec} {
		if res := fault.Touch(l.t, l.mm, at(1), access); access != linux.Exec && res != linux.SegvMaperr {
			t.Errorf("%s of a guarded page: %s", access, res)
		}
	}
	l.wantErrno(l.tryMadvise(0, 4, linux.MADV_POPULATE_WRITE), linux.EFAULT, "populate")
	l.wantErrno(l.mm.Mlock(l.t, at(0), 4*page), linux.ENOMEM, "mlock")
	l.wantErrno(l.tryMadvise(0, 4, linux.MADV_GUARD_INSTALL), linux.EINVAL, "guard locked memory")
	l.madvise(1, 2, linux.MADV_GUARD_REMOVE)
	l.wantPages(0, 4, "A-gA")
	l.checkContents()
	if v, res := fault.Load(l.t, l.mm, at(1)); v != 0 || res != linux.OK {
		t.Errorf("a page that was guarded holds %d, %s", v, res)
	}
	if got := l.flagsAt(0); !sameWords(got, "gu lo") { // for good
		t.Errorf("flags %q", got)
	}
	l.wantLayout("0-4 rw-p")
}

// TestGuardsStay: markers survive what drops or protects pages, and move with their mapping; munmap takes them away.
func TestGuardsStay(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	guarded(l)
	l.do(l.tryMprotect(0, 4, linux.PROT_NONE))
	l.do(l.tryMprotect(0, 4, rw))
	l.wantPages(0, 4, "AggA")
	l.madvise(0, 3, linux.MADV_DONTNEED)
	l.madvise(0, 4, linux.MADV_COLD)
	l.madvise(0, 4, linux.MADV_FREE)
	l.wantPages(0, 4, "-ggA")
	delete(l.contents, 0)
	if _, err := l.mm.Mremap(l.t, at(0), 4*page, 4*page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(10)); err != nil {
		t.Fatal(err)
	}
	l.wantPages(0, 4, "----")
	l.wantPages(10, 14, "-ggA")
	if got := l.flagsAt(10); got != "gu" {
		t.Errorf("flags %q", got)
	}
	l.contents[13] = l.contents[3]
	delete(l.contents, 3)
	l.checkContents()
	l.do(l.tryMunmap(12, 13))
	l.mmap(12, 13, rw)
	l.wantPages(10, 14, "-g-A")
	l.wantLayout("10-12 rw-p, 12-13 rw-p, 13-14 rw-p") // the fresh page has an offset of its own
}

// TestGuardsSpreadTheFlag: VM_MAYBE_GUARD keeps no mappings apart (R5).
func TestGuardsSpreadTheFlag(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmap(0, 2, rw)
	l.madvise(0, 1, linux.MADV_GUARD_INSTALL)
	l.wantLayout("0-2 rw-p")
	l.mmap(2, 4, rw)
	l.wantLayout("0-4 rw-p")
	l.mmap(4, 6, linux.PROT_READ)
	l.do(l.tryMprotect(4, 6, rw))
	l.wantLayout("0-6 rw-p")
	if l.flagsAt(0) != "gu" || l.faulted() != "f" {
		t.Errorf("flags %q, faulted %q", l.flagsAt(0), l.faulted())
	}
}

// TestForkCopiesGuards: the child has the markers, and, of a file with some, the pages too; but a mapping that is wiped has neither.
func TestForkCopiesGuards(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	guarded(l)
	f := l.open(8)
	l.mmapFile(f, 10, 14, rw, linux.MAP_SHARED, 0)
	l.mmapFile(f, 20, 24, rw, linux.MAP_SHARED, 4)
	maps("30-34 filled")(l)
	for _, n := range []int{10, 12, 20, 22} {
		l.do(l.touch(l.t, l.mm, n, linux.Write))
	}
	l.madvise(11, 12, linux.MADV_GUARD_INSTALL)
	l.madvise(31, 32, linux.MADV_GUARD_INSTALL)
	l.madvise(30, 34, linux.MADV_WIPEONFORK)
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others, l.mm = append(l.others, l.mm), child
	clear(l.contents)
	l.wantPages(0, 4, "agga")
	l.wantPages(10, 14, "FgF-")
	l.wantPages(20, 24, "----")
	l.wantPages(30, 34, "----")
	if got := l.flagsAt(30); !sameWords(got, "gu wf") {
		t.Errorf("flags %q", got)
	}
	if res := fault.Touch(l.t, child, at(1), linux.Read); res != linux.SegvMaperr {
		t.Errorf("the child's guarded page: %s", res)
	}
}

// TestGuardsWithoutFlag: where there is no VM_MAYBE_GUARD an anon_vma has fork copy the markers, a shared file's, too, and keeps apart
// what the flag would have let merge.
func TestGuardsWithoutFlag(t *testing.T) {
	l := newLab(t, mm.Config{Settings: mm.Settings{NoMaybeGuard: true}}, "")
	defer l.end()
	f := l.open(8)
	l.mmapFile(f, 10, 14, rw, linux.MAP_SHARED, 0)
	l.mmapFile(f, 20, 24, rw, linux.MAP_SHARED, 4)
	guarded(l)
	l.madvise(11, 12, linux.MADV_GUARD_INSTALL)
	if got := l.flagsAt(0) + l.flagsAt(10); got != "" {
		t.Errorf("flags %q", got)
	}
	if got := l.faulted(); got != "ff-" {
		t.Errorf("faulted %q", got)
	}
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	l.others, l.mm = append(l.others, l.mm), child
	clear(l.contents)
	l.wantPages(0, 4, "agga")
	l.wantPages(10, 14, "-g--")
	l.wantPages(20, 24, "----")
}

// TestGuardFile: on the mapping of a file only the mapping's access is cut off, and no anon_vma is needed.
func TestGuardFile(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(4)
	f.ReadAhead(l.t, 0, 4)
	for i, flags := range []int{linux.MAP_SHARED, linux.MAP_PRIVATE} {
		l.mmapFile(f, 10*i, 10*i+4, rw, flags, 0)
		l.do(l.touch(l.t, l.mm, 10*i, linux.Read))
		l.madvise(10*i+1, 10*i+3, linux.MADV_GUARD_INSTALL)
		l.wantPages(10*i, 10*i+4, "fggf")
	}
	if l.faulted() != "--" {
		t.Errorf("faulted %q", l.faulted())
	}
	if n := f.CachedPages(l.t); n != 4 {
		t.Errorf("%d pages are cached", n)
	}
}
