package mm_test

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// counting counts what is announced.
type counting struct {
	task.NoObserver
	events int
}

func (c *counting) After(*task.Task, *task.Event) { c.events++ }

// TestTreeIsValidatedUnannounced: at the end of a write section the tree is looked at, as in an exploration, and no step more is
// announced for that.
func TestTreeIsValidatedUnannounced(t *testing.T) {
	events := map[bool]int{}
	for _, judge := range []bool{false, true} {
		l := newLab(t, mm.Config{}, "")
		l.m.ValidateWrites, l.m.JudgeCalls = false, judge
		addr, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: 4 * linux.PageSize, Prot: linux.PROT_READ, Flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS})
		if err != nil {
			t.Fatal(err)
		}
		c := &counting{}
		l.t.Observer = c
		err = l.mm.Mprotect(l.t, addr, linux.PageSize, linux.PROT_NONE)
		l.t.Observer = nil
		if err != nil || len(l.broken) > 0 {
			t.Fatal(err, l.broken)
		}
		events[judge] = c.events
		l.mm.AddMapCount(l.t, 1)
		if err := l.mm.Munmap(l.t, addr+linux.PageSize, linux.PageSize); err != nil {
			t.Fatal(err)
		}
		l.mm.AddMapCount(l.t, -1)
		if said := strings.Join(l.broken, "\n"); strings.Contains(said, "map-count") != judge {
			t.Errorf("judged: %v, said %q", judge, said)
		}
		l.broken = nil
		l.end()
	}
	if events[false] != events[true] || events[true] == 0 {
		t.Errorf("%d steps are announced, %d with the tree looked at", events[false], events[true])
	}
}
