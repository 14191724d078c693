package check

import (
	"strings"
	"testing"
	"unsafe"

	"vmasim/fault"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// frameLab is two tasks, watched, with memory and page tables.
type frameLab struct {
	findings
	tb     testing.TB
	access *ksync.Domain
	mem    *phys.Memory
	tables *pgtable.Tables
	a, b   *task.Task
}

func newFrameLab(tb testing.TB, names ...string) *frameLab {
	tb.Helper()
	l := &frameLab{tb: tb, access: ksync.NewDomain(task.SlotAccess)}
	var err error
	if l.c, err = New(l.report, names...); err != nil {
		tb.Fatal(err)
	}
	if l.mem, err = phys.New(phys.MinSize); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.mem.Close(); err != nil {
			tb.Error(err)
		}
	})
	l.a, l.b = l.task(0, "a"), l.task(1, "b")
	if l.tables, err = pgtable.New(l.a, l.mem, l.access); err != nil {
		tb.Fatal(err)
	}
	l.c.Start()
	return l
}

func (l *frameLab) task(id int, name string) *task.Task {
	t := task.New(id, name, l.report)
	l.access.Register(t)
	t.Observer = watching{l.c}
	return t
}

// mapPage makes a page and maps it at an address.
func (l *frameLab) mapPage(t *task.Task, addr uint64) (phys.PFN, pgtable.Slot) {
	l.tb.Helper()
	slot, err := l.tables.Alloc(t, addr)
	if err != nil {
		l.tb.Fatal(err)
	}
	pfn, err := l.mem.AllocZeroed(t)
	if err != nil {
		l.tb.Fatal(err)
	}
	slot.Lock(t)
	slot.Set(t, pgtable.Make(pfn, pgtable.ReadWrite))
	slot.Unlock(t)
	return pfn, slot
}

// load is a memory access.
func (l *frameLab) load(t *task.Task, addr uint64) {
	l.access.ReadLock(t)
	if slot, ok := l.tables.Find(t, addr); ok {
		if pte := slot.Get(t); !pte.None() {
			l.mem.Word(pte.PFN(), 8).ReadOnce(t)
		}
	}
	l.access.ReadUnlock(t)
}

func (l *frameLab) want(names, text string) {
	l.tb.Helper()
	if got := l.names(); got != names || !strings.Contains(l.String(), text) {
		l.tb.Errorf("oracles %q spoke, expected %q with %q\n%s", got, names, text, l)
	}
	l.list = nil
}

// unmap empties an entry, waits for tasks that have seen it, and frees the page.
func (l *frameLab) unmap(t *task.Task, slot pgtable.Slot, flush bool) {
	slot.Lock(t)
	pte := slot.GetAndClear(t)
	slot.Unlock(t)
	if flush {
		l.access.Synchronize(t)
	}
	l.mem.Put(t, pte.PFN())
}

// TestPageUsedAfterFree: a task that has found a page may use it until the TLB is flushed, and not longer.
func TestPageUsedAfterFree(t *testing.T) {
	l := newFrameLab(t, "use-after-free")
	pfn, slot := l.mapPage(l.a, 0)
	l.load(l.b, 0)
	l.want("", "")
	l.unmap(l.a, slot, false)
	l.mem.Word(pfn, 8).ReadOnce(l.b)
	l.want("use-after-free", "page#1 (freed).word[1] is read by READ_ONCE")
	l.mem.Word(pfn, 16).WriteOnce(l.b, 1)
	l.want("use-after-free", "page#1 (freed).word[2] is written")
	again, err := l.mem.Alloc(l.a)
	if err != nil || again != pfn {
		t.Fatal(again, err)
	}
	l.mem.Copy(l.a, again, l.mem.ZeroPage())
	l.want("", "")
	l.mem.Put(l.a, again)
	l.mem.Copy(l.a, l.mem.ZeroPage(), again)
	l.want("use-after-free", "is read by copy_page from")
}

// TestTableUsedAfterFree: page tables go after a grace period.
func TestTableUsedAfterFree(t *testing.T) {
	l := newFrameLab(t, "use-after-free")
	slot, err := l.tables.Alloc(l.a, 0)
	if err != nil {
		t.Fatal(err)
	}
	slot.Get(l.b)
	l.tables.FreeRange(l.a, 0, linux.PageSize, 0, 0)
	slot.Get(l.b)
	l.want("", "")
	l.access.Barrier(l.a)
	slot.Get(l.b)
	l.want("use-after-free", "pte_table#1 (freed).pte[0] is read")
}

