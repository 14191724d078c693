package tree

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// A walk that is not observed need not take the way through the index: an index never changes once it is published, so which of its holders
// has an address is the same whatever computes it. Tree.Lookup first tries the entry that the task found last.

// find is holderOf for a walk that does not end where the task's last one did: it goes by the flat form of the index, if there is one.
func (tr *Tree) find(t *task.Task, m *index, addr uint64) (h *holder) {
	if f := tr.flat.Peek(); f != nil && f.index == m {
		h = f.find(addr)
	} else {
		h = holderOf(m, addr)
		tr.flatten(t, m)
	}
	t.Hint.Index, t.Hint.Holder = unsafe.Pointer(m), unsafe.Pointer(h) // which keeps m, so that no other index gets its address
	return h
}

// manyLeaves are more than a processor's own cache holds.
const manyLeaves = 2048

// lookupAnew is Lookup where the task's last walk ended elsewhere. Among many leaves it has the lines of the leaf's VMAs fetched while it searches
// the starts, which would otherwise be known too late: a wait for memory less.
//
//go:noinline
func (tr *Tree) lookupAnew(t *task.Task, m *index, addr uint64) *vma.VMA {
	l := tr.find(t, m, addr).leaf.Peek()
	t.Hint.Many = m.Len() > manyLeaves
	if t.Hint.Many {
		for i := 0; i < fanout; i += 8 {
			ksync.Fetch(unsafe.Pointer(&l.vma[i]))
		}
	}
	return l.lookupNoting(addr, &t.Hint.Entry)
}

// lookupOnwards is Lookup in the leaf in which the task's last walk ended, among many. Where it goes on to the next entry, it notes the VMA behind that,
// for vma.FetchNext.
//
//go:noinline
func (l *leaf) lookupOnwards(t *task.Task, addr uint64) *vma.VMA {
	last := t.Hint.Entry
	v := l.lookupNoting(addr, &t.Hint.Entry)
	if n := t.Hint.Entry + 1; n == last+2 && n < l.n {
		t.Hint.Next = unsafe.Pointer(l.vma[n])
	}
	return v
}

// lookupNoting returns the VMA at addr, nil for a hole, and notes at which entry it is.
func (l *leaf) lookupNoting(addr uint64, entry *int) *vma.VMA {
	n := l.floor(addr)
	i := n & (fanout - 1)
	if n < 0 || addr >= l.end[i] {
		return nil
	}
	*entry = n
	return l.vma[i]
}
