package pgtable

import (
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
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

// Used returns the index of the first entry from i on that is not empty, that of the end if all are. It announces nothing.
func (c Chunk) Used(i int) int { return used(c.Entries, i) }

// Head returns the chunk of the first n entries.
func (c Chunk) Head(n int) Chunk { return Chunk{c.Addr, c.Entries[:n], c.Lock} }

// Tail returns the chunk without the first n entries.
func (c Chunk) Tail(n int) Chunk {
	return Chunk{c.Addr + uint64(n)<<linux.PageShift, c.Entries[n:], c.Lock}
}

// chunk returns the part of [start, end) that the PTE table maps which pmd refers to, the one for start.
func (tb *Tables) chunk(pmd PTE, start, end uint64) Chunk {
	first := start >> linux.PageShift % entriesPerTable
	count := (min(next(start, PMDShift), end) - start) >> linux.PageShift
	return Chunk{start, tb.table(pmd)[first : first+count], tb.lock(pmd)}
}

// AllocChunk returns the part of [start, end) that start's PTE table maps, and makes the tables that are absent, as Alloc does.
func (tb *Tables) AllocChunk(t *task.Task, start, end uint64) (Chunk, error) {
	pmd, err := tb.alloc(t, start)
	if err != nil {
		return Chunk{}, err
	}
	return tb.chunk(pmd, start, end), nil
}

// Chunks calls fn for each PTE table that has entries for [start, end), in ascending order, with those entries. start
// and end are multiples of the page size. Where
// tables are absent, whole levels at a time, nothing is looked at. It stops at fn's first error and returns it. It takes
// no lock itself. fn must not free tables.
func (tb *Tables) Chunks(t *task.Task, start, end uint64, fn func(Chunk) error) error {
	for addr := start; addr < end; addr = next(addr, PMDShift) {
		var pmd PTE
		if addr, pmd, _ = tb.nextTable(t, addr, end); pmd.None() {
			return nil
		}
		if err := fn(tb.chunk(pmd, addr, end)); err != nil {
			return err
		}
	}
	return nil
}

// Populated reports whether a PTE table maps anything in [start, end), so that there may be something to unmap; and whether
// a table below the PGD does, so that there may be one to free.
func (tb *Tables) Populated(t *task.Task, start, end uint64) (entries, tables bool) {
	_, pmd, tables := tb.nextTable(t, start, end)
	return !pmd.None(), tables
}

// nextTable returns the first address of [addr, end) that a PTE table maps, and the entry that refers to that table, an empty one if
// there is none; and whether there is a table below the PGD up to it.
func (tb *Tables) nextTable(t *task.Task, addr, end uint64) (at uint64, pmd PTE, tables bool) {
	if t.Observer == nil {
		if tb.TablePages() == 0 || addr >= end {
			return end, 0, false
		}
		switch pmd, shift := tb.walk(t, addr); { // enough for most ranges, which are small
		case !pmd.None():
			return addr, pmd, true
		case next(addr, shift) >= end:
			return end, 0, shift < PGDShift
		}
		return tb.nextBelow(tb.root, PGDShift, addr, end)
	}
	for addr < end { // the walks of an observed task are all alike
		pmd, shift := tb.walk(t, addr)
		if !pmd.None() {
			return addr, pmd, true
		}
		tables = tables || shift < PGDShift
		addr = next(addr, shift)
	}
	return end, 0, tables
}

// nextBelow is nextTable in tbl, whose entries map 1<<shift bytes each. It looks at each entry once, where a walk for each would begin
// at the root, and at nothing but whether it is empty: address spaces are mostly empty.
func (tb *Tables) nextBelow(tbl *table, shift uint, addr, end uint64) (at uint64, pmd PTE, tables bool) {
	base := addr >> shift &^ (entriesPerTable - 1)
	last := int((end-1)>>shift - base)
	for i := int(addr>>shift - base); i <= last; i++ {
		if i = used(tbl[:last+1], i); i > last {
			break
		}
		e := tbl[i].Peek()
		if !e.Accessible() {
			continue
		}
		addr = max(addr, (base+uint64(i))<<shift)
		if tables = true; shift == PMDShift {
			return addr, e, true
		}
		if at, pmd, _ := tb.nextBelow(tb.table(e), shift-levelBits, addr, min(end, next(addr, shift))); !pmd.None() {
			return at, pmd, true
		}
	}
	return end, 0, tables
}

// used returns the index of the first entry from i on that is not empty, that of the end if all are.
func used(entries []Entry, i int) int {
	for ; i < len(entries)-3; i += 4 {
		if entries[i].Peek()|entries[i+1].Peek()|entries[i+2].Peek()|entries[i+3].Peek() != 0 {
			break
		}
	}
	for ; i < len(entries) && entries[i].Peek() == 0; i++ {
	}
	return i
}

// next returns the start of what the entry after addr's maps.
func next(addr uint64, shift uint) uint64 { return (addr>>shift + 1) << shift }
