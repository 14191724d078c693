package vma

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// The effects of rules that show with the lock alone, in every schedule. The rules of lookups are shown by the litmus
// tests (package fault).

// TestReaderLimit: a second reader is sent away at the limit; without the rule it runs into the writer's flag.
func TestReaderLimit(t *testing.T) {
	two := func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		mm.RefLimit = 2
		v := l.attached(mm)
		return program{
			tasks: []func(*task.Task){reader(l, mm, v, p), reader(l, mm, v, p)},
			check: func() {
				if n := v.refcnt.Peek(); n != 1 {
					l.complain("left with vm_refcnt %d", n)
				}
			},
		}
	}
	explores(t, "", two)
	breaks(t, "linux-6.18,-reader-limit", "refcount-overflow", two)
}

// TestReaderLimitUnderMmapLock: the limit holds for readers under mmap_lock, too.
func TestReaderLimitUnderMmapLock(t *testing.T) {
	for spec, refused := range map[string]bool{"": true, "linux-6.18,-reader-limit": false} {
		l := newLab(spec)
		mm := l.mm("mm")
		mm.RefLimit = 2
		v := l.attached(mm)
		mm.MmapReadLock(l.boot)
		if !mm.StartReadLocked(l.boot, v) || mm.StartReadLocked(l.boot, v) == refused {
			t.Errorf("rules %q: vm_refcnt %d", spec, v.refcnt.Peek())
		}
		if refused {
			l.want(t)
		} else {
			l.want(t, "refcount-overflow")
		}
	}
}

// TestSettleBeforePut: the put that drops to zero, in the window of a detach, must have told lockdep before.
func TestSettleBeforePut(t *testing.T) {
	detach := func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
			mm.MmapWriteLock(t)
			mm.StartWrite(t, v)
			mm.MarkDetached(t, v)
			mm.MmapWriteUnlock(t)
		}}}
	}
	explores(t, "", detach)
	breaks(t, "linux-6.18,-settle-before-put", "lock-left-held", detach)
	breaks(t, "refcount-v6", "lock-left-held", detach)
}

// TestOneStepWriteLock: a writer that takes a reference first and sets its flag then is as good, waits and is woken; also
// where it detaches.
func TestOneStepWriteLock(t *testing.T) {
	const spec = "linux-6.18,-one-step-write-lock"
	explores(t, spec, readerBesideWriter)
	explores(t, spec, detachBesideReaders)
	explores(t, spec, reuse)
}

// TestDupByField: a reader that stands on the memory of a copy.
func TestDupByField(t *testing.T) {
	split := func(l *lab) program {
		mm := l.mm("mm")
		l.names[unsafe.Pointer(l.cache.slab)] = "vm_area_cachep"
		v := l.attached(mm)
		w := l.attached(mm)
		l.name(unsafe.Pointer(w), "other", &fieldLayout)
		mm.MmapWriteLock(l.boot)
		mm.StartWrite(l.boot, v)
		mm.MarkDetached(l.boot, v)
		mm.MmapWriteUnlock(l.boot)
		l.cache.Free(l.boot, v)
		return program{
			tasks: []func(*task.Task){func(t *task.Task) {
				if readLock(t, mm, v) == ReadLocked {
					endRead(t, mm, v)
				}
			}, func(t *task.Task) {
				mm.MmapWriteLock(t)
				n, err := l.cache.Dup(t, w, mm)
				if err != nil || n != v {
					l.complain("the copy is elsewhere: %v", err)
				}
				mm.MmapWriteUnlock(t)
			}},
			check: func() {
				if n := v.refcnt.Peek(); n != 0 {
					l.complain("the copy has vm_refcnt %d", n)
				}
			},
		}
	}
	explores(t, "", split)
	breaks(t, "linux-6.18,-dup-by-field", "refcount-underflow", split)
}

// TestSeqCounter: a counter of write sections excludes readers as well, but comes back to an old number after 2^32 write sections, and
// the sequence count does not.
func TestSeqCounter(t *testing.T) {
	explores(t, "linux-6.18,+seq-counter", readerBesideWriter)
	for spec, want := range map[string]ReadResult{"": ReadLocked, "linux-6.18,+seq-counter": ReadBusy} {
		l := newLab(spec)
		mm := l.mm("mm")
		v := l.attached(mm)
		if got := readLock(l.boot, mm, v); got != ReadLocked {
			t.Errorf("rules %q: %v", spec, got)
		}
		endRead(l.boot, mm, v)
		mm.AdvanceSeq(1<<32 - 1)
		if got := readLock(l.boot, mm, v); got != want {
			t.Errorf("rules %q: %v after 2^32 write sections, expected %v", spec, got, want)
		}
		if want == ReadLocked {
			endRead(l.boot, mm, v)
		}
		mm.MmapWriteLock(l.boot) // the next write section ends it
		mm.MmapWriteUnlock(l.boot)
		if got := readLock(l.boot, mm, v); got != ReadLocked {
			t.Errorf("rules %q: %v one write section later", spec, got)
		}
		l.want(t)
	}
}

// TestEndWriteOnDowngrade: without it a VMA stays locked without a writer, and the next writer has the parity wrong.
func TestEndWriteOnDowngrade(t *testing.T) {
	for spec, ends := range map[string]bool{"": true, "linux-6.18,-end-write-on-downgrade": false} {
		l := newLab(spec)
		mm := l.mm("mm")
		v := l.attached(mm)
		mm.MmapWriteLock(l.boot)
		mm.StartWrite(l.boot, v)
		mm.MmapWriteDowngrade(l.boot)
		mm.MmapReadUnlock(l.boot)
		if got := readLock(l.boot, mm, v); (got == ReadLocked) != ends {
			t.Errorf("rules %q: %v after the downgrade", spec, got)
		}
		l.want(t)
		mm.MmapWriteLock(l.boot)
		mm.MmapWriteUnlock(l.boot)
		if ends {
			l.want(t)
		} else {
			l.want(t, "seqcount-parity", "seqcount-parity")
		}
	}
}
