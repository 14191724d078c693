package pgtable

import (
	"testing"

	"pgregory.net/rapid"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// tableModel says which tables exist: for each level, by what the table maps.
type tableModel map[uint]map[uint64]bool

func newTableModel() tableModel {
	return tableModel{PMDShift: {}, PUDShift: {}, PGDShift: {}}
}

func (m tableModel) alloc(addr uint64) {
	for shift, tables := range m {
		tables[addr>>shift] = true
	}
}

// free removes the tables that lie wholly within [floor, ceiling) and intersect [start, end), and all within them.
func (m tableModel) free(start, end, floor, ceiling uint64) {
	if ceiling == 0 {
		ceiling = 1 << 63
	}
	type span struct{ from, to uint64 }
	var gone []span
	for shift, tables := range m {
		for n := range tables {
			s := span{n << shift, (n + 1) << shift}
			if s.from < end && start < s.to && s.from >= floor && s.to <= ceiling {
				gone = append(gone, s)
			}
		}
	}
	for shift, tables := range m {
		for n := range tables {
			for _, s := range gone {
				if n<<shift >= s.from && (n+1)<<shift <= s.to {
					delete(tables, n)
				}
			}
		}
	}
}

func (m tableModel) count() int {
	return len(m[PMDShift]) + len(m[PUDShift]) + len(m[PGDShift])
}

func TestFreeRangeAgainstModel(t *testing.T) {
	tb, tk := newTables(t)
	rapid.Check(t, func(t *rapid.T) {
		tb.FreeRange(tk, 0, AddressLimit, 0, 0)
		model := newTableModel()
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) {
				addr := sites().Draw(t, "addr")
				mustAllocRapid(t, tb, tk, addr)
				model.alloc(addr)
			},
			"free": func(t *rapid.T) {
				start, end := sites().Draw(t, "start"), sites().Draw(t, "end")
				start, end = min(start, end), max(start, end)+phys.PageSize
				floor, ceiling := sites().Draw(t, "floor"), sites().Draw(t, "ceiling")
				floor = min(floor, start)
				if ceiling < end {
					ceiling = 0
				}
				tb.FreeRange(tk, start, end, floor, ceiling)
				model.free(start, end, floor, ceiling)
			},
			"": func(t *rapid.T) {
				if got := tb.TablePages(); got != model.count() {
					t.Fatalf("%d tables, want %d", got, model.count())
				}
				for n := range model[PMDShift] {
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
	})
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

func TestFreeOfTableInUseIsReported(t *testing.T) {
	if !invariants.Enabled {
		t.Skip("needs the invariants tag")
	}
	mem := newMemory(t, phys.MinSize)
	access := ksync.NewDomain(task.SlotAccess)
	var got []task.Violation
	tk := task.New(0, "test", func(v task.Violation) { got = append(got, v) })
	access.Register(tk)
	tb, err := New(tk, mem, access)
	if err != nil {
		t.Fatal(err)
	}
	mustAlloc(t, tb, tk, benchAddr).Set(tk, Make(mem.ZeroPage(), ReadOnly))
	tb.Destroy(tk)
	if len(got) != 1 || got[0].Oracle != "table-freed-in-use" {
		t.Errorf("reported %v", got)
	}
	access.Barrier(tk)
}
