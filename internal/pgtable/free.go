package pgtable

import (
	"vmasim/internal/invariants"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// FreeRange is [Freeing.Range] of one range.
func (tb *Tables) FreeRange(t *task.Task, start, end, floor, ceiling uint64) {
	f := tb.StartFree()
	f.Range(t, start, end, floor, ceiling)
	f.Finish(t)
}

// Destroy frees all tables, the PGD too: pgd_free. No entry may be left. Where every range was freed when it was unmapped,
// the PGD is the only one.
func (tb *Tables) Destroy(t *task.Task) {
	if tb.TablePages() > 0 {
		tb.FreeRange(t, 0, AddressLimit, 0, 0)
	}
	tb.freeLater(t, tb.pgd)
}

// Freeing collects the tables that an unmapping frees: free_pgtables. Readers inside a section of the access domain may
// still see them: their frames are freed after a grace period that Finish begins. The tables unlinked form a chain.
type Freeing struct {
	tb    *Tables
	head  phys.PFN
	count int
}

// StartFree begins to free tables.
func (tb *Tables) StartFree() Freeing { return Freeing{tb: tb} }

// Finish lets the tables go once no reader can see them.
func (f *Freeing) Finish(t *task.Task) {
	if f.count > 0 {
		f.tb.pages.Count(t, -uint64(f.count))
		f.tb.freeLater(t, f.head)
	}
}

// freeLater frees a chain of tables, linked by Page.Index, after a grace period of the access domain.
func (tb *Tables) freeLater(t *task.Task, head phys.PFN) {
	tb.access.Call(t, func(t *task.Task) {
		for pfn := head; pfn != 0; {
			following := phys.PFN(tb.mem.Page(pfn).Index.Read(t))
			tb.freeTable(t, pfn)
			pfn = following
		}
	})
}

// Range frees the tables that map addresses of [start, end) and lie wholly within [floor, ceiling): free_pgd_range. A ceiling
// of 0 is the top of the address space. floor is the end of the VMA before the range and ceiling the start of the one after,
// so that no table in use is freed. Nothing may be mapped in [floor, ceiling) any more, it may not be reachable, and
// the task that unmapped the rest of it must have freed its tables, too: they are not looked for. It takes no page-table lock.
func (f *Freeing) Range(t *task.Task, start, end, floor, ceiling uint64) {
	first := start >> PMDShift << PMDShift
	if first < floor {
		first += PMDSize
	}
	if ceiling != 0 {
		end = min(end, ceiling>>PMDShift<<PMDShift)
	}
	if first >= end {
		return // no PTE table lies wholly between the two, so none above it does
	}
	f.below(t, f.tb.root, PGDShift, first, end, span{floor, ceiling - 1})
}

// span is a range of addresses, both ends included.
type span struct{ first, last uint64 }

// below frees the tables within limits that the entries for [start, end) of tbl refer to, each of which maps 1<<shift bytes.
func (f *Freeing) below(t *task.Task, tbl *table, shift uint, start, end uint64, limits span) {
	for addr := start; addr < end; addr = next(addr, shift) {
		e := tbl.at(addr, shift)
		v := e.Get(t)
		if !v.Accessible() {
			continue
		}
		child := f.tb.table(v)
		from, to := addr>>shift<<shift, next(addr, shift)
		if shift > PMDShift {
			f.below(t, child, shift-levelBits, addr, min(end, to), limits)
		}
		if from >= limits.first && to-1 <= limits.last {
			if invariants.Enabled || t.Observer != nil {
				checkEmpty(t, child, from, shift-levelBits)
			}
			e.Set(t, 0)
			f.add(t, v.PFN())
		}
	}
}

func (f *Freeing) add(t *task.Task, pfn phys.PFN) {
	f.tb.mem.Page(pfn).Index.Write(t, uint64(f.head))
	f.head = pfn
	f.count++
}

// checkEmpty reports the first entry in use of a table that is being freed, whose entries map 1<<shift bytes each.
func checkEmpty(t *task.Task, tbl *table, base uint64, shift uint) {
	if i := used(tbl[:], 0); i < len(tbl) {
		t.Violate("table-freed-in-use", "the page table for %#x is freed while its entry for %#x is %#x",
			base, base+uint64(i)<<shift, uint64(tbl[i].Peek()))
	}
}
