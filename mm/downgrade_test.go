package mm_test

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// beside runs other when the task that does op is inside the kernel function during, and to its end if that is possible.
// It reports whether op was still there when other had ended.
func (l *lab) beside(op func(*task.Task) error, during string, other func(*task.Task)) (meanwhile bool) {
	l.tb.Helper()
	var first *task.Task
	ended := false
	l.run(when(&first, during),
		func(t *task.Task) {
			first = t
			if err := op(t); err != nil {
				l.tb.Error(err)
			}
			ended = true
		},
		func(t *task.Task) {
			other(t)
			meanwhile = !ended
		})
	return meanwhile
}

// TestMunmapDowngrades: while munmap clears pages, others read under mmap_lock and fault; without the rule they wait.
func TestMunmapDowngrades(t *testing.T) {
	for spec, downgrades := range map[string]bool{"": true, "linux-6.18,-munmap-downgrade": false} {
		for what, c := range map[string]struct {
			other func(l *lab, t *task.Task)
			beats bool // munmap, if that holds mmap_lock for writing
		}{
			"mmap_lock for reading": {func(l *lab, t *task.Task) {
				l.mm.MmapReadLock(t)
				if l.mm.Tree.Lookup(t, at(1)) != nil || l.mm.MapCount(t) != 2 {
					l.tb.Error("a reader finds what munmap has erased")
				}
				l.mm.MmapReadUnlock(t)
			}, false},
			"mmap_lock for writing": {func(l *lab, t *task.Task) { l.do(l.tryMap(t, 20, 21, rw, privateAnon, mm.MmapArgs{})) }, false},
			"a first write elsewhere": {func(l *lab, t *task.Task) {
				if res := fault.Touch(t, l.mm, at(10), linux.Write); res != linux.OK {
					l.tb.Error(res)
				}
				want := map[bool]task.Counter{true: task.VMALockSuccess, false: task.VMALockRetry}[downgrades]
				if t.Counters[want] != 1 || t.Counters[task.VMALockAbort] != 0 {
					l.tb.Errorf("counters %v", t.Counters)
				}
			}, false},
			"a read elsewhere": {func(l *lab, t *task.Task) {
				if res := fault.Touch(t, l.mm, at(10), linux.Read); res != linux.OK {
					l.tb.Error(res)
				}
			}, true},
			"a fault where munmap works": {func(l *lab, t *task.Task) {
				if res := fault.Touch(t, l.mm, at(1), linux.Write); res != linux.SegvMaperr {
					l.tb.Error(res)
				}
			}, false},
		} {
			l := newLab(t, mm.Config{}, spec)
			maps("0-4", "10-12")(l)
			l.fill(0, 1)
			l.fill(3, 4)
			munmap := func(t *task.Task) error { return l.mm.Munmap(t, at(0), 3*page) }
			got := l.beside(munmap, "vms_clear_ptes", func(t *task.Task) { c.other(l, t) })
			want := downgrades && what != "mmap_lock for writing" || c.beats
			if got != want {
				t.Errorf("rules %q, %s went on beside munmap: %v", spec, what, got)
			}
			delete(l.contents, 0)
			l.end()
		}
	}
}

// TestFixedMmapDoesNotDowngrade: the munmap inside an mmap keeps the write lock to the end.
func TestFixedMmapDoesNotDowngrade(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	maps("0-4 filled")(l)
	mmap := func(t *task.Task) error { return l.tryMap(t, 0, 4, linux.PROT_READ, privateAnon, mm.MmapArgs{}) }
	if l.beside(mmap, "vms_clear_ptes", func(t *task.Task) {
		l.mm.MmapReadLock(t)
		l.mm.MmapReadUnlock(t)
	}) {
		t.Error("a reader got in")
	}
	l.end()
}

// TestHoleFirst: with the rule mmap punches a hole before it clears the old pages; a fault waits for the new VMA either way.
func TestHoleFirst(t *testing.T) {
	for spec, hole := range map[string]bool{"": false, "linux-6.18,+hole-first": true} {
		l := newLab(t, mm.Config{}, spec)
		maps("0-4", "6-8")(l)
		l.fill(0, 2)
		mmap := func(t *task.Task) error { return l.tryMap(t, 0, 7, rw, privateAnon, mm.MmapArgs{}) }
		l.beside(mmap, "vms_clear_ptes", func(t *task.Task) {
			l.mm.LockSeq.ReadOnce(t) // what comes before the first step runs at the very beginning
			if found, _ := l.visible(1); found == hole {
				l.tb.Errorf("rules %q: the old VMA is in the tree: %v", spec, found)
			}
			if v, res := fault.Load(t, l.mm, at(3)); v != 0 || res != linux.OK {
				l.tb.Errorf("rules %q: a load beside mmap sees %d, %s", spec, v, res)
			}
		})
		l.wantLayout("0-8 rw-p")
		clear(l.contents)
		l.end()
	}
}

// TestLookupsDuringFixedMmap: while mmap replaces a mapping, the old VMA is in the tree, but a fault cannot lock it and waits.
func TestLookupsDuringFixedMmap(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mmap(0, 4, rw)
	l.fill(0, 1)
	mmap := func(t *task.Task) error { return l.tryMap(t, 0, 4, linux.PROT_READ, privateAnon, mm.MmapArgs{}) }
	l.beside(mmap, "vms_clear_ptes", func(t *task.Task) {
		if v, res := fault.Load(t, l.mm, at(1)); v != 0 || res != linux.OK {
			l.tb.Errorf("a load beside mmap sees %d, %s", v, res)
		}
		if t.Counters[task.VMALockAbort] == 0 {
			l.tb.Errorf("counters %v", t.Counters)
		}
	})
	l.end()
}
