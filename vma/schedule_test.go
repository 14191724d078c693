package vma

import (
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// The programs of this file run in every schedule. They protect two plain words that must agree.

// pair is the data that a VMA lock protects in these programs.
type pair struct{ a, b ksync.Plain[int] }

func (l *lab) pair() *pair {
	p := new(pair)
	l.names[unsafe.Pointer(&p.a)], l.names[unsafe.Pointer(&p.b)] = "pair.a", "pair.b"
	return p
}

// change changes the pair; the caller has it locked for writing.
func (p *pair) change(t *task.Task) {
	p.a.Write(t, p.a.Read(t)+1)
	p.b.Write(t, p.b.Read(t)+1)
}

// look complains if a writer is at work; the caller has the pair locked for reading.
func (p *pair) look(t *task.Task, l *lab) {
	if a, b := p.a.Read(t), p.b.Read(t); a != b {
		l.complain("a reader sees half a change")
	}
}

// reader looks at the pair under v's read lock, if it gets it.
func reader(l *lab, mm *MMLock, v *VMA, p *pair) func(*task.Task) {
	return func(t *task.Task) {
		if readLock(t, mm, v) == ReadLocked {
			p.look(t, l)
			endRead(t, mm, v)
		}
	}
}

// writer changes the pair under v's write lock.
func writer(mm *MMLock, v *VMA, p *pair) func(*task.Task) {
	return func(t *task.Task) {
		mm.MmapWriteLock(t)
		mm.StartWrite(t, v)
		p.change(t)
		mm.MmapWriteUnlock(t)
	}
}

func readerBesideWriter(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	v := l.attached(mm)
	return program{
		tasks: []func(*task.Task){reader(l, mm, v, p), writer(mm, v, p)},
		check: func() {
			if state, idle := v.LockPeek(), v.LockIdle(); !idle || v.DetachedPeek() || v.IsWriteLocked(l.boot) {
				l.complain("left with %s", state)
			}
		},
	}
}

func TestReaderBesideWriter(t *testing.T) { explores(t, "", readerBesideWriter) }

// TestReaderBesideWriterThatForgetsTheLock shows that the program above can fail.
func TestReaderBesideWriterThatForgetsTheLock(t *testing.T) {
	breaks(t, "", "a reader sees half a change", func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
			mm.MmapWriteLock(t)
			p.change(t)
			mm.MmapWriteUnlock(t)
		}}}
	})
}

func TestTwoReadersBesideWriter(t *testing.T) {
	explores(t, "", func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		locked := func(t *task.Task) {
			if mm.StartReadLocked(t, v) {
				p.look(t, l)
				endRead(t, mm, v)
			}
		}
		return program{tasks: []func(*task.Task){
			reader(l, mm, v, p),
			func(t *task.Task) { // a fault that needs mmap_lock to begin with and goes on without it
				mm.MmapReadLock(t)
				locked(t)
				mm.MmapReadUnlock(t)
			},
			writer(mm, v, p),
		}}
	})
}

// TestDowngradeEndsWriteLocks: after the downgrade readers get in, and what was written is whole.
func TestDowngradeEndsWriteLocks(t *testing.T) { explores(t, "", downgrading) }

func downgrading(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	v := l.attached(mm)
	return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
		mm.MmapWriteLock(t)
		mm.StartWrite(t, v)
		p.change(t)
		mm.MmapWriteDowngrade(t)
		if readLock(t, mm, v) != ReadLocked {
			l.complain("still locked after the downgrade")
		} else {
			endRead(t, mm, v)
		}
		mm.MmapReadUnlock(t)
	}}}
}

// detacher detaches v, frees it, and makes its memory a VMA of another mm at the same addresses.
func detacher(l *lab, mm, other *MMLock, v *VMA, p *pair) func(*task.Task) {
	return func(t *task.Task) {
		mm.MmapWriteLock(t)
		mm.StartWrite(t, v)
		mm.MarkDetached(t, v)
		if n := v.refcnt.Peek(); n != 0 {
			l.complain("detached with vm_refcnt %#x", n)
		}
		mm.MmapWriteUnlock(t)
		l.cache.Free(t, v)

		other.MmapWriteLock(t)
		n, err := l.cache.Alloc(t, other, testStart, testEnd, 0, testFlags)
		if err != nil {
			l.complain("%v", err)
			return
		}
		other.StartWrite(t, n)
		other.MarkAttached(t, n)
		p.change(t)
		other.MmapWriteUnlock(t)
	}
}

// lookup is a reader that found v under RCU and checks what lock_vma_under_rcu checks.
func lookup(l *lab, mm *MMLock, v *VMA) func(*task.Task) {
	return func(t *task.Task) {
		if readLock(t, mm, v) != ReadLocked {
			return
		}
		if v.Contains(t, testStart) && v.mm.ReadOnce(t) != mm {
			l.complain("a reader locked another mm's VMA")
		}
		endRead(t, mm, v)
	}
}

