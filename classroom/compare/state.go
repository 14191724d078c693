package compare

import (
	"vmasim/classroom/step"
	"vmasim/explore/trace"
)

// State is what both sides have come to behind some rows.
type State struct {
	Steps  [2]int         `json:"steps"` // how many each has taken
	Cells  []Cell         `json:"cells"`
	Spaces [2][]trace.Map `json:"spaces"`
}

// Cell is a cell on both sides.
type Cell struct {
	Name    string `json:"name"`
	With    string `json:"with"` // its value, "" where the side has not come to it
	Against string `json:"against"`
	Differs bool   `json:"differs"`
	Changed bool   `json:"changed"` // by the last step of one of them
}

// StateAt returns what both sides have come to behind the first rows: of the cells those that tasks share, and those that differ.
func StateAt(p *trace.Pair, rows int) *State {
	s := &State{}
	for _, r := range p.Rows[:min(max(rows, 0), len(p.Rows))] {
		s.Steps[0], s.Steps[1] = max(s.Steps[0], r.With), max(s.Steps[1], r.Against)
	}
	s.Spaces = [2][]trace.Map{spacesAt(p.With, s.Steps[0]), spacesAt(p.Against, s.Steps[1])}
	other := map[string]*step.Cell{} // by its name on the first side
	theirs := step.Cells(p.Against, s.Steps[1], true)
	for i := range theirs {
		other[p.Named(theirs[i].Name)] = &theirs[i]
	}
	add := func(name string, a, b *step.Cell) {
		c := Cell{Name: name}
		wanted := false
		for i, side := range []*step.Cell{a, b} {
			if side == nil {
				continue
			}
			wanted = wanted || side.Shared || side.Wanted
			c.Changed = c.Changed || side.Changed
			if i == 0 {
				c.With = side.Value
			} else {
				c.Against = side.Value
			}
		}
		c.Differs = a != nil && b != nil && a.Value != p.Named(b.Value)
		if wanted || c.Differs {
			s.Cells = append(s.Cells, c)
		}
	}
	ours := step.Cells(p.With, s.Steps[0], true)
	for i := range ours {
		a := &ours[i]
		add(a.Name, a, other[a.Name])
		delete(other, a.Name)
	}
	for i := range theirs {
		if name := p.Named(theirs[i].Name); other[name] == &theirs[i] {
			add(name, nil, &theirs[i])
		}
	}
	return s
}

// spacesAt returns the address spaces behind the first steps.
func spacesAt(t *trace.Trace, steps int) []trace.Map {
	if steps == len(t.Steps) && t.After != nil {
		return t.After
	}
	spaces := t.Before
	for _, c := range t.Between {
		if c.Step <= steps {
			spaces = c.Spaces
		}
	}
	return spaces
}
