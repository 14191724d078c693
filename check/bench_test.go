package check

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/vma"
)

// counting counts events and does nothing else.
type counting struct {
	task.NoObserver
	n int
}

func (c *counting) After(*task.Task, *task.Event) { c.n++ }

// litmus is two readers and a writer, one after the other: what the oracles cost without a scheduler.
type litmus struct {
	l     *lockLab
	m     *vma.MMLock
	v     *vma.VMA
	tasks [3]*task.Task
}

func newLitmus(tb testing.TB) *litmus {
	x := &litmus{l: newLockLab(tb, "")}
	x.m = x.l.mm()
	x.v = x.l.attached(x.m)
	for i := range x.tasks {
		x.tasks[i] = x.l.task(i+1, "t", x.l.report)
	}
	return x
}

func (x *litmus) run(o task.Observer) {
	for i, t := range x.tasks {
		t.Observer = o
		if i == 2 {
			x.m.MmapWriteLock(t)
			x.m.StartWrite(t, x.v)
			x.v.SetFlags(t, testFlags)
			x.m.MarkDetached(t, x.v)
			x.m.MarkAttached(t, x.v)
			x.m.MmapWriteUnlock(t)
			continue
		}
		for range 2 {
			readLock(t, x.m, x.v)
			x.v.Range(t)
			x.v.Flags(t)
			endRead(t, x.m, x.v)
		}
	}
}

func (x *litmus) execution(c *Checker) {
	c.Reset()
	c.Born(x.l.boot, unsafe.Pointer(x.m), vma.MMLockLayout())
	c.Born(x.l.boot, unsafe.Pointer(x.v), vma.Layout())
	c.Start()
	x.run(c)
	c.Finish()
}

// BenchmarkOracles says what an execution of some 60 events costs under each oracle, and under none.
func BenchmarkOracles(b *testing.B) {
	x := newLitmus(b)
	count := &counting{}
	x.run(count)
	events := count.n
	b.Run("none", func(b *testing.B) {
		for range b.N {
			x.run(count)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
	})
	sets := map[string][]string{"all": Names(ByWatcher), "watching": nil}
	for _, name := range []string{"use-after-free", "lock-rule", "lock-order", "data-race"} {
		sets[name] = []string{name}
	}
	for _, name := range []string{"watching", "use-after-free", "lock-rule", "lock-order", "data-race", "all"} {
		b.Run(name, func(b *testing.B) {
			c, err := New(func(v task.Violation) { b.Fatal(v) }, sets[name]...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for range b.N {
				x.execution(c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
			b.ReportMetric(float64(events), "events")
		})
	}
}

// TestNoAllocation: watching allocates nothing once it has seen as much before.
func TestNoAllocation(t *testing.T) {
	x := newLitmus(t)
	c := newAll(func(v task.Violation) { t.Error(v) })
	x.execution(c)
	if n := testing.AllocsPerRun(20, func() { x.execution(c) }); n > 0 {
		t.Errorf("%v allocations an execution", n)
	}
}
