package mm_test

import (
	"slices"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// killable are the operations that wait for mmap_lock where a fatal signal ends the wait.
var killable = []struct {
	name string
	op   func(l *lab, t *task.Task) error
	late bool // a reader keeps it waiting, too
}{
	{"mmap", func(l *lab, t *task.Task) error { return l.tryMap(t, 10, 12, rw, privateAnon, mm.MmapArgs{}) }, true},
	{"munmap", func(l *lab, t *task.Task) error { return l.mm.Munmap(t, at(0), page) }, true},
	{"mprotect", func(l *lab, t *task.Task) error { return l.mm.Mprotect(t, at(0), page, linux.PROT_READ) }, true},
	{"madvise", func(l *lab, t *task.Task) error { return l.mm.Madvise(t, at(0), 4*page, linux.MADV_DONTFORK) }, true},
	{"mlock on fault", func(l *lab, t *task.Task) error { return l.mm.Mlock2(t, at(0), page, linux.MLOCK_ONFAULT) }, true},
	{"munlock", func(l *lab, t *task.Task) error { return l.mm.Munlock(t, at(0), page) }, true},
	{"mlockall", func(l *lab, t *task.Task) error { return l.mm.Mlockall(t, linux.MCL_CURRENT|linux.MCL_FUTURE) }, true},
	{"munlockall", func(l *lab, t *task.Task) error { return l.mm.Munlockall(t) }, true},
	{"fork", func(l *lab, t *task.Task) error {
		child, err := l.mm.Fork(t, "child")
		if err == nil {
			child.Put(t)
		}
		return err
	}, true},
	{"fault", func(l *lab, t *task.Task) error { return l.touch(t, l.mm, 0, linux.Write) }, false},
}

// TestKilledWhileWaiting: a task that is killed while it waits for mmap_lock gets EINTR and leaves everything as it was.
func TestKilledWhileWaiting(t *testing.T) {
	for _, c := range killable {
		for _, reader := range []bool{false, true} {
			if reader && !c.late {
				continue
			}
			l := newLab(t, mm.Config{}, "")
			maps("0-2", "2-4 r")(l)
			l.fill(1, 2)
			before := l.layout(l.mm)
			var victim *task.Task
			var err error
			l.run(nil, func(t *task.Task) {
				unlock := l.mm.MmapWriteUnlock
				if reader {
					l.mm.MmapReadLock(t)
					unlock = l.mm.MmapReadUnlock
				} else {
					l.mm.MmapWriteLock(t)
					l.mm.StartWrite(t, l.mm.Tree.Lookup(t, at(0))) // or a fault would not need mmap_lock
				}
				for !l.mm.MmapLock.Contended() {
					l.mm.MapCount(t) // a step
				}
				victim.Kill(t)
				for l.mm.MmapLock.Contended() {
					l.mm.MapCount(t)
				}
				unlock(t)
			}, func(t *task.Task) {
				victim = t
				for !l.mm.MmapLock.Held() {
					l.mm.MapCount(t)
				}
				err = c.op(l, t)
			})
			l.wantErrno(err, linux.EINTR, c.name)
			l.wantLayout(before)
			l.checkContents()
			l.wantErrno(c.op(l, l.t), 0, c.name+" by another task")
			l.contents = nil
			l.end()
		}
	}
}

// TestKilledButNotWaiting: a killed task that need not wait goes on, as in the kernel.
func TestKilledButNotWaiting(t *testing.T) {
	for _, c := range killable {
		l := newLab(t, mm.Config{}, "")
		maps("0-2 filled", "2-4 r")(l)
		other := l.m.NewTask("killed")
		other.Kill(nil)
		l.wantErrno(c.op(l, other), 0, c.name)
		l.m.EndTask(other)
		l.contents = nil
		l.end()
	}
}

// TestKilledFaultGivesUpAfterRetry: a fault that dropped its locks to read a page does not start again for a killed task.
func TestKilledFaultGivesUpAfterRetry(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mmapFile(l.open(4), 0, 4, rw, linux.MAP_SHARED, 0)
	other := l.m.NewTask("killed")
	other.Kill(nil)
	l.wantErrno(l.touch(other, l.mm, 0, linux.Read), linux.EINTR, "the first read")
	if n := other.Counters[task.VMALockRetry]; n != 1 {
		t.Errorf("%d retries", n)
	}
	l.wantErrno(l.touch(other, l.mm, 0, linux.Read), 0, "the read of the page that is cached now")
	l.m.EndTask(other)
	l.end()
}

// when gives the turn to task 0 until during holds for it, then to task 1 until that has ended or has to wait, then to 0
// again.
func when(t0 **task.Task, during string) exploretest.Turn {
	return func(enabled []int) int {
		if slices.Contains(enabled, 1) && *t0 != nil && slices.Contains((*t0).Stack(), during) {
			return 1
		}
		return enabled[0]
	}
}
