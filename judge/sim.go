package judge

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// simState observes the simulator. VmFlags are asked for.
func (w *world) simState(sp *space, flags bool) *state {
	s := &state{areas: w.simAreas(sp, flags)}
	w.addSimPages(s, sp, w.set.window.Base, w.set.window.End())
	return s
}

func (w *world) simAreas(sp *space, flags bool) (areas []area) {
	forEachVMA(w.actor.Task, sp.sim, w.set.window.Base, w.set.window.End(), func(v *vma.VMA) bool {
		areas = append(areas, simArea(v, flags))
		return true
	})
	return areas
}

// addSimPages adds the pages of [start, end) that are mapped.
func (w *world) addSimPages(s *state, sp *space, start, end uint64) {
	m := sp.sim
	_ = m.Tables.Chunks(w.actor.Task, start, end, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			if p := simPage(m, c.Entries[i].Peek()); p != absent {
				s.pages = append(s.pages, mapped{c.Addr + uint64(i)<<linux.PageShift, p})
			}
		}
		return nil
	})
}

func simArea(v *vma.VMA, named bool) area {
	start, end, pgoff, flags := v.Snapshot()
	a := area{start: start, end: end, prot: int(flags & linux.VMAccessFlags), shared: flags&linux.VMMayShare != 0}
	if named {
		a.flags = sortedFlags(flags)
	}
	if file := v.FilePeek(); file != nil {
		a.object, a.offset = uint64(file.ID()), pgoff<<linux.PageShift
	}
	return a
}

// sortedFlags gives flags as the host does.
func sortedFlags(f linux.VMFlags) string {
	words := strings.Fields(f.String())
	slices.Sort(words)
	return strings.Join(words, " ")
}

func simPage(m *mm.MM, pte pgtable.PTE) page {
	switch {
	case pte.None():
		return absent
	case pte.Guard():
		return guard
	case pte.Special():
		return zeroPage
	}
	switch p := m.Machine.Mem.Page(pte.PFN()); {
	case p.Kind.Peek() != phys.KindAnon:
		return filePage
	case p.Mapcount.Peek() > 1:
		return sharedAnon
	}
	return anonymous
}

// describeViolations joins the rules that the simulator broke.
func describeViolations(vs []task.Violation) string {
	var lines []string
	for _, v := range vs {
		lines = append(lines, fmt.Sprint(v))
	}
	return strings.Join(lines, "; ")
}
