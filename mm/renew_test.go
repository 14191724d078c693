package mm_test

import (
	"slices"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestRenew: a machine whose tasks were given up in the middle begins anew in the same memory.
func TestRenew(t *testing.T) {
	rs, err := rules.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := fault.NewMachine(mm.Config{Rules: rs, Memory: 8 << 20, MaxMapCount: 7, Report: func(v task.Violation) { t.Error(v) }})
	if err != nil {
		t.Fatal(err)
	}
	start := func(m *mm.Machine) (*task.Task, *mm.MM) {
		tk := m.NewTask("t")
		space, err := m.NewMM(tk, "main")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := space.Mmap(tk, mm.MmapArgs{Addr: at(0), Len: 4 * page, Prot: rw, Flags: privateAnon}); err != nil {
			t.Fatal(err)
		}
		return tk, space
	}
	first, space := start(m)
	space.MmapWriteLock(first) // and never gives it back
	m.RCU.ReadLock(first)

	m = m.Renew()
	tk, space := start(m)
	if tk.ID != first.ID || m.MaxMapCount != 7 {
		t.Errorf("task %d, was %d; %d maps", tk.ID, first.ID, m.MaxMapCount)
	}
	space.Put(tk)
	m.Settle(tk)
	m.EndTask(tk)
	if left := m.Leaks(); left != "" {
		t.Errorf("left: %s", left)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// TestRewind: where everything was given back, the same memory is handed out again, in the same order and as good as new.
func TestRewind(t *testing.T) {
	rs, err := rules.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := fault.NewMachine(mm.Config{Rules: rs, Memory: 8 << 20, Report: func(v task.Violation) { t.Error(v) }})
	if err != nil {
		t.Fatal(err)
	}
	m.Rewind()
	tk := m.NewTask("t")
	var first []any
	for life := range 3 {
		space, err := m.NewMM(tk, "main")
		if err != nil {
			t.Fatal(err)
		}
		if n := space.MapCount(tk); n != 0 || space.VMStat(tk) != (mm.VMStat{}) {
			t.Errorf("life %d begins with %d VMAs and %+v", life, n, space.VMStat(tk))
		}
		if _, err := space.Mmap(tk, mm.MmapArgs{Addr: at(0), Len: 4 * page, Prot: rw, Flags: privateAnon}); err != nil {
			t.Fatal(err)
		}
		if err := space.Munmap(tk, at(1), page); err != nil { // the VMAs go back in another order than they came
			t.Fatal(err)
		}
		child, err := space.Fork(tk, "child")
		if err != nil {
			t.Fatal(err)
		}
		file := m.Mem.NewFile(tk, phys.MemoryFile{Name: "f", Size: 2 * page}, linux.O_RDWR)
		pfn, err := file.Page(tk, 1)
		if err != nil {
			t.Fatal(err)
		}
		m.Mem.Put(tk, pfn)
		again := file.Again(tk, linux.O_RDONLY)
		if n := file.CachedPages(tk); n != 1 || again.Writable() {
			t.Errorf("life %d: %d pages cached, opened for reading alone: %v", life, n, !again.Writable())
		}
		if _, err := space.Mmap(tk, mm.MmapArgs{Addr: at(8), Len: page, Prot: rw, Flags: linux.MAP_SHARED | linux.MAP_ANONYMOUS}); err != nil {
			t.Fatal(err)
		}
		shared := space.Tree.Lookup(tk, at(8)).File(tk)
		seen := []any{space, space.Tree, space.Tables, space.Tree.Lookup(tk, at(0)), space.Tree.Lookup(tk, at(2)), child, child.Tree.Lookup(tk, at(2)),
			file, file.Inode, file.ID(), again, shared, shared.ID()}
		if life == 0 {
			first = seen
		} else if !slices.Equal(seen, first) {
			t.Errorf("life %d: %v, at first %v", life, seen, first)
		}
		space.Put(tk)
		child.Put(tk)
		for _, f := range []*phys.File{file, again} {
			if err := f.Put(tk); err != nil {
				t.Error(err)
			}
		}
		m.Settle(tk)
		if left := m.Leaks(); left != "" {
			t.Errorf("left: %s", left)
		}
		m.Rewind()
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
