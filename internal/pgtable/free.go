package pgtable

import (
	"vmasim/internal/invariants"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// FreeRange frees the tables that intersect [start, end) and map nothing outside [floor, ceiling), with all tables
// below them: free_pgd_range. A ceiling of 0 is the top of the address space. floor is the end of the VMA before and
// ceiling the start of the one after, so that no table in use is freed; the range itself must be unreachable and all
// its entries empty. Readers inside a section of the access domain may still see the tables: their frames are freed
// after a grace period. It takes no page-table lock.
func (tb *Tables) FreeRange(t *task.Task, start, end, floor, ceiling uint64) {
	f := freeing{tb: tb, floor: floor, last: ceiling - 1} // wraps to the top
	f.below(t, tb.root, PGDShift, start, end)
	if f.count == 0 {
		return
	}
	tb.pages.Add(t, -uint64(f.count))
	tb.freeLater(t, f.head)
}

// Destroy frees all tables, the PGD too: exit_mmap and pgd_free. No entry may be left.
func (tb *Tables) Destroy(t *task.Task) {
	tb.FreeRange(t, 0, AddressLimit, 0, 0)
	tb.freeLater(t, tb.pgd)
}

// freeLater frees a chain of tables, linked by Page.Index, after a grace period of the access domain.
func (tb *Tables) freeLater(t *task.Task, head phys.PFN) {
	mem := tb.mem
	tb.access.Call(t, func(t *task.Task) {
		for pfn := head; pfn != 0; {
			following := phys.PFN(mem.Page(pfn).Index.Read(t))
			mem.Put(t, pfn)
			pfn = following
		}
	})
}

// freeing is one FreeRange in progress. The tables it unlinked form a chain.
type freeing struct {
	tb          *Tables
	floor, last uint64 // the last address that a freed table may map
	head        phys.PFN
	count       int
}

// below frees tables that the entries for [start, end) of tbl refer to, each of which maps 1<<shift bytes.
func (f *freeing) below(t *task.Task, tbl *table, shift uint, start, end uint64) {
	for addr := start; addr < end; addr = next(addr, shift) {
		e := tbl.at(addr, shift)
		v := e.Get(t)
		if !v.Accessible() {
			continue
		}
		from, to := addr>>shift<<shift, next(addr, shift)
		whole := from >= f.floor && to-1 <= f.last
		child := f.tb.table(v)
		switch {
		case shift == PMDShift:
			if invariants.Enabled && whole {
				checkEmpty(t, child, from)
			}
		case whole:
			f.below(t, child, shift-levelBits, from, to)
		default:
			f.below(t, child, shift-levelBits, max(start, from), min(end, to))
		}
		if whole {
			e.Set(t, 0)
			f.add(t, v.PFN())
		}
	}
}

func (f *freeing) add(t *task.Task, pfn phys.PFN) {
	f.tb.mem.Page(pfn).Index.Write(t, uint64(f.head))
	f.head = pfn
	f.count++
}

// checkEmpty reports the first entry in use of a PTE table that is being freed.
func checkEmpty(t *task.Task, tbl *table, base uint64) {
	for i := range tbl {
		if v := tbl[i].Peek(); !v.None() {
			t.Violate("table-freed-in-use", "the page table for %#x is freed while its entry for %#x is %#x",
				base, base+uint64(i)<<phys.PageShift, uint64(v))
			return
		}
	}
}
