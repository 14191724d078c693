package program

import (
	"fmt"

	"vmasim/workloads"
)

// Progress implements [explore.World]: how many statements have ended.
func (w *world) Progress() int { return len(w.log) }

// longest words which repeat of the scenario to shorten: the one whose body is performed most often. "": it has none.
func (p *Program) longest() string {
	var longest *workloads.Stmt
	most := uint64(0)
	var visit func(body []*workloads.Stmt, times uint64)
	visit = func(body []*workloads.Stmt, times uint64) {
		for _, s := range body {
			n := times
			if s.Kind == workloads.KindRepeat {
				if n *= s.Count; n > most {
					longest, most = s, n
				}
			}
			visit(s.Body, n)
		}
	}
	for _, th := range p.scenario.Threads {
		visit(th.Body, 1)
	}
	if longest == nil {
		return ""
	}
	return fmt.Sprintf("repeat %d at %s", longest.Count, longest.Pos)
}
