package mm_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/phys/phystest"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

const (
	page        = linux.PageSize
	base        = uint64(1) << 32 // page 0 of the layouts below
	rw          = linux.PROT_READ | linux.PROT_WRITE
	privateAnon = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS
	sharedAnon  = linux.MAP_SHARED | linux.MAP_ANONYMOUS
)

// at returns the address of a page of the layouts.
func at(n int) uint64 { return base + uint64(n)*page }

// lab is a machine with one task and one address space. Addresses are given as page numbers. When the test ends nothing
// may be left, and no rule may have been broken.
type lab struct {
	tb testing.TB
	m  *mm.Machine
	t  *task.Task
	mm *mm.MM

	others   []*mm.MM // more address spaces, given back at the end
	files    []*phys.File
	contents map[int]uint64 // the first word of each page that fill wrote

	mu     sync.Mutex
	broken []string
}

func newLab(tb testing.TB, cfg mm.Config, spec string) *lab {
	rs, err := rules.Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	l := &lab{tb: tb, contents: map[int]uint64{}}
	cfg.Rules, cfg.ValidateWrites = rs, true
	if cfg.Memory == 0 {
		cfg.Memory = 8 << 20
	}
	cfg.Report = func(v task.Violation) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken = append(l.broken, v.String())
	}
	if l.m, err = fault.NewMachine(cfg); err != nil {
		tb.Fatal(err)
	}
	l.t = l.m.NewTask("test")
	if l.mm, err = l.m.NewMM(l.t, "main"); err != nil {
		tb.Fatal(err)
	}
	return l
}

// end gives everything back and fails the test if something is left or was broken.
func (l *lab) end() {
	l.tb.Helper()
	l.t.Observer = nil
	l.valid(l.mm)
	l.mm.Put(l.t)
	for _, other := range l.others {
		l.valid(other)
		other.Put(l.t)
	}
	for _, f := range l.files {
		if err := f.Put(l.t); err != nil {
			l.tb.Error(err)
		}
	}
	l.m.Settle(l.t)
	l.m.EndTask(l.t)
	if leaks := l.m.Leaks(); leaks != "" {
		l.tb.Error("leaked:", leaks)
	}
	if err := l.m.Close(); err != nil {
		l.tb.Error(err)
	}
	if got := l.violations(); got != "" {
		l.tb.Error(got)
	}
}

// violations returns the rules broken since the last call.
func (l *lab) violations() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := strings.Join(l.broken, "; ")
	l.broken = nil
	return s
}

// do fails the test unless err is nil.
func (l *lab) do(err error) {
	l.tb.Helper()
	if err != nil {
		l.tb.Fatal(err)
	}
}

// open makes a file of so many pages, each full of its number, and opens it.
func (l *lab) open(pages int) *phys.File {
	path := filepath.Join(phystest.DiskDir(l.tb), "file")
	content := make([]byte, pages*page)
	for i := range content {
		content[i] = byte(i / page)
	}
	l.do(os.WriteFile(path, content, 0o600))
	f, err := l.m.Mem.OpenFile(l.t, path, linux.O_RDWR)
	l.do(err)
	l.files = append(l.files, f)
	return f
}

func (l *lab) tryMap(t *task.Task, from, to, prot, flags int, more mm.MmapArgs) error {
	more.Addr, more.Len, more.Prot, more.Flags = at(from), uint64(to-from)*page, prot, flags|linux.MAP_FIXED
	_, err := l.mm.Mmap(t, more)
	return err
}

// mmap maps private anonymous pages [from, to).
func (l *lab) mmap(from, to, prot int) {
	l.tb.Helper()
	l.do(l.tryMap(l.t, from, to, prot, privateAnon, mm.MmapArgs{}))
}

func (l *lab) mmapFile(f *phys.File, from, to, prot, flags, offset int) {
	l.tb.Helper()
	l.do(l.tryMap(l.t, from, to, prot, flags, mm.MmapArgs{File: f, Offset: uint64(offset) * page}))
}

func (l *lab) tryMunmap(from, to int) error {
	return l.mm.Munmap(l.t, at(from), uint64(to-from)*page)
}

func (l *lab) tryMprotect(from, to, prot int) error {
	return l.mm.Mprotect(l.t, at(from), uint64(to-from)*page, prot)
}

