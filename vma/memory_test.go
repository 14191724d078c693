package vma

import (
	"testing"
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

var views = explore.Options{Memory: explore.MemoryModel{Views: true}}

// TestLockUnderViews: with each of its orders the lock is right where loads may be stale, and where one is missing it is not. A reader of the VMA
// reads two words that a writer changes together; that the words are seen stale is what breaks.
func TestLockUnderViews(t *testing.T) {
	for _, spec := range []string{"", "linux-6.18,+wait-acquire"} {
		n, err := search(spec, views, readerBesideWriter)
		if err != nil {
			t.Fatalf("rules %q, execution %d: %v", spec, n, err)
		}
		t.Logf("rules %q: %d executions", spec, n)
	}
	for _, spec := range []string{
		"linux-6.18,-ref-acquire", "linux-6.18,-seq-release", "linux-6.18,-seq-acquire", "linux-6.18,-seq-before-flag",
		"linux-6.18,-drop-before-look", "linux-6.18,-announce-before-look",
	} {
		n, err := search(spec, views, readerBesideWriter)
		if err == nil {
			t.Errorf("rules %q: nothing is wrong in %d executions", spec, n)
		}
		t.Logf("rules %q: broken by execution %d", spec, n)
	}
}

// TestReuseUnderViews: a reader who found the VMA in its last life locks it in this one.
func TestReuseUnderViews(t *testing.T) {
	o := explore.Options{Memory: explore.MemoryModel{Views: true, Limit: 2}}
	if n, err := search("", o, remade); err != nil {
		t.Errorf("execution %d: %v", n, err)
	}
	if n, err := search("linux-6.18,-attach-release", o, remade); err == nil {
		t.Errorf("without attach-release nothing is wrong in %d executions", n)
	}
}

// TestWaitAcquire is requirement O6: once a writer has found the readers gone, a load of its may miss what the last of them has stored. With
// an acquire behind the wait it may not.
func TestWaitAcquire(t *testing.T) {
	left := func(l *lab) program {
		mm := l.mm("mm")
		v := l.attached(mm)
		word := new(ksync.Atomic64)
		l.names[unsafe.Pointer(word)] = "word"
		return program{tasks: []func(*task.Task){func(t *task.Task) {
			if readLock(t, mm, v) == ReadLocked {
				word.WriteOnce(t, 1)
				endRead(t, mm, v)
			}
		}, func(t *task.Task) {
			mm.MmapWriteLock(t)
			mm.StartWrite(t, v)
			if word.ReadOnce(t) != word.Peek() {
				l.complain("the writer misses what a reader has left")
			}
			mm.MmapWriteUnlock(t)
		}}}
	}
	if n, err := search("", views, left); err == nil {
		t.Errorf("nothing is missed in %d executions", n)
	}
	if n, err := search("linux-6.18,+wait-acquire", views, left); err != nil {
		t.Errorf("with the acquire, execution %d: %v", n, err)
	}
}
