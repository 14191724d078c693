package vma

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// TestOrders: each order that the reference count relies on, taken away, with the programs that it is for, in every schedule. Those that
// only the oracles tell (package check) break no program of words.
func TestOrders(t *testing.T) {
	for _, c := range []struct{ spec, complaint string }{
		{"linux-6.18,-ref-acquire", "a reader sees half a change"},
		{"linux-6.18,-one-step-read-lock", "a reader sees half a change"},
		{"linux-6.18,-write-waits", "a reader sees half a change"},
		{"linux-6.18,-announce-before-look", "lost wake-up"},
		{"linux-6.18,-seq-release", ""},
		{"vma-rwsem,-seq-release", ""},
		{"linux-6.18,-put-release", ""},
		{"linux-6.18,+wait-acquire", ""},
		{"linux-6.18,-hint-first", ""},
	} {
		if c.complaint == "" {
			explores(t, c.spec, readerBesideWriter)
		} else {
			breaks(t, c.spec, c.complaint, readerBesideWriter)
		}
	}
	breaks(t, "linux-6.18,-unless-zero", "a new VMA has vm_refcnt", reuse)
}

// remade is a reader who found a VMA in its last life, beside a writer who makes the memory a VMA again.
func remade(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	l.names[unsafe.Pointer(l.cache.slab)] = "vm_area_cachep"
	v := l.attached(mm)
	unmap := func(t *task.Task) {
		mm.StartWrite(t, v)
		mm.MarkDetached(t, v)
	}
	mm.MmapWriteLock(l.boot)
	unmap(l.boot)
	mm.MmapWriteUnlock(l.boot)
	l.cache.Free(l.boot, v)
	return program{
		tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
			mm.MmapWriteLock(t)
			n, err := l.cache.Alloc(t, mm, testStart, testEnd, 0, testFlags)
			if err != nil || n != v {
				l.complain("the VMA is elsewhere: %v", err)
			}
			mm.StartWrite(t, v)
			p.change(t)
			mm.MarkAttached(t, v)
			mm.MmapWriteUnlock(t)
		}},
		check: func() {
			if n := v.refcnt.Peek(); n != 1 {
				l.complain("left with vm_refcnt %d", n)
			}
		},
	}
}

// TestAttachRelease: a reader who found a VMA in its last life, of another range, locks the memory that is being made a VMA.
func TestAttachRelease(t *testing.T) {
	explores(t, "", remade)
	breaks(t, "linux-6.18,-attach-release", "a reader sees half a change", remade)
}

// TestAttachedTooEarlyIsFreed: a VMA whose count came too early, and that is attached by no call, can be freed.
func TestAttachedTooEarlyIsFreed(t *testing.T) {
	l := newLab("linux-6.18,-attach-release")
	mm := l.mm("mm")
	mm.MmapWriteLock(l.boot)
	v := l.detached(mm)
	mm.StartWrite(l.boot, v)
	l.cache.Free(l.boot, v)
	if w := l.detached(mm); w != v || !w.early {
		t.Errorf("the memory is not used again: %v", w)
	}
	mm.MmapWriteUnlock(l.boot)
	l.want(t)
}

// TestOrdersOfAddedRules: an mm with a rule that 6.18 has not asks for rules, as one does that lacks one.
func TestOrdersOfAddedRules(t *testing.T) {
	for spec, want := range map[string]Generation{"linux-6.18,+wait-acquire": RefcountV6, "linux-6.18,-hint-first": RefcountV6} {
		if mm := newLab(spec).mm("mm"); mm.Generation != want || mm.EndsUnordered() {
			t.Errorf("rules %q: generation %d, ends unordered %v", spec, mm.Generation, mm.EndsUnordered())
		}
	}
}
