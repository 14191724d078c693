package vma

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// MMLock is the part of an mm_struct that the VMA lock protocol touches. An mm embeds it; a VMA points to it. Its methods, those of
// this file and of lock.go, are the lock: what a VMA has to do with it depends on the generation.
//
// The words that only writers touch, those that readers look at, and those that never change stand on
// cache lines of their own: a fault reads mm_lock_seq twice, and must not wait for every step of a writer elsewhere.
type MMLock struct {
	MmapLock   ksync.RWSem   // mmap_lock
	WriterWait ksync.RCUWait // vma_writer_wait: the mmap writer, waiting for readers of one VMA
	_          [64]byte
	LockSeq    ksync.Seqcount // mm_lock_seq: odd while the mmap write lock is held
	_          [60]byte
	Count      ksync.AtomicRef // mm_count: while it is not zero, this memory may be touched

	RCU        *ksync.Domain // inside whose sections VMAs are looked up
	RefLimit   int32         // the vm_refcnt above which no reader gets in; VMARefLimit unless a scenario sets it lower
	Generation Generation    // what keeps VMAs as they are for readers; follows from Rules
	Rules      rules.Set
	cache      *Cache // that its VMAs are from
	lent       []*VMA // of the generation FreeAtZero: what the writer has detached and a reader's put frees; under mmap_lock
}

// Init makes the locks of a new mm, with one reference on its memory. Its VMAs are from cache.
func (m *MMLock) Init(rcu *ksync.Domain, rs rules.Set, cache *Cache) {
	m.Count.Init(1)
	m.RCU, m.Rules, m.RefLimit, m.Generation = rcu, rs, VMARefLimit, generationOf(rs)
	m.MmapLock.FIFO, m.MmapLock.Class = rs.Has(rules.RWSemFIFO), task.MmapLock
	m.cache = cache
}

// mmLockLayout names the cells.
var mmLockLayout = task.Layout{
	Type: "mm_struct", Short: "mm",
	Size: unsafe.Sizeof(MMLock{}),
	Fields: []task.Field{
		{Name: "mmap_lock", Offset: unsafe.Offsetof(MMLock{}.MmapLock), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "the lock of the whole address space"},
		{Name: "mm_lock_seq", Offset: unsafe.Offsetof(MMLock{}.LockSeq), Size: unsafe.Sizeof(ksync.Seqcount{}), Read: atomicRule, Write: task.LockRule{task.MmapWrite},
			Doc: "odd while the mmap write lock is held; ends all VMA write locks by moving on"},
		{Name: "vma_writer_wait", Offset: unsafe.Offsetof(MMLock{}.WriterWait), Size: unsafe.Sizeof(ksync.RCUWait{}), Read: atomicRule, Write: task.LockRule{task.MmapWrite},
			Doc: "the writer that waits for a VMA's readers"},
		{Name: "mm_count", Offset: unsafe.Offsetof(MMLock{}.Count), Size: unsafe.Sizeof(ksync.AtomicRef{}), Read: atomicRule, Write: atomicRule,
			Doc: "references on the mm_struct's memory"},
	},
}

// MMLockLayout returns the declaration of the lock part of an mm_struct. The caller must not change it.
func MMLockLayout() *task.Layout { return &mmLockLayout }

// MmapWriteLock takes mmap_lock for writing and opens a write section: mmap_write_lock.
func (m *MMLock) MmapWriteLock(t *task.Task) {
	t.Enter("mmap_write_lock")
	m.MmapLock.DownWrite(t)
	m.beginWrite(t)
	t.Leave()
}

// MmapWriteLockKillable is MmapWriteLock that a fatal signal ends with EINTR.
func (m *MMLock) MmapWriteLockKillable(t *task.Task) error {
	t.Enter("mmap_write_lock_killable")
	err := m.MmapLock.DownWriteKillable(t)
	if err == nil {
		m.beginWrite(t)
	}
	t.Leave()
	return err
}

// beginWrite opens a write section: mm_lock_seqcount_begin.
func (m *MMLock) beginWrite(t *task.Task) {
	if m.OddInside() {
		m.LockSeq.WriteBegin(t)
	}
}

// OddInside reports whether mm_lock_seq is odd while a write section is open.
func (m *MMLock) OddInside() bool {
	return m.Generation != MmapOnly && !m.Rules.Has(rules.SeqCounter)
}

