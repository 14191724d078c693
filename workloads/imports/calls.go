package imports

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// callSpec says what becomes of a call.
type callSpec struct {
	args    int  // that it has at least
	returns bool // nothing can be said of one whose result is missing
	do      func(im *importer, t *task, c *call) *badArg
}

// calls are those that the importer knows. All others are dropped.
var calls = func() map[string]callSpec {
	all := map[string]callSpec{
		"mmap":             {6, true, (*importer).mmap},
		"munmap":           {2, true, ranged(workloads.KindMunmap, nil)},
		"mprotect":         {3, true, (*importer).mprotect},
		"pkey_mprotect":    {4, true, (*importer).mprotect},
		"brk":              {1, true, (*importer).brk},
		"mremap":           {4, true, (*importer).mremap},
		"remap_file_pages": {5, true, (*importer).remapFilePages},
		"madvise":          {3, true, (*importer).madvise},
		"mlock":            {2, true, ranged(workloads.KindMlock, nil)},
		"mlock2":           {3, true, ranged(workloads.KindMlock, flagsOf)},
		"munlock":          {2, true, ranged(workloads.KindMunlock, nil)},
		"mlockall":         {1, true, (*importer).mlockall},
		"munlockall":       {0, true, (*importer).munlockall},
		"mseal":            {3, true, ranged(workloads.KindMseal, flagsOf)},
		"msync":            {3, true, ranged(workloads.KindMsync, flagsOf)},
		"mincore":          {2, true, ranged(workloads.KindMincore, nil)},
		"prlimit64":        {4, true, (*importer).prlimit},
		"setrlimit":        {2, true, (*importer).setrlimit},
		"prctl":            {1, true, (*importer).prctl},
		"open":             {2, true, opened(0, 1)},
		"openat":           {3, true, opened(1, 2)},
		"creat":            {2, true, opened(0, -1)},
		"memfd_create":     {2, true, (*importer).memfdCreate},
		"close":            {1, true, (*importer).close},
		"dup":              {1, true, (*importer).dup},
		"dup2":             {2, true, (*importer).dup},
		"dup3":             {3, true, (*importer).dup},
		"fcntl":            {2, true, (*importer).fcntl},
		"fstat":            {2, true, (*importer).fstat},
		"ftruncate":        {2, true, (*importer).ftruncate},
		"execve":           {1, true, (*importer).execve},
		"execveat":         {1, true, (*importer).execve},
		"exit":             {0, false, (*importer).exit},
		"exit_group":       {0, false, (*importer).exitGroup},
	}
	for name := range clones {
		all[name] = callSpec{0, true, (*importer).clone}
	}
	return all
}()

// clones are the calls that make a task.
var clones = map[string]bool{"clone": true, "clone3": true, "fork": true, "vfork": true}

// numberArg reads an argument as a number.
func (c *call) numberArg(i int) (uint64, *badArg) {
	if n, ok := number(c.args[i]); ok {
		return n, nil
	}
	return 0, &badArg{c.args[i], "number"}
}

// flagsArg reads an argument as names and numbers joined by "|".
func (c *call) flagsArg(i int) (uint64, *badArg) {
	if n, ok := flags(c.args[i]); ok {
		return n, nil
	}
	return 0, &badArg{c.args[i], "number, nor a name that mman.h has"}
}

// operands reads the arguments that a call begins with, one for each letter of kinds: n for a number, f for what flagsArg reads.
func (c *call) operands(kinds string) (v [5]uint64, bad *badArg) {
	for i, kind := range kinds {
		if kind == 'n' {
			v[i], bad = c.numberArg(i)
		} else {
			v[i], bad = c.flagsArg(i)
		}
		if bad != nil {
			return v, bad
		}
	}
	return v, nil
}

