package check

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// protocol runs tasks that lock one VMA as they should.
func protocol(l *lockLab, seed uint64) {
	m := l.mm()
	v := l.attached(m)
	reader := func(tk *task.Task) {
		for range 2 {
			if readLock(tk, m, v) {
				if !v.IsDetached(tk) {
					v.Flags(tk)
				}
				endRead(tk, m, v)
			}
		}
	}
	l.run(exploretest.Random(seed), reader, reader, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		m.StartWrite(tk, v)
		v.SetFlags(tk, testFlags)
		m.MarkDetached(tk, v)
		m.MarkAttached(tk, v)
		m.MmapWriteUnlock(tk)
	}, func(tk *task.Task) {
		m.MmapReadLock(tk)
		if m.StartReadLocked(tk, v) {
			endRead(tk, m, v)
		}
		v.Flags(tk)
		m.MmapReadUnlock(tk)
	}, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		m.StartWrite(tk, v)
		m.MmapWriteDowngrade(tk)
		v.Flags(tk)
		m.MmapReadUnlock(tk)
	})
}

// soundSpecs returns every generation, with what it lacks to be right, and the default with the other counter.
func soundSpecs() (specs []string) {
	for _, g := range rules.Generations() {
		specs = append(specs, g.Sound())
	}
	return append(specs, rules.Default+",+"+rules.SeqCounter.String())
}

// TestGenerationsAreClean runs the protocol of each generation in random schedules: nothing may be found.
func TestGenerationsAreClean(t *testing.T) {
	for _, spec := range soundSpecs() {
		for seed := range uint64(200) {
			l := newLockLab(t, spec)
			protocol(l, seed)
			if l.want(""); t.Failed() {
				t.Fatalf("rules %s, seed %d", spec, seed)
			}
		}
	}
}

// broken is a task, or two, that break a rule of the lock.
type broken struct {
	want  string
	tasks func(l *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task)
}

// alone is a body that breaks a rule by itself.
func alone(want string, body func(tk *task.Task, m *vma.MMLock, v *vma.VMA)) broken {
	return broken{want, func(_ *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
		return []func(*task.Task){func(tk *task.Task) { body(tk, m, v) }}
	}}
}

// writing runs body in a write section.
func writing(m *vma.MMLock, body func(*task.Task)) func(*task.Task) {
	return func(tk *task.Task) {
		m.MmapWriteLock(tk)
		body(tk)
		m.MmapWriteUnlock(tk)
	}
}

// TestOraclesKnowTheRWSem: each oracle speaks of what is done wrong with the rwsem of a VMA, the equality of the two numbers, and the flag.
func TestOraclesKnowTheRWSem(t *testing.T) {
	for name, b := range map[string]broken{
		"a change beside a reader": {"reader-and-writer", func(_ *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
			return []func(*task.Task){func(tk *task.Task) {
				readLock(tk, m, v)
				v.Flags(tk)
				endRead(tk, m, v)
			}, writing(m, func(tk *task.Task) { v.SetFlags(tk, 0) })}
		}},
		"a change after an early end": {"reader-and-writer", func(_ *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
			return []func(*task.Task){func(tk *task.Task) {
				if readLock(tk, m, v) {
					v.Flags(tk)
					endRead(tk, m, v)
				}
			}, func(tk *task.Task) {
				m.MmapWriteLock(tk)
				m.StartWrite(tk, v)
				m.EndWriteAll(tk)
				v.SetFlags(tk, 0)
				m.MmapLock.UpWrite(tk)
			}}
		}},
		"a change beside a writer": {"two-writers", func(_ *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
			return []func(*task.Task){writing(m, func(tk *task.Task) {
				m.StartWrite(tk, v)
				v.Flags(tk)
			}), func(tk *task.Task) { v.SetFlags(tk, 0) }}
		}},
		"a detached VMA is taken for found": {"wrong-vma", func(_ *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
			return []func(*task.Task){func(tk *task.Task) {
				if readLock(tk, m, v) { // and the flag is not looked at
					v.Flags(tk)
					endRead(tk, m, v)
				}
			}, writing(m, func(tk *task.Task) {
				m.StartWrite(tk, v)
				m.MarkDetached(tk, v)
			})}
		}},
		"detached unlocked": alone("attach-state", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			m.MarkDetached(tk, v)
			m.MmapWriteUnlock(tk)
		}),
		"attached twice": alone("attach-state", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			m.StartWrite(tk, v)
			m.MarkAttached(tk, v)
			m.MmapWriteUnlock(tk)
		}),
		"a lock left held": alone("lock-left-held reader-left", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) { readLock(tk, m, v) }),
		"given back twice": alone("unlock-not-held", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			readLock(tk, m, v)
			endRead(tk, m, v)
			endRead(tk, m, v)
		}),
		"looked at after it was given back": alone("use-after-unlock", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			readLock(tk, m, v)
			endRead(tk, m, v)
			v.Start(tk)
		}),
		"mmap_lock under it": alone("blocking-under-vma-lock lock-order", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			readLock(tk, m, v)
			m.MmapReadLock(tk)
			m.MmapReadUnlock(tk)
			endRead(tk, m, v)
		}),
		"mmap_lock tried under it": alone("", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			readLock(tk, m, v)
			m.MmapReadTrylock(tk)
			m.MmapReadUnlock(tk)
			endRead(tk, m, v)
		}),
		"written under mmap_lock alone": alone("lock-rule", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			v.SetFlags(tk, 0)
			m.MmapWriteUnlock(tk)
		}),
		"freed with a reader": {"lock-left-held reader-left", func(l *lockLab, m *vma.MMLock, v *vma.VMA) []func(*task.Task) {
			return []func(*task.Task){func(tk *task.Task) { readLock(tk, m, v) }, func(tk *task.Task) {
				m.MmapReadLock(tk)
				l.c.Died(tk, unsafe.Pointer(v)) // a free that nothing held up
			}}
		}},
	} {
		for _, spec := range []string{"vma-rwsem", "vma-rwsem-seqcount"} {
			names := strings.Fields(b.want)
			if names == nil {
				names = Names(ByWatcher)
			}
			b.judge(t, spec, name, names...)
		}
	}
}

