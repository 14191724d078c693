// Package trace is one execution as data: what each step did, with the names of what it accessed, who is blocked, and what the
// address spaces were before and after.
//
// A [Recorder] makes a trace while the execution runs, because a name means something only at that moment: the explorer tells
// it of every step, and a [Namer] has the names. A renderer, to a drawing, a graph or lines of JSON, needs nothing
// but this package. [Write] and [Read] keep traces in files.
package trace

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"vmasim/internal/task"
)

// Origin is the program and the schedule that an execution is of.
type Origin struct {
	Scenario string   `json:"scenario"` // its name
	Title    string   `json:"title"`
	Rules    string   `json:"rules"`
	Schedule string   `json:"schedule"`
	Dropped  []string `json:"dropped"` // what of the scenario the schedule goes without
}

// Trace is one execution in the words of a reader.
type Trace struct {
	Origin
	Tasks    []string         `json:"tasks"` // in the order of the world
	Steps    []Step           `json:"steps"`
	Objects  []Object         `json:"objects"`
	Before   []Map            `json:"before"`  // the address spaces when the threads begin
	Between  []Change         `json:"between"` // what they were at the steps that change them
	After    []Map            `json:"after"`   // and where the trace ends
	Lives    []Life           `json:"lives"`
	Holdings []Holding        `json:"holdings"`
	Queued   []Queued         `json:"queued"`
	Graces   []Grace          `json:"grace_periods"`
	Entries  []EntryChange    `json:"entries"` // of page tables; those before the first step are of step 0
	Blocked  []Blocked        `json:"blocked"`
	Next     []Next           `json:"next,omitempty"` // what the tasks are about to do where the schedule ends before they do
	Finally  []Performed      `json:"finally"`        // the statements of finally that were performed
	Start    []string         `json:"start"`          // the oracles violated before the threads had taken a step
	End      []string         `json:"end"`            // those violated when all was over, in no statement
	Ending   Ending           `json:"ending"`
	Passed   []Passed         `json:"passed"`
	Violated []task.Violation `json:"violated"` // where it ended
	Outcome  string           `json:"outcome"`  // if it finished
	Diverged *Divergence      `json:"diverged,omitempty"`
}

// Oracle returns the name of what was violated: an oracle, or how the execution ended.
func (t *Trace) Oracle() string {
	if len(t.Violated) > 0 {
		return t.Violated[0].Oracle
	}
	return t.Ending.Oracle()
}

// Step is one step of an execution.
type Step struct {
	Record
	Size        uintptr `json:"size,omitempty"`        // of a bulk access, in bytes; 0: one cell
	Shared      bool    `json:"shared,omitempty"`      // tasks affect each other through it
	Interrupted bool    `json:"interrupted,omitempty"` // a fatal signal ended its wait
}

// Record is what a step did, to the bit.
type Record struct {
	Summary
	Kind       task.Kind  `json:"kind"`
	Order      task.Order `json:"order"`
	Addr       Address    `json:"address"` // of the cell
	Old        uint64     `json:"raw_old"`
	New        uint64     `json:"raw_new"`
	Stack      []string   `json:"stack"`                // kernel functions, outermost first
	Enabled    []string   `json:"enabled"`              // who could have gone on instead, in order
	Choices    []Decision `json:"choices,omitempty"`    // what was decided in it besides, in order
	Target     string     `json:"target,omitempty"`     // whom it wakes up
	Violations []string   `json:"violations,omitempty"` // the oracles of what it violated
}

// Decision is a decision besides scheduling: one of several values, of which 0 is what normally happens.
type Decision struct {
	Choice task.Choice `json:"choice"`
	Value  int         `json:"value"`
	Of     int         `json:"of"` // how many there are
}

func (d Decision) String() string {
	if d.Value < 2 {
		return string(d.Choice)
	}
	return fmt.Sprintf("%s %d", d.Choice, d.Value)
}

// Summary is what a reader needs to know of a step.
type Summary struct {
	Number    int      `json:"step"` // from 1
	Task      string   `json:"task"`
	Statement string   `json:"statement"` // that it belongs to, "" outside any
	Func      string   `json:"function"`  // the kernel function it belongs to
	Op        task.Op  `json:"operation"`
	Cell      string   `json:"cell"`             // what it accesses, "" for what has no name of its own
	Was       string   `json:"old"`              // the value seen, "" where the cell has none
	Is        string   `json:"new"`              // the value left
	From      int      `json:"from"`             // the step that wrote the value seen; 0: init did, or this task, unless it is a word of memory
	Missed    int      `json:"missed,omitempty"` // the step of a later store to the cell that it does not see, or that it comes before; 0: there is none
	Notes     []string `json:"notes,omitempty"`  // what was born, freed or chosen
}

// Address is where a cell lies.
type Address uintptr

// MarshalText implements [encoding.TextMarshaler].
func (a Address) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%#x", uintptr(a)), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *Address) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		return fmt.Errorf("%q is no address", text)
	}
	*a = Address(n)
	return nil
}

// Writes reports whether the step changed its cell, or its lock.
func (s *Step) Writes() bool {
	switch s.Op.Info().Kind {
	case task.Read, task.Wait:
		return false
	case task.RMW, task.Try:
		return s.Old != s.New
	}
	return true
}