// ranged is a call on a range that has at most one argument more, which rest reads.
func ranged(kind workloads.Kind, rest func(s *workloads.Stmt, c *call) *badArg) func(im *importer, t *task, c *call) *badArg {
	return func(im *importer, t *task, c *call) *badArg {
		v, bad := c.operands("nn")
		if bad != nil {
			return bad
		}
		addr, length := v[0], v[1]
		s := im.begin(kind)
		s.Addr, s.Size = im.address(addr), im.expr(length)
		if rest != nil {
			if bad := rest(s, c); bad != nil {
				return bad
			}
		}
		if kind != workloads.KindMunmap {
			im.needs(t, c, addr, length)
		} else if c.result.ok() {
			t.space.forget(addr, length)
			im.place(t.space, span{addr, addr + pageUp(length)}, "", 0)
		}
		im.states(&c.result, false)
		im.emit(t)
		return nil
	}
}

func flagsOf(s *workloads.Stmt, c *call) *badArg {
	n, bad := c.flagsArg(2)
	s.Flags = int(n)
	return bad
}

// needs notes that a range must have been mapped, as a call on it succeeds.
func (im *importer) needs(t *task, c *call, addr, length uint64) {
	if !c.result.ok() || addr+length < addr {
		return
	}
	start, end := addr&^linux.PageMask, pageUp(addr+length)
	for _, gap := range t.space.seen.missing(start, end) {
		t.space.before.add(gap.start, gap.end)
	}
	t.space.seen.add(start, end)
}

func pageUp(n uint64) uint64 { return (n + linux.PageMask) &^ linux.PageMask }

// forget notes that a range is mapped no more, so that what becomes writable next to it was not written to yet.
func (s *space) forget(addr, length uint64) {
	if length < 1<<30 {
		delete(s.grown, pageUp(addr+length))
	}
}

func (im *importer) mmap(t *task, c *call) *badArg {
	v, bad := c.operands("nnff")
	if bad != nil {
		return bad
	}
	addr, length, prot, flag := v[0], v[1], v[2], v[3]
	fd, path, ok := descriptor(c.args[4])
	if !ok {
		return &badArg{c.args[4], "descriptor"}
	}
	offset, bad := c.numberArg(5)
	if bad != nil {
		return bad
	}
	s := im.begin(workloads.KindMmap)
	s.Size, s.Prot = im.expr(length), workloads.Prot(prot)
	if addr != 0 || flag&(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE) != 0 {
		s.Addr = im.address(addr)
	}
	s.Backing.Sharing = workloads.Sharing(flag & linux.MAP_TYPE)
	s.Flags = int(flag &^ (linux.MAP_TYPE | linux.MAP_ANONYMOUS | linux.MAP_DENYWRITE | linux.MAP_EXECUTABLE))
	var mapped string // the path of the file
	var huge *file    // whose huge pages may decide about the address
	placed := c.result.ok() && addr == 0 && flag&(linux.MAP_FIXED|linux.MAP_32BIT) == 0
	if flag&linux.MAP_ANONYMOUS == 0 {
		s.Backing.File = im.mapsFile(t, c, int(prot), s.Backing.Sharing, im.files.of(t.process.fds, fd, path))
		if offset != 0 {
			s.Backing.Offset = im.expr(offset)
		}
		if o := im.files.of(t.process.fds, fd, path); o != nil && c.result.ok() {
			o.file.reaches(offset + length)
			mapped = o.file.path
			if placed {
				o.file.placed(c.result.value, offset, pageUp(length))
				huge = o.file
			}
		}
	}
	im.states(&c.result, true)
	im.emit(t)
	if im.o.Search {
		im.ops[len(im.ops)-1].file = huge
	}
	if !c.result.ok() {
		return nil
	}
	at := c.result.value
	im.place(t.space, span{at, at + pageUp(length)}, mapped, offset)
	if top := at + pageUp(length); placed && t.space.top == 0 && at >= lowestBase && top > at && top <= linux.TaskSize && top%linux.PageSize == 0 {
		t.space.top = top
	}
	t.space.seen.add(at, at+pageUp(length))
	t.space.rights(at, at+pageUp(length), prot)
	if prot&linux.PROT_WRITE != 0 && length > 0 && !s.Backing.Sharing.Shared() {
		im.touch(t, at)
	}
	return nil
}

// lowestBase is the lowest address from which the search for room may begin: machine mmap-base.
const lowestBase = 1 << 30

