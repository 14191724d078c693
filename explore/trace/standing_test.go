package trace

import (
	"reflect"
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// stage is a world of a test: what tasks hold, in which phases VMAs are, how many callbacks wait, and what page tables have.
type stage struct {
	fieldNames
	held    map[*task.Task][]Held
	phases  map[unsafe.Pointer]string
	pending int
	entries [][]Entry
	names   map[unsafe.Pointer]string
}

func (s *stage) Held(t *task.Task) []Held              { return s.held[t] }
func (s *stage) Phase(base unsafe.Pointer) string      { return s.phases[base] }
func (s *stage) Pending(unsafe.Pointer) int            { return s.pending }
func (s *stage) Entries() [][]Entry                    { return s.entries }
func (s *stage) Name(base unsafe.Pointer) string       { return s.names[base] }
func (s *stage) Sections(domain unsafe.Pointer) string { return s.fieldNames.cells[domain] }

// TestStanding: what lasts is told by the steps that begin and end it.
func TestStanding(t *testing.T) {
	var sem, rcu, pte, vma, gone, quiet uint64
	s := &stage{
		fieldNames: fieldNames{map[unsafe.Pointer]string{unsafe.Pointer(&sem): "mm.mmap_lock", unsafe.Pointer(&rcu): "sections", unsafe.Pointer(&pte): "pte_table#1.pte[1]"}},
		held:       map[*task.Task][]Held{}, phases: map[unsafe.Pointer]string{}, names: map[unsafe.Pointer]string{unsafe.Pointer(&vma): "vma#1", unsafe.Pointer(&gone): "page#1"},
		entries: [][]Entry{{{At: 0x1000, Is: "page#1"}, {At: 0x3000, Is: "page#3"}}},
	}
	r := NewRecorder(s)
	a, b := &task.Task{Name: "a"}, &task.Task{Name: "b"}
	step := func(t *task.Task, op task.Op, addr *uint64, old, new uint64) {
		e := &task.Event{Op: op, Addr: unsafe.Pointer(addr), Old: old, New: new, Func: "f"}
		r.Before(t, e, nil)
		r.After(t, e)
	}
	vmaLayout := &task.Layout{Type: vmaType}
	r.Born(unsafe.Pointer(&vma), vmaLayout, false)
	r.Born(unsafe.Pointer(&gone), &task.Layout{Type: "page"}, false)
	s.phases[unsafe.Pointer(&vma)] = Attached
	r.Begin(func() []Map { return []Map{{Name: "main"}} })

	step(a, task.OpDownWrite, &sem, 0, semWriter) // 1: a has it
	s.held[a] = []Held{{"mm.mmap_lock", "write", "f"}}
	step(b, task.OpDownRead, &sem, semWriter, semWriter|1<<33) // 2: b waits
	s.entries = [][]Entry{{{At: 0x2000, Is: "page#2"}, {At: 0x3000, Is: "page#3", Bits: Bits{Present: true, Dirty: true}}}}
	step(a, task.OpWriteOnce, &pte, 1, 2) // 3: the entries change
	r.Died(unsafe.Pointer(&gone), true)
	s.phases[unsafe.Pointer(&vma)] = Detached
	step(a, task.OpWakeUp, &quiet, 0, 0) // 4
	s.phases[unsafe.Pointer(&vma)] = Waits
	s.pending = 1
	step(a, task.OpCall, &rcu, 0, 0)                  // 5: it waits
	step(a, task.OpUpWrite, &sem, semWriter|1<<33, 1) // 6
	s.held[a] = nil
	step(b, task.OpRWSemWait, &sem, 1, 1) // 7: b goes on
	s.held[b] = []Held{{"mm.mmap_lock", "read", "f"}}
	s.pending = 0
	step(a, task.OpBarrier, &rcu, 0, 0) // 8: takes the callback over
	step(a, task.OpSynchronize, &rcu, 1, 2)
	step(a, task.OpGracePeriodWait, &rcu, 0, 0) // 10: it is over
	delete(s.phases, unsafe.Pointer(&vma))
	r.Died(unsafe.Pointer(&vma), true)
	r.Born(unsafe.Pointer(&vma), vmaLayout, true)
	step(b, task.OpMutexLock, &quiet, 1, 1)
	step(a, task.OpSynchronize, &rcu, 2, 3) // 12
	got := r.End([]string{"a", "b"}, Truncated, nil, "")

	same := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, expected %+v", what, got, want)
		}
	}
	same("lives", got.Lives, []Life{
		{Name: "vma#1", Type: vmaType, Freed: 10, Phases: []Phase{{Attached, 0}, {Detached, 3}, {Waits, 5}}},
		{Name: "page#1", Type: "page", Freed: 3},
		{Name: "vma#1", Type: vmaType, Born: 10, After: "vma#1"},
	})
	same("holdings", got.Holdings, []Holding{
		{"a", Held{"mm.mmap_lock", "write", "f"}, 1, 6}, {"b", Held{"mm.mmap_lock", "read", "f"}, 7, 0},
	})
	same("queued", got.Queued, []Queued{{"b", "mm.mmap_lock", "read", 2, 7}, {"b", "", "write", 11, 0}})
	same("grace periods", got.Graces, []Grace{
		{By: "call_rcu", Task: "a", Func: "f", Of: "sections", From: 5, To: 10, Frees: []string{"vma#1"}},
		{By: "rcu_barrier", Task: "a", Func: "f", Of: "sections", From: 8, To: 10},
		{By: "synchronize_rcu", Task: "a", Func: "f", Of: "sections", From: 12},
	})
	var changes []string
	for _, c := range got.Entries {
		words := ""
		for _, e := range []*Entry{c.Was, c.Is} {
			if e == nil {
				words += "/-"
			} else {
				words += "/" + e.Words()
			}
		}
		changes = append(changes, string(rune('0'+c.Step))+c.Space+words)
	}
	same("entries", changes, []string{"0main/-/page#1", "0main/-/page#3", "3main/page#1/-", "3main/-/page#2", "3main/page#3/page#3 read-only dirty"})
	if h := got.Holdings[0].String(); h != "mm.mmap_lock (write)" {
		t.Error(h)
	}
}

// TestStandingBeforeTheFirstStep: an object that was made and freed before the first step is no life that is told.
func TestStandingBeforeTheFirstStep(t *testing.T) {
	var x, y uint64
	s := &stage{fieldNames: fieldNames{}, names: map[unsafe.Pointer]string{}}
	r := NewRecorder(s)
	r.Born(unsafe.Pointer(&x), &task.Layout{Type: vmaType}, false)
	r.Died(unsafe.Pointer(&x), false)
	r.Died(unsafe.Pointer(&y), false) // which nothing has told the birth of
	if got := r.End(nil, Finished, nil, ""); len(got.Lives) != 0 {
		t.Errorf("%+v", got.Lives)
	}
}