// TestOraclesKnowTheLastPut: readers may be left when a VMA is detached, where nothing waits for them, and theirs may be the last put; a VMA that
// a task has a reference on is not to be freed, and one that waits must leave none.
func TestOraclesKnowTheLastPut(t *testing.T) {
	ref := func(v *vma.VMA) { refcntOf(v).Init(refcntOf(v).Peek() + 1) }
	detach := func(tk *task.Task, v *vma.VMA) { // as vma_mark_detached, without a wait
		tk.Enter("vma_mark_detached")
		refcntOf(v).DecAndTest(tk)
		tk.Leave()
		v.Start(tk)
	}
	for spec, left := range map[string]string{"free-at-zero": "", "three-state": "", "free-at-zero,+detach-waits": "reader-left", "three-state,+detach-waits": "reader-left"} {
		alone(left, func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			m.StartWrite(tk, v)
			ref(v)
			detach(tk, v)
			m.MmapWriteUnlock(tk)
		}).judge(t, spec, "a reader is left", "reader-left")
		alone("reader-left", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			readLock(tk, m, v)
			refcntOf(v).Init(0)
			m.FreeArea(tk, v)
		}).judge(t, spec, "freed under a reader", "reader-left")
	}
}

// judge runs the tasks in random schedules: the oracles wanted speak in some, and of those with the given names no other in any.
func (b broken) judge(t *testing.T, spec, name string, names ...string) {
	t.Helper()
	var spoke []string
	for seed := range uint64(60) {
		l := newLockLab(t, spec, names...)
		m := l.mm()
		v := l.attached(m)
		l.run(exploretest.Random(seed), b.tasks(l, m, v)...)
		spoke = append(spoke, strings.Fields(l.names())...)
	}
	slices.Sort(spoke)
	if got := strings.Join(slices.Compact(spoke), " "); got != b.want {
		t.Errorf("%s, %s: %q spoke, expected %q", spec, name, got, b.want)
	}
}

// TestOraclesKnowNoVMALock: where VMAs have none, the task that holds mmap_lock for writing may change them all, and no other task.
func TestOraclesKnowNoVMALock(t *testing.T) {
	for name, b := range map[string]broken{
		"mmap_lock for writing": alone("", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapWriteLock(tk)
			v.SetFlags(tk, 0)
			m.MmapWriteUnlock(tk)
		}),
		"mmap_lock for reading": alone("lock-rule", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapReadLock(tk)
			v.SetFlags(tk, 0)
			m.MmapReadUnlock(tk)
		}),
		"detached under mmap_lock for reading": alone("attach-state", func(tk *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.MmapReadLock(tk)
			m.MarkDetached(tk, v)
			m.MmapReadUnlock(tk)
		}),
		"copied without a section": alone("lock-rule", func(tk *task.Task, _ *vma.MMLock, v *vma.VMA) { v.Copy(tk) }),
		"read without":             alone("lock-rule", func(tk *task.Task, _ *vma.MMLock, v *vma.VMA) { v.Flags(tk) }),
	} {
		b.judge(t, "mmap-lock", name, Names(ByWatcher)...)
		b.judge(t, "spf-seq", name, Names(ByWatcher)...)
	}
}

// TestRWSemHolders: the read lock of a VMA is named once, as such.
func TestRWSemHolders(t *testing.T) {
	l := newLockLab(t, "vma-rwsem")
	m := l.mm()
	v := l.attached(m)
	l.run(nil, func(tk *task.Task) {
		readLock(tk, m, v)
		held := l.c.Held(tk)
		if len(held) != 1 || held[0].Lock != "vma#1" || held[0].Mode != "read" || held[0].Func != "vma_start_read" {
			t.Errorf("held: %v", held)
		}
		endRead(tk, m, v)
		if held := l.c.Held(tk); len(held) != 0 {
			t.Errorf("still held: %v", held)
		}
	})
	l.want("")
}