// TestPageFilledWhileInUse: a page that becomes another one without a flush of the TLB is filled while its old user is at it.
func TestPageFilledWhileInUse(t *testing.T) {
	for _, flush := range []bool{true, false} {
		l := newFrameLab(t, "data-race")
		first, slot := l.mapPage(l.a, 0)
		l.load(l.b, 0)
		l.unmap(l.a, slot, flush)
		again, _ := l.mapPage(l.a, linux.PageSize)
		if again != first {
			t.Fatal("another frame")
		}
		l.load(l.b, linux.PageSize)
		if flush {
			l.want("", "")
		} else {
			l.want("data-race", "write to page#2 of 4096 bytes by task a")
		}
	}
}

// TestPageUsedBeforeFilled: who finds a page other than through an entry may see it half filled.
func TestPageUsedBeforeFilled(t *testing.T) {
	l := newFrameLab(t, "data-race")
	pfn, _ := l.mapPage(l.a, 0)
	l.mem.Word(pfn, 0).ReadOnce(l.b)
	l.want("data-race", "read of page#1 of 4096 bytes by task b")
	l.mem.Copy(l.b, l.mem.ZeroPage(), pfn)
	l.want("data-race", "page#1")
}

// TestEntryWrittenUnderItsLock: the lock of an entry is that of its table.
func TestEntryWrittenUnderItsLock(t *testing.T) {
	l := newFrameLab(t, "lock-rule")
	_, slot := l.mapPage(l.a, 0)
	_, other := l.mapPage(l.a, pgtable.PMDSize)
	slot.Set(l.a, 0) // no other task has come near, but nothing says that it could not have
	l.load(l.b, 0)
	l.want("lock-rule", "pte_table#1 is found by b, and nothing orders that after what its maker, a, did")
	slot.Lock(l.a)
	slot.Set(l.a, 0)
	slot.Unlock(l.a)
	slot.Lock(l.b)
	slot.WrProtect(l.b)
	slot.Modify(l.b, pgtable.ReadOnly)
	slot.Unlock(l.b)
	l.want("", "")
	slot.Set(l.a, 0)
	l.want("lock-rule", "pte_table#1.pte[0] is written (smp_store_release")
	other.Lock(l.b)
	slot.Set(l.b, 0)
	l.want("lock-rule", "who holds nothing; allowed under: PTE lock, or not yet visible")
	other.Unlock(l.b)
}

// TestUpperEntries: entries that refer to tables are made under a lock, and emptied by a task that holds mmap_lock when no other can
// reach what they refer to.
func TestUpperEntries(t *testing.T) {
	l := newFrameLab(t, "lock-rule")
	mm := new(vma.MMLock)
	l.c.Born(l.a, unsafe.Pointer(mm), vma.MMLockLayout())
	l.mapPage(l.a, 0)
	l.load(l.b, 0)
	l.mapPage(l.b, pgtable.PMDSize)
	mm.MmapReadLock(l.a)
	l.tables.FreeRange(l.a, pgtable.PMDSize, 2*pgtable.PMDSize, pgtable.PMDSize, 0)
	mm.MmapReadUnlock(l.a)
	l.want("", "")
	l.tables.FreeRange(l.b, 0, linux.PageSize, 0, 0)
	l.want("lock-rule", "pmd_table#1.pmd[0] is written")
}

// TestAnonVMACounts: the counts of an anon_vma change under the lock of its root.
func TestAnonVMACounts(t *testing.T) {
	c, err := New(nil, "lock-rule")
	if err != nil {
		t.Fatal(err)
	}
	l := newMachineLab(t, "", c)
	l.mmap(l.boot, 0, 1, rw, privateAnon)
	l.store(l.boot, 0)
	anon := l.mm.Tree.Lookup(l.boot, at(0)).AnonVMA(l.boot)
	l.list = nil // boot looks without a lock
	l.run(nil, func(t *task.Task) {
		anon.Lock(t)
		anon.AddActive(t, 0)
		anon.Unlock(t)
		if len(l.list) > 0 {
			l.tb.Error(l)
		}
		anon.AddActive(t, 0)
	})
	if got := l.names(); got != "lock-rule" || !strings.Contains(l.String(), "anon_vma#1.num_active_vmas is read") {
		t.Errorf("%q %s", got, l)
	}
}

// TestLostAnonVMA: without the write lock that keeps faults out, a fault can find that the VMA has lost its anon_vma.
func TestLostAnonVMA(t *testing.T) {
	c, err := New(nil, "no-anon-vma")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for k := range 8 { // munmap has let faults go on; the fault publishes an anon_vma; munmap takes it away
		for j := range 20 {
			l := newMachineLab(t, "linux-6.18,-detach-waits", c)
			l.mmap(l.boot, 0, 1, rw, privateAnon)
			l.run(turns(8, 17, 3, 12+k, 55+j, 500), func(t *task.Task) { fault.Store(t, l.mm, at(0), 1) }, func(t *task.Task) { l.munmap(t, 0, 1) })
			found = found || slicesHas(l.list, "no-anon-vma")
		}
	}
	if !found {
		t.Error("not found")
	}
}
