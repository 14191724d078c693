package check

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/lockorder"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
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

// orderLab is a lockLab whose locks have a declared order.
func orderLab(t *testing.T, order string) *lockLab {
	t.Helper()
	l := newLockLab(t, "", "lock-order")
	declared, err := lockorder.Parse("three.a: rwsem, a\nthree.b: mutex, b\nthree.c: spinlock, c\n" + order)
	if err != nil {
		t.Fatal(err)
	}
	l.c.order = newLockOrder(declared)
	return l
}

// TestLockOrder: what the declaration does not say is reported in the one execution that does it, whatever others do.
func TestLockOrder(t *testing.T) {
	takes := map[string]func(x *threeLocks, tk *task.Task){
		"a, b": func(x *threeLocks, tk *task.Task) { x.a.DownRead(tk); x.b.Lock(tk) },
		"b, a": func(x *threeLocks, tk *task.Task) { x.b.Lock(tk); x.a.DownRead(tk) },
		"a, c": func(x *threeLocks, tk *task.Task) { x.a.DownWrite(tk); x.c.Lock(tk) },
		"b, c": func(x *threeLocks, tk *task.Task) { x.b.Lock(tk); x.c.Lock(tk) },
	}
	const outOfOrder = "locks out of order: a may wait for "
	for _, c := range []struct{ order, takes, want string }{
		{"three.a < three.b < three.c", "a, b", ""},
		{"three.a < three.b < three.c", "a, c", ""},
		{"three.a < three.b < three.c", "b, a", outOfOrder + "three.a while it holds three.b; the order is three.a < three.b"},
		{"three.b < three.a < three.c", "a, b", outOfOrder + "three.b while it holds three.a; the order is three.b < three.a"},
		{"three.a < three.b, three.c", "b, c", outOfOrder + "three.c while it holds three.b; no order of the two is declared"},
	} {
		l := orderLab(t, c.order)
		x := l.three()
		l.run(nil, func(tk *task.Task) {
			tk.Enter("takes_both")
			defer tk.Leave()
			takes[c.takes](x, tk)
		})
		if c.want == "" {
			l.want("")
			continue
		}
		if len(l.list) != 1 || !strings.HasPrefix(l.list[0].Message, c.want+"\n") || strings.Count(l.list[0].Message, "in takes_both") != 2 {
			t.Errorf("%s, taken %s: %s", c.order, c.takes, &l.findings)
		}
	}
}

// TestUndeclaredLock: a lock that the declaration lacks may be taken alone, and neither under another nor around one.
func TestUndeclaredLock(t *testing.T) {
	for _, outer := range []bool{false, true} {
		l := newLockLab(t, "", "lock-order")
		x, m := l.three(), l.mm()
		l.run(nil, func(tk *task.Task) {
			x.b.Lock(tk)
			if !outer {
				x.b.Unlock(tk)
			}
			m.MmapWriteLock(tk)
			if !outer {
				x.b.Lock(tk)
			}
		})
		if len(l.list) != 1 || !strings.Contains(l.list[0].Message, "three.b has no place in the declared order") {
			t.Errorf("%s", &l.findings)
		}
	}
}

// TestOrderIsReportedOnce: two orders are two reports, the same one again is none until the next execution.
func TestOrderIsReportedOnce(t *testing.T) {
	l := orderLab(t, "three.a < three.b < three.c")
	wrong := func(x *threeLocks) func(tk *task.Task) {
		return func(tk *task.Task) {
			x.c.Lock(tk)
			for range 2 {
				x.b.Lock(tk)
				x.b.Unlock(tk)
				x.a.DownRead(tk)
				x.a.UpRead(tk)
			}
		}
	}
	for range 2 {
		l.boot = l.task(0, "boot", l.report)
		l.list = nil
		l.run(nil, wrong(l.three()))
		if len(l.list) != 2 {
			t.Errorf("%s", &l.findings)
		}
		l.c.Reset()
	}
}

