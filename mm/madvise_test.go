package mm_test

import (
	"os"
	"strings"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
)

func (l *lab) tryMadvise(from, to, advice int) error {
	return l.mm.Madvise(l.t, at(from), uint64(to-from)*page, advice)
}

func (l *lab) madvise(from, to, advice int) {
	l.tb.Helper()
	l.do(l.tryMadvise(from, to, advice))
}

// mapKinds maps two pages of each kind of memory, one kind every four pages; kinds names them, in order.
func (l *lab) mapKinds() (kinds []string) {
	f := l.open(8)
	readOnly, err := l.m.Mem.OpenFile(l.t, f.Name(), linux.O_RDONLY)
	l.do(err)
	l.files = append(l.files, readOnly)
	l.mmap(0, 2, rw)
	l.do(l.tryMap(l.t, 4, 6, rw, sharedAnon, mm.MmapArgs{}))
	l.mmapFile(f, 8, 10, rw, linux.MAP_PRIVATE, 0)
	l.mmapFile(f, 12, 14, rw, linux.MAP_SHARED, 0)
	l.mmapFile(readOnly, 16, 18, linux.PROT_READ, linux.MAP_SHARED, 0)
	l.mmap(20, 22, rw)
	l.do(l.mm.Mlock(l.t, at(20), 2*page))
	return []string{"anonymous", "shared anonymous", "private file", "shared file", "file read-only", "locked"}
}

// flagsAt returns the flags of the VMA at a page that are not rights, as smaps shows them.
func (l *lab) flagsAt(n int) string {
	l.mm.MmapReadLock(l.t)
	defer l.mm.MmapReadUnlock(l.t)
	flags := l.mm.Tree.Lookup(l.t, at(n)).Flags(l.t)
	return (flags &^ (linux.VMAccessFlags | linux.VMMayAny | linux.VMShared | linux.VMAccount)).String()
}

// TestAdviceOnKinds gives every advice to every kind of memory, as the running kernel took them: an errno or what flags there are.
func TestAdviceOnKinds(t *testing.T) {
	const ok, inval, acces = linux.Errno(0), linux.EINVAL, linux.EACCES
	none := [6]string{5: "lo"}
	for name, c := range map[string]struct {
		advice int
		errno  [6]linux.Errno
		flags  [6]string
	}{
		"normal":           {linux.MADV_NORMAL, [6]linux.Errno{}, none},
		"random":           {linux.MADV_RANDOM, [6]linux.Errno{}, [6]string{"rr", "rr", "rr", "rr", "rr", "lo rr"}},
		"sequential":       {linux.MADV_SEQUENTIAL, [6]linux.Errno{}, [6]string{"sr", "sr", "sr", "sr", "sr", "lo sr"}},
		"willneed":         {linux.MADV_WILLNEED, [6]linux.Errno{}, none},
		"dontneed":         {linux.MADV_DONTNEED, [6]linux.Errno{5: inval}, none},
		"dontneed_locked":  {linux.MADV_DONTNEED_LOCKED, [6]linux.Errno{}, none},
		"free":             {linux.MADV_FREE, [6]linux.Errno{ok, inval, inval, inval, inval, inval}, none},
		"remove":           {linux.MADV_REMOVE, [6]linux.Errno{inval, ok, acces, ok, acces, inval}, none},
		"dontfork":         {linux.MADV_DONTFORK, [6]linux.Errno{}, [6]string{"dc", "dc", "dc", "dc", "dc", "lo dc"}},
		"dofork":           {linux.MADV_DOFORK, [6]linux.Errno{}, none},
		"dontdump":         {linux.MADV_DONTDUMP, [6]linux.Errno{}, [6]string{"dd", "dd", "dd", "dd", "dd", "lo dd"}},
		"dodump":           {linux.MADV_DODUMP, [6]linux.Errno{}, none},
		"wipeonfork":       {linux.MADV_WIPEONFORK, [6]linux.Errno{ok, inval, inval, inval, inval, ok}, [6]string{"wf", 5: "lo wf"}},
		"keeponfork":       {linux.MADV_KEEPONFORK, [6]linux.Errno{}, none},
		"hugepage":         {linux.MADV_HUGEPAGE, [6]linux.Errno{}, [6]string{"hg", "hg", "hg", "hg", "hg", "lo hg"}},
		"nohugepage":       {linux.MADV_NOHUGEPAGE, [6]linux.Errno{}, [6]string{"nh", "nh", "nh", "nh", "nh", "lo nh"}},
		"mergeable":        {linux.MADV_MERGEABLE, [6]linux.Errno{}, [6]string{0: "mg", 2: "mg", 5: "lo mg"}},
		"unmergeable":      {linux.MADV_UNMERGEABLE, [6]linux.Errno{}, none},
		"cold":             {linux.MADV_COLD, [6]linux.Errno{5: inval}, none},
		"populate_read":    {linux.MADV_POPULATE_READ, [6]linux.Errno{}, none},
		"populate_write":   {linux.MADV_POPULATE_WRITE, [6]linux.Errno{4: inval}, none},
		"guard_install":    {linux.MADV_GUARD_INSTALL, [6]linux.Errno{5: inval}, [6]string{"gu", "gu", "gu", "gu", "gu", "lo"}},
		"guard_remove":     {linux.MADV_GUARD_REMOVE, [6]linux.Errno{}, none},
		"collapse":         {linux.MADV_COLLAPSE, [6]linux.Errno{inval, inval, inval, inval, inval, inval}, none},
		"unknown, between": {7, [6]linux.Errno{inval, inval, inval, inval, inval, inval}, none},
		"hwpoison":         {linux.MADV_HWPOISON, [6]linux.Errno{inval, inval, inval, inval, inval, inval}, none},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			for i, kind := range l.mapKinds() {
				l.wantErrno(l.tryMadvise(4*i, 4*i+2, c.advice), c.errno[i], kind)
				if got := l.flagsAt(4 * i); !sameWords(got, c.flags[i]) {
					t.Errorf("%s has the flags %q, expected %q", kind, got, c.flags[i])
				}
			}
		})
	}
}