// MmapWriteUnlock ends all VMA write locks and gives mmap_lock back: mmap_write_unlock.
func (m *MMLock) MmapWriteUnlock(t *task.Task) {
	t.Enter("mmap_write_unlock")
	m.EndWriteAll(t)
	m.MmapLock.UpWrite(t)
	t.Leave()
}

// MmapWriteDowngrade ends all VMA write locks and keeps mmap_lock for reading: mmap_write_downgrade.
func (m *MMLock) MmapWriteDowngrade(t *task.Task) {
	t.Enter("mmap_write_downgrade")
	if m.Rules.Has(rules.EndWriteOnDowngrade) {
		m.EndWriteAll(t)
	}
	m.MmapLock.DowngradeWrite(t)
	t.Leave()
}

// EndWriteAll ends the write locks of all VMAs of the mm: vma_end_write_all. The caller holds mmap_lock for writing.
func (m *MMLock) EndWriteAll(t *task.Task) {
	if m.Generation == MmapOnly {
		return
	}
	t.Enter("vma_end_write_all")
	switch {
	case m.EndsUnordered():
		m.LockSeq.AdvanceOnce(t)
	case m.OddInside():
		m.LockSeq.WriteEnd(t)
	default:
		m.LockSeq.Advance(t)
	}
	t.Leave()
}

// SpeculateTryBegin begins to look at what writers change, without keeping them out: mmap_lock_speculate_try_begin. It reports false if one
// is at work, as far as mm_lock_seq says.
func (m *MMLock) SpeculateTryBegin(t *task.Task) (seq uint32, idle bool) {
	seq = m.LockSeq.ReadAcquire(t)
	return seq, seq&1 == 0
}

// SpeculateRetry reports whether a writer has been at work since SpeculateTryBegin: mmap_lock_speculate_retry.
func (m *MMLock) SpeculateRetry(t *task.Task, seq uint32) bool { return m.LockSeq.ReadOnce(t) != seq }

// AdvanceSeq moves mm_lock_seq on as n write sections would in which no VMA is locked. No other task may use the mm meanwhile.
func (m *MMLock) AdvanceSeq(n uint64) {
	if m.OddInside() {
		n *= 2
	}
	m.LockSeq.Set(m.LockSeq.Peek() + uint32(n))
}

// MmapReadLock takes mmap_lock for reading: mmap_read_lock. Never under a VMA read lock.
func (m *MMLock) MmapReadLock(t *task.Task) { m.MmapLock.DownRead(t) }

// MmapReadLockKillable is MmapReadLock that a fatal signal ends with EINTR.
func (m *MMLock) MmapReadLockKillable(t *task.Task) error { return m.MmapLock.DownReadKillable(t) }

// MmapReadTrylock takes mmap_lock for reading if that needs no waiting: mmap_read_trylock.
func (m *MMLock) MmapReadTrylock(t *task.Task) bool { return m.MmapLock.DownReadTrylock(t) }

// MmapReadUnlock gives a read lock back: mmap_read_unlock.
func (m *MMLock) MmapReadUnlock(t *task.Task) { m.MmapLock.UpRead(t) }

// wakeWriter wakes the writer that waits for a VMA's readers.
func (m *MMLock) wakeWriter(t *task.Task) {
	m.WriterWait.WakeUp(t)
	// Looked at afterwards: the writer can go on, and its mm away, as soon as the reference is dropped.
	m.AssertInUse(t, "the writer of a freed mm is woken")
}

// AssertInUse reports a violation, whose text is what, unless there is a reference on the mm's memory.
func (m *MMLock) AssertInUse(t *task.Task, what string) {
	if m.Count.Read(t) == 0 {
		t.Violate("use-after-free", "%s", what)
	}
}

// assertWriteHeld reports a violation unless the caller has mmap_lock for writing: mmap_assert_write_locked.
func (m *MMLock) assertWriteHeld(t *task.Task) {
	if !m.MmapLock.WriteHeldBy(t) {
		t.Violate("write-lock-without-mmap-lock", "vma_start_write without mmap_lock held for writing")
	}
}

// Grab takes a reference on the mm's memory: mmgrab.
func (m *MMLock) Grab(t *task.Task) { m.Count.Inc(t) }

// Drop gives a reference on the mm's memory back: mmdrop.
func (m *MMLock) Drop(t *task.Task) { m.Count.DecAndTest(t) }
