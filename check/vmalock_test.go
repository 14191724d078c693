package check

import (
	"slices"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/task"
	"vmasim/vma"
)

func TestReaderAndWriter(t *testing.T) {
	l := newLockLab(t, "", "reader-and-writer")
	m := l.mm()
	v := l.attached(m)
	l.run(turns(7, 30), func(tk *task.Task) {
		readLock(tk, m, v)
		v.Flags(tk)
		endRead(tk, m, v)
	}, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		v.SetFlags(tk, 0) // without vma_start_write
		m.MmapWriteUnlock(tk)
	})
	l.want("reader-and-writer")
}

// TestWrapAround: a VMA that was write-locked 2^31 write sections ago seems to be write-locked now, so the writer does not wait
// for the reader inside.
func TestWrapAround(t *testing.T) {
	l := newLockLab(t, "", "reader-and-writer")
	m := l.mm()
	v := l.attached(m)
	m.LockSeq.Set(0) // the section in which it was write-locked comes again
	l.run(turns(7, 30), func(tk *task.Task) {
		for !readLock(tk, m, v) {
		}
		v.Flags(tk)
		endRead(tk, m, v)
	}, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		m.StartWrite(tk, v)
		v.SetFlags(tk, 0)
		m.MmapWriteUnlock(tk)
	})
	l.want("reader-and-writer")
}

func TestTwoWriters(t *testing.T) {
	l := newLockLab(t, "", "two-writers")
	m := l.mm()
	v := l.attached(m)
	l.run(turns(9, 30), func(tk *task.Task) {
		m.MmapWriteLock(tk)
		m.StartWrite(tk, v)
		v.Flags(tk)
		m.MmapWriteUnlock(tk)
	}, func(tk *task.Task) { v.SetFlags(tk, 0) })
	l.want("two-writers")
}

// TestDetachWithoutWaiting is the detach race of December 2024.
func TestDetachWithoutWaiting(t *testing.T) {
	for spec, want := range map[string]string{"": "", "linux-6.18,-detach-waits": "reader-left"} {
		l := newLockLab(t, spec, "reader-left", "attach-state", "stray-flag")
		found := map[string]bool{}
		for k := range 9 {
			for j := range 16 {
				l.c.Reset()
				l.boot = l.task(0, "boot", l.report)
				l.boot.Observer = watching{l.c}
				m := l.mm()
				v := l.attached(m)
				l.run(turns(k, j, 1, 20), func(tk *task.Task) {
					if m.RCU.ReadLock(tk); m.StartRead(tk, v) == vma.ReadLocked {
						endRead(tk, m, v)
						m.RCU.ReadUnlock(tk)
					}
				}, func(tk *task.Task) {
					m.MmapWriteLock(tk)
					m.StartWrite(tk, v)
					m.MarkDetached(tk, v)
					m.MmapWriteUnlock(tk)
				})
				found[l.names()] = true
				l.list = nil
			}
		}
		if !found[want] || !found[""] || len(found) > 2 || want == "" && len(found) > 1 {
			t.Errorf("rules %q: found %v, expected %q", spec, found, want)
		}
	}
}

// turns gives the two tasks so many steps by turns, and then the rest in this order.
func turns(counts ...int) exploretest.Turn {
	var ids []int
	for i, n := range counts {
		ids = append(ids, slices.Repeat([]int{i % 2}, n)...)
	}
	return exploretest.Schedule(ids...)
}

func TestFreedWithReader(t *testing.T) {
	l := newLockLab(t, "", "reader-left", "lock-left-held", "use-after-free")
	m := l.mm()
	v := l.attached(m)
	l.run(turns(8, 0), func(tk *task.Task) {
		readLock(tk, m, v)
	}, func(tk *task.Task) {
		m.MmapReadLock(tk)
		l.c.Died(tk, unsafe.Pointer(v)) // a free that nothing held up
	})
	l.want("lock-left-held reader-left")
}

func TestStrayFlag(t *testing.T) {
	l := newLockLab(t, "", "stray-flag")
	m := l.mm()
	v := l.attached(m)
	l.run(nil, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		refcntOf(v).AddNotZero(tk, vma.VMALockOffset)
		m.MmapWriteUnlock(tk)
	})
	l.want("stray-flag")
}

