package check

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
	"vmasim/vma"
)

// threeLocks are locks of different classes.
type threeLocks struct {
	a    ksync.RWSem
	b    ksync.Mutex
	c    ksync.SpinLock
	word ksync.Plain[uint64]
}

var threeLayout = task.Layout{Type: "three", Size: unsafe.Sizeof(threeLocks{}), Fields: []task.Field{
	{Name: "a", Offset: unsafe.Offsetof(threeLocks{}.a), Size: unsafe.Sizeof(ksync.RWSem{})},
	{Name: "b", Offset: unsafe.Offsetof(threeLocks{}.b), Size: unsafe.Sizeof(ksync.Mutex{})},
	{Name: "c", Offset: unsafe.Offsetof(threeLocks{}.c), Size: 4},
	{Name: "word", Offset: unsafe.Offsetof(threeLocks{}.word), Size: 8},
}}

func (l *lockLab) three() *threeLocks {
	x := &threeLocks{}
	l.c.Born(l.boot, unsafe.Pointer(x), &threeLayout)
	return x
}

// TestLockOrder: A before B in one task, B before C in another, C before A in the third, one after the other. Nothing ever
// waits, and yet it can.
func TestLockOrder(t *testing.T) {
	l := newLockLab(t, "", "lock-order")
	x := l.three()
	inOrder := tasktest.Schedule() // the first to its end, then the second
	l.run(inOrder, func(tk *task.Task) {
		tk.Enter("takes_ab")
		x.a.DownWrite(tk)
		x.b.Lock(tk)
		x.b.Unlock(tk)
		x.a.UpWrite(tk)
		tk.Leave()
	}, func(tk *task.Task) {
		tk.Enter("takes_bc")
		x.b.Lock(tk)
		x.c.Lock(tk)
		x.c.Unlock(tk)
		x.b.Unlock(tk)
		tk.Leave()
	}, func(tk *task.Task) {
		tk.Enter("takes_ca")
		x.c.Lock(tk)
		x.a.DownRead(tk)
		x.a.UpRead(tk)
		x.c.Unlock(tk)
		tk.Leave()
	})
	if len(l.list) != 1 {
		t.Fatalf("%d reports:\n%s", len(l.list), &l.findings)
	}
	got := l.list[0].Message
	for _, want := range []string{"c may wait for three.a while it holds three.c", "a took three.a in takes_ab", "asked for three.c in takes_bc"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if edges := l.c.Graph().Edges(); !slices.Equal(edges, []string{"three.a -> three.b", "three.b -> three.c", "three.c -> three.a"}) {
		t.Error(edges)
	}
}

// TestLockOrderOverExecutions: the two halves of a deadlock in two executions. Neither fails by itself, however often it is
// run; together they do.
func TestLockOrderOverExecutions(t *testing.T) {
	l := newLockLab(t, "", "lock-order")
	execution := func(aFirst bool) {
		l.boot = l.task(0, "boot", l.report)
		x := l.three()
		l.run(nil, func(tk *task.Task) {
			if aFirst {
				x.a.DownWrite(tk)
			}
			x.b.Lock(tk)
			if !aFirst {
				x.a.DownWrite(tk)
			}
		})
	}
	lessons := func(want ...Lesson) {
		t.Helper()
		if got := l.c.Lessons(); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
			t.Errorf("lessons %v, expected %v", got, want)
		}
	}
	const ab, ba = "three.a -> three.b", "three.b -> three.a"
	execution(true)
	lessons(Lesson{Fact: ab})
	l.want("")
	for i, want := range [][]Lesson{{{ba, []string{ab}}}, nil} {
		l.c.Reset()
		execution(i > 1)
		lessons(want...)
		l.want("")
	}

	l.c.Forget()
	l.c.Reset()
	execution(true)
	l.c.Join()
	l.c.Reset()
	execution(false)
	lessons(Lesson{Fact: ba})
	if len(l.list) != 1 || !strings.Contains(l.list[0].Message, "in execution 1") {
		t.Errorf("%s", &l.findings)
	}
	l.list = nil
	l.c.Reset()
	execution(false)
	l.want("")
}

// TestTrylockWaitsForNothing: what is tried cannot deadlock; what is waited for under it can.
func TestTrylockWaitsForNothing(t *testing.T) {
	l := newLockLab(t, "", "lock-order")
	x := l.three()
	l.run(nil, func(tk *task.Task) {
		x.a.DownWrite(tk)
		x.b.Lock(tk)
		x.b.Unlock(tk)
		x.a.UpWrite(tk)
		x.b.Lock(tk)
		x.a.DownWriteTrylock(tk)
		x.c.Lock(tk)
	})
	l.want("")
	if edges := l.c.Graph().Edges(); !slices.Contains(edges, "three.a -> three.c") || slices.Contains(edges, "three.b -> three.a") {
		t.Error(edges)
	}
}

// TestNestedLocks: two locks of one class need a reason.
func TestNestedLocks(t *testing.T) {
	for name, want := range map[string]string{"another's": "lock-order", "one's own": ""} {
		l := newLockLab(t, "", "lock-order")
		m := l.mm()
		second := l.mm()
		l.run(nil, func(tk *task.Task) {
			m.MmapWriteLock(tk)
			if name == "one's own" {
				second = new(vma.MMLock)
				second.Init(l.rcu, l.rules)
				l.c.Born(tk, unsafe.Pointer(second), vma.MMLockLayout())
			}
			second.MmapWriteLock(tk)
		})
		l.want(want)
	}
}

// TestNestedTableLocks: mremap locks two tables under mmap_lock held for writing; without it their order would matter.
func TestNestedTableLocks(t *testing.T) {
	for held, want := range map[string]string{"": "lock-order", "for reading": "lock-order", "for writing": ""} {
		l := newLockLab(t, "", "lock-order")
		m := l.mm()
		locks := new([2]ksync.SpinLock)
		for i := range locks {
			l.c.Born(l.boot, unsafe.Pointer(&locks[i]), pgtable.LockLayouts()[0])
		}
		l.run(nil, func(tk *task.Task) {
			switch held {
			case "for reading":
				m.MmapReadLock(tk)
			case "for writing":
				m.MmapWriteLock(tk)
			}
			locks[0].Lock(tk)
			locks[1].Lock(tk)
		})
		l.want(want)
	}
}

// TestVMALockOrder: mmap_lock is waited for under a VMA read lock, a writer waits for VMA locks under mmap_lock.
func TestVMALockOrder(t *testing.T) {
	l := newLockLab(t, "", "lock-order")
	m := l.mm()
	v := l.attached(m) // mmap_lock -> vma_lock comes with the next vma_start_write
	l.run(tasktest.Schedule(), func(tk *task.Task) {
		m.MmapWriteLock(tk)
		v.StartWrite(tk)
		m.MmapWriteUnlock(tk)
	}, func(tk *task.Task) {
		tk.Enter("do_swap_page")
		readLock(tk, m, v)
		m.MmapReadLock(tk)
		m.MmapReadUnlock(tk)
		v.EndRead(tk)
	})
	l.want("lock-order")
}