func sameWords(a, b string) bool {
	count := map[string]int{}
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestAdviceOpposites: what one advice sets another takes away, and memory is one mapping again.
func TestAdviceOpposites(t *testing.T) {
	for _, c := range [][2]int{
		{linux.MADV_RANDOM, linux.MADV_NORMAL}, {linux.MADV_SEQUENTIAL, linux.MADV_NORMAL}, {linux.MADV_DONTFORK, linux.MADV_DOFORK},
		{linux.MADV_DONTDUMP, linux.MADV_DODUMP}, {linux.MADV_WIPEONFORK, linux.MADV_KEEPONFORK}, {linux.MADV_MERGEABLE, linux.MADV_UNMERGEABLE},
	} {
		l := newLab(t, mm.Config{}, "")
		l.mmap(0, 6, rw)
		l.madvise(2, 4, c[0])
		l.wantLayout("0-2 rw-p, 2-4 rw-p, 4-6 rw-p")
		l.madvise(2, 4, c[0]) // no change, no merge
		l.madvise(1, 5, c[0]) // joins its like in the middle
		l.wantLayout("0-1 rw-p, 1-5 rw-p, 5-6 rw-p")
		l.madvise(0, 6, c[1])
		l.wantLayout("0-6 rw-p")
		l.end()
	}
}

// TestAdviceStopsAndGoesOn: R11, and the order of the checks (R25).
func TestAdviceStopsAndGoesOn(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-2", "3-5")(l)
	l.do(l.tryMap(l.t, 5, 7, rw, sharedAnon, mm.MmapArgs{}))
	maps("7-9")(l)
	l.wantErrno(l.tryMadvise(1, 4, linux.MADV_DONTDUMP), linux.ENOMEM, "over a hole")
	l.wantErrno(l.tryMadvise(0, 9, linux.MADV_WIPEONFORK), linux.EINVAL, "up to what refuses")
	for n, want := range map[int]string{0: "wf", 1: "dd wf", 3: "dd wf", 4: "wf", 5: "", 7: ""} {
		if got := l.flagsAt(n); !sameWords(got, want) {
			t.Errorf("page %d has %q, expected %q", n, got, want)
		}
	}
	l.wantErrno(l.mm.Madvise(l.t, at(0)+1, page, 7), linux.EINVAL, "unknown, unaligned")
	l.wantErrno(l.tryMadvise(30, 31, linux.MADV_POPULATE_READ), linux.ENOMEM, "populate nothing")
	l.wantErrno(l.tryMadvise(30, 30, linux.MADV_REMOVE), 0, "no length")
	l.wantErrno(l.mm.Madvise(l.t, linux.TaskSize, page, linux.MADV_COLD), linux.ENOMEM, "beyond the address space")
}

// TestAdviceMapCount: a split that the limit forbids is EAGAIN for madvise, and the first of two stays (R12, R10).
func TestAdviceMapCount(t *testing.T) {
	l := newLab(t, mm.Config{MaxMapCount: 2}, "")
	defer l.end()
	l.mmap(0, 6, rw)
	l.wantErrno(l.tryMadvise(2, 4, linux.MADV_DONTDUMP), linux.EAGAIN, "two splits")
	l.wantLayout("0-2 rw-p, 2-6 rw-p")
	l.wantErrno(l.mm.Mseal(l.t, at(3), page, 0), linux.ENOMEM, "mseal")
	l.wantLayout("0-2 rw-p, 2-6 rw-p")
}

// TestDropPages: what DONTNEED, DONTNEED_LOCKED and FREE do to pages.
func TestDropPages(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	maps("0-4 filled", "4-6 filled")(l)
	l.do(l.mm.Mlock(l.t, at(4), 2*page))
	l.wantErrno(l.tryMadvise(1, 6, linux.MADV_DONTNEED), linux.EINVAL, "up to locked memory")
	if got := l.pages(0, 6); got != "A---AA" {
		t.Errorf("pages %q", got)
	}
	l.madvise(4, 5, linux.MADV_DONTNEED_LOCKED)
	l.madvise(0, 1, linux.MADV_FREE) // without pressure nothing goes
	if got := l.pages(0, 6); got != "A----A" {
		t.Errorf("pages %q", got)
	}
	for _, n := range []int{1, 2, 3, 4} {
		l.contents[n] = 0
	}
	l.checkContents()
}

// TestRemovePunchesHoles: MADV_REMOVE takes pages out of the file and of everything that maps them, in every address space, but not the
// copies that private mappings have made; the bytes are zero then, in the real file, too.
func TestRemovePunchesHoles(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	f := l.open(6)
	l.mmapFile(f, 0, 6, rw, linux.MAP_SHARED, 0)
	l.mmapFile(f, 10, 16, rw, linux.MAP_PRIVATE, 0)
	l.mmapFile(f, 20, 22, linux.PROT_READ, linux.MAP_SHARED, 2)
	l.fill(0, 3)
	l.do(l.touch(l.t, l.mm, 13, linux.Write))
	l.do(l.touch(l.t, l.mm, 15, linux.Read))
	l.do(l.touch(l.t, l.mm, 20, linux.Read))
	if got := l.pages(0, 6) + " " + l.pages(10, 16) + " " + l.pages(20, 22); got != "FFF--- fffA-f ff" {
		t.Fatalf("pages %q", got)
	}
	child, err := l.mm.Fork(l.t, "child") // which has the private mapping's pages
	l.do(err)
	defer child.Put(l.t)
	l.madvise(2, 4, linux.MADV_REMOVE)
	if got := l.pages(0, 6) + " " + l.pages(10, 16) + " " + l.pages(20, 22); got != "FF---- ff-a-f --" {
		t.Errorf("pages %q", got)
	}
	if slot, ok := child.Tables.Find(l.t, at(12)); ok && !slot.Peek().None() {
		t.Error("the child still maps the page")
	}
	l.valid(child)
	delete(l.contents, 2)
	l.checkContents()
	for n, want := range map[int]uint64{2: 0, 3: 0, 4: 0x0404040404040404, 12: 0, 13: 0x0303030303030303, 20: 0} {
		if got, res := fault.Load(l.t, l.mm, at(n)); res != linux.OK || got != want {
			t.Errorf("page %d holds %#x (%s), expected %#x", n, got, res, want)
		}
	}
	bytes, err := os.ReadFile(f.Name())
	l.do(err)
	if bytes[2*page] != 0 || bytes[4*page-1] != 0 || bytes[4*page] != 4 || len(bytes) != 6*page {
		t.Errorf("the file holds %d, %d, %d, %d bytes", bytes[2*page], bytes[4*page-1], bytes[4*page], len(bytes))
	}
}

// TestWillneedReadsAhead: what MADV_WILLNEED has read mincore finds, and nothing is mapped.
func TestWillneedReadsAhead(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.mmapFile(l.open(4), 0, 6, linux.PROT_READ, linux.MAP_PRIVATE, 0)
	l.madvise(1, 6, linux.MADV_WILLNEED)
	if got := l.resident(0, 6); got != "-+++--" {
		t.Errorf("in memory: %q", got)
	}
	if got := l.pages(0, 6); got != "------" {
		t.Errorf("mapped: %q", got)
	}
}

// TestReadAround: with read-ahead a fault reads what is around it, behind it alone after MADV_SEQUENTIAL or in the mapping of code,
// and no more than it needs after MADV_RANDOM.
func TestReadAround(t *testing.T) {
	for name, c := range map[string]struct {
		advice, prot int
		want         string
	}{
		"normal":     {linux.MADV_NORMAL, rw, "---++++---"},
		"sequential": {linux.MADV_SEQUENTIAL, rw, "-----++++-"},
		"random":     {linux.MADV_RANDOM, rw, "-----+----"},
		"code":       {linux.MADV_NORMAL, rw | linux.PROT_EXEC, "-----+++--"},
		"huge":       {linux.MADV_HUGEPAGE, rw | linux.PROT_EXEC, "---++++---"},
	} {
		l := newLab(t, mm.Config{ReadAround: 4}, "")
		f := l.open(10)
		l.mmapFile(f, 0, 8, c.prot, linux.MAP_SHARED, 0)
		l.madvise(0, 8, c.advice)
		l.do(l.touch(l.t, l.mm, 5, linux.Write))
		l.mmapFile(f, 0, 10, rw, linux.MAP_SHARED, 0)
		if got := l.resident(0, 10); got != c.want {
			t.Errorf("%s: in memory %q, expected %q", name, got, c.want)
		}
		l.end()
	}
}
