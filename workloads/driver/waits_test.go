package driver

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"vmasim/fault"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// lab is a machine with two metered tasks.
type lab struct {
	m  *mm.Machine
	mm *mm.MM
	r  *run
	w  [2]*worker
}

func newLab(t *testing.T) *lab {
	t.Helper()
	rs, err := rules.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{}
	if l.m, err = fault.NewMachine(mm.Config{Rules: rs, Memory: 16 << 20, Report: func(v task.Violation) { t.Error(v) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.m.Close() })
	l.r = &run{machine: l.m, epoch: time.Now()}
	l.r.meters = newMeters(l.m, l.r.epoch)
	for i := range l.w {
		l.w[i] = &worker{run: l.r, sampler: sampler{uint64(i + 1)}}
		l.w[i].Task = l.m.NewTask(string(rune('a' + i)))
		l.w[i].startMeter(l.r.meters)
		l.w[i].ended.Store(true)
		l.r.measured = append(l.r.measured, l.w[i])
	}
	if l.mm, err = l.m.NewMM(l.w[0].Task, "A"); err != nil {
		t.Fatal(err)
	}
	return l
}

// beside has the second task do something, for which it has to wait, and the first end the wait once the second sleeps.
func (l *lab) beside(does func(*task.Task), end func(*task.Task)) *Result {
	done := make(chan struct{})
	go func() {
		defer close(done)
		does(l.w[1].Task)
	}()
	for !l.asked() {
		runtime.Gosched()
	}
	time.Sleep(time.Millisecond)
	end(l.w[0].Task)
	<-done
	var res Result
	l.r.measuredWaits(&res)
	return &res
}

// asked reports whether a task wants to know who has what it waits for.
func (l *lab) asked() bool {
	for i := range l.r.meters.holders {
		s := &l.r.meters.holders[i]
		s.mu.Lock()
		n := len(s.holders)
		s.mu.Unlock()
		if n > 0 {
			return true
		}
	}
	return false
}

// TestWhoWaits: a wait is counted under what is waited for, with the functions of the kernel that wait and that hold.
func TestWhoWaits(t *testing.T) {
	l := newLab(t)
	l.w[0].meter.kind, l.w[1].meter.kind = workloads.KindMprotect, workloads.KindMunmap
	l.mm.MmapWriteLock(l.w[0].Task)
	res := l.beside(func(tk *task.Task) {
		if err := l.mm.Munmap(tk, 0x10000, linux.PageSize); err != nil {
			t.Error(err)
		}
	}, l.mm.MmapWriteUnlock)
	if len(res.Waits) != 1 {
		t.Fatalf("waits %+v", res.Waits)
	}
	w := res.Waits[0]
	if w.For != "mm_struct.mmap_lock" || w.Mode != "write" || w.Count != 1 || w.Slept != 1 || w.Total < time.Millisecond || w.Max != uint64(w.Total) {
		t.Errorf("waited %+v", w)
	}
	if len(w.HeldBy) != 1 || w.HeldBy[0].Func != "mmap_write_unlock" || w.HeldBy[0].Statement != "mprotect" || w.HeldBy[0].Total != w.Total {
		t.Errorf("held by %+v", w.HeldBy)
	}
	c := res.Contention[0]
	if got := strings.Join(c.Stack, " "); got != "mmap_write_lock_killable do_munmap munmap" {
		t.Errorf("waits in %q", got)
	}
}

// TestReaderHoldsWriterUp: a fault that has a VMA is what its writer waits for.
func TestReaderHoldsWriterUp(t *testing.T) {
	l := newLab(t)
	a, b := l.w[0].Task, l.w[1].Task
	addr, err := l.mm.Mmap(b, mm.MmapArgs{Len: linux.PageSize, Prot: linux.PROT_READ | linux.PROT_WRITE, Flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS})
	if err != nil {
		t.Fatal(err)
	}
	lock := l.mm.LockVMAUnderRCU(a, addr)
	res := l.beside(func(tk *task.Task) {
		if err := l.mm.Munmap(tk, addr, linux.PageSize); err != nil {
			t.Error(err)
		}
	}, func(tk *task.Task) { l.mm.EndRead(tk, lock) })
	i := slices.IndexFunc(res.Waits, func(w Wait) bool { return w.For == "vma_lock" })
	if i < 0 || res.Waits[i].Count != 1 || len(res.Waits[i].HeldBy) != 1 || res.Waits[i].HeldBy[0].Func != "vma_refcount_put" && res.Waits[i].HeldBy[0].Func != "vma_end_read" {
		t.Errorf("waits %+v", res.Waits)
	}
}

// TestSpinClasses: a spinlock that is waited for is known by its address, or by the package that takes it.
func TestSpinClasses(t *testing.T) {
	l := newLab(t)
	m := &l.w[0].meter
	m.WaitBegins(task.OpSpinLock, task.Unclassed, unsafe.Pointer(&l.mm.Tables.PageTableLock))
	m.WaitEnds()
	m.WaitBegins(task.OpSpinLock, task.Unclassed, unsafe.Pointer(&l.m.Mem.Page(7).Lock))
	m.WaitEnds()
	var res Result
	l.r.measuredWaits(&res)
	var got []string
	for _, w := range res.Waits {
		got = append(got, w.For)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"mm_tables.page_table_lock", "pte_lock.ptl"}) {
		t.Errorf("waited for %v", got)
	}
}

