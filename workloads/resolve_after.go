package workloads

import (
	"cmp"
	"slices"
)

// afters resolves what the after statements name: statements of other threads that each task performs once, or not at all.
func (r *resolver) afters() {
	names := make([]string, len(r.sc.Threads))
	numbered := make([][]*Stmt, len(r.sc.Threads))
	looped := map[*Stmt]bool{}
	for i, t := range r.sc.Threads {
		names[i] = t.Name
		for s := range Statements(t.Body) {
			switch s.Kind {
			case KindRepeat, KindFor, KindForever, KindChoose:
				for inner := range Statements(s.Body) {
					looped[inner] = true
				}
			}
			if s.Body == nil {
				numbered[i] = append(numbered[i], s)
			}
		}
	}
	var targets []*Stmt
	places := map[*Stmt]Awaited{}
	for i, t := range r.sc.Threads {
		for s := range Statements(t.Body) {
			if s.Kind != KindAfter {
				continue
			}
			a := s.After
			r.lookup(&a.Thread, names, "thread", "a thread of the file")
			switch {
			case a.Thread.Index < 0:
			case a.Thread.Index == i:
				r.errs.addf(a.Pos, "thread %q waits for itself, expected another thread", t.Name)
			case a.Stmt > len(numbered[a.Thread.Index]):
				if !r.broken[a.Thread.Name] && len(r.errs) == 0 {
					r.errs.addf(a.Pos, "thread %q has no statement %d, expected one counted from 1, not counting repeat and the like", a.Thread.Name, a.Stmt)
				}
			case looped[numbered[a.Thread.Index][a.Stmt-1]]:
				r.errs.addf(a.Pos, "statement %d of thread %q stands in a loop, expected one that is performed once", a.Stmt, a.Thread.Name)
			default:
				target := numbered[a.Thread.Index][a.Stmt-1]
				if _, known := places[target]; !known {
					places[target] = Awaited{a.Thread.Index, a.Stmt}
					targets = append(targets, target)
				}
			}
		}
	}
	slices.SortFunc(targets, func(a, b *Stmt) int {
		return cmp.Or(cmp.Compare(places[a].Thread, places[b].Thread), cmp.Compare(places[a].Number, places[b].Number))
	})
	for i, target := range targets {
		target.Awaited = int32(i + 1)
		r.sc.Awaited = append(r.sc.Awaited, places[target])
	}
	for _, t := range r.sc.Threads {
		for s := range Statements(t.Body) {
			if s.Kind == KindAfter && s.After.Thread.Index >= 0 && s.After.Stmt <= len(numbered[s.After.Thread.Index]) {
				s.After.Milestone = int(numbered[s.After.Thread.Index][s.After.Stmt-1].Awaited) - 1
			}
		}
	}
}
