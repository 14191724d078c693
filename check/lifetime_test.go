package check

import (
	"testing"

	"vmasim/internal/task"
	"vmasim/vma"
)

func (l *lockLab) freed(t *task.Task, m *vma.MMLock, v *vma.VMA) {
	m.MmapWriteLock(t)
	m.StartWrite(t, v)
	m.MarkDetached(t, v)
	m.MmapWriteUnlock(t)
	l.cache.Free(t, v)
}

// TestUseAfterFree: under RCU the identity of a freed VMA may be read, and nothing else.
func TestUseAfterFree(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(*task.Task, *vma.MMLock, *vma.VMA)
		want string
	}{
		"a stale reader":         {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.RCU.ReadLock(t); m.StartRead(t, v) }, ""},
		"the range under RCU":    {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.RCU.ReadLock(t); v.Range(t); m.RCU.ReadUnlock(t) }, ""},
		"the range without":      {func(t *task.Task, _ *vma.MMLock, v *vma.VMA) { v.Start(t) }, "use-after-free"},
		"the flags under RCU":    {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.RCU.ReadLock(t); v.Flags(t); m.RCU.ReadUnlock(t) }, "use-after-free"},
		"the anon_vma under RCU": {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.RCU.ReadLock(t); v.AnonVMA(t); m.RCU.ReadUnlock(t) }, "use-after-free"},
		"a write": {func(t *task.Task, m *vma.MMLock, v *vma.VMA) {
			m.RCU.ReadLock(t)
			v.SetFlags(t, 0)
			m.RCU.ReadUnlock(t)
		}, "use-after-free"},
	} {
		l := newLockLab(t, "", "use-after-free", "reader-left", "lock-left-held")
		m := l.mm()
		v := l.attached(m)
		l.freed(l.boot, m, v)
		l.run(nil, func(tk *task.Task) { c.use(tk, m, v) })
		if got := l.names(); got != c.want {
			t.Errorf("%s: %q, expected %q\n%s", name, got, c.want, &l.findings)
		}
	}
}

// TestUseAfterFreeOfAReader: with a VMA that was reused the identity is another one's, and the lock rules speak.
func TestReusedVMAIsStrange(t *testing.T) {
	l := newLockLab(t, "", "use-after-free", "lock-rule")
	m := l.mm()
	v := l.attached(m)
	l.freed(l.boot, m, v)
	if l.attached(m) != v {
		t.Fatal("the memory was not reused")
	}
	l.run(nil, func(tk *task.Task) {
		m.RCU.ReadLock(tk)
		v.Range(tk)
		v.Flags(tk)
		m.RCU.ReadUnlock(tk)
	})
	l.want("lock-rule")
}

func TestUseAfterUnlock(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(*task.Task, *vma.MMLock, *vma.VMA)
		want string
	}{
		"at once":               {func(t *task.Task, _ *vma.MMLock, v *vma.VMA) { v.Start(t) }, "use-after-unlock"},
		"only vm_refcnt":        {func(t *task.Task, _ *vma.MMLock, v *vma.VMA) { v.IsDetached(t) }, "use-after-unlock"},
		"found again":           {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { readLock(t, m, v); endRead(t, m, v) }, ""},
		"under mmap_lock":       {func(t *task.Task, m *vma.MMLock, v *vma.VMA) { m.MmapReadLock(t); v.Start(t); m.MmapReadUnlock(t) }, ""},
		"not at all":            {func(*task.Task, *vma.MMLock, *vma.VMA) {}, ""},
		"the mm, which is mine": {func(t *task.Task, m *vma.MMLock, _ *vma.VMA) { m.LockSeq.ReadOnce(t) }, ""},
	} {
		l := newLockLab(t, "", "use-after-unlock")
		m := l.mm()
		v := l.attached(m)
		l.run(nil, func(tk *task.Task) {
			readLock(tk, m, v)
			endRead(tk, m, v)
			c.use(tk, m, v)
		})
		if got := l.names(); got != c.want {
			t.Errorf("%s: %q, expected %q\n%s", name, got, c.want, &l.findings)
		}
	}
}