// TestTrylockWaitsForNothing: what is tried cannot deadlock; what is waited for under it can.
func TestTrylockWaitsForNothing(t *testing.T) {
	l := orderLab(t, "three.a < three.b, three.c")
	x := l.three()
	l.run(nil, func(tk *task.Task) {
		x.b.Lock(tk)
		x.a.DownWriteTrylock(tk)
		l.want("")
		x.b.Unlock(tk)
		x.c.Lock(tk)
		l.want("")
		x.b.Lock(tk)
	})
	l.want("lock-order")
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
				second.Init(l.rcu, l.rules, l.cache)
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

// TestVMALockOrder: who has a VMA read-locked may not wait for mmap_lock, though no writer comes.
func TestVMALockOrder(t *testing.T) {
	l := newLockLab(t, "", "lock-order")
	m := l.mm()
	v := l.attached(m)
	l.run(exploretest.Schedule(), func(tk *task.Task) {
		m.MmapWriteLock(tk)
		m.StartWrite(tk, v)
		m.MmapWriteUnlock(tk)
	}, func(tk *task.Task) {
		tk.Enter("do_swap_page")
		readLock(tk, m, v)
		m.MmapReadLock(tk)
		m.MmapReadUnlock(tk)
		endRead(tk, m, v)
	})
	if !strings.Contains(l.String(), "mm_struct.mmap_lock < mm_struct.mmap_lock/1 < vma_lock") {
		t.Errorf("%s", &l.findings)
	}
	l.want("lock-order")
}

// notShown are the declared orders that no execution here shows.
var notShown = []string{
	"global.dup_mmap_sem < mm_struct.mmap_lock", // only beside uprobes, as the next three beside ksm, uprobes and swapoff
	"mm_struct.mmap_lock/1 < global.ksm_mmlist_lock",
	"mm_struct.mmap_lock < global.uprobes_treelock",
	"pte_lock.ptl/1 < global.mmlist_lock",
}

// outOfMemory reads a page of a file when no frame is left.
func outOfMemory(l *machineLab) []func(*task.Task) {
	l.mapFile(0, linux.MAP_SHARED)
	return []func(*task.Task){func(t *task.Task) {
		var all []phys.PFN
		for len(all) <= l.m.Mem.Stats().FramesTotal {
			pfn, err := l.m.Mem.Alloc(t)
			if err != nil {
				break
			}
			all = append(all, pfn)
		}
		if _, err := l.file.Page(t, 0); err == nil {
			l.tb.Error("there was a frame left")
		}
		l.m.Mem.PutAll(t, all)
	}}
}

// TestLearnedOrders learns the orders in which real operations take locks, as what breaks a declaration that allows none. Each must
// be declared; and each that is declared must be shown, or be among notShown.
func TestLearnedOrders(t *testing.T) {
	c, err := New(nil, "lock-order")
	if err != nil {
		t.Fatal(err)
	}
	declared := lockorder.Declared()
	var names strings.Builder
	for _, class := range declared.Classes() {
		names.WriteString(class.Name + ": rwsem, " + class.Doc + "\n")
	}
	none, err := lockorder.Parse(names.String())
	if err != nil {
		t.Fatal(err)
	}
	c.order = newLockOrder(none)
	learned := map[[2]int]bool{}
	programs := maps.Clone(machinePrograms)
	programs["out of memory"] = outOfMemory
	for _, program := range programs {
		for seed := range uint64(5) {
			l := newMachineLab(t, "", c)
			l.run(exploretest.Random(seed), program(l)...)
			for _, pair := range c.order.reported {
				learned[[2]int{int(pair[0]), int(pair[1])}] = true
			}
		}
	}
	all := declared.Classes()
	for pair := range learned {
		if !declared.Before(pair[0], pair[1]) {
			t.Errorf("%s < %s is not declared", all[pair[0]].Name, all[pair[1]].Name)
		}
	}
	for outer := range all {
		for _, inner := range declared.Next(outer) {
			line := all[outer].Name + " < " + all[inner].Name
			if shown := learned[[2]int{outer, inner}]; shown == slices.Contains(notShown, line) {
				t.Errorf("%s: shown %v", line, shown)
			}
		}
	}
}
