package pgtable

import (
	"vmasim/internal/ksync"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// Chunk is the part of a range that one PTE table maps.
type Chunk struct {
	Addr    uint64          // of the first entry
	Entries []Entry         // consecutive pages
	Lock    *ksync.SpinLock // the table's; one hold of it serves the whole chunk
}

// Slot returns the chunk's i-th entry with its lock.
func (c Chunk) Slot(i int) Slot { return Slot{&c.Entries[i], c.Lock} }

// Chunks calls fn for each PTE table that has entries for [start, end), in ascending order, with those entries. start
// and end are multiples of the page size. Where
// tables are absent, whole levels at a time, nothing is looked at. It stops at fn's first error and returns it. It takes
// no lock itself. fn must not free tables.
func (tb *Tables) Chunks(t *task.Task, start, end uint64, fn func(Chunk) error) error {
	for addr := start; addr < end; {
		pmd, shift := tb.walk(t, addr)
		if pmd.None() {
			addr = next(addr, shift)
			continue
		}
		stop := min(next(addr, PMDShift), end)
		first := addr >> phys.PageShift % entriesPerTable
		count := (stop - addr) >> phys.PageShift
		if err := fn(Chunk{addr, tb.table(pmd)[first : first+count], tb.lock(pmd)}); err != nil {
			return err
		}
		addr = stop
	}
	return nil
}

// Absent reports whether no PTE table maps anything in [start, end), so that there is nothing to unmap and to free.
func (tb *Tables) Absent(t *task.Task, start, end uint64) bool {
	for addr := start; addr < end; {
		pmd, shift := tb.walk(t, addr)
		if !pmd.None() {
			return false
		}
		addr = next(addr, shift)
	}
	return true
}

// next returns the start of what the entry after addr's maps.
func next(addr uint64, shift uint) uint64 { return (addr>>shift + 1) << shift }
