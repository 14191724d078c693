package vma

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// The generation of Michel Lespinasse's speculative page faults, of April 2021 and January 2022, which was not merged. VMAs have no lock, as up to
// Linux 6.3. The mm has a counter, mmap_seq, which is odd as long as a task holds mmap_lock for writing; here it is the field LockSeq, of
// which it is the ancestor. A fault notes the counter, copies the VMA under RCU, and goes by the copy. No writer waits for it. It looks at the counter
// again once it has the copy, before it touches a page table again, and under the lock of that table. Whatever is in doubt it leaves to mmap_lock.
//
// After that last look a writer may begin, but has to take the lock of the table before it clears or changes an entry, and so finds what the
// fault has mapped.

// Copy is what a fault has copied of a VMA. It may be half of what the VMA was and half of what it is, until the counter says that it is not.
type Copy struct {
	Start, End uint64
	Flags      linux.VMFlags
	Pgoff      uint64 // of Start
	Anon       *AnonVMA
	Simple     bool // it is anonymous, has no policy, and its pages are where Pgoff says
	Seq        uint32
}

// Copy copies a VMA, of which nothing is kept as it is.
func (v *VMA) Copy(t *task.Task) (c Copy) {
	c.Start, c.End = v.Range(t)
	c.Flags = linux.VMFlags(v.flags.ReadOnce(t))
	c.Pgoff = v.pgoff.ReadOnce(t)
	c.Anon = v.AnonVMA(t)
	c.Simple = v.IsAnonymous(t) && v.policy.ReadOnce(t) == nil && !v.HasAnonPgoff() // a file is set before the VMA is visible, and stays
	return c
}

// Contains reports whether addr lies inside.
func (c *Copy) Contains(addr uint64) bool { return addr >= c.Start && addr < c.End }

// PgoffAt returns the page offset of addr: linear_page_index.
func (c *Copy) PgoffAt(addr uint64) uint64 { return c.Pgoff + (addr-c.Start)>>linux.PageShift }

// SeqReadStart returns the counter, before a VMA is looked at: mmap_seq_read_start.
func (m *MMLock) SeqReadStart(t *task.Task) uint32 {
	t.Enter("mmap_seq_read_start")
	seq := m.LockSeq.ReadAcquire(t)
	t.Leave()
	return seq
}

// SeqReadCheck reports whether no writer has come since SeqReadStart: mmap_seq_read_check.
func (m *MMLock) SeqReadCheck(t *task.Task, seq uint32) bool {
	t.Enter("mmap_seq_read_check")
	now := m.LockSeq.ReadAcquire(t)
	t.Leave()
	return now == seq
}
