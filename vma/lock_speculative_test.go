package vma

import "testing"

// TestCopy: a copy is good as long as no write section has begun since the counter was read.
func TestCopy(t *testing.T) {
	l := newLab("spf-seq")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	mm.MmapWriteLock(tk)
	if seq := mm.SeqReadStart(tk); seq&1 == 0 {
		t.Errorf("the counter is %d beside a writer, expected an odd number", seq)
	}
	mm.MmapWriteDowngrade(tk)
	r := ReadLock{Seq: mm.SeqReadStart(tk)}
	if r.Seq&1 != 0 {
		t.Errorf("the counter is %d after a downgrade, expected an even number", r.Seq)
	}
	c := v.Copy(tk)
	if c.Start != testStart || c.End != testEnd || c.Flags != testFlags || c.Pgoff != 0 || c.Anon != nil || !c.Simple {
		t.Errorf("the copy is %+v", c)
	}
	if !c.Contains(testStart) || c.Contains(testEnd) || c.Contains(testStart-1) || c.PgoffAt(testStart+0x1000) != 1 {
		t.Errorf("what the copy contains, or page offset %d", c.PgoffAt(testStart+0x1000))
	}
	if !mm.Stable(tk, r) {
		t.Error("no writer has come, and the copy is bad")
	}
	mm.MmapReadUnlock(tk)
	mm.MmapWriteLock(tk)
	if mm.Stable(tk, r) {
		t.Error("a writer is inside, and the copy is good")
	}
	mm.MmapWriteUnlock(tk)
	if mm.Stable(tk, r) || !mm.Stable(tk, ReadLock{VMA: v, Mmap: true}) {
		t.Error("a writer was inside: the copy is bad, and what is read under mmap_lock is good")
	}
	l.want(t)
}

// TestFreedVMAWaits: the memory of a freed VMA becomes another one after a grace period only.
func TestFreedVMAWaits(t *testing.T) {
	l := newLab("spf-seq")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	mm.MmapWriteLock(tk)
	mm.MarkDetached(tk, v)
	mm.MmapWriteUnlock(tk)
	mm.RCU.ReadLock(tk)
	mm.FreeArea(tk, v)
	if other := l.detached(mm); other == v || !v.Alive() {
		t.Error("reused inside the section of a reader")
	}
	mm.RCU.ReadUnlock(tk)
	l.rcu.Barrier(tk)
	if v.Alive() {
		t.Error("not freed after a grace period")
	}
	l.want(t)
}
