package imports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"vmasim/workloads"
)

// importer reads a log and writes what each task of it does.
type importer struct {
	o       Options
	placing bool // some faults are told by the file and the offset
	in      *lineReader
	tasks   map[int]*task
	all     []*task         // in the order in which they appear
	busy    []*task         // of these, those that have performed a statement
	names   map[string]bool // of tasks and address spaces
	clock   int             // counts the ends of calls
	spaces  []*space
	files   files
	report  Report

	call   call
	joined []byte // a call whose line was interrupted
	last   *task  // of the line before

	faulted int // of Options.Faults, those that lie behind

	ops []*op // that wait for their order; only where that is searched

	stmt  workloads.Stmt // scratch: the statement that is written
	exprs [6]workloads.Expr
	used  int // of exprs
	want  workloads.Expect
}

// task is a thread of a recorded program.
type task struct {
	tid     int
	name    string
	process *process
	space   *space // that it is in
	begins  *space // that it was in at first
	out     bytes.Buffer
	depth   int    // of the block that it writes to
	enters  *space // that its next statement is in, in a block of its own; nil: the same
	stmts   int    // that it has written

	pending  bool // a call has begun
	name0    []byte
	begun    []byte // its arguments
	line     int    // where it began
	children int    // that it has made in this call
	gone     bool
	order    place
}

// process is what threads have in common, beside memory.
type process struct{ fds *descriptors }

// space is an address space.
type space struct {
	name       string
	forked     bool
	users      int // processes in it
	heap       uint64
	hasHeap    bool // heap is where that begins
	own        bool // it states its heap, as no parent has
	heapEnd    uint64
	top        uint64 // the end of the first mapping that the kernel placed; 0: none yet
	seen       ranges // that the log has mapped
	before     ranges // that must have been there before it
	writable   ranges // where a touch is a write
	executable ranges
	placed     places // where files are mapped, where a fault tells an offset
	grown      map[uint64]bool
	fresh      bool // nothing was done in it yet
}

// Strace makes a scenario of a log of strace. The error is a [SyntaxError] where the log cannot be read.
func Strace(log io.Reader, o Options) (*Import, error) {
	o.Touch = o.Touch && o.Faults == nil
	im := &importer{o: o, in: newLineReader(o.Name, log), tasks: map[int]*task{}}
	im.report.Faults = o.Faults != nil
	im.placing = slices.ContainsFunc(o.Faults, func(f Fault) bool { return f.In != "" })
	im.spaces = []*space{im.newSpace(workloads.MainMM)}
	im.files.byPath = map[string]*file{}
	im.areas(o.Maps)
	for i := range o.Maps {
		a := &o.Maps[i]
		im.spaces[0].seen.add(a.Start, a.End)
		im.spaces[0].rights(a.Start, a.End, uint64(a.Prot))
		im.place(im.spaces[0], span{a.Start, a.End}, a.Name, a.Offset)
	}
	for {
		line, err := im.in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = im.read(line)
		}
		if err != nil {
			return nil, err
		}
	}
	im.report.Lines = im.in.no
	for _, t := range im.all {
		if t.pending {
			im.drop(t.line, string(t.name0), "the log does not tell how it ended")
		}
	}
	if im.report.Statements == 0 {
		return nil, mistake(o.Name, max(im.in.no, 1), 1, "no call of the memory in %d lines, expected a log of strace -f -y with mmap, munmap, brk, …", im.in.no)
	}
	im.areas(o.End)
	base := im.base()
	if o.Search {
		im.search(base)
	}
	return im.result(base), nil
}

func (im *importer) newSpace(name string) *space {
	return &space{name: name, users: 1, fresh: true, grown: map[uint64]bool{}}
}

