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
	for _, c := range []struct {
		look Look
		want string
	}{
		{Look{}, `
     r                                          w
     ----------------------------------------   --------------------------------------------
                                                munmap A
                                                 do_munmap()
 3                                                mmap_write_lock() down_write mmap_lock
 4                                                vma_start_write() vma#1.vm_lock_seq 1 -> 3
     lock A
      lock_vma_under_rcu()
       … 2 steps: mas_walk
       vma_start_read()
 5      vma#1.vm_lock_seq = 3 (from 4)
 6    down_read_trylock mmap_lock fails
 7    rcuwait_wake_up vma_writer_wait: w
                                                 vm_area_free()
 8                                                kmem_cache_free: vma#1 is freed
                                                  *** double-free ***
      *** sleeps on: rwsem wait mmap_lock ***
`},
		{Look{Width: 80}, `
   A r
   C                 w
   -----------------------------------------------------------------
   C                 munmap A
   C                  do_munmap()
 3 C                   mmap_write_lock() down_write mmap_lock
 4 C                   vma_start_write() vma#1.vm_lock_seq 1 -> 3
   A lock A
   A  lock_vma_under_rcu()
   A   … 2 steps: mas_walk
 5 A   vma_start_read() vma#1.vm_lock_seq = 3 (from 4)
 6 A  down_read_trylock mmap_lock fails
 7 A  rcuwait_wake_up vma_writer_wait: w
 8 C                  vm_area_free() kmem_cache_free: vma#1 is freed
   C                  *** double-free ***
   A  *** sleeps on: rwsem wait mmap_lock ***
`},
		{Look{Full: true}, `
     r                                             w
     -------------------------------------------   -------------------------------------------
     lock A
      lock_vma_under_rcu()
 1     rcu_read_lock
 2     smp_load_acquire mm.mm_mt = node#1
                                                   munmap A
                                                    do_munmap()
 3                                                   mmap_write_lock() down_write mm.mmap_lock
                                                     vma_start_write()
 4                                                    WRITE_ONCE vma#1.vm_lock_seq 1 -> 3
       vma_start_read()
 5      READ_ONCE vma#1.vm_lock_seq = 3 (from 4)
 6    down_read_trylock mm.mmap_lock fails
 7    rcuwait_wake_up mm.vma_writer_wait: w
                                                    vm_area_free()
 8                                                   kmem_cache_free: vma#1 is freed
                                                     *** double-free ***
      *** sleeps on: rwsem wait mm.mmap_lock ***
`},
	} {
		if got := "\n" + draw(handMade(), c.look); got != c.want {
			t.Errorf("%+v: got%s\nexpected%s", c.look, got, c.want)
		}
	}
}

// TestStepText: values tell what was done to a cell, and an operation is named that they do not tell of.
func TestStepText(t *testing.T) {
	failed := step("a", task.OpRefIncNotZero, "vma#1.vm_refcnt", "0", "0", true)
	interrupted := step("a", task.OpMutexWait, "lock#1", "", "", true)
	interrupted.Interrupted = true
	one := &trace.Trace{Before: make([]trace.Map, 1)}
	for _, c := range []struct {
		of          *trace.Trace
		step        trace.Step
		short, full string
	}{
		{one, failed, "vma#1.vm_refcnt = 0, unchanged", "refcount_inc_not_zero vma#1.vm_refcnt = 0, unchanged"},
		{one, step("a", task.OpRefDecAndTest, "vma#1.vm_refcnt", "2", "1", true), "vma#1.vm_refcnt 2 -> 1", "__refcount_dec_and_test vma#1.vm_refcnt 2 -> 1"},
		{one, interrupted, "mutex wait lock#1 interrupted", "mutex wait lock#1 interrupted"},
		{one, step("a", task.OpDownReadTrylock, "mm.mmap_lock", "1", "1", true), "down_read_trylock mmap_lock fails", "down_read_trylock mm.mmap_lock fails"},
		{one, step("a", task.OpLoadAcquire, "mm.mm_mt", "object#1", "object#1", true), "mm_mt = object#1", "smp_load_acquire mm.mm_mt = object#1"},
		{&trace.Trace{Before: make([]trace.Map, 2)}, step("a", task.OpReadOnce, "mm.mm_lock_seq", "1", "1", true), "mm.mm_lock_seq = 1", "READ_ONCE mm.mm_lock_seq = 1"},
		{one, step("a", task.OpSectionBegin, "", "", "", true), "rcu_read_lock", "rcu_read_lock"},
	} {
		for want, look := range map[string]Look{c.short: {}, c.full: {Full: true}} {
			if got := plainBlanks(stepText(c.of, &c.step, look)); got != want {
				t.Errorf("%q, expected %q", got, want)
			}
		}
	}
}