func (l *lab) tryDontneed(from, to int) error {
	return l.mm.Madvise(l.t, at(from), uint64(to-from)*page, linux.MADV_DONTNEED)
}

// touch makes an access and returns the errno it ends with: 0 for OK, ENOMEM for no memory, EFAULT for a signal.
func (l *lab) touch(t *task.Task, space *mm.MM, n int, access linux.Access) error {
	switch res := fault.Touch(t, space, at(n), access); res {
	case linux.OK:
		return nil
	case linux.OOM:
		return linux.ENOMEM
	case linux.Killed:
		return linux.EINTR
	default:
		return fmt.Errorf("page %d: %s: %w", n, res, linux.EFAULT)
	}
}

// fill writes to pages [from, to), and remembers what.
func (l *lab) fill(from, to int) {
	l.tb.Helper()
	for n := from; n < to; n++ {
		l.contents[n] = uint64(1000 + n)
		if res := fault.Store(l.t, l.mm, at(n), l.contents[n]); res != linux.OK {
			l.tb.Fatalf("store to page %d: %s", n, res)
		}
	}
}

// checkContents fails the test unless the pages that fill wrote and that may still be read hold what it wrote; those that
// the test dropped it has taken out of contents.
func (l *lab) checkContents() {
	l.tb.Helper()
	for n, want := range l.contents {
		if got, res := fault.Load(l.t, l.mm, at(n)); res != linux.OK || got != want {
			l.tb.Errorf("page %d holds %d (%s), expected %d", n, got, res, want)
		}
	}
}

// valid fails the test unless the address space is.
func (l *lab) valid(space *mm.MM) {
	l.tb.Helper()
	space.MmapWriteLock(l.t)
	defer space.MmapWriteUnlock(l.t)
	for _, v := range space.Validate(l.t) {
		l.tb.Error(v)
	}
}

// layout returns the VMAs as "0-4 rw-p, 4-6 r--s file0+2", in pages.
func (l *lab) layout(space *mm.MM) string {
	space.MmapReadLock(l.t)
	defer space.MmapReadUnlock(l.t)
	var vmas []string
	for v := space.Tree.Find(l.t, 0); v != nil; v = space.Tree.Find(l.t, v.End(l.t)) {
		start, end, pgoff, flags := v.Snapshot()
		s := fmt.Sprintf("%d-%d %s", int64(start-base)/page, int64(end-base)/page, flags.Perms())
		if file := v.FilePeek(); file != nil {
			if i := slices.Index(l.files, file); i >= 0 {
				s += fmt.Sprintf(" file%d+%d", i, pgoff)
			} else {
				s += " shmem"
			}
		}
		vmas = append(vmas, s)
	}
	return strings.Join(vmas, ", ")
}

// faulted tells of each VMA whether it has an anon_vma.
func (l *lab) faulted() string {
	l.mm.MmapReadLock(l.t)
	defer l.mm.MmapReadUnlock(l.t)
	var s []byte
	for v := l.mm.Tree.Find(l.t, 0); v != nil; v = l.mm.Tree.Find(l.t, v.End(l.t)) {
		s = append(s, map[bool]byte{true: 'f', false: '-'}[v.AnonVMA(l.t) != nil])
	}
	return string(s)
}

// wantLayout fails the test unless the VMAs are these.
func (l *lab) wantLayout(want string) {
	l.tb.Helper()
	if got := l.layout(l.mm); got != want {
		l.tb.Errorf("layout %q, expected %q", got, want)
	}
}

// wantErrno fails the test unless err is the errno, 0 for none.
func (l *lab) wantErrno(err error, want linux.Errno, what string) {
	l.tb.Helper()
	if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
		l.tb.Errorf("%s: %v, expected errno %d (%v)", what, err, int(want), want)
	}
}

// run runs tasks of the machine one step at a time, as turn says. It fails the test unless they come to their end.
func (l *lab) run(turn exploretest.Turn, bodies ...func(*task.Task)) exploretest.Result {
	l.tb.Helper()
	var made []*task.Task
	res, err := exploretest.Run(turn, exploretest.World{Bodies: bodies, New: func(_ int, name string) *task.Task {
		made = append(made, l.m.NewTask(name))
		return made[len(made)-1]
	}})
	l.do(err)
	for _, t := range made {
		l.m.EndTask(t)
	}
	return res
}
