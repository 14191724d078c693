package trace

import (
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/task"
)

// Life is the life of an object in memory: of each VMA, and of all else that a step has freed, or made where something lay before.
type Life struct {
	Name   string  `json:"name"` // vma#1
	Type   string  `json:"type"`
	Born   int     `json:"born"`            // the step; 0: before the first
	Freed  int     `json:"freed"`           // the step; 0: it lives where the trace ends
	After  string  `json:"after,omitempty"` // the life before it in the same memory
	Phases []Phase `json:"phases"`          // of a VMA, in order
}

// Phase is a part of the life of a VMA.
type Phase struct {
	Is   string `json:"is"`
	From int    `json:"from"` // the step that began it; 0: before the first
}

// The phases of a VMA.
const (
	Made     = "made"     // and not attached yet
	Attached = "attached" // readers may lock it
	Detached = "detached" // readers may have found it before
	Waits    = "waits"    // for a grace period, after which it is freed
)

// Held is a lock, a reference or a read section that a task has.
type Held struct {
	Lock string `json:"lock"` // a cell, a VMA, or the name of a kind of section
	Mode string `json:"mode"` // read, write, reference, readers kept out, inside
	Func string `json:"function,omitempty"`
}

func (h Held) String() string { return h.Lock + " (" + h.Mode + ")" }

// Holding is how long a task had a lock.
type Holding struct {
	Task string `json:"task"`
	Held
	From int `json:"from"` // the step that took it; 0: before the first
	To   int `json:"to"`   // the step that gave it back; 0: it is held where the trace ends
}

// Queued is how long a task waited in the queue of a lock.
type Queued struct {
	Task string `json:"task"`
	Lock string `json:"lock"`
	Mode string `json:"mode"` // in which it wants it
	From int    `json:"from"`
	To   int    `json:"to"` // the step in which it went on; 0: it waits where the trace ends
}

// Grace is something that waits for a grace period: until all read sections have ended that had begun.
type Grace struct {
	By    string   `json:"by"` // call_rcu, synchronize_rcu, rcu_barrier
	Task  string   `json:"task"`
	Func  string   `json:"function"`
	Of    string   `json:"of"`              // the sections that it waits for
	From  int      `json:"from"`            // the step that began to wait
	To    int      `json:"to"`              // the step that found it over; 0: it waits where the trace ends
	Frees []string `json:"frees,omitempty"` // the VMAs that wait in it
}

// Entry is what the page tables of an address space have for a page.
type Entry struct {
	At    Address `json:"at"`
	Place string  `json:"place"` // in the words of the scenario: A+4K
	Is    string  `json:"is"`    // page#2, "zero page", "guard marker"
	Frame int     `json:"frame"` // of memory
	Bits
}

// Bits are those of an entry that a reader asks for.
type Bits struct {
	Present  bool `json:"present,omitempty"`
	NoAccess bool `json:"no_access,omitempty"` // it maps a page that must not be accessed
	Writable bool `json:"writable,omitempty"`
	Young    bool `json:"young,omitempty"`
	Dirty    bool `json:"dirty,omitempty"`
}

// Words say what the entry is.
func (e *Entry) Words() string {
	words := e.Is
	for _, b := range []struct {
		has  bool
		word string
	}{{e.Present && !e.Writable && !e.NoAccess, "read-only"}, {e.Writable, "writable"}, {e.NoAccess, "no access"}, {e.Young, "young"}, {e.Dirty, "dirty"}} {
		if b.has {
			words += " " + b.word
		}
	}
	return words
}

// EntryChange is a step that changes an entry.
type EntryChange struct {
	Step  int    `json:"step"`
	Space string `json:"space"`
	Was   *Entry `json:"was"` // nil: it was empty
	Is    *Entry `json:"is"`  // nil: it is
}

// standing follows how things stand from step to step: what lives, who holds and awaits what, and what the page tables have.
type standing struct {
	lives    []Life
	kept     []bool // those that a trace has
	alive    map[unsafe.Pointer]int
	last     map[unsafe.Pointer]string // who lay there
	phased   []phased
	holdings []Holding
	open     map[*task.Task][]int // of the holdings
	queued   []Queued
	waiting  map[*task.Task]int // of queued, from 1
	graces   []Grace
	called   map[unsafe.Pointer][]int // callbacks that wait, by domain: of graces
	awaiting map[*task.Task][]int     // what the grace period is for that a task waits for: of graces
	ending   map[*task.Task]int       // a life that a task is about to end, or to have wait for a grace period, from 1
	stepper  *task.Task               // whose step is not settled yet
	step     int
}

// phased is a VMA that lives.
type phased struct {
	base unsafe.Pointer
	life int
}

const vmaType = "vm_area_struct"

func newStanding() standing {
	return standing{
		alive: map[unsafe.Pointer]int{}, last: map[unsafe.Pointer]string{}, open: map[*task.Task][]int{}, waiting: map[*task.Task]int{},
		ending: map[*task.Task]int{}, called: map[unsafe.Pointer][]int{}, awaiting: map[*task.Task][]int{},
	}
}

// born begins a life.
func (s *standing) born(base unsafe.Pointer, name, typ string, step int) {
	s.alive[base] = len(s.lives)
	if typ == vmaType {
		s.phased = append(s.phased, phased{base, len(s.lives)})
	}
	s.lives = append(s.lives, Life{Name: name, Type: typ, Born: step, After: s.last[base]})
	s.kept = append(s.kept, typ == vmaType || step > 0 && s.last[base] != "")
	s.last[base] = name
}

