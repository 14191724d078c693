package report

import (
	"slices"
	"strings"

	"vmasim/explore/trace"
)

// meetings knows which steps of a trace tasks affect each other by. Only these tell a reader how an execution went wrong.
type meetings struct {
	trace  *trace.Trace
	shown  []bool                     // by step, from 0
	met    map[string]map[string]bool // the tasks that access something, by its name
	before map[string]string          // the object whose memory another is in
}

// meet looks at all steps. Every step is shown if full is set.
func meet(t *trace.Trace, full bool) *meetings {
	m := &meetings{trace: t, shown: make([]bool, len(t.Steps)), met: map[string]map[string]bool{}, before: map[string]string{}}
	for i := range t.Steps {
		s := &t.Steps[i]
		for _, name := range []string{s.Cell, s.Was, s.Is} {
			m.note(name, s.Task)
		}
		for _, n := range s.Notes {
			if name, before, ok := strings.Cut(n, bornIn); ok {
				m.before[name] = before
			}
		}
	}
	last := map[trace.Address]*trace.Step{} // that accessed a cell
	held := m.held()
	for i := range t.Steps {
		s := &t.Steps[i]
		m.shown[i] = full || held[i] || m.tells(s, last[s.Addr])
		last[s.Addr] = s
	}
	for i := len(t.Steps) - 1; i >= 0; i-- { // what a drawing refers to is drawn
		for _, other := range []int{t.Steps[i].From, t.Steps[i].Missed} {
			if other > 0 && m.shown[i] {
				m.shown[other-1] = true
			}
		}
	}
	for i := range t.Finally {
		if from := t.Finally[i].From; from > 0 {
			m.shown[from-1] = true
		}
	}
	return m
}

// note notes that a task accesses something, and the object that it belongs to.
func (m *meetings) note(name, who string) {
	if name == "" {
		return
	}
	object, _, _ := strings.Cut(name, ".")
	for _, n := range []string{name, object} {
		if m.met[n] == nil {
			m.met[n] = map[string]bool{}
		}
		m.met[n][who] = true
	}
}

// tells reports whether something is to be said about a step: a rule is broken, a choice made, a task woken up, a statement loads or
// stores a word, or another task is affected. A task that looks again at what no other task has touched since learns nothing.
func (m *meetings) tells(s, last *trace.Step) bool {
	switch {
	case len(s.Violations) > 0, s.Word(), s.Missed > 0, s.Wakes() && s.Target != "":
		return true
	case slices.ContainsFunc(s.Notes, func(n string) bool { return m.tellsNote(s, n) }):
		return true
	case !s.Shared || s.Cell == "":
		return false
	case s.Reads() && last != nil && last.Task == s.Task && s.From < last.Number:
		return false
	case hasPrefix(s.Cell, "page#", "frame#", "node#", "lock#"):
		return s.Writes()
	}
	return true
}

// The notes about objects, behind the name.
const (
	born   = " is born"
	bornIn = " is born in the memory of "
	freed  = " is freed"
)

// hasPrefix reports whether a text begins with one of some.
func hasPrefix(text string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

// tellsNote reports whether a note is of interest: another task accesses the object that it is about, or that whose memory it has; or it is
// about none. That a page, a page table or a node of the tree is made tells nothing: others meet it where it is put in its place.
func (m *meetings) tellsNote(s *trace.Step, note string) bool {
	name, in, about := strings.Cut(note, born)
	switch {
	case about && in == "" && hasPrefix(name, "page#", "pgd_table#", "pud_table#", "pmd_table#", "pte_table#", "maple_", "node#"):
		return false
	case !about:
		if name, about = strings.CutSuffix(note, freed); !about {
			return true
		}
	}
	for ; name != ""; name = m.before[name] {
		for who := range m.met[name] {
			if who != s.Task {
				return true
			}
		}
	}
	return false
}

// held reports of each step whether it is a wait that held its task up.
func (m *meetings) held() []bool {
	held := make([]bool, len(m.trace.Steps))
	last := map[string]int{} // the last step of a task, from 1
	for i := range m.trace.Steps {
		s := &m.trace.Steps[i]
		if s.Waits() {
			held[i] = slices.ContainsFunc(m.trace.Steps[last[s.Task]:i], func(o trace.Step) bool { return !slices.Contains(o.Enabled, s.Task) })
		}
		last[s.Task] = i + 1
	}
	return held
}
