package pgtable

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

func TestFindAlloc(t *testing.T) {
	tb, tk := newTables(t)
	addrs := []uint64{0, linux.PageSize, PMDSize, 1 << PUDShift, 1 << PGDShift, AddressLimit - linux.PageSize, benchAddr}
	for i, addr := range addrs {
		if _, ok := tb.Find(tk, addr); ok && addr != linux.PageSize {
			t.Errorf("%#x is found in empty tables", addr)
		}
		s := mustAlloc(t, tb, tk, addr)
		s.Lock(tk)
		s.Set(tk, Make(phys.PFN(i+100), ReadWrite))
		s.Unlock(tk)
	}
	for i, addr := range addrs {
		s, ok := tb.Find(tk, addr+linux.PageSize-1) // anywhere in the page
		if !ok || s.Get(tk) != Make(phys.PFN(i+100), ReadWrite) {
			t.Errorf("%#x: %v", addr, ok)
		}
		if again := mustAlloc(t, tb, tk, addr); again != s {
			t.Errorf("%#x has two slots", addr)
		}
		s.GetAndClear(tk)
	}
	// 6 PTE, 5 PMD, 4 PUD tables: the first three share their upper ones, the fourth the PUD table.
	if n := tb.TablePages(); n != 15 {
		t.Errorf("%d tables, want 15", n)
	}
}

func TestEntry(t *testing.T) {
	tb, tk := newTables(t)
	s := mustAlloc(t, tb, tk, benchAddr)
	s.Set(tk, Make(9, ReadWrite))
	if !s.CmpXchg(tk, Make(9, ReadWrite), Make(9, ReadWrite).MkDirty()) || s.CmpXchg(tk, 1, 2) {
		t.Error("CmpXchg")
	}
	s.WrProtect(tk)
	if v := s.Get(tk); v.Write() || !v.Dirty() {
		t.Errorf("write-protected: %#x", uint64(v))
	}
	if old := s.Modify(tk, ReadWriteExec); old.Write() || !s.Peek().Write() || !s.Peek().Dirty() || !s.Peek().Exec() {
		t.Errorf("modified: %#x", uint64(s.Peek()))
	}
	if v := s.GetAndClear(tk); v.PFN() != 9 || !s.Get(tk).None() {
		t.Errorf("cleared: %#x", uint64(v))
	}
}

func TestLocksArePerTable(t *testing.T) {
	tb, tk := newTables(t)
	a, b, c := mustAlloc(t, tb, tk, 0), mustAlloc(t, tb, tk, linux.PageSize), mustAlloc(t, tb, tk, PMDSize)
	if a.lock != b.lock || a.lock == c.lock {
		t.Error("want one lock per PTE table")
	}
}

// TestAllocOutOfMemory lets each of the allocations fail in turn, with an arena of which few frames are left.
// TestTrylock: the lock of a table is tried without a wait.
func TestTrylock(t *testing.T) {
	tables, tk := newTables(t)
	a, b := mustAlloc(t, tables, tk, 0x1000), mustAlloc(t, tables, tk, 0x2000)
	if !a.Trylock(tk) || b.Trylock(tk) {
		t.Error("one lock for the table: free at first, held then")
	}
	a.Unlock(tk)
	if !b.Trylock(tk) {
		t.Error("free again, and not to be had")
	}
	b.Unlock(tk)
}

func TestAllocOutOfMemory(t *testing.T) {
	for left := range 4 {
		mem := newMemory(t, phys.MinSize)
		access := ksync.NewDomain(task.SlotAccess)
		tk := newTask(t, 0, access)
		tb, err := New(tk, mem, access)
		if err != nil {
			t.Fatal(err)
		}
		var hog []phys.PFN
		for s := mem.Stats(); s.FramesInUse < s.FramesTotal-left; s = mem.Stats() {
			pfn, err := mem.Alloc(tk)
			if err != nil {
				t.Fatal(err)
			}
			hog = append(hog, pfn)
		}
		_, err = tb.Alloc(tk, benchAddr)
		if left < 3 && !errors.Is(err, linux.ENOMEM) || left == 3 && err != nil {
			t.Errorf("%d frames left: %v", left, err)
		}
		if n := tb.TablePages(); n != left {
			t.Errorf("%d frames left: %d tables", left, n)
		}
		if _, err := New(tk, mem, access); !errors.Is(err, linux.ENOMEM) {
			t.Errorf("tables without a frame: %v", err)
		}
		mem.PutAll(tk, hog)
		tb.Destroy(tk)
		access.Barrier(tk)
	}
}

