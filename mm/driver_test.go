package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

// TestDriverCounts: the driver of a file with hooks counts its VMAs, through splits and forks, and what it counts at the end is a leak.
func TestDriverCounts(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	f := l.m.Mem.NewFile(l.t, phys.MemoryFile{Name: "device", Size: 64 << 10, Tmpfs: true}, linux.O_RDWR)
	f.GiveHooks()
	addr, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: 32 << 10, Prot: linux.PROT_READ, Flags: linux.MAP_SHARED, File: f})
	l.do(err)
	l.do(l.mm.Munmap(l.t, addr+8<<10, 8<<10)) // two splits, one VMA goes
	if n := l.m.DriverVMAs(); n != 2 {
		t.Errorf("the driver counts %d VMAs, expected 2", n)
	}
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	if n := l.m.DriverVMAs(); n != 4 {
		t.Errorf("after a fork the driver counts %d VMAs, expected 4", n)
	}
	child.Put(l.t)
	if n := l.m.DriverVMAs(); n != 2 {
		t.Errorf("after the child is gone the driver counts %d VMAs, expected 2", n)
	}
	l.do(l.mm.Munmap(l.t, addr, 32<<10))
	_ = f.Put(l.t)
	l.end()
}