// mapsFile returns the file that an mmap means; what is no open one stands for a bad descriptor.
func (im *importer) mapsFile(t *task, c *call, prot int, sharing workloads.Sharing, o *open) *workloads.Ref {
	if o == nil || c.result.errno == linux.EBADF {
		return &workloads.Ref{Name: im.files.closed()}
	}
	refused := c.result.errno == linux.EACCES && prot&linux.PROT_WRITE != 0
	readOnly := sharing.Shared() && (o.mode == linux.O_RDONLY || o.mode < 0 && refused)
	return &workloads.Ref{Name: im.files.use(o, readOnly)}
}

// extend touches memory that has become writable within a mapping. Where it goes on behind what became so before, it is one VMA with
// that, which has its anon_vma.
func (im *importer) extend(t *task, addr, length uint64) {
	grown := t.space.grown
	more := grown[addr]
	delete(grown, addr)
	grown[addr+length] = true
	if !more {
		im.touch(t, addr)
	}
}

// touch writes to the start of memory that has become writable.
func (im *importer) touch(t *task, addr uint64) {
	if !im.o.Touch {
		return
	}
	s := im.begin(workloads.KindTouch)
	s.Addr, s.Access = im.address(addr), linux.Write
	im.report.Touches++
	if im.o.Search {
		im.ops[len(im.ops)-1].touch = s.String()
		return
	}
	im.write(t, s.String())
}

func (im *importer) mprotect(t *task, c *call) *badArg {
	v, bad := c.operands("nnf")
	if bad != nil {
		return bad
	}
	addr, length, prot := v[0], v[1], v[2]
	if len(c.args) > 3 && string(c.args[3]) != "-1" {
		im.drop(c.line, string(c.name), "protection keys are not modelled")
		return nil
	}
	s := im.begin(workloads.KindMprotect)
	s.Addr, s.Size, s.Prot = im.address(addr), im.expr(length), workloads.Prot(prot)
	im.needs(t, c, addr, length)
	im.states(&c.result, false)
	im.emit(t)
	if c.result.ok() {
		t.space.rights(addr, addr+pageUp(length), prot)
	}
	if c.result.ok() && length > 0 && prot&linux.PROT_WRITE != 0 {
		im.extend(t, addr, pageUp(length))
	}
	return nil
}

func (im *importer) brk(t *task, c *call) *badArg {
	addr, bad := c.numberArg(0)
	if bad != nil {
		return bad
	}
	sp, end := t.space, c.result.value
	if !sp.hasHeap {
		sp.hasHeap, sp.own, sp.heap, sp.heapEnd = true, true, end, end
		if addr != 0 {
			sp.heap = min(addr, end)
		}
	}
	s := im.begin(workloads.KindBrk)
	s.Addr = im.address(addr)
	im.states(&c.result, true)
	im.emit(t)
	if addr == end && pageUp(end) > pageUp(sp.heapEnd) {
		sp.seen.add(pageUp(sp.heapEnd), pageUp(end))
		sp.rights(pageUp(sp.heapEnd), pageUp(end), linux.PROT_WRITE)
		im.extend(t, pageUp(sp.heapEnd), pageUp(end)-pageUp(sp.heapEnd))
	} else if end < sp.heapEnd {
		delete(sp.grown, pageUp(sp.heapEnd))
		if pageUp(end) > pageUp(sp.heap) {
			sp.grown[pageUp(end)] = true
		}
	}
	sp.heapEnd = end
	return nil
}

func (im *importer) mremap(t *task, c *call) *badArg {
	v, bad := c.operands("nnnf")
	if bad != nil {
		return bad
	}
	addr, length, size, flag := v[0], v[1], v[2], v[3]
	s := im.begin(workloads.KindMremap)
	s.Addr, s.Size, s.NewSize, s.Flags = im.address(addr), im.expr(length), im.expr(size), int(flag)
	if len(c.args) > 4 {
		to, bad := c.numberArg(4)
		if bad != nil {
			return bad
		}
		s.To = im.address(to)
	}
	im.needs(t, c, addr, length)
	im.states(&c.result, true)
	im.emit(t)
	if c.result.ok() {
		t.space.seen.add(c.result.value, c.result.value+pageUp(size))
		var prot uint64
		if t.space.writable.holds(addr) {
			prot |= linux.PROT_WRITE
		}
		if t.space.executable.holds(addr) {
			prot |= linux.PROT_EXEC
		}
		t.space.rights(c.result.value, c.result.value+pageUp(size), prot)
		im.replaced(t.space, span{addr, addr + pageUp(length)}, span{c.result.value, c.result.value + pageUp(size)})
		t.space.forget(addr, length)
	}
	return nil
}