func reuse(l *lab) program {
	mm, other, p := l.mm("mm"), l.mm("other"), l.pair()
	l.names[unsafe.Pointer(l.cache.slab)] = "vm_area_cachep"
	v := l.attached(mm)
	return program{
		tasks: []func(*task.Task){lookup(l, mm, v), detacher(l, mm, other, v, p)},
		check: func() {
			if v.refcnt.Peek() != 1 || v.mm.Peek() != other || other.Count.Peek() != 1 {
				l.complain("left with vm_refcnt %#x and mm_count %d", v.refcnt.Peek(), other.Count.Peek())
			}
		},
	}
}

// TestTypeSafeReuse: a reader that found a VMA which is freed and reused by another mm meanwhile.
func TestTypeSafeReuse(t *testing.T) {
	explores(t, "", reuse)
	breaks(t, "linux-6.18,-check-vm-mm", "a reader locked another mm's VMA", reuse)
	breaks(t, "linux-6.18,-detach-waits", "detached with vm_refcnt 0x1", reuse)
}

// TestReuseBesideOwnReader: the other mm's own reader and writer work on the memory while the stale reader of the first mm
// holds its reference. The stale reader must wake the right writer.
func TestReuseBesideOwnReader(t *testing.T) {
	explores(t, "", func(l *lab) program {
		mm, other, p := l.mm("mm"), l.mm("other"), l.pair()
		v := l.attached(other) // reused already
		return program{tasks: []func(*task.Task){
			func(t *task.Task) {
				if readLock(t, mm, v) == ReadLocked {
					l.complain("a reader locked another mm's VMA")
				}
			},
			writer(other, v, p),
		}, check: func() {
			if v.refcnt.Peek() != 1 || other.Count.Peek() != 1 {
				l.complain("left with vm_refcnt %#x and mm_count %d", v.refcnt.Peek(), other.Count.Peek())
			}
		}}
	})
}

// lastWriter detaches the VMA and lets its mm go, while a stale reader of another mm may hold a reference on the VMA.
func lastWriter(l *lab) program {
	mm, other := l.mm("mm"), l.mm("other")
	l.names[unsafe.Pointer(l.cache.slab)] = "vm_area_cachep"
	v := l.attached(other)
	return program{tasks: []func(*task.Task){
		func(t *task.Task) { readLock(t, mm, v) },
		func(t *task.Task) {
			other.MmapWriteLock(t)
			mm.StartWrite(t, v)
			mm.MarkDetached(t, v)
			other.MmapWriteUnlock(t)
			other.Drop(t)
		},
	}}
}

// TestForeignMMIsPinned: the reader that drops the last reference on a foreign VMA wakes that mm's writer, who may be done
// with the mm by then.
func TestForeignMMIsPinned(t *testing.T) {
	explores(t, "", lastWriter)
	breaks(t, "linux-6.18,-pin-foreign-mm", "the writer of a freed mm is woken", lastWriter)
}

func detachBesideReaders(l *lab) program {
	mm := l.mm("mm")
	v := l.attached(mm)
	v.seq.Init(mm.LockSeq.Peek() + 1) // write-locked: a reference can only be one that is about to be dropped
	reader := func(t *task.Task) {
		if _, ok := v.refcnt.IncNotZeroLimitedAcquire(t, VMARefLimit); ok {
			v.refcountPut(t)
		}
	}
	return program{tasks: []func(*task.Task){
		reader, reader,
		func(t *task.Task) {
			mm.MmapWriteLock(t)
			mm.StartWrite(t, v)
			mm.MarkDetached(t, v)
			if n := v.refcnt.Peek(); n != 0 {
				l.complain("detached with vm_refcnt %#x", n)
			}
			mm.MmapWriteUnlock(t)
			if mm.StartReadLocked(t, v) {
				l.complain("a detached VMA can be locked")
			}
		},
	}}
}

// TestDetachBesideReaders: no reference is left, and none can be taken, when detach returns.
func TestDetachBesideReaders(t *testing.T) {
	explores(t, "", detachBesideReaders)
	breaks(t, "linux-6.18,-detach-waits", "detached with vm_refcnt", detachBesideReaders)
}

// TestReattachBesideReader: munmap takes a detach back when a later step fails.
func TestReattachBesideReader(t *testing.T) {
	explores(t, "", func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		return program{
			tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
				mm.MmapWriteLock(t)
				mm.StartWrite(t, v)
				mm.MarkDetached(t, v)
				p.change(t)
				mm.MarkAttached(t, v)
				mm.MmapWriteUnlock(t)
			}},
			check: func() {
				if v.refcnt.Peek() != 1 {
					l.complain("left with vm_refcnt %#x", v.refcnt.Peek())
				}
			},
		}
	})
}

// TestTwoWriters: one VMA lock serves two write sections one after the other.
func TestTwoWriters(t *testing.T) {
	explores(t, "", func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		return program{tasks: []func(*task.Task){reader(l, mm, v, p), writer(mm, v, p), writer(mm, v, p)}}
	})
}
