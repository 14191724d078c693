package check

import (
	"testing"

	"vmasim/internal/task"
)

// TestLockRule: each kind of access with and without the locks that the declaration demands.
func TestLockRule(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(l *lockLab, t *task.Task)
		want string
	}{
		"flags read without":     {func(l *lockLab, t *task.Task) { l.v.Flags(t) }, "lock-rule"},
		"flags read under RCU":   {func(l *lockLab, t *task.Task) { l.rcu.ReadLock(t); l.v.Flags(t); l.rcu.ReadUnlock(t) }, "lock-rule"},
		"range read under RCU":   {func(l *lockLab, t *task.Task) { l.rcu.ReadLock(t); l.v.Range(t); l.rcu.ReadUnlock(t) }, ""},
		"flags read under VMA R": {func(l *lockLab, t *task.Task) { readLock(t, l.m, l.v); l.v.Flags(t) }, ""},
		"flags read, mmap R":     {func(l *lockLab, t *task.Task) { l.m.MmapReadLock(t); l.v.Flags(t) }, ""},
		"flags read, other mm":   {func(l *lockLab, t *task.Task) { l.mm().MmapReadLock(t); l.v.Flags(t) }, "lock-rule"},
		"flags written, mmap W":  {func(l *lockLab, t *task.Task) { l.m.MmapWriteLock(t); l.v.SetFlags(t, 0) }, "lock-rule"},
		"flags written, VMA W":   {func(l *lockLab, t *task.Task) { l.m.MmapWriteLock(t); l.m.StartWrite(t, l.v); l.v.SetFlags(t, 0) }, ""},
		"flags written after the downgrade": {func(l *lockLab, t *task.Task) {
			l.m.MmapWriteLock(t)
			l.m.StartWrite(t, l.v)
			l.m.MmapWriteDowngrade(t)
			l.v.SetFlags(t, 0)
		}, "lock-rule"},
		"a VMA of one's own": {func(l *lockLab, t *task.Task) {
			l.m.MmapWriteLock(t)
			v := l.alloc(t, l.m)
			l.m.MmapWriteUnlock(t)
			v.SetRange(t, 0, page, 0)
			v.SetFlags(t, 0)
		}, ""},
		"ops set on a visible VMA": {func(l *lockLab, t *task.Task) { l.m.MmapWriteLock(t); l.m.StartWrite(t, l.v); l.v.SetOps(t, nil) }, "lock-rule"},
		"detached by oneself": {func(l *lockLab, t *task.Task) {
			l.m.MmapWriteLock(t)
			l.m.StartWrite(t, l.v)
			l.m.MarkDetached(t, l.v)
			l.m.MmapWriteUnlock(t)
			l.v.SetRange(t, 0, page, 0)
		}, ""},
		"mm_lock_seq without mmap_lock": {func(l *lockLab, t *task.Task) { l.m.LockSeq.WriteBegin(t); l.m.LockSeq.WriteEnd(t) }, "lock-rule"},
	} {
		l := newLockLab(t, "", "lock-rule")
		l.m = l.mm()
		l.v = l.attached(l.m)
		l.run(nil, func(tk *task.Task) { c.use(l, tk) })
		if got := l.names(); got != c.want {
			t.Errorf("%s: %q, expected %q\n%s", name, got, c.want, &l.findings)
		}
	}
}