func TestAllocDoesNotAllocate(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, benchAddr)
	if n := testing.AllocsPerRun(100, func() {
		s := mustAlloc(t, tb, tk, benchAddr)
		s.Lock(tk)
		s.Unlock(tk)
		_, _ = tb.Find(tk, 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// recorder notes the operations that a task announces.
type recorder struct {
	task.NoObserver
	ops []task.Op
}

func (r *recorder) Before(_ *task.Task, e *task.Event) { r.ops = append(r.ops, e.Op) }

func TestFindReadsEachLevelOnce(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, benchAddr)
	var r recorder
	tk.Observer = &r
	_, _ = tb.Find(tk, benchAddr)
	tk.Observer = nil
	if want := []task.Op{task.OpReadOnce, task.OpReadOnce, task.OpReadOnce}; !slices.Equal(r.ops, want) {
		t.Errorf("Find announces %v, want %v", r.ops, want)
	}
}

// TestInstallTakesTheRightLock sees which lock guards the making of each table.
func TestInstallTakesTheRightLock(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, 0)
	pmd := tb.table(tb.root.at(0, PGDShift).Peek()).at(0, PUDShift).Peek()
	locked := func(addr uint64) (locks []unsafe.Pointer) {
		r := lockRecorder{}
		tk.Observer = &r
		_, err := tb.Alloc(tk, addr)
		tk.Observer = nil
		if err != nil {
			t.Fatal(err)
		}
		return r.locks
	}
	mm, split := unsafe.Pointer(&tb.PageTableLock), unsafe.Pointer(tb.lock(pmd))
	if got := locked(PMDSize); !slices.Equal(got, []unsafe.Pointer{split}) {
		t.Errorf("a PTE table takes %v, want the PMD table's lock %v", got, split)
	}
	got := locked(1 << PGDShift)
	if len(got) != 3 || got[0] != mm || got[1] != mm || got[2] == mm {
		t.Errorf("three tables take %v, want twice page_table_lock %v and once another", got, mm)
	}
}

// lockRecorder notes the spinlocks that a task takes.
type lockRecorder struct {
	recorder
	locks []unsafe.Pointer
}

func (r *lockRecorder) Before(_ *task.Task, e *task.Event) {
	if e.Op == task.OpSpinLock {
		r.locks = append(r.locks, e.Addr)
	}
}

// TestConcurrentAlloc lets tasks make the tables of one range at once; each entry must exist once.
func TestConcurrentAlloc(t *testing.T) {
	const tasks, rounds, tables = 4, 20, 16
	mem := newMemory(t, 16<<20)
	access := ksync.NewDomain(task.SlotAccess)
	main := newTask(t, 0, access)
	var workers []*task.Task
	for id := range tasks {
		workers = append(workers, newTask(t, id+1, access))
	}
	for range rounds {
		tb, err := New(main, mem, access)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, tk := range workers {
			wg.Go(func() {
				for i := range uint64(tables) {
					addr := benchAddr + i*PMDSize + i/8<<PUDShift
					s, err := tb.Alloc(tk, addr)
					if err != nil {
						t.Error(err)
						return
					}
					s.Lock(tk)
					s.Set(tk, s.Get(tk)+1<<linux.PageShift) // lost, if two tables were made
					s.Unlock(tk)
				}
			})
		}
		wg.Wait()
		for i := range uint64(tables) {
			s, ok := tb.Find(main, benchAddr+i*PMDSize+i/8<<PUDShift)
			if !ok || s.GetAndClear(main).PFN() != tasks {
				t.Errorf("table %d lost an entry", i)
			}
		}
		if n := tb.TablePages(); n != tables+2+1 {
			t.Errorf("%d tables, want %d", n, tables+3)
		}
		tb.Destroy(main)
	}
	access.Barrier(main)
}

// forgetful is a mind that keeps nothing.
type forgetful struct{}

func (forgetful) Mark(*task.Task) int                        { return 0 }
func (forgetful) Keep(*task.Task, int, uint64)               {}
func (forgetful) Forget(*task.Task, unsafe.Pointer, uintptr) {}

// TestTablesSettle: where a mind is followed, a table that others will see lies in the lowest free frame, whichever was allocated for it, and no frame leaks.
func TestTablesSettle(t *testing.T) {
	tb, tk := newTables(t)
	seen := &events{}
	tk.Observer, tk.Mind = seen, forgetful{}
	slot := mustAlloc(t, tb, tk, 7*PMDSize)
	tk.Observer, tk.Mind = nil, nil
	if n := tb.mem.Stats().FramesInUse; n != 1+tb.TablePages() || tb.TablePages() != 3 {
		t.Errorf("%d frames are in use, %d of them tables below the first", n, tb.TablePages())
	}
	if again, ok := tb.Find(tk, 7*PMDSize); !ok || again != slot || len(seen.born) == 0 {
		t.Errorf("%v is found, expected %v; %v were born", again, slot, seen.born)
	}
}
