package pgtable

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// mapping is a model of what a range of addresses has: VMAs, and in them pages that were touched. Its tables are those that
// were needed for a page and lie over a VMA still.
type mapping struct {
	vmas   []uint64                 // the pages of the VMAs, sorted; each is a VMA of its own
	tables map[uint]map[uint64]bool // by what an entry of the level above maps, and its number
}

func (m *mapping) touch(addr uint64) {
	for shift := range m.tables {
		m.tables[shift][addr>>shift] = true
	}
}

// unmap takes the VMAs in [start, end) away, and the tables that then lie over none.
func (m *mapping) unmap(start, end uint64) {
	m.vmas = slices.DeleteFunc(m.vmas, func(v uint64) bool { return v >= start && v < end })
	for shift, tables := range m.tables {
		maps.DeleteFunc(tables, func(n uint64, _ bool) bool {
			return !slices.ContainsFunc(m.vmas, func(v uint64) bool { return v>>shift == n })
		})
	}
}

func (m *mapping) count() (n int) {
	for _, tables := range m.tables {
		n += len(tables)
	}
	return n
}

// TestFreeRangeAgainstModel maps and unmaps at addresses whose tables meet at every level. After each unmapping exactly those
// tables are left that lie over what is still mapped: no more, though whole tables are never searched, and no fewer.
func TestFreeRangeAgainstModel(t *testing.T) {
	tb, tk := newTables(t)
	rapid.Check(t, func(t *rapid.T) {
		model := mapping{tables: map[uint]map[uint64]bool{PMDShift: {}, PUDShift: {}, PGDShift: {}}}
		free := func(start, end uint64) {
			gone := slices.DeleteFunc(slices.Clone(model.vmas), func(v uint64) bool { return v < start || v >= end })
			if len(gone) == 0 {
				return
			}
			model.unmap(start, end)
			var floor, ceiling uint64
			for _, v := range model.vmas {
				if v < start {
					floor = v + linux.PageSize
				} else if ceiling == 0 {
					ceiling = v
				}
			}
			f := tb.StartFree() // as free_pgtables does
			for i, v := range gone {
				limit := ceiling
				if i+1 < len(gone) {
					limit = gone[i+1]
				}
				f.Range(tk, v, v+linux.PageSize, floor, limit)
			}
			f.Finish(tk)
		}
		t.Repeat(map[string]func(*rapid.T){
			"map": func(t *rapid.T) {
				addr := sites().Draw(t, "addr")
				if i, found := slices.BinarySearch(model.vmas, addr); !found {
					model.vmas = slices.Insert(model.vmas, i, addr)
				}
			},
			"touch": func(t *rapid.T) {
				if len(model.vmas) > 0 {
					addr := rapid.SampledFrom(model.vmas).Draw(t, "vma")
					mustAllocRapid(t, tb, tk, addr)
					model.touch(addr)
				}
			},
			"unmap": func(t *rapid.T) {
				start, end := sites().Draw(t, "start"), sites().Draw(t, "end")
				free(min(start, end), max(start, end)+linux.PageSize)
			},
			"": func(t *rapid.T) {
				if got := tb.TablePages(); got != model.count() {
					t.Fatalf("%d tables, want %d", got, model.count())
				}
				for n := range model.tables[PMDShift] {
					if _, ok := tb.Find(tk, n<<PMDShift); !ok {
						t.Fatalf("the table for %#x is gone", n<<PMDShift)
					}
				}
				tb.access.Barrier(tk)
				if got := tb.mem.Stats().FramesInUse; got != model.count()+1 {
					t.Fatalf("%d frames in use, want %d", got, model.count()+1)
				}
			},
		})
		free(0, AddressLimit)
		if n := tb.TablePages(); n != 0 {
			t.Fatalf("%d tables left", n)
		}
	})
}

