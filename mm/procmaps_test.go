package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestReadMaps: a reader of the layout tells each VMA once, under whatever keeps it, and counts those in the range.
func TestReadMaps(t *testing.T) {
	for _, spec := range []string{"", "linux-6.18,-maps-vma-locks", "mmap-lock", "vma-rwsem", "refcount-v6", "refcount",
		"refcount-v6,+maps-vma-locks,+next-anew", "three-state", "linux-7"} {
		l := newLab(t, mm.Config{}, spec)
		l.do(l.tryMap(l.t, 0, 4, rw, privateAnon, mm.MmapArgs{}))
		l.do(l.tryMprotect(1, 2, linux.PROT_READ))
		l.do(l.tryMap(l.t, 6, 7, rw, privateAnon, mm.MmapArgs{}))
		for _, c := range []struct {
			from, to int
			lines    uint64
		}{{0, 100, 4}, {1, 2, 1}, {4, 6, 0}, {3, 7, 2}} {
			if n, err := l.mm.ReadMaps(l.t, at(c.from), at(c.to)); n != c.lines || err != nil {
				t.Errorf("%s: %d VMAs between page %d and page %d, expected %d: %v", spec, n, c.from, c.to, c.lines, err)
			}
		}
		if n := l.t.Counters[task.NextVMAFallback] + l.t.Counters[task.NextVMARetry] + l.t.Counters[task.VMALockAbort]; n != 0 {
			t.Errorf("%s: %d ways around, and there is no writer", spec, n)
		}
		l.end()
	}
}

// TestReadMapsAtTheLimit: a VMA that can have no more readers is told under mmap_lock, and so are those behind it.
func TestReadMapsAtTheLimit(t *testing.T) {
	l := newLab(t, mm.Config{MaxVMARefs: 1}, "")
	maps("0-2", "2-4 r")(l)
	if n, err := l.mm.ReadMaps(l.t, at(0), at(4)); n != 2 || err != nil {
		t.Errorf("%d VMAs, expected 2: %v", n, err)
	}
	if n := l.t.Counters[task.NextVMAFallback]; n != 1 {
		t.Errorf("lock_next_vma fell back %d times, expected once: mmap_lock is kept then", n)
	}
	l.end()
}

// TestReadMapsKilled: a reader that is killed while it waits for a writer gets EINTR, and holds nothing any more.
func TestReadMapsKilled(t *testing.T) {
	for _, spec := range []string{"", "linux-6.18,-maps-vma-locks"} {
		l := newLab(t, mm.Config{}, spec)
		maps("0-2", "2-4 r")(l)
		var victim *task.Task
		var err error
		locked := false
		l.run(nil, func(t *task.Task) {
			l.mm.MmapWriteLock(t)
			l.mm.StartWrite(t, l.mm.Tree.Lookup(t, at(2)))
			locked = true
			for !l.mm.MmapLock.Contended() {
				l.mm.MapCount(t) // a step
			}
			victim.Kill(t)
			for l.mm.MmapLock.Contended() {
				l.mm.MapCount(t)
			}
			l.mm.MmapWriteUnlock(t)
		}, func(t *task.Task) {
			victim = t
			for !locked {
				l.mm.MapCount(t)
			}
			_, err = l.mm.ReadMaps(t, at(0), at(4))
		})
		l.wantErrno(err, linux.EINTR, "ReadMaps")
		l.end()
	}
}