// read takes a line in.
func (im *importer) read(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	r, where, ok := parseRecord(line)
	if !ok {
		if f := workloads.Recognize(string(line)); f != nil && len(im.all) == 0 {
			return mistake(im.o.Name, im.in.no, 1, "%s", f.Sentence(im.o.Name, "a log of strace"))
		}
		return mistake(im.o.Name, im.in.no, where+1, "no line of strace, expected a call, as strace -f -y -o FILE writes it")
	}
	switch r.kind {
	case recordExit:
		im.forget(r.tid)
		return nil
	case recordSignal, recordNotice:
		return nil
	}
	if err := im.faultsBefore(&r); err != nil {
		return err
	}
	t := im.task(r.tid)
	switch r.kind {
	case recordUnfinished:
		t.pending, t.line, t.children = true, im.in.no, 0
		t.name0, t.begun = append(t.name0[:0], r.name...), append(t.begun[:0], r.text...)
		im.begins(t)
		return nil
	case recordResumed:
		return im.resumed(t, &r)
	}
	im.begins(t)
	c := &im.call
	c.line, c.col, c.name = im.in.no, r.start+1, r.name
	t.line, t.children = im.in.no, 0
	if where, ok := c.parseCall(r.text); !ok {
		return mistake(im.o.Name, c.line, c.col+where, "%s ends too early, expected its arguments, \"=\" and what it returned", r.name)
	}
	return im.made(t, r.text)
}

// resumed joins the two halves of a call.
func (im *importer) resumed(t *task, r *record) error {
	if !t.pending {
		im.drop(im.in.no, string(r.name), "the log does not tell how it began")
		return nil
	}
	if !bytes.Equal(t.name0, r.name) {
		return mistake(im.o.Name, im.in.no, r.start+1, "%s goes on, but %s began in line %d, expected the same call", r.name, t.name0, t.line)
	}
	t.pending = false
	im.joined = append(append(im.joined[:0], t.begun...), r.text...)
	c := &im.call
	c.line, c.col, c.name = im.in.no, r.start+1-len(t.begun), t.name0
	if where, ok := c.parseCall(im.joined); !ok {
		return mistake(im.o.Name, c.line, max(c.col+where, 1), "%s ends too early, expected its arguments, \"=\" and what it returned", r.name)
	}
	return im.made(t, im.joined)
}

// made takes a whole call in.
func (im *importer) made(t *task, text []byte) error {
	c := &im.call
	im.report.Calls++
	spec, known := calls[string(c.name)]
	switch {
	case !known:
		im.drop(c.line, string(c.name), "no call of the memory")
	case !c.result.known && spec.returns:
		im.drop(c.line, string(c.name), "the log does not tell what it returned")
	case len(c.args) < spec.args:
		return mistake(im.o.Name, c.line, max(c.col, 1), "%s has %d arguments, expected %d", c.name, len(c.args), spec.args)
	default:
		if bad := spec.do(im, t, c); bad != nil {
			return mistake(im.o.Name, c.line, max(c.col+cap(text)-cap(bad.arg), 1), "%s: %q is no %s", c.name, bad.arg, bad.want)
		}
	}
	im.ends(t)
	return nil
}

// badArg is an argument that cannot be read, and what was expected.
type badArg struct {
	arg  []byte
	want string
}

// task returns the task of a line. One that no clone has told of was made by a call that goes on, or was there before.
func (im *importer) task(tid int) *task {
	if im.last != nil && im.last.tid == tid {
		return im.last
	}
	t := im.tasks[tid]
	if t == nil {
		t = im.appear(tid)
	}
	im.last = t
	return t
}

func (im *importer) appear(tid int) *task {
	for _, parent := range im.all {
		if parent.pending && parent.children == 0 && clones[string(parent.name0)] {
			return im.cloned(parent, tid, parent.begun)
		}
	}
	if len(im.all) > 0 {
		im.note("task %d was there before the log", tid)
		return im.add(tid, im.all[0].process, im.all[0].space)
	}
	return im.add(tid, &process{newDescriptors()}, im.spaces[0])
}