// TestFreeRangeLimits frees a PTE table exactly when floor and ceiling let it.
func TestFreeRangeLimits(t *testing.T) {
	const base = 5 << PUDShift // the first PTE table below a PMD table
	for _, c := range []struct {
		floor, ceiling uint64
		left           int // of 3 tables
	}{
		{0, 0, 0},
		{base, base + 1<<PUDShift, 1},         // not the PUD table
		{base, base + PMDSize, 2},             // only the PTE table
		{base, base + PMDSize - 1, 3},         // a VMA in its end
		{base + 1, 0, 3},                      // a VMA in its beginning
		{base - 1, base + 1<<PUDShift - 1, 2}, // the PMD table has a VMA in its end
		{0, linux.PageSize, 3},                // rounds down to nothing
	} {
		tb, tk := newTables(t)
		mustAlloc(t, tb, tk, base+linux.PageSize)
		tb.FreeRange(tk, base+linux.PageSize, base+2*linux.PageSize, c.floor, c.ceiling)
		if n := tb.TablePages(); n != c.left {
			t.Errorf("limits [%#x, %#x): %d tables left, want %d", c.floor, c.ceiling, n, c.left)
		}
	}
}

// TestPopulated: what a range has says whether there is something to unmap, and something to free.
func TestPopulated(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, benchAddr)
	for start, want := range map[uint64][2]bool{
		benchAddr:               {true, true},
		benchAddr + PMDSize:     {false, true},
		benchAddr + 1<<PUDShift: {false, true},
		benchAddr - 1<<PGDShift: {false, false},
		benchAddr>>PMDShift<<PMDShift - linux.PageSize: {false, true},
	} {
		entries, tables := tb.Populated(tk, start, start+linux.PageSize)
		if got := [2]bool{entries, tables}; got != want {
			t.Errorf("%#x: %v, want %v", start, got, want)
		}
	}
	if entries, _ := tb.Populated(tk, 0, AddressLimit); !entries {
		t.Error("the whole address space has none")
	}
}

func TestFreedTablesWaitForReaders(t *testing.T) {
	mem := newMemory(t, phys.MinSize)
	access := ksync.NewDomain(task.SlotAccess)
	reader, writer := newTask(t, 0, access), newTask(t, 1, access)
	tb, err := New(writer, mem, access)
	if err != nil {
		t.Fatal(err)
	}
	mustAlloc(t, tb, writer, benchAddr)
	access.ReadLock(reader)
	s, _ := tb.Find(reader, benchAddr)
	tb.Destroy(writer)
	done := make(chan struct{})
	go func() { access.Barrier(writer); close(done) }()
	for range 1000 {
		if !s.Get(reader).None() { // poisoned or reused, if it were freed
			t.Fatal("a table was freed under a reader")
		}
	}
	select {
	case <-done:
		t.Fatal("the grace period did not wait for the reader")
	default:
	}
	if n := mem.Page(phys.PFN(2)).Refcount.Peek(); n != 1 {
		t.Errorf("the PGD has %d references while it is read", n)
	}
	access.ReadUnlock(reader)
	<-done
}

// TestFreeOfTableInUseIsReported frees tables in which something is left: a page, or a table that an earlier unmapping forgot.
func TestFreeOfTableInUseIsReported(t *testing.T) {
	forgotten := func(t *testing.T, tb *Tables, tk *task.Task) {
		mustAlloc(t, tb, tk, benchAddr+PMDSize)
		mustAlloc(t, tb, tk, benchAddr)
	}
	mapped := func(t *testing.T, tb *Tables, tk *task.Task) {
		mustAlloc(t, tb, tk, benchAddr).Set(tk, Make(tb.mem.ZeroPage(), ReadOnly))
	}
	for name, use := range map[string]func(*testing.T, *Tables, *task.Task){"mapped": mapped, "forgotten": forgotten} {
		t.Run(name, func(t *testing.T) { testFreeInUse(t, use) })
	}
}

func testFreeInUse(t *testing.T, use func(*testing.T, *Tables, *task.Task)) {
	mem, err := phys.New(phys.MinSize) // which keeps what is wrong
	if err != nil {
		t.Fatal(err)
	}
	access := ksync.NewDomain(task.SlotAccess)
	var got []task.Violation
	tk := task.New(0, "test", func(v task.Violation) { got = append(got, v) })
	access.Register(tk)
	if !invariants.Enabled {
		tk.Observer = &events{} // who is watched is checked
	}
	tb, err := New(tk, mem, access)
	if err != nil {
		t.Fatal(err)
	}
	use(t, tb, tk)
	tb.FreeRange(tk, benchAddr, benchAddr+linux.PageSize, 0, 0)
	if len(got) != 1 || got[0].Oracle != "table-freed-in-use" {
		t.Errorf("reported %v", got)
	}
	if err := mem.Close(); err != nil {
		t.Error(err)
	}
}
