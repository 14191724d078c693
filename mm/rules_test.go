package mm_test

import (
	"slices"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// Each rule that shows in an address space, switched on and off. Package vma shows detach-waits, check-vm-mm and
// pin-foreign-mm, munmap-downgrade in downgrade_test.go.

// visible reports whether the tree holds a VMA at a page, and its vm_refcnt.
func (l *lab) visible(n int) (found bool, refcnt int32) {
	v := l.mm.Tree.Lookup(l.t, at(n))
	if v == nil {
		return false, 0
	}
	refcnt = v.RefcntPeek()
	return true, refcnt
}

// TestLockNewVMA: a fault on a VMA that mmap is still working on waits for mmap; without the rule it goes ahead.
func TestLockNewVMA(t *testing.T) {
	for spec, locked := range map[string]bool{"": true, "linux-6.18,-lock-new-vma": false} {
		l := newLab(t, mm.Config{}, spec)
		l.mmap(0, 2, rw) // for mmap to replace: it has something left to do after the store
		mapped, meanwhile := false, false
		var counters task.Counters
		old := l.mm.Tree.Lookup(l.t, at(0))
		l.run(func(enabled []int) int {
			if v := l.mm.Tree.Lookup(l.t, at(0)); v != old && slices.Contains(enabled, 1) {
				return 1
			}
			return enabled[0]
		}, func(t *task.Task) {
			l.do(l.tryMap(t, 0, 2, linux.PROT_READ, privateAnon, mm.MmapArgs{}))
			mapped = true
		}, func(t *task.Task) {
			l.do(l.touch(t, l.mm, 0, linux.Read))
			meanwhile, counters = !mapped, t.Counters
		})
		if meanwhile == locked || counters[task.VMALockAbort] != map[bool]uint64{true: 1, false: 0}[locked] {
			t.Errorf("rules %q: the fault ended before mmap: %v; counters %v", spec, meanwhile, counters)
		}
		l.end()
	}
}

// TestAttachBeforeStore: a finder between store and attach counts a miss and looks again. A write-locked VMA hides that, so
// it shows only without lock-new-vma.
func TestAttachBeforeStore(t *testing.T) {
	for spec, misses := range map[string]uint64{
		"": 0, "linux-6.18,-attach-before-store": 0, "linux-6.18,-lock-new-vma": 0, "linux-6.18,-lock-new-vma,-attach-before-store": 1,
	} {
		l := newLab(t, mm.Config{}, spec)
		var finder *task.Task
		var counters task.Counters
		l.run(func(enabled []int) int {
			if slices.Contains(enabled, 1) {
				switch found, refcnt := l.visible(0); {
				case found && (refcnt > 0 || finder.Counters[task.VMALockMiss] == 0):
					return 1
				case finder == nil:
					return 1 // up to its first step
				}
			}
			return enabled[0]
		}, func(t *task.Task) { l.do(l.tryMap(t, 0, 2, rw, privateAnon, mm.MmapArgs{})) },
			func(t *task.Task) {
				finder = t
				for found := false; !found; {
					found, _ = l.visible(0)
					l.mm.LockSeq.ReadOnce(t)
				}
				if res := fault.Touch(t, l.mm, at(0), linux.Read); res != linux.OK {
					l.tb.Error(res)
				}
				counters = t.Counters
			})
		if counters[task.VMALockMiss] != misses {
			t.Errorf("rules %q: %d misses, expected %d", spec, counters[task.VMALockMiss], misses)
		}
		l.end()
	}
}

// TestForkLocksParent: a store through a translation that fork has just made stale, while another task's copy-on-write
// fault copies the page. With the parent's VMA locked the fault waits until fork has flushed; without, the store is lost.
func TestForkLocksParent(t *testing.T) {
	for spec, kept := range map[string]bool{"": true, "linux-6.18,-fork-locks-parent": false} {
		l := newLab(t, mm.Config{}, spec)
		l.mmap(0, 1, rw)
		l.fill(0, 1)
		const writer, forker, copier = 0, 1, 2
		var fork *task.Task
		steps := 0
		res := l.run(func(enabled []int) int {
			want := copier
			if steps++; steps <= 5 {
				want = writer // up to its store: it has walked the tables
			} else if !slices.Contains(fork.Stack(), "flush_tlb_mm_range") && slices.Contains(enabled, forker) {
				want = forker
			}
			if !slices.Contains(enabled, want) {
				return enabled[0]
			}
			return want
		}, func(t *task.Task) {
			if res := fault.Store(t, l.mm, at(0)+8, 8); res != linux.OK {
				l.tb.Error(res)
			}
		}, func(t *task.Task) {
			fork = t
			child, err := l.mm.Fork(t, "child")
			l.do(err)
			l.others = append(l.others, child)
		}, func(t *task.Task) {
			if res := fault.Store(t, l.mm, at(0)+16, 16); res != linux.OK {
				l.tb.Error(res)
			}
		})
		first, _ := fault.Load(l.t, l.mm, at(0)+8)
		second, _ := fault.Load(l.t, l.mm, at(0)+16)
		if (first == 8) != kept || second != 16 {
			t.Errorf("rules %q: the parent holds %d and %d\n%s", spec, first, second, res.Log())
		}
		l.checkContents()
		l.end()
	}
}

// TestTypesafeSlab: VMA memory is reused at once; without the rule, after a grace period.
func TestTypesafeSlab(t *testing.T) {
	for spec, typesafe := range map[string]bool{"": true, "linux-6.18,-typesafe-slab": false} {
		l := newLab(t, mm.Config{}, spec)
		for range 500 {
			l.mmap(0, 1, rw)
			l.do(l.tryMunmap(0, 1))
		}
		_, allocated, reused := l.m.VMAs.Stats()
		grace := l.m.RCU.GracePeriods()
		if allocated != 500 || reused == 0 || (reused == 499) != typesafe || (grace == 0) != typesafe {
			t.Errorf("rules %q: %d VMAs allocated, %d reused, %d grace periods", spec, allocated, reused, grace)
		}

		// A reader that has found a VMA keeps its memory from becoming another one, or not.
		l.mmap(0, 1, rw)
		reader := l.m.NewTask("reader")
		l.m.RCU.ReadLock(reader)
		v := l.mm.Tree.Lookup(reader, at(0))
		l.do(l.tryMunmap(0, 1))
		for n := range 200 {
			l.mmap(2*n+2, 2*n+3, rw)
		}
		if start := v.Start(reader); (start != at(0)) != typesafe {
			t.Errorf("rules %q: the VMA found at %#x is at %#x now", spec, at(0), start)
		}
		l.m.RCU.ReadUnlock(reader)
		l.m.EndTask(reader)
		l.end()
	}
}
