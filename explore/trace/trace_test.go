package trace

import (
	"reflect"
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// fieldNames names each cell by the letter that stands for it, and objects by their type.
type fieldNames struct{ cells map[unsafe.Pointer]string }

func (n fieldNames) Restart()                   {}
func (n fieldNames) Cell(e *task.Event) string  { return n.cells[e.Addr] }
func (n fieldNames) Died(unsafe.Pointer) string { return "object is freed" }
func (n fieldNames) Objects() []Object          { return []Object{{"object", "an object"}} }
func (n fieldNames) Value(_ *task.Event, v uint64, _ unsafe.Pointer) string {
	return string(rune('0' + v))
}
func (n fieldNames) Born(_ unsafe.Pointer, l *task.Layout) string { return l.Type + " is born" }
func (n fieldNames) Blockers(t *task.Task, e *task.Event) []string {
	return []string{"b holds " + n.Cell(e)}
}
func (n fieldNames) Held(*task.Task) []Held         { return []Held{{"y", "read", ""}} }
func (n fieldNames) Name(unsafe.Pointer) string     { return "object" }
func (n fieldNames) Phase(unsafe.Pointer) string    { return "" }
func (n fieldNames) Sections(unsafe.Pointer) string { return "rcu_read_lock" }
func (n fieldNames) Pending(unsafe.Pointer) int     { return 0 }
func (n fieldNames) Entries() [][]Entry             { return nil }

// recorded is a trace with something of everything.
func recorded() (*Recorder, *Trace) {
	var x, y uint64
	r := NewRecorder(fieldNames{map[unsafe.Pointer]string{unsafe.Pointer(&x): "x", unsafe.Pointer(&y): "y"}})
	a, b := &task.Task{Name: "a"}, &task.Task{Name: "b"}
	step := func(t *task.Task, e *task.Event) {
		r.Before(t, e, []string{"a", "b"})
		r.After(t, e)
	}
	spaces := []Map{{Name: "mm", Lines: []string{"A..A+4K rw-p anon"}}}
	r.Begin(func() []Map { return spaces })
	r.Born(unsafe.Pointer(&y), &task.Layout{Type: "object"}, false)
	step(a, &task.Event{Op: task.OpWriteOnce, Addr: unsafe.Pointer(&x), Old: 0, New: 1, Func: "f"})
	r.Born(unsafe.Pointer(&y), &task.Layout{Type: "object"}, true)
	step(b, &task.Event{Op: task.OpReadOnce, Addr: unsafe.Pointer(&x), Old: 1, New: 1})
	r.PassedOver(task.Violation{Oracle: "race", Message: "both", Task: "b"})
	step(b, &task.Event{Op: task.OpWakeUp, Addr: unsafe.Pointer(&y), Target: a})
	r.Violated([]task.Violation{{Oracle: "lost", Message: "it is lost", Task: "b"}})
	r.Chosen(Decision{Choice: task.AllocFails, Value: 1, Of: 2})
	r.Next(b, &task.Event{Op: task.OpMutexWait, Addr: unsafe.Pointer(&x), Func: "g"}, false)
	r.Blocked(a, &task.Event{Op: task.OpMutexWait, Addr: unsafe.Pointer(&y)}, true, false)
	r.Late()
	e := &task.Event{Op: task.OpReadOnce, Addr: unsafe.Pointer(&x), Old: 1}
	r.Read(e)
	r.Performed("load A", "1", true)
	r.Violated([]task.Violation{{Oracle: "unexpected-result", Stmt: "load A", Seen: "load A = 1"}, {Oracle: "leak"}})
	spaces = []Map{{Name: "mm", Lines: []string{}}}
	r.Over()
	spaces = []Map{{Name: "mm", Lines: []string{"later"}}}
	r.Over()
	t := r.End([]string{"a", "b"}, Violated, []task.Violation{{Oracle: "lost", Message: "it is lost", Task: "b"}}, "<out>")
	t.Diverged = &Divergence{Step: 4, Schedule: "b", Enabled: []string{"a"}}
	return r, t
}

func TestRecorder(t *testing.T) {
	r, got := recorded()
	for i, s := range got.Steps {
		if s.Number != i+1 {
			t.Errorf("step %d has the number %d", i+1, s.Number)
		}
	}
	first, second, third := &got.Steps[0], &got.Steps[1], &got.Steps[2]
	if !first.Writes() || !first.Shared || !reflect.DeepEqual(first.Notes, []string{"object is born"}) || first.Was != "0" || first.Is != "1" {
		t.Errorf("first %+v", first)
	}
	if !second.Reads() || second.From != 1 || !reflect.DeepEqual(second.Notes, []string{"race, and on"}) {
		t.Errorf("second %+v", second)
	}
	if !third.Wakes() || third.Target != "a" || !reflect.DeepEqual(third.Violations, []string{"lost"}) || !reflect.DeepEqual(third.Notes, []string{"chosen: alloc-fails"}) {
		t.Errorf("third %+v", third)
	}
	if f := got.Finally; len(f) != 1 || f[0].From != 1 || len(f[0].Violations) != 1 || !reflect.DeepEqual(got.End, []string{"leak"}) {
		t.Errorf("finally %+v, end %v", f, got.End)
	}
	if b := got.Blocked; len(b) != 1 || b[0].Cell != "y" || !b[0].Slept || b[0].Why[0] != "b holds y" {
		t.Errorf("blocked %+v", b)
	}
	if n := got.Next; len(n) != 1 || n[0].Cell != "x" || n[0].Enabled || n[0].Why[0] != "b holds x" || n[0].Holds[0] != "y (read)" || n[0].Statement() != "" {
		t.Errorf("next %+v", n)
	}
	if len(got.After[0].Lines) != 0 {
		t.Errorf("after %+v", got.After)
	}
	r.Restart()
	if again := r.End(nil, Violated, []task.Violation{{Oracle: "early"}}, ""); len(again.Steps) != 0 || !reflect.DeepEqual(again.Start, []string{"early"}) {
		t.Errorf("after a restart: %+v", again)
	}
}

// TestBetween: the address spaces are noted at the steps that change what is mapped, whatever pages are present, and only before the execution
// goes wrong.
func TestBetween(t *testing.T) {
	var end, other uint64
	r := NewRecorder(fieldNames{map[unsafe.Pointer]string{unsafe.Pointer(&end): "vma#1.vm_end", unsafe.Pointer(&other): "vma#1.vm_refcnt"}})
	a := &task.Task{Name: "a"}
	area, looks := Area{VMA: "vma#1", Start: 0x1000, End: 0x3000}, 0
	r.Begin(func() []Map {
		looks++
		return []Map{{Name: "mm", Areas: []Area{area}}}
	})
	step := func(addr *uint64, op task.Op) {
		e := &task.Event{Op: op, Addr: unsafe.Pointer(addr), Old: 1, New: 2}
		r.Before(a, e, nil)
		r.After(a, e)
	}
	step(&end, task.OpWriteOnce) // changes nothing
	area.Pages = []Page{{At: 0x1000}}
	step(&end, task.OpWriteOnce)
	area.End = 0x2000
	step(&other, task.OpWriteOnce)
	step(&end, task.OpReadOnce)
	if looks != 3 {
		t.Errorf("the address spaces are looked at %d times, expected 3", looks)
	}
	step(&end, task.OpWriteOnce)
	r.Over()
	area.End = 0x1000
	step(&end, task.OpWriteOnce)
	got := r.End([]string{"a"}, Finished, nil, "").Between
	if len(got) != 1 || got[0].Step != 5 || got[0].Spaces[0].Areas[0].End != 0x2000 {
		t.Errorf("changes %+v, expected one at step 5", got)
	}
}