// died ends it.
func (s *standing) died(base unsafe.Pointer, step int) {
	i, ok := s.alive[base]
	if !ok {
		return
	}
	delete(s.alive, base)
	s.lives[i].Freed = step
	s.kept[i] = step > 0 // before the first step it is nothing that is told
	s.phased = slices.DeleteFunc(s.phased, func(p phased) bool { return p.base == base })
}

// settle notes what the last step has changed in what tasks hold and in which phases VMAs are. That is known when its task has come to
// its next one.
func (s *standing) settle(names Namer) {
	t := s.stepper
	if t == nil {
		return
	}
	s.stepper = nil
	s.holds(t, names.Held(t))
	for _, p := range s.phased {
		phases := &s.lives[p.life].Phases
		is := names.Phase(p.base)
		switch n := len(*phases); {
		case is == "" || n > 0 && (*phases)[n-1].Is == is:
		case is == Waits: // if that is its next step
			s.ending[t] = p.life + 1
		default:
			*phases = append(*phases, Phase{is, s.step})
		}
	}
}

// begin notes the phases before the first step.
func (s *standing) begin(names Namer) {
	for _, p := range s.phased {
		if is := names.Phase(p.base); is != "" {
			s.lives[p.life].Phases = []Phase{{is, 0}}
		}
	}
}

// holds notes what a task has now.
func (s *standing) holds(t *task.Task, now []Held) {
	var open []int
	for _, i := range s.open[t] {
		at := slices.Index(now, s.holdings[i].Held)
		if at < 0 {
			s.holdings[i].To = s.step
			continue
		}
		now = slices.Delete(slices.Clone(now), at, at+1)
		open = append(open, i)
	}
	for _, h := range now {
		open = append(open, len(s.holdings))
		s.holdings = append(s.holdings, Holding{t.Name, h, s.step, 0})
	}
	s.open[t] = open
}

// The word of a ksync.RWSem, as its events show it.
const (
	semReaders = 1<<32 - 1
	semWriter  = 1 << 32
)

// queues notes who begins and ends to wait in the queue of a lock.
func (s *standing) queues(t *task.Task, e *task.Event, lock string) {
	mode, got := "write", false
	switch e.Op {
	case task.OpDownRead:
		mode, got = "read", e.New&semReaders == e.Old&semReaders+1
	case task.OpDownWrite:
		got = e.New&semWriter != 0 && e.Old&semWriter == 0
	case task.OpMutexLock:
		got = e.Old == 0
	case task.OpRWSemWait, task.OpRWSemTry, task.OpMutexWait:
		if i := s.waiting[t]; i > 0 {
			s.queued[i-1].To = s.step
			delete(s.waiting, t)
		}
		return
	default:
		return
	}
	if !got {
		s.queued = append(s.queued, Queued{t.Name, lock, mode, s.step, 0})
		s.waiting[t] = len(s.queued)
	}
}

// awaits notes who begins and ends to wait for grace periods.
func (s *standing) awaits(t *task.Task, e *task.Event, names Namer) {
	begin := func() int {
		s.graces = append(s.graces, Grace{By: e.Op.String(), Task: t.Name, Func: e.Func, Of: names.Sections(e.Addr), From: s.step})
		return len(s.graces) - 1
	}
	ends := s.ending[t]
	delete(s.ending, t)
	switch e.Op {
	case task.OpCall:
		g := begin()
		if ends > 0 {
			l := &s.lives[ends-1]
			l.Phases = append(l.Phases, Phase{Waits, s.step})
			s.graces[g].Frees = []string{l.Name}
		}
		s.called[e.Addr] = append(s.called[e.Addr], g)
		for _, g := range s.taken(e.Addr, names) { // which this task now runs
			s.graces[g].To = s.step
		}
	case task.OpBarrier: // it waits for those that it takes over
		if over := s.taken(e.Addr, names); len(over) > 0 {
			s.awaiting[t] = append(over, begin())
		}
	case task.OpSynchronize:
		if len(s.awaiting[t]) == 0 {
			s.awaiting[t] = []int{begin()}
		}
	case task.OpGracePeriodWait:
		for _, g := range s.awaiting[t] {
			s.graces[g].To = s.step
		}
		delete(s.awaiting, t)
	}
}

// taken returns the callbacks that wait no longer: the oldest go first.
func (s *standing) taken(domain unsafe.Pointer, names Namer) []int {
	all := s.called[domain]
	n := max(0, len(all)-names.Pending(domain))
	s.called[domain] = all[n:]
	return slices.Clone(all[:n])
}

// end returns the lives that a trace has.
func (s *standing) end() (lives []Life) {
	for i := range s.lives {
		if s.kept[i] {
			lives = append(lives, s.lives[i])
		}
	}
	return lives
}

// Tables reports whether the step wrote to a page table.
func (s *Step) Tables() bool {
	table, _, _ := strings.Cut(s.Cell, "#")
	return strings.HasSuffix(table, "_table") && s.Writes()
}

// entriesChanged compares what page tables have with what they had, and returns where they differ.
func entriesChanged(step int, space string, was, is []Entry) (all []EntryChange) {
	for len(was) > 0 || len(is) > 0 {
		switch {
		case len(is) == 0 || len(was) > 0 && was[0].At < is[0].At:
			all = append(all, EntryChange{step, space, &was[0], nil})
			was = was[1:]
		case len(was) == 0 || is[0].At < was[0].At:
			all = append(all, EntryChange{step, space, nil, &is[0]})
			is = is[1:]
		default:
			if was[0] != is[0] {
				all = append(all, EntryChange{step, space, &was[0], &is[0]})
			}
			was, is = was[1:], is[1:]
		}
	}
	return all
}
