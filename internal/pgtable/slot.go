package pgtable

import (
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// Entry is the place of an entry in a table. It may be read without a lock; the table's lock must be held to change
// it, except for the bits that the processor sets.
type Entry struct{ word ksync.Atomic64 }

// Get reads the entry: ptep_get.
func (e *Entry) Get(t *task.Task) PTE { return PTE(e.word.ReadOnce(t)) }

// Set writes the entry: set_pte. The content of the frame is visible to each task that sees the entry.
func (e *Entry) Set(t *task.Task, v PTE) { e.word.StoreRelease(t, uint64(v)) }

// GetAndClear empties the entry and returns what it was, with the bits that the processor set last:
// ptep_get_and_clear.
func (e *Entry) GetAndClear(t *task.Task) PTE { return e.Replace(t, 0) }

// Replace writes the entry and returns what it was, with the bits that the processor set last. It orders nothing: on x86 it does, on arm64,
// where memory is weak, it is xchg_relaxed (__ptep_get_and_clear).
func (e *Entry) Replace(t *task.Task, v PTE) PTE {
	t.Unordered()
	return PTE(e.word.Xchg(t, uint64(v)))
}

// CmpXchg changes the entry if it is old, and reports whether it was: how the processor sets Accessed and Dirty. It orders nothing, as
// arm64's cmpxchg_relaxed (___ptep_set_wrprotect).
func (e *Entry) CmpXchg(t *task.Task, old, v PTE) bool {
	t.Unordered()
	return e.word.CmpXchg(t, uint64(old), uint64(v))
}

// WrProtect takes the right to write away and loses no bit that the processor sets meanwhile: ptep_set_wrprotect.
func (e *Entry) WrProtect(t *task.Task) { e.Clear(t, RW) }

// Clear takes bits away that the processor sets, and loses none that it sets meanwhile. It returns the entry before.
func (e *Entry) Clear(t *task.Task, bits PTE) PTE {
	for {
		if v := e.Get(t); v&bits == 0 || e.CmpXchg(t, v, v&^bits) {
			return v
		}
	}
}

// Modify changes the protection and loses no bit that the processor sets meanwhile: ptep_modify_prot_start and
// _commit. It returns the entry before.
func (e *Entry) Modify(t *task.Task, prot PTE) PTE {
	for {
		if v := e.Get(t); e.CmpXchg(t, v, v.Modify(prot)) {
			return v
		}
	}
}

// Peek reads without announcing: for reports and checks of a quiescent state.
func (e *Entry) Peek() PTE { return PTE(e.word.Peek()) }

// Slot is an entry of a PTE table together with the lock that guards the table.
type Slot struct {
	*Entry
	lock *ksync.SpinLock
}

// Lock takes the table's lock: the split page-table lock.
func (s Slot) Lock(t *task.Task) { s.lock.Lock(t) }

// Trylock takes the table's lock unless it is held, and reports whether it did.
func (s Slot) Trylock(t *task.Task) bool { return s.lock.Trylock(t) }

// Unlock gives the table's lock back.
func (s Slot) Unlock(t *task.Task) { s.lock.Unlock(t) }
