package task

import (
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func TestEnterLeave(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Enter("unseen")
	tk.Leave()
	tk.Leave()
	tk.Observer = &observerLog{}
	tk.Leave() // without Enter
	if tk.Func() != "" {
		t.Errorf("in %q", tk.Func())
	}
	tk.Enter("do_vmi_munmap")
	tk.Enter("vms_gather_munmap_vmas")
	if tk.Func() != "vms_gather_munmap_vmas" || !slices.Equal(tk.Stack(), []string{"do_vmi_munmap", "vms_gather_munmap_vmas"}) {
		t.Errorf("in %v", tk.Stack())
	}
	tk.Leave()
	if tk.Func() != "do_vmi_munmap" {
		t.Errorf("in %q", tk.Func())
	}
}

func TestViolate(t *testing.T) {
	var got Violation
	tk := New(0, "faulter", func(v Violation) { got = v })
	tk.Violate("wrong-vma", "address %#x", 0x1000)
	if want := "wrong-vma: address 0x1000 (faulter)"; got.String() != want {
		t.Errorf("%q, want %q", got, want)
	}
	tk.Observer = &observerLog{}
	tk.Enter("vma_start_read")
	tk.Violate("wrong-vma", "x")
	if want := "wrong-vma: x (faulter in vma_start_read)"; got.String() != want {
		t.Errorf("%q, want %q", got, want)
	}
	defer func() {
		if v, ok := recover().(string); !ok || !strings.Contains(v, "wrong-vma") {
			t.Errorf("without a reporter: %v", v)
		}
	}()
	New(0, "t", nil).Violate("wrong-vma", "x")
}

type lastChoice struct{ NoObserver }

func (lastChoice) Choose(_ *Task, _ Choice, n int) int { return n - 1 }

func TestChoose(t *testing.T) {
	tk := New(0, "t", nil)
	if tk.Choose(AllocFails, 2) != 0 {
		t.Error("without an observer something fails")
	}
	tk.Observer = NoObserver{}
	if tk.Choose(AllocFails, 2) != 0 {
		t.Error("without one that decides something fails")
	}
	tk.Observer = lastChoice{}
	if tk.Choose(AllocFails, 3) != 2 {
		t.Error("the observer was not asked")
	}
}

func TestAnnouncements(t *testing.T) {
	var log observerLog
	tk, other := New(0, "t", nil), New(1, "other", nil)
	var cell, a, b int
	tk.Waking(unsafe.Pointer(&cell), other) // no observer listens
	tk.Born(unsafe.Pointer(&cell), nil)
	tk.Died(unsafe.Pointer(&cell))
	tk.Observer = &log
	tk.Waking(unsafe.Pointer(&cell), other)
	tk.Born(unsafe.Pointer(&cell), nil)
	tk.Died(unsafe.Pointer(&cell))
	tk.Begin(OpXchg, unsafe.Pointer(&cell))
	tk.EndPointer(unsafe.Pointer(&a), unsafe.Pointer(&b))
	tk.BeginRange(OpClearPage, unsafe.Pointer(&cell), 8)
	tk.End(0, 0)
	tk.BeginWhen(OpSpinLock, unsafe.Pointer(&cell), func() bool { return true })
	tk.End(0, 1)
	if len(log.after) != 4 || log.after[0].Target != other || log.after[0].Op != OpWakeUp {
		t.Fatalf("announced %+v", log.after)
	}
	if e := log.after[1]; e.OldPtr != unsafe.Pointer(&a) || e.NewPtr != unsafe.Pointer(&b) || e.New != uint64(uintptr(unsafe.Pointer(&b))) {
		t.Errorf("pointers: %+v", e)
	}
	if e := log.after[2]; e.Op != OpClearPage || e.Size != 8 {
		t.Errorf("a range: %+v", e)
	}
	if e := log.after[3]; e.OldPtr != nil || e.Size != 0 || e.Target != nil || e.Enabled == nil || e.New != 1 {
		t.Errorf("something of an earlier event is left: %+v", e)
	}
	if len(log.born) != 1 || len(log.died) != 1 {
		t.Errorf("lives: %v, %v", log.born, log.died)
	}
}

func TestSectionsHaveCacheLinesOfTheirOwn(t *testing.T) {
	if size := unsafe.Sizeof(Section{}); size != 128 {
		t.Errorf("a section has %d bytes", size)
	}
	end := unsafe.Offsetof(Task{}.killed) + unsafe.Sizeof(Task{}.killed)
	if gap := unsafe.Offsetof(Task{}.Sections) - end; gap < 64 {
		t.Errorf("%d bytes between the task's own data and its sections", gap)
	}
}

// idleCPU counts what is asked of it.
type idleCPU struct{ sleeps, wakes int }

func (c *idleCPU) Sleep(woken <-chan struct{}) { c.sleeps++; <-woken }
func (c *idleCPU) Wake()                       { c.wakes++ }

// TestCPU: a task that waits gives its CPU up, and who wakes it tells the CPU.
func TestCPU(t *testing.T) {
	c := &idleCPU{}
	tk := New(3, "t", nil)
	tk.CPU = c
	looks := 0
	err := tk.Await(OpLoadAcquire, nil, Long, func() bool {
		if looks++; looks == 1 {
			tk.Unpark() // a wake-up that comes before the sleep ends it
		}
		return looks == 3 // once more before it sleeps
	})
	if err != nil || c.sleeps != 1 || c.wakes != 1 || len(tk.wake) != 0 {
		t.Errorf("error %v, %d sleeps, %d wake-ups, %d left", err, c.sleeps, c.wakes, len(tk.wake))
	}
	if tk.Processor != 3 {
		t.Errorf("a task with a CPU of its own uses the data of CPU %d", tk.Processor)
	}
}
