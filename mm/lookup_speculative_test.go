package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestSpeculate: a VMA is copied as it is, or the reason not to is counted.
func TestSpeculate(t *testing.T) {
	for _, spec := range []string{"spf-seq", "spf-seq,-copy-under-rcu"} {
		l := newLab(t, mm.Config{}, spec)
		l.mmap(0, 4, rw)
		l.do(l.tryMap(l.t, 5, 6, rw, sharedAnon, mm.MmapArgs{}))
		l.fill(0, 1)
		c, ok := l.mm.Speculate(l.t, at(2))
		start, end, pgoff, flags := l.find(2).Snapshot()
		if !ok || c.Start != start || c.End != end || c.Pgoff != pgoff || c.Flags != flags || c.Anon != l.find(2).AnonPeek() || c.Anon == nil {
			t.Errorf("%s: %+v, %v", spec, c, ok)
		}
		gone := func(n int, why task.Counter) {
			t.Helper()
			before := l.t.Counters
			_, ok := l.mm.Speculate(l.t, at(n))
			if ok || l.t.Counters[why] != before[why]+1 || l.t.Counters[task.VMALockAbort] != before[task.VMALockAbort]+1 {
				t.Errorf("%s: page %d: %v, not counted as %s", spec, n, ok, why)
			}
		}
		gone(4, task.SPFAbortUnmapped)
		gone(5, task.SPFAbortNoSpeculate)
		l.mm.MmapWriteLock(l.t)
		gone(2, task.SPFAbortOdd)
		l.mm.MmapWriteUnlock(l.t)
		if n := l.t.Sections[task.SlotRCU].Depth; n != 0 {
			t.Errorf("%s: %d RCU sections are left open", spec, n)
		}
		l.end()
	}
}

// TestSpeculateBesideWriter lets mprotect run to its end after each step of the copy: it is the VMA before or after, or none.
func TestSpeculateBesideWriter(t *testing.T) {
	copied, caught := 0, 0
	for k := range 12 {
		l := newLab(t, mm.Config{}, "spf-seq")
		l.mmap(0, 2, rw)
		steps := k
		l.run(func(enabled []int) int {
			if steps--; steps >= 0 && enabled[0] == 0 {
				return 0
			}
			return enabled[len(enabled)-1]
		}, func(tk *task.Task) {
			c, ok := l.mm.Speculate(tk, at(1))
			if ok {
				copied++
			} else if tk.Counters[task.SPFAbortVMACopy] == 1 {
				caught++
			}
			if whole := c.Contains(at(0)); ok && (c.Flags&linux.VMWrite == 0 || whole && c.End != at(2)) {
				t.Errorf("after %d steps: %+v", k, c)
			}
		}, func(tk *task.Task) {
			if err := l.mm.Mprotect(tk, at(0), page, linux.PROT_READ); err != nil {
				t.Error(err)
			}
		})
		l.end()
	}
	if copied == 0 || caught == 0 {
		t.Errorf("%d copies are good, and %d caught by the counter", copied, caught)
	}
}
