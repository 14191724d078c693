package fault

import (
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// Load reads the 8-byte word at addr, which is a multiple of 8, as an instruction of task t would: through the page
// tables, faulting as often as it takes.
func Load(t *task.Task, m *mm.MM, addr uint64) (value uint64, res linux.AccessEnd) {
	res = access(t, m, addr, linux.Read, func(word *ksync.Atomic64) { value = word.ReadOnce(t) })
	return value, res
}

// Store writes the 8-byte word at addr, which is a multiple of 8, as an instruction of task t would.
func Store(t *task.Task, m *mm.MM, addr, value uint64) linux.AccessEnd {
	return access(t, m, addr, linux.Write, func(word *ksync.Atomic64) { word.WriteOnce(t, value) })
}

// Touch makes the access at addr without changing a byte.
func Touch(t *task.Task, m *mm.MM, addr uint64, kind linux.Access) linux.AccessEnd {
	return access(t, m, addr&^7, kind, func(*ksync.Atomic64) {})
}

// Walk reads the 8-byte word at addr, which is a multiple of 8, if the page tables map its page for reading: what GUP-fast
// and other lockless walkers do. It takes no lock and never faults.
func Walk(t *task.Task, m *mm.MM, addr uint64) (value uint64, mapped bool) {
	m.Machine.Access.ReadLock(t)
	word, _ := translate(t, m, addr, linux.Read)
	if word != nil {
		value = word.ReadOnce(t)
	}
	m.Machine.Access.ReadUnlock(t)
	return value, word != nil
}

// access does use on the word at addr once the page tables allow it, faulting until they do.
func access(t *task.Task, m *mm.MM, addr uint64, kind linux.Access, use func(*ksync.Atomic64)) linux.AccessEnd {
	mark := t.Mark()
	for {
		m.Machine.Access.ReadLock(t)
		word, present := translate(t, m, addr, kind)
		if word != nil {
			use(word)
		} else {
			t.Keep(mark, remembers(kind, present)) // the fault looks for itself
		}
		m.Machine.Access.ReadUnlock(t)
		if word != nil {
			return linux.OK
		}
		if !linux.Canonical(addr) {
			return linux.SegvKernel
		}
		if res := Handle(t, m, addr, kind, present); res != linux.OK {
			return res
		}
		t.Keep(mark, 0)
	}
}

// remembers returns what a fault depends on of the access that has failed: a page that is mapped may be so without the right to read it.
func remembers(kind linux.Access, present bool) uint64 {
	if present && kind != linux.Write {
		return 1
	}
	return 0
}

// translate walks the page tables as the processor does. It returns the word at addr, or nil if that faults, and whether
// the page is present. The caller is inside a section of the access domain, which keeps page and tables from being freed,
// as a pending TLB flush would.
func translate(t *task.Task, m *mm.MM, addr uint64, kind linux.Access) (word *ksync.Atomic64, present bool) {
	if addr >= linux.TaskSize {
		return nil, false
	}
	slot, ok := m.Tables.Find(t, addr)
	if !ok {
		return nil, false
	}
	pte := slot.Get(t)
	if !pte.Accessible() {
		return nil, false
	}
	if kind == linux.Write && !pte.Write() || kind == linux.Exec && !pte.Exec() {
		return nil, true
	}
	return m.Machine.Mem.Word(pte.PFN(), addr%linux.PageSize), true
}
