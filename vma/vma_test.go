package vma

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// fails lets every allocation fail.
type fails struct{ task.NoObserver }

func (fails) Choose(_ *task.Task, what task.Choice, _ int) int {
	if what == task.AllocFails {
		return 1
	}
	return 0
}

func TestAllocFails(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	v := l.attached(mm)
	l.boot.Observer = fails{}
	if _, err := l.cache.Alloc(l.boot, mm, testStart, testEnd, 0, 0); !errors.Is(err, linux.ENOMEM) {
		t.Errorf("alloc: %v", err)
	}
	if _, err := l.cache.Dup(l.boot, v, mm); !errors.Is(err, linux.ENOMEM) {
		t.Errorf("dup: %v", err)
	}
	if inUse, _, _ := l.cache.Stats(); inUse != 1 {
		t.Errorf("%d VMAs in use", inUse)
	}
}

// TestAllocForgetsTheLastLife: nothing of a freed VMA shows in the next one, and a copy takes over what it should.
func TestAllocForgetsTheLastLife(t *testing.T) {
	l := newLab("")
	mm, other, tk := l.mm("a"), l.mm("b"), l.boot
	mem, err := phys.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mem.Close() }()
	f := mem.NewShmem(tk, testEnd, 0)
	ops := &Ops{Name: "test"}
	v := l.detached(mm)
	v.SetRange(tk, testStart, testEnd, 5)
	v.SetFile(tk, f)
	v.SetOps(tk, ops)
	v.SetAnonVMA(tk, &AnonVMA{})
	v.SetChain(tk, &AnonVMAChain{})
	v.seq.WriteOnce(tk, 3)

	d, err := l.cache.Dup(tk, v, other)
	if err != nil {
		t.Fatal(err)
	}
	start, end, pgoff, flags := d.Snapshot()
	file, anon, refcnt, of := d.FilePeek(), d.AnonPeek(), d.RefcntPeek(), d.MMPeek()
	if start != testStart || end != testEnd || pgoff != 5 || flags != testFlags || file != f || d.Ops(tk) != ops {
		t.Errorf("the copy is [%#x, %#x) +%d %s", start, end, pgoff, flags)
	}
	if anon != nil || refcnt != 0 || of != other || d.ChainPeek() != nil || d.seq.Peek() != NeverLocked {
		t.Errorf("the copy has anon_vma %p, chain %p, vm_refcnt %d, vm_lock_seq %#x", anon, d.ChainPeek(), refcnt, d.seq.Peek())
	}
	if d.Pages(tk) != 4 || d.PgoffAt(tk, testStart+0x2000) != 7 || d.IsAnonymous(tk) || d.Contains(tk, testEnd) || !d.Contains(tk, testStart) {
		t.Error("the copy's pages are wrong")
	}
	generation := v.Generation()
	l.cache.Free(tk, v)
	n := l.detached(other)
	if n != v || n.Generation() == generation {
		t.Fatal("the memory was not reused")
	}
	file, anon, refcnt, of = n.FilePeek(), n.AnonPeek(), n.RefcntPeek(), n.MMPeek()
	if file != nil || anon != nil || refcnt != 0 || of != other || n.Ops(tk) != nil || n.Chain(tk) != nil || n.seq.Peek() != NeverLocked || n.Pgoff(tk) != 0 {
		t.Error("the new VMA remembers the last one")
	}
	l.cache.Free(tk, n)
	l.cache.Free(tk, d)
	if err := f.Put(tk); err != nil { // the copy's reference is its owner's to give back
		t.Error(err)
	}
	l.want(t)
}

// TestFreeAfterGracePeriod: without typesafe-slab a reader's section keeps the memory from becoming another VMA.
func TestFreeAfterGracePeriod(t *testing.T) {
	l := newLab("linux-6.18,-typesafe-slab")
	mm := l.mm("a")
	reader := l.task("reader")
	v := l.detached(mm)
	l.rcu.ReadLock(reader)
	l.cache.Free(l.boot, v)
	if start := v.Start(reader); start != testStart || !v.Alive() {
		t.Errorf("a reader finds start %#x, alive %v", start, v.Alive())
	}
	if n := l.detached(mm); n == v {
		t.Error("the memory was reused beside a reader")
	}
	l.rcu.ReadUnlock(reader)
	l.rcu.Barrier(l.boot)
	if v.Alive() || l.rcu.GracePeriods() == 0 {
		t.Errorf("alive %v after %d grace periods", v.Alive(), l.rcu.GracePeriods())
	}
	if n := l.detached(mm); n != v {
		t.Error("the memory was not reused after the grace period")
	}
	l.want(t)
}
