package mm_test

import (
	"strings"
	"testing"

	"vmasim/mm"
)

// TestStoreOverDetached: a merge gives the entry of a VMA to a longer range only while the VMA is attached.
func TestStoreOverDetached(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.mmap(0, 2, rw)
	v := l.mm.Tree.Lookup(l.t, at(0))
	l.mm.MmapWriteLock(l.t)
	l.mm.StartWrite(l.t, v)
	l.mm.MarkDetached(l.t, v)
	l.mm.MmapWriteUnlock(l.t)
	l.mmap(2, 4, rw)
	if got := l.violations(); !strings.Contains(got, "store-detached") {
		t.Errorf("reported %q", got)
	}
	l.mm.MmapWriteLock(l.t)
	l.mm.StartWrite(l.t, v)
	l.mm.MarkAttached(l.t, v)
	l.mm.MmapWriteUnlock(l.t)
	l.end()
}
