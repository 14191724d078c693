package workloads

import (
	"fmt"
	"iter"
	"time"

	"vmasim/internal/linux"
)

// MainMM is the address space that every scenario has.
const MainMM = "main"

// Scenario is a parsed scenario file in which every name is resolved.
type Scenario struct {
	Name   string // built-in name, or the file's base name without .vma
	File   string // as positions give it
	Dir    string // where relative paths of its files start; set by [Load]
	Source []byte // its text; set by [Load]
	Title  string // first line of the description
	Doc    string // the rest of it

	Rules    *Rules
	Seed     *Number
	Memory   *Number // bytes of the arena
	MMs      []*MM   // MMs[0] is main
	Files    []*File
	Limits   []*Limit
	Machine  []*MachineSetting
	Window   *Window // nil: the address spaces begin empty
	May      []*Choice
	Model    *MemoryModel // nil: every load sees the latest store
	Show     *Show        // nil: every oracle ends an execution
	Schedule *Schedule    // nil: none is stated

	Init      *Block // nil if absent
	Threads   []*Thread
	Finally   *Block // nil if absent
	Questions []*Question
	Verdicts  []*Verdict

	Barriers []string // by index
	Awaited  []Awaited
}

// Rules is the operand of "rules", as written but without spaces.
type Rules struct {
	Pos  Pos
	Spec string
}

// Show is what exploring is to show: an execution goes on behind all other oracles.
type Show struct {
	Pos     Pos
	Oracles []string
}

// MemoryModel is what loads may see. The language knows no more of it than its name.
type MemoryModel struct {
	Pos  Pos
	Name string
}

// Schedule is one interleaving, as explore prints it. The language knows no more of it.
type Schedule struct {
	Pos  Pos
	Text string
}

// Number is a number that a declaration states.
type Number struct {
	Pos   Pos
	Value uint64
}

// MM is an address space.
type MM struct {
	Pos  Pos
	Name string
	// Forked: some fork statement names it, so it does not exist until one
	// runs. All others exist, empty, when init starts.
	Forked bool
}

// File is a file that can be mapped.
type File struct {
	Pos     Pos
	Name    string
	Path    string // real file; "" for others
	Again   *Ref   // a file declared above, opened once more
	Mode    int    // linux.O_RDONLY, O_WRONLY, O_RDWR; of a temporary file always the last
	Memory  bool   // temporary file: in memory (memfd_create), not in the folder for temporary files
	Size    uint64 // temporary file, in bytes
	Pattern bool   // temporary file: the 8-byte word at offset n holds n
	Sealed  bool   // file in memory: no longer writable (F_SEAL_WRITE)
	Hooks   bool   // temporary file: its owner has hooks for the mappings of it
	Disk    bool   // temporary file: taken for one of ext4, wherever it lies
	Special Special
}

// Special is what a file is that has no bytes of its own.
type Special uint8

// The special files; 0 is none.
const (
	SpecialZero   Special = 1 + iota // /dev/zero
	SpecialPipe                      // the reading end of a pipe
	SpecialClosed                    // no file at all: a descriptor that is not open
)

// Temporary tells that the file is made for the run.
func (f *File) Temporary() bool { return f.Path == "" && f.Again == nil && f.Special == 0 }

// Limit sets a limit of the kernel.
type Limit struct {
	Pos   Pos
	Kind  LimitKind
	Value uint64
}

// Window is the part of the address space that is free to begin with: everything else is taken by inaccessible mappings, which
// count against no limit.
type Window struct {
	Pos        Pos
	Base, Size uint64
}

// DefaultWindowBase is where a window begins if nothing is said.
const DefaultWindowBase = 0x200000000000

// Choice is a decision that the explorer may take either way.
type Choice struct {
	Pos  Pos
	Name string
}

// Block is a list of statements that a task runs.
type Block struct {
	Pos  Pos
	Name string // init, finally or the thread's name
	Body []*Stmt

	// Regions names the regions the block can see by [Ref.Index]: first init's,
	// which all blocks share, then its own.
	Regions []string
	// Generators counts the places in it that draw addresses.
	Generators int

	stream uint64 // keeps the draws of different blocks apart
}

// Thread is a block that Count tasks run at once.
type Thread struct {
	Block
	MM         Ref
	Count      int
	Multiplied bool // "* N" was written
	// Background: each of its loops ends after the pass in which the last
	// thread that is not background has ended.
	Background bool
}

// Instance names the n-th task of the thread, counted from 0.
func (t *Thread) Instance(n int) string {
	if t.Multiplied {
		return fmt.Sprintf("%s/%d", t.Name, n)
	}
	return t.Name
}

// Ref is a name resolved to its index: of a region in [Block.Regions], of a
// file, address space, thread or barrier in the [Scenario].
type Ref struct {
	Pos   Pos
	Name  string
	Index int
}

// Prot is a set of linux.PROT_ flags.
type Prot int

// Sharing is the type of a mapping, of those in linux.MAP_TYPE: linux.MAP_PRIVATE and the like.
type Sharing int

