package mm_test

import (
	"testing"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/mm"
)

// TestLookUpInEveryGeneration: a VMA is found and locked without mmap_lock, unless it is not there, is being written to, or the generation or a
// rule leaves faults in it to mmap_lock.
func TestLookUpInEveryGeneration(t *testing.T) {
	specs := []string{
		"linux-6.18,-address-after-ref", "refcount-v6,-address-after-ref", "refcount-v6,-walk-anew", "refcount-v6,-callers-mm", "refcount-v6,+drop-rcu",
		"refcount-v6,-retry-detached", "vma-rwsem,-address-after-ref", "vma-rwsem,-check-detached", "vma-rwsem,-retry-detached",
		"vma-rwsem,-late-anon-check", "vma-rwsem,-file-faults",
	}
	for _, g := range rules.Generations() {
		specs = append(specs, g.Name)
	}
	for _, spec := range specs {
		set, err := rules.Parse(spec)
		if err != nil {
			t.Logf("%s: %v", spec, err) // switched off it would be another generation
			continue
		}
		l := newLab(t, mm.Config{}, spec)
		found := func(what string, n int, want bool) {
			t.Helper()
			r := l.mm.LockVMAUnderRCU(l.t, at(n))
			if (r.VMA != nil) != want {
				t.Errorf("%s: %s: found is %t, expected %t", spec, what, !want, want)
			}
			if r.VMA != nil {
				l.mm.EndRead(l.t, r)
			}
		}
		locks := set.Lock() != rules.MmapLock && set.Lock() != rules.SpeculativeLock // there VMAs have none
		l.mmap(0, 4, rw)
		l.mmapFile(l.open(4), 10, 14, linux.PROT_READ, linux.MAP_SHARED, 0)
		found("a hole", 5, false)
		found("anonymous memory, unfaulted", 0, locks && !set.Dropped(rules.LateAnonCheck) && !set.Dropped(rules.AnonVMAUnderLock))
		found("a file", 10, locks && !set.Dropped(rules.FileFaults))
		l.fill(0, 1)
		found("anonymous memory", 0, locks)
		l.mm.MmapWriteLock(l.t)
		l.mm.StartWrite(l.t, l.find(0))
		found("a VMA that is written to", 0, false)
		l.mm.MmapWriteUnlock(l.t)
		found("after the writer", 3, locks)
		l.do(l.tryMunmap(0, 4))
		found("unmapped", 0, false)
		l.end()
	}
}

// TestMergeableZero: private /dev/zero of a process whose memory ksm may merge joins its neighbour and is marked afterwards, as the mmap method of the file could
// have changed the flags.
func TestMergeableZero(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.do(l.mm.Prctl(l.t, linux.PR_SET_MEMORY_MERGE, 1))
	f := l.m.Mem.NewZero(l.t, linux.O_RDWR)
	l.files = append(l.files, f)
	for n := range 2 {
		l.do(l.tryMap(l.t, 2*n, 2*n+2, rw, linux.MAP_PRIVATE, mm.MmapArgs{File: f, Offset: uint64(2*n) * page}))
		if flags := l.find(2 * n).Flags(l.t); flags&linux.VMMergeable == 0 {
			t.Errorf("mapping %d has the flags %s", n, flags)
		}
	}
	l.end()
}

// TestOffline: no grace period waits for a task that is offline, and one that is back is waited for.
func TestOffline(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	other := l.m.NewTask("other")
	l.m.Access.ReadLock(other)
	l.m.Access.ReadUnlock(other)
	l.m.Offline(other)
	l.mmap(0, 4, rw)
	l.fill(0, 4)
	l.do(l.tryMunmap(0, 4)) // flushes the TLB of all that are there
	l.m.Online(other)
	l.m.EndTask(other)
	l.end()
}

// TestDriverCells: what is announced of the driver has a name, other memory has none.
func TestDriverCells(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	names := &cellNames{m: l.m, seen: map[string]bool{}}
	f := l.open(2)
	f.GiveHooks()
	l.t.Observer = names
	l.mmapFile(f, 0, 2, linux.PROT_READ, linux.MAP_SHARED, 0)
	l.t.Observer = nil
	for _, want := range []string{"driver.vmas", "driver.vma", "driver.addr", ""} {
		if !names.seen[want] {
			t.Errorf("no cell %q is announced: %v", want, names.seen)
		}
	}
	if name := l.m.DriverCell(unsafe.Pointer(t)); name != "" {
		t.Errorf("a cell %q", name)
	}
	l.end()
}
