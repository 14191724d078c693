package step

import (
	"slices"
	"strings"

	"vmasim/explore/trace"
)

// Cell is what the steps so far have told of a cell.
type Cell struct {
	Name    string `json:"name"`
	Value   string `json:"value"`   // now
	Before  string `json:"before"`  // before the last step
	Changed bool   `json:"changed"` // by the last step
	Writer  string `json:"writer"`  // the task that has written it; "": none has
	Step    int    `json:"step"`    // in which it did; 0: none
	Shared  bool   `json:"shared"`  // tasks affect each other through it
	Wanted  bool   `json:"wanted"`  // a reader of the protocol looks for it
}

// weights are the cells that a reader of the protocol looks for, by the ends of their names, most wanted first.
var weights = []string{".vm_refcnt", ".vm_lock_seq", ".mm_lock_seq", ".detached", ".mmap_lock", ".vm_mm", ".vm_start", ".vm_end", ".mm_mt"}

// weight returns the place of a cell in the table.
func weight(name string) int {
	for i, end := range weights {
		if strings.HasSuffix(name, end) {
			return i
		}
	}
	return len(weights)
}

// Cells returns the cells that the first steps of a trace have had to do with: those that tasks share, most wanted first, and with all
// the others, too.
func Cells(t *trace.Trace, steps int, all bool) []Cell {
	byName := map[string]*Cell{}
	var cells []*Cell
	for i := range t.Steps[:steps] {
		s := &t.Steps[i]
		if s.Cell == "" || s.Was == "" && s.Is == "" {
			continue
		}
		c := byName[s.Cell]
		if c == nil {
			c = &Cell{Name: s.Cell, Value: s.Was, Wanted: weight(s.Cell) < len(weights)}
			byName[s.Cell] = c
			cells = append(cells, c)
		}
		c.Shared = c.Shared || s.Shared
		c.Before, c.Changed = c.Value, false
		if s.Writes() && s.Is != "" {
			c.Changed = c.Value != s.Is && i == steps-1
			c.Value, c.Writer, c.Step = s.Is, s.Task, s.Number
		}
	}
	kept := make([]Cell, 0, len(cells))
	for _, c := range cells {
		if c.Step < steps {
			c.Before = c.Value
		}
		if all || c.Shared || c.Wanted {
			kept = append(kept, *c)
		}
	}
	slices.SortStableFunc(kept, func(a, b Cell) int { return weight(a.Name) - weight(b.Name) })
	return kept
}