func (im *importer) add(tid int, p *process, s *space) *task {
	t := &task{tid: tid, name: im.unused(fmt.Sprintf("t%d", tid)), process: p, space: s, begins: s, depth: 1}
	im.tasks[tid] = t
	t.order.index = len(im.all)
	im.all = append(im.all, t)
	return t
}

// unused returns a name, or one made of it if a task or an address space has it already: numbers of tasks are used again.
func (im *importer) unused(name string) string {
	free := name
	for n := 2; im.names[free]; n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	if im.names == nil {
		im.names = map[string]bool{}
	}
	im.names[free] = true
	return free
}

// forget notes that a task has ended, so that its number may be that of another.
func (im *importer) forget(tid int) {
	if t := im.tasks[tid]; t != nil {
		t.gone = true
		delete(im.tasks, tid)
	}
	im.last = nil
}

// emit writes the statement that im.stmt is.
func (im *importer) emit(t *task) {
	im.report.Statements++
	t.space.fresh = false
	if im.o.Search {
		im.keep(t)
		return
	}
	im.ordered(t)
	im.write(t, im.stmt.String())
}

// keep has the statement that im.stmt is wait for its place in the order.
func (im *importer) keep(t *task) {
	s, r := &im.stmt, &im.call.result
	value := func(e *workloads.Expr) uint64 {
		if e == nil {
			return 0
		}
		return e.Value
	}
	o := &op{t: t, space: t.space, enters: t.enters, begin: 2 * t.line, end: 2 * im.in.no, text: s.String(), kind: s.Kind, fails: !r.ok(),
		addr: value(s.Addr), len: pageUp(value(s.Size)), newLen: pageUp(value(s.NewSize)), to: r.value, flags: s.Flags}
	switch s.Kind {
	case workloads.KindMmap:
		o.newLen, o.offset = o.len, value(s.Backing.Offset)
		o.huge = s.Backing.File == nil && !s.Backing.Sharing.Shared() && o.addr == 0 && o.len%hugePage == 0
		if o.huge {
			o.offset = 0
		}
	case workloads.KindMremap:
		o.huge, o.offset = o.newLen%hugePage == 0, 0
	case workloads.KindBrk:
		o.to, o.old = pageUp(o.to), pageUp(t.space.heapEnd)
	}
	t.enters = nil
	im.ops = append(im.ops, o)
}

// write writes a statement into a task's block.
func (im *importer) write(t *task, line string) {
	if s := t.enters; s != nil {
		t.enters = nil
		t.indented("in " + s.name)
		t.depth++
	}
	t.indented(line)
	t.stmts++
}

func (t *task) indented(line string) {
	for range t.depth {
		t.out.WriteString("    ")
	}
	t.out.WriteString(line)
	t.out.WriteByte('\n')
}

// begin makes im.stmt an empty statement of a kind.
func (im *importer) begin(kind workloads.Kind) *workloads.Stmt {
	im.used = 0
	im.stmt = workloads.Stmt{Kind: kind}
	return &im.stmt
}

// expr returns the expression of a number, which is valid until the next statement.
func (im *importer) expr(n uint64) *workloads.Expr {
	e := &im.exprs[im.used]
	im.used++
	*e = workloads.Expr{Op: workloads.ExprConst, Value: n, Hex: n >= 1<<32}
	return e
}

// address is expr for what is written as an address.
func (im *importer) address(n uint64) *workloads.Expr {
	e := im.expr(n)
	e.Hex = n != 0
	return e
}

// states has the statement state what the call returned: its error, or the value if it is one that counts.
func (im *importer) states(r *result, value bool) {
	im.want.Results = im.want.Results[:0]
	switch {
	case r.errno != 0:
		im.want.Results = append(im.want.Results, workloads.Result{Kind: workloads.ResultErrno, Errno: r.errno})
	case value:
		im.want.Results = append(im.want.Results, workloads.Result{Kind: workloads.ResultValue, Value: im.address(r.value)})
	default:
		return
	}
	im.stmt.Expect = &im.want
}