// Reads reports whether the step only saw a value.
func (s *Step) Reads() bool { return s.Op.Info().Kind == task.Read }

// Updates reports whether the step saw a value and may have left another.
func (s *Step) Updates() bool { return s.Op.Info().Kind == task.RMW }

// Tries reports whether the step takes a lock if that is free.
func (s *Step) Tries() bool { return s.Op.Info().Kind == task.Try }

// Waits reports whether the step is one that goes on when a condition holds.
func (s *Step) Waits() bool { return s.Op.Info().Kind == task.Wait }

// Wakes reports whether the step makes a waiting task look again.
func (s *Step) Wakes() bool { return s.Op.Info().Kind == task.Wake }

// Maps reports whether the step wrote something that says what is mapped: a node of the tree, or the place, the rights or the anon_vma of a VMA.
func (s *Step) Maps() bool {
	if !s.Writes() {
		return false
	}
	_, field, _ := strings.Cut(s.Cell, ".")
	switch field {
	case "mm_mt", "slots", "vm_start", "vm_end", "vm_flags", "anon_vma":
		return true
	}
	return strings.HasPrefix(s.Cell, "node#")
}

// Word reports whether the step is a statement's own access to a word of memory: what a load loads, or a store stores.
func (s *Step) Word() bool {
	return len(s.Stack) == 1 && s.Size == 0 && strings.Contains(s.Cell, ".word[")
}

// Performed is a statement of finally and what came of it. It comes after all steps.
type Performed struct {
	Text       string   `json:"statement"`
	Result     string   `json:"result"`
	From       int      `json:"from"` // the step that wrote what a load has read; 0: none did
	Violations []string `json:"violations,omitempty"`
}

// Object is memory that the trace names.
type Object struct {
	Name string `json:"name"` // vma#1
	Is   string `json:"is"`   // what it is and where
}

// Map is what an address space maps.
type Map struct {
	Name  string   `json:"name"`
	As    string   `json:"as"`    // in the names of its cells: mm
	Lines []string `json:"lines"` // in words, one for each area
	Areas []Area   `json:"areas"`
}

// Area is what the tree of an address space holds for a range.
type Area struct {
	VMA     string  `json:"vma"`
	Start   Address `json:"start"`
	End     Address `json:"end"`
	Place   string  `json:"place"`              // where it lies, in the words of the scenario: A..A+8K
	Rights  string  `json:"rights"`             // rw-p
	Itself  string  `json:"itself,omitempty"`   // where the VMA says that it lies, if not where the tree has it
	AnonVMA string  `json:"anon_vma,omitempty"` // of its pages
	Pages   []Page  `json:"pages,omitempty"`    // that are present
}

// Page is a page that is present.
type Page struct {
	At       Address `json:"at"`
	Frame    int     `json:"frame"` // of memory
	Writable bool    `json:"writable,omitempty"`
}

// Change is a step after which the tree, or a VMA in it, is another than before.
type Change struct {
	Step   int   `json:"step"`
	Spaces []Map `json:"spaces"`
}

// SameAreas reports whether areas are the same, whatever pages are present.
func SameAreas(a, b []Area) bool {
	return slices.EqualFunc(a, b, func(a, b Area) bool {
		a.Pages, b.Pages = nil, nil
		return reflect.DeepEqual(a, b)
	})
}

// Blocked is a task that cannot go on, and why.
type Blocked struct {
	Task  string   `json:"task"`
	Op    task.Op  `json:"operation"`
	Cell  string   `json:"cell"`
	Func  string   `json:"function"`
	Slept bool     `json:"slept,omitempty"` // the condition that it sleeps for holds: its wake-up was lost
	Spins bool     `json:"spins,omitempty"` // it is not blocked but goes round a loop that changes nothing
	Why   []string `json:"why"`             // who has what it waits for
}

// Next is the step that a task would take next.
type Next struct {
	Task    string     `json:"task"`
	Stack   []string   `json:"stack"` // kernel functions, outermost first, which is the statement
	Op      task.Op    `json:"operation"`
	Order   task.Order `json:"order"`
	Cell    string     `json:"cell"`
	Func    string     `json:"function"`
	Enabled bool       `json:"enabled"`
	Why     []string   `json:"why,omitempty"`   // who has what it waits for
	Holds   []string   `json:"holds,omitempty"` // the locks and read sections that the task has
}

// Statement returns the statement that the step belongs to, "" outside any.
func (n *Next) Statement() string {
	if len(n.Stack) == 0 {
		return ""
	}
	return n.Stack[0]
}

// Passed is a broken rule behind which the execution went on.
type Passed struct {
	Step      int            `json:"step"` // in which it was found; 0: when all steps were taken
	Violation task.Violation `json:"violation"`
}

// Divergence says that a schedule does not fit the program any more: the trace ends where it differs.
type Divergence struct {
	Step     int      `json:"step"`              // the first that differs
	Schedule string   `json:"schedule"`          // whose step it is in the schedule; "": it ends here
	Enabled  []string `json:"enabled,omitempty"` // who could go on
}

func (d *Divergence) Error() string {
	can := "nobody can go on"
	if len(d.Enabled) > 0 {
		can = "able to go on: " + strings.Join(d.Enabled, ", ")
	}
	return fmt.Sprintf("the schedule does not fit: at step %d it gives the turn to %s; %s", d.Step, d.Schedule, can)
}