func (im *importer) remapFilePages(t *task, c *call) *badArg {
	v, bad := c.operands("nnfff")
	if bad != nil {
		return bad
	}
	addr, length := v[0], v[1]
	s := im.begin(workloads.KindRemapFilePages)
	s.Addr, s.Size, s.Prot, s.Value, s.Flags = im.address(addr), im.expr(length), workloads.Prot(v[2]), im.expr(v[3]), int(v[4])
	im.needs(t, c, addr, length)
	im.states(&c.result, false)
	im.emit(t)
	return nil
}

func (im *importer) madvise(t *task, c *call) *badArg {
	v, bad := c.operands("nnf")
	if bad != nil {
		return bad
	}
	addr, length, advice := v[0], v[1], v[2]
	if advice == linux.MADV_COLLAPSE {
		im.drop(c.line, "madvise", "huge pages are not modelled")
		return nil
	}
	s := im.begin(workloads.KindMadvise)
	s.Addr, s.Size, s.Advice = im.address(addr), im.expr(length), int(advice)
	im.needs(t, c, addr, length)
	im.states(&c.result, false)
	im.emit(t)
	return nil
}

func (im *importer) mlockall(t *task, c *call) *badArg {
	flag, bad := c.flagsArg(0)
	if bad != nil {
		return bad
	}
	im.begin(workloads.KindMlockall).Flags = int(flag)
	im.states(&c.result, false)
	im.emit(t)
	return nil
}

func (im *importer) munlockall(t *task, c *call) *badArg {
	im.begin(workloads.KindMunlockall)
	im.states(&c.result, false)
	im.emit(t)
	return nil
}

// resources are those that setrlimit of the language knows.
var resources = map[uint64]bool{linux.RLIMIT_AS: true, linux.RLIMIT_DATA: true, linux.RLIMIT_STACK: true, linux.RLIMIT_MEMLOCK: true}

func (im *importer) prlimit(t *task, c *call) *badArg {
	if pid := string(c.args[0]); pid != "0" && pid != fmt.Sprint(t.tid) {
		im.drop(c.line, "prlimit64", "of another process")
		return nil
	}
	return im.limit(t, c, c.args[1], c.args[2])
}

func (im *importer) setrlimit(t *task, c *call) *badArg { return im.limit(t, c, c.args[0], c.args[1]) }

func (im *importer) limit(t *task, c *call, resource, value []byte) *badArg {
	which, _ := constant(resource)
	current, ok := field(value, "rlim_cur")
	switch {
	case !ok || !c.result.ok():
		im.drop(c.line, string(c.name), "it sets no limit")
		return nil
	case !resources[which]:
		im.drop(c.line, string(c.name), "a limit of something else than memory")
		return nil
	}
	n, ok := product(current)
	if !ok {
		return &badArg{current, "number"}
	}
	s := im.begin(workloads.KindSetrlimit)
	if s.Limit = int(which); n != ^uint64(0) {
		s.Size = im.expr(n)
	}
	im.emit(t)
	return nil
}

func (im *importer) prctl(t *task, c *call) *badArg {
	option, _ := constant(c.args[0])
	switch {
	case string(c.args[0]) == "PR_SET_VMA":
		im.drop(c.line, "prctl", "names of memory are not modelled: VMAs with different names may become one")
		return nil
	case option != linux.PR_SET_MDWE && option != linux.PR_SET_MEMORY_MERGE || len(c.args) < 2:
		im.drop(c.line, "prctl", "it leaves the layout as it is")
		return nil
	}
	value, bad := c.flagsArg(1)
	if bad != nil {
		return bad
	}
	s := im.begin(workloads.KindPrctl)
	s.Option, s.Value = int(option), im.expr(value)
	im.states(&c.result, false)
	im.emit(t)
	return nil
}