// TestOneHolderOfManyWaits: those that wait for one holder all know it, and one that comes later asks anew.
func TestOneHolderOfManyWaits(t *testing.T) {
	l := newLab(t)
	var cell ksync.RWSem
	at := unsafe.Pointer(&cell)
	a, b := &l.w[0].meter, &l.w[1].meter
	first, second := a.of.ask(at), b.of.ask(at)
	if first != second {
		t.Fatal("two tasks that wait at once ask for two holders")
	}
	a.Released(at)
	if n, _ := first.known(); n == noStack {
		t.Error("the holder is not known")
	}
	if a.of.asked(at) != nil {
		t.Error("it is asked for still")
	}
	third := a.of.ask(at)
	a.of.done(at, third)
	if b.of.ask(at) == third {
		t.Error("a task that comes later asks for the holder of those that wait no more")
	}
}

// TestMeasuredRun: the waits of a run add up, holders have their part of them, and timed faults are of the kinds that the scenario makes.
func TestMeasuredRun(t *testing.T) {
	r := mustPass(t, `
init
	mmap A 64K rw private anon
thread churner * 3
	for 300ms
		mmap B 64K rw private anon
		touch B 64K write
		munmap B
thread reader
	for 300ms
		touch A 64K write
		madvise A 64K dontneed
`, Options{})
	var faults uint64
	for _, f := range r.FaultTimes {
		faults += f.Count
		if f.Page != "anon" || f.End != "ok" || f.P50 == 0 || f.Max < f.P50 {
			t.Errorf("%+v", f)
		}
	}
	if faults == 0 && r.Faults.Total > 100_000 || faults > 4+r.Faults.Total/64 {
		t.Errorf("%d of %d faults were timed", faults, r.Faults.Total)
	}
	for _, w := range r.Waits {
		var held Holder
		for _, h := range w.HeldBy {
			if h.Func == "" || h.Count == 0 {
				t.Errorf("%s: %+v", w.For, h)
			}
			held.Count += h.Count
			held.Total += h.Total
		}
		if w.Count == 0 || w.Slept > w.Count || held.Count > w.Count || held.Total > w.Total || w.P50 > w.P99 || w.P99 > w.Max {
			t.Errorf("%+v", w)
		}
	}
	var total time.Duration
	for _, c := range r.Contention {
		total += c.Total
		if len(c.Stack) == 0 || c.Count == 0 {
			t.Errorf("%+v", c)
		}
	}
	for _, w := range r.Waits {
		total -= w.Total
	}
	if total != 0 {
		t.Errorf("what is told by place and what is told by lock differ by %v", total)
	}
}

// TestPathOf names how a fault was handled.
func TestPathOf(t *testing.T) {
	for want, moved := range map[string][]task.Counter{
		pathVMALock: {task.VMALockSuccess}, pathMmap: {task.PgFaultMmapLock, task.VMALockAbort}, pathRetry: {task.PgFaultMmapLock, task.VMALockRetry},
	} {
		var before, after task.Counters
		for _, c := range moved {
			after[c]++
		}
		if got := pathOf(&before, &after); got != want {
			t.Errorf("%v: %s, expected %s", moved, got, want)
		}
	}
}
