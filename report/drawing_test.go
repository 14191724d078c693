package report

import (
	"testing"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// step makes a step of a hand-made trace.
func step(who string, op task.Op, cell, was, is string, shared bool, stack ...string) trace.Step {
	s := trace.Step{Shared: shared, Record: trace.Record{Stack: stack, Summary: trace.Summary{Task: who, Op: op, Cell: cell, Was: was, Is: is}}}
	if was != is {
		s.New = 1
	}
	if len(stack) > 0 {
		s.Statement, s.Func = stack[0], stack[len(stack)-1]
	}
	return s
}

func handMade() *trace.Trace {
	t := &trace.Trace{Tasks: []string{"r", "idle", "w"}, Steps: []trace.Step{
		step("r", task.OpSectionBegin, "", "", "", false, "lock A", "lock_vma_under_rcu"),
		step("r", task.OpLoadAcquire, "mm.mm_mt", "node#1", "node#1", false, "lock A", "lock_vma_under_rcu"),
		step("w", task.OpDownWrite, "mm.mmap_lock", "", "", true, "munmap A", "do_munmap", "mmap_write_lock"),
		step("w", task.OpWriteOnce, "vma#1.vm_lock_seq", "1", "3", true, "munmap A", "do_munmap", "vma_start_write"),
		step("r", task.OpReadOnce, "vma#1.vm_lock_seq", "3", "3", true, "lock A", "lock_vma_under_rcu", "vma_start_read"),
		step("r", task.OpDownReadTrylock, "mm.mmap_lock", "", "", true, "lock A"),
		step("r", task.OpWakeUp, "mm.vma_writer_wait", "", "", false, "lock A"),
		step("w", task.OpSlabFree, "", "", "", false, "munmap A", "vm_area_free"),
	}}
	for i := range t.Steps {
		t.Steps[i].Number = i + 1
	}
	t.Steps[4].From = 4
	t.Steps[6].Target = "w"
	t.Steps[7].Notes = []string{"vma#1 is freed"}
	t.Steps[7].Violations = []string{"double-free"}
	t.Blocked = []trace.Blocked{{Task: "r", Op: task.OpRWSemWait, Slept: true, Cell: "mm.mmap_lock"}}
	return t
}

func TestDraw(t *testing.T) {
	want := `     r                                                  w
     ------------------------------------------------   ------------------------------------------
     lock A
       lock_vma_under_rcu()
         … 2 steps: mas_walk
                                                        munmap A
                                                          do_munmap()
                                                            mmap_write_lock()
 3                                                            down_write mm.mmap_lock
                                                            vma_start_write()
 4                                                            WRITE_ONCE vma#1.vm_lock_seq  1 -> 3
         vma_start_read()
 5         READ_ONCE vma#1.vm_lock_seq  = 3  (from 4)
 6     down_read_trylock mm.mmap_lock  fails
 7     rcuwait_wake_up mm.vma_writer_wait: w
                                                          vm_area_free()
 8                                                          kmem_cache_free
                                                              vma#1 is freed
                                                            *** double-free ***
       *** sleeps on: rwsem wait mm.mmap_lock ***
`
	if got := draw(handMade(), false); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

// TestDrawFull: every step has its row.
func TestDrawFull(t *testing.T) {
	made := handMade()
	d := &drawing{trace: made, full: true}
	for i := range made.Steps {
		if !d.shows(i) {
			t.Errorf("step %d is left out", i+1)
		}
	}
	made.Steps = nil
	made.Blocked = nil
	if got := draw(made, true); got == "" {
		t.Error("no steps, no drawing")
	}
}

func TestStepText(t *testing.T) {
	failed := step("a", task.OpRefIncNotZero, "vma#1.vm_refcnt", "0", "0", true)
	interrupted := step("a", task.OpMutexWait, "lock#1", "", "", true)
	interrupted.Interrupted = true
	for want, s := range map[string]trace.Step{
		"refcount_inc_not_zero vma#1.vm_refcnt  = 0, unchanged": failed,
		"__refcount_dec_and_test vma#1.vm_refcnt  2 -> 1":       step("a", task.OpRefDecAndTest, "vma#1.vm_refcnt", "2", "1", true),
		"mutex wait lock#1  interrupted":                        interrupted,
		"smp_load_acquire mm.mm_mt  = object#1":                 step("a", task.OpLoadAcquire, "mm.mm_mt", "object#1", "object#1", true),
		"rcu_read_lock":                                         step("a", task.OpSectionBegin, "", "", "", true),
	} {
		if got := stepText(&s); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}