func TestAttachState(t *testing.T) {
	for name, body := range map[string]func(tk *task.Task, m *vma.MMLock, v *vma.VMA){
		"twice": func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			m.StartWrite(tk, v)
			m.MarkAttached(tk, v)
		},
		"detached unlocked":    func(tk *task.Task, m *vma.MMLock, v *vma.VMA) { m.MmapWriteLock(tk); m.MarkDetached(tk, v) },
		"detached with a read": func(tk *task.Task, m *vma.MMLock, v *vma.VMA) { m.MmapReadLock(tk); m.MarkDetached(tk, v) },
	} {
		l := newLockLab(t, "", "attach-state")
		m := l.mm()
		v := l.attached(m)
		l.run(nil, func(tk *task.Task) { body(tk, m, v) })
		if l.names() != "attach-state" {
			t.Errorf("%s: %s", name, &l.findings)
		}
	}
}

func TestSeqParity(t *testing.T) {
	for name, body := range map[string]func(tk *task.Task, m *vma.MMLock, v *vma.VMA){
		"unlock without end": func(tk *task.Task, m *vma.MMLock, _ *vma.VMA) { m.MmapWriteLock(tk); m.MmapLock.UpWrite(tk) },
		"downgrade without end": func(tk *task.Task, m *vma.MMLock, _ *vma.VMA) {
			m.MmapWriteLock(tk)
			m.MmapLock.DowngradeWrite(tk)
		},
		"seems locked": func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.LockSeq.Set(v32(v) - 1 - 2)
			m.MmapWriteLock(tk)
			m.EndWriteAll(tk)
			m.LockSeq.WriteEnd(tk)
			m.LockSeq.WriteEnd(tk)
		},
	} {
		l := newLockLab(t, "", "seq-parity")
		m := l.mm()
		v := l.attached(m)
		l.run(nil, func(tk *task.Task) { body(tk, m, v) })
		if !slicesHas(l.list, "seq-parity") {
			t.Errorf("%s: %s", name, &l.findings)
		}
	}
}

func TestReferenceGivenTwice(t *testing.T) {
	l := newLockLab(t, "", "unlock-not-held")
	m := l.mm()
	v := l.attached(m)
	l.run(nil, func(tk *task.Task) {
		readLock(tk, m, v)
		endRead(tk, m, v)
		endRead(tk, m, v)
	})
	l.want("unlock-not-held")
}

// TestWrongVMA: a VMA freed and reused by another mm at the same address is taken for one's own without the vm_mm check.
func TestWrongVMA(t *testing.T) {
	for spec, want := range map[string]string{"": "", "linux-6.18,-check-vm-mm": "wrong-vma"} {
		l := newLockLab(t, spec, "wrong-vma", "use-after-free")
		m, other := l.mm(), l.mm()
		v := l.attached(m)
		l.run(turns(2, 50), func(tk *task.Task) {
			m.RCU.ReadLock(tk)
			tk.Enter("mas_walk") // it has found v
			m.Count.Read(tk)
			tk.Leave()
			if m.StartRead(tk, v) == vma.ReadLocked {
				v.Start(tk)
				endRead(tk, m, v)
				m.RCU.ReadUnlock(tk)
			}
		}, func(tk *task.Task) {
			m.MmapWriteLock(tk)
			m.StartWrite(tk, v)
			m.MarkDetached(tk, v)
			m.MmapWriteUnlock(tk)
			l.cache.Free(tk, v)
			other.MmapWriteLock(tk)
			other.MarkAttached(tk, l.alloc(tk, other))
			other.MmapWriteUnlock(tk)
		})
		l.want(want)
	}
}

func TestWrongAddress(t *testing.T) {
	for addr, want := range map[uint64]string{testStart: "", testEnd: "wrong-vma"} {
		l := newLockLab(t, "", "wrong-vma")
		l.c.Target = func(*task.Task) (*vma.MMLock, uint64, bool) { return nil, addr, true }
		m := l.mm()
		v := l.attached(m)
		l.run(nil, func(tk *task.Task) {
			readLock(tk, m, v)
			endRead(tk, m, v)
		})
		l.want(want)
	}
}

func TestBlockingUnderVMALock(t *testing.T) {
	for name, want := range map[string]string{"try": "", "blocking": "blocking-under-vma-lock"} {
		l := newLockLab(t, "", "blocking-under-vma-lock")
		m := l.mm()
		v := l.attached(m)
		l.run(nil, func(tk *task.Task) {
			readLock(tk, m, v)
			if name == "try" {
				m.MmapReadTrylock(tk)
			} else {
				m.MmapReadLock(tk)
			}
			m.MmapReadUnlock(tk)
			endRead(tk, m, v)
		})
		l.want(want)
	}
}
