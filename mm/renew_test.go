package mm_test

import (
	"testing"

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
	m, err := mm.NewMachine(mm.Config{Rules: rs, Memory: 8 << 20, MaxMapCount: 7, Report: func(v task.Violation) { t.Error(v) }})
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
	space.MmapWriteLock(first) // and nobody gives it back
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