// Shared reports whether who maps the same bytes sees what is stored.
func (s Sharing) Shared() bool { return s == linux.MAP_SHARED || s == linux.MAP_SHARED_VALIDATE }

func (s Sharing) String() string { return wordOrNumber(sharingWords, s) }

func (p Prot) String() string { return wordOrNumber(protWords, p) }

// Stmt is a statement. Which fields count depends on its Kind.
type Stmt struct {
	Pos     Pos
	Kind    Kind
	Awaited int32  // an after names it: its place in Scenario.Awaited, from 1 on
	Weight  uint64 // as a choice of choose, else 0

	Region  *Ref  // mmap, mremap, heap: the name it binds, or nil
	Addr    *Expr // mmap: the address given, or nil
	Size    *Expr // nil: the whole region for calls on a range; one page for touch
	Value   *Expr // store, poke: the word; remap_file_pages: the page offset; prctl: the argument
	Prot    Prot
	Backing Backing
	Flags   int   // mmap: linux.MAP_ flags beside those of Backing; mremap, mlock, mlockall, mseal, msync: theirs
	Advice  int   // linux.MADV_
	NewSize *Expr // mremap
	To      *Expr // mremap: the address given, or nil
	Limit   int   // setrlimit: linux.RLIMIT_; Size is nil for no limit
	Option  int   // prctl: linux.PR_SET_
	Access  linux.Access
	MM      *Ref // fork, in; exit, maps: nil is the task's own
	Barrier *Ref
	After   *Term // after: the statement that is waited for

	Count    uint64        // repeat, sessions
	Duration time.Duration // for
	Body     []*Stmt       // repeat, for, forever, choose, in
	Picture  []*Area       // maps

	Expect *Expect // nil: must succeed
}

// Spec describes the statement's kind.
func (s *Stmt) Spec() *Spec { return &specs[s.Kind] }

// Backing is what a mapping shows: anonymous memory or a file's bytes.
type Backing struct {
	Sharing Sharing
	File    *Ref  // nil: anonymous
	Offset  *Expr // in bytes; nil: 0
}

// Area is a line of a maps picture.
type Area struct {
	Pos        Pos
	Start, End *Expr
	Hole       bool // nothing is mapped here, the rest does not count
	Prot       Prot
	Backing    Backing
}

// Question asks the explorer about all interleavings.
type Question struct {
	Pos     Pos
	Kind    Kind     // KindNever, KindExists, KindAlways
	Oracles []string // never
	Terms   []*Term  // exists, always: all of them at once
}

// Verdict states what comes of exploring the scenario under some rules: nothing, or a violation of one of Oracles. A
// question that is answered otherwise than it hopes counts as an oracle of its own: exists or always.
type Verdict struct {
	Pos     Pos
	Rules   string
	Oracles []string // none: verified
}

// Term says that statement Stmt of a thread gives a result.
type Term struct {
	Pos    Pos
	Thread Ref
	Stmt   int // 1-based, see [Block.Statement]
	Result *Expect
	// Milestone is where the statement stands in [Scenario.Awaited], for after.
	Milestone int
}

// Awaited is a statement that some after names. Those of one thread stand in the order of the text.
type Awaited struct {
	Thread int // its index
	Number int // of the statement, see [Block.Statement]
}

// Parties counts the tasks that meet at a barrier: those of all threads that
// mention it.
func (s *Scenario) Parties(barrier int) int {
	tasks := 0
	for _, t := range s.Threads {
		if t.Meets(barrier) {
			tasks += t.Count
		}
	}
	return tasks
}

// Meets reports whether the block has a statement that comes to a barrier.
func (b *Block) Meets(barrier int) bool {
	for st := range Statements(b.Body) {
		if st.Barrier != nil && st.Barrier.Index == barrier {
			return true
		}
	}
	return false
}

// Statement gives the n-th statement of the block, counted from 1 in the order
// of the text. Statements that only hold others (repeat, choose, …) do not count.
func (b *Block) Statement(n int) *Stmt {
	for st := range Statements(b.Body) {
		if st.Body != nil {
			continue
		}
		if n--; n == 0 {
			return st
		}
	}
	return nil
}

// Blocks lists init, the threads and finally, as far as there are.
func (s *Scenario) Blocks() (all []*Block) {
	if s.Init != nil {
		all = append(all, s.Init)
	}
	for _, t := range s.Threads {
		all = append(all, &t.Block)
	}
	if s.Finally != nil {
		all = append(all, s.Finally)
	}
	return all
}

// Statements visits all statements of all blocks, inner ones after the one that holds them.
func (s *Scenario) Statements(yield func(*Stmt) bool) {
	for _, b := range s.Blocks() {
		if !visit(b.Body, yield) {
			return
		}
	}
}

// Statements lists all statements of a body, inner ones after the one that holds them.
func Statements(body []*Stmt) iter.Seq[*Stmt] {
	return func(yield func(*Stmt) bool) { visit(body, yield) }
}

func visit(body []*Stmt, yield func(*Stmt) bool) bool {
	for _, st := range body {
		if !yield(st) || !visit(st.Body, yield) {
			return false
		}
	}
	return true
}
