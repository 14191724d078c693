package mm

import (
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// TestReading: a line that goes back, one that is nowhere, and what is not told, are reported; what is unmapped meanwhile, and a VMA that has
// grown, are not.
func TestReading(t *testing.T) {
	type line struct{ start, end uint64 }
	for _, c := range []struct {
		name   string
		lines  []line
		erased []span // before the last look
		grown  bool   // the first VMA takes the second one in, after it was told
		says   string // "": nothing
	}{
		{name: "all", lines: []line{{0, 2}, {2, 4}, {6, 8}}},
		{name: "one is left out", lines: []line{{0, 2}, {6, 8}}, says: "[0x2, 0x4) was mapped all the time"},
		{name: "one is unmapped meanwhile", lines: []line{{0, 2}, {6, 8}}, erased: []span{{2, 4}}},
		{name: "a part of it", lines: []line{{0, 2}, {6, 8}}, erased: []span{{2, 3}}, says: "[0x3, 0x4) was mapped all the time"},
		{name: "told twice", lines: []line{{0, 2}, {2, 4}, {2, 4}, {6, 8}}, says: "told behind what ends at 0x4"},
		{name: "no VMA", lines: []line{{0, 2}, {2, 4}, {4, 6}, {6, 8}}, says: "no such VMA is in the tree"},
		{name: "a VMA that has grown", lines: []line{{0, 2}, {0, 4}, {6, 8}}, grown: true},
	} {
		var found []string
		tk := task.New(1, "reader", func(v task.Violation) { found = append(found, v.String()) })
		tk.Observer = &task.NoObserver{}
		vmas := []*vma.VMA{new(vma.VMA), new(vma.VMA), new(vma.VMA)}
		m := &MM{Machine: &Machine{Config: Config{JudgeCalls: true}}, Tree: tree.New(tk, nil)}
		m.vmi = m.Tree.Iterator()
		m.Tree.Fill(tk, []tree.Entry{{Start: 0, End: 2, VMA: vmas[0]}, {Start: 2, End: 4, VMA: vmas[1]}, {Start: 6, End: 8, VMA: vmas[2]}})
		r := m.startReading(tk)
		for i, l := range c.lines {
			if i == 1 && c.grown {
				m.vmi.Store(tk, 0, 4, vmas[0])
			}
			v := m.Tree.Lookup(tk, l.start)
			r.tell(tk, v, l.start, l.end)
		}
		for _, s := range c.erased {
			m.erase(tk, s.start, s.end)
		}
		r.end(tk)
		r.stop()
		if said := slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, c.says) }); c.says == "" && found != nil || c.says != "" && !said {
			t.Errorf("%s: reported %q, expected %q", c.name, found, c.says)
		}
		if len(m.readings.all) != 0 {
			t.Errorf("%s: the reading is not over", c.name)
		}
	}
}

// TestReadingWhileErasing: who has his last look between the store and its end need not tell what it took out; who has it before does.
func TestReadingWhileErasing(t *testing.T) {
	for _, stored := range []bool{false, true} {
		var found []string
		tk := task.New(1, "reader", func(v task.Violation) { found = append(found, v.String()) })
		tk.Observer = &task.NoObserver{}
		m := &MM{Machine: &Machine{Config: Config{JudgeCalls: true}}, Tree: tree.New(tk, nil)}
		m.Tree.Fill(tk, []tree.Entry{{Start: 2, End: 4, VMA: new(vma.VMA)}})
		r := m.startReading(tk)
		m.readings.going = span{2, 4}
		if stored {
			m.Tree.Store(tk, 2, 4, nil)
		}
		r.end(tk)
		if (len(found) == 0) != stored {
			t.Errorf("stored: %v, reported %q", stored, found)
		}
	}
}
