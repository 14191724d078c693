package step

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/linux"
	"vmasim/workloads"
)

// State is how things stand at a place of a run, beside the cells. Changes that the last step has made are marked.
type State struct {
	Locks   []Lock    `json:"locks"` // that are held or waited for, mmap_lock first
	Spaces  []Space   `json:"spaces"`
	Lives   []Life    `json:"lives"` // of VMAs
	RCU     RCU       `json:"rcu"`
	Watches []Watched `json:"watches"`
}

// State returns how things stand, with what is watched.
func (s *Session) State() State {
	st := StateOf(s.trace)
	st.Watches = s.Watched()
	return st
}

// Lock is a lock, or a VMA that is locked, with those who have it and those who wait for it in its queue, first come first.
type Lock struct {
	Name    string   `json:"name"`
	Holders []Holder `json:"holders"`
	Queue   []Waiter `json:"queue"`
	Changed bool     `json:"changed"`
}

// Holder has a lock.
type Holder struct {
	Task     string `json:"task"`
	Mode     string `json:"mode"` // read, write, reference, readers kept out
	Since    int    `json:"since"`
	Function string `json:"function,omitempty"` // that took it
	Changed  bool   `json:"changed"`
}

// Waiter waits for a lock in its queue.
type Waiter struct {
	Task    string `json:"task"`
	Mode    string `json:"mode"`
	Since   int    `json:"since"`
	Granted bool   `json:"granted"` // it has been handed the lock, and can go on
	Changed bool   `json:"changed"`
}

// Space is an address space: the VMAs in its tree, and what its page tables have.
type Space struct {
	Name    string  `json:"name"`
	Areas   []Area  `json:"areas"`
	Entries []Entry `json:"entries"` // of page tables, and the pages of VMAs that have none
}

// Area is what the tree has for a range.
type Area struct {
	trace.Area
	Changed bool `json:"changed"`
}

// Entry is what the page tables have for a page.
type Entry struct {
	trace.Entry        // "nothing" where the entry is empty
	Was         string `json:"was,omitempty"` // before the last step, if that has changed it
	Changed     bool   `json:"changed"`
}

// Life is where an object is in its life.
type Life struct {
	Name    string `json:"name"`
	Is      string `json:"is"`    // made, attached, detached, waits, freed
	Since   int    `json:"since"` // the step; 0: before the first
	After   string `json:"after,omitempty"`
	Next    string `json:"next,omitempty"` // what lies in its memory now
	Changed bool   `json:"changed"`
}

// RCU is who is in a read section, and what waits for a grace period.
type RCU struct {
	Sections []Section `json:"sections"`
	Waiting  []Waiting `json:"waiting"`
}

// Section is a read section that a task is in.
type Section struct {
	Task    string `json:"task"`
	Of      string `json:"of"` // rcu_read_lock, a memory access
	Since   int    `json:"since"`
	Changed bool   `json:"changed"`
}

// Waiting is something that waits for a grace period.
type Waiting struct {
	By       string   `json:"by"`
	Task     string   `json:"task"`
	Function string   `json:"function"`
	Of       string   `json:"of"` // the sections that it waits for
	Since    int      `json:"since"`
	Frees    []string `json:"frees"`
	For      []string `json:"for"` // the tasks whose sections began before; none: it is over, and that is yet to be noticed
	Changed  bool     `json:"changed"`
}

// Freed is the last phase of a life.
const Freed = "freed"

// StateOf returns how things stand where a trace ends.
func StateOf(t *trace.Trace) State {
	at := len(t.Steps)
	s := State{Locks: locks(t, at), Lives: lives(t, at), Spaces: spaces(t, at)}
	for _, h := range t.Holdings {
		if h.To == 0 && h.Mode == "inside" {
			s.RCU.Sections = append(s.RCU.Sections, Section{h.Task, h.Lock, h.From, at > 0 && h.From == at})
		}
	}
	for _, g := range t.Graces {
		if g.To > 0 {
			continue
		}
		w := Waiting{By: g.By, Task: g.Task, Function: g.Func, Of: g.Of, Since: g.From, Frees: g.Frees, Changed: g.From == at}
		for _, in := range s.RCU.Sections {
			if in.Of == g.Of && in.Since < g.From && in.Task != g.Task {
				w.For = append(w.For, in.Task)
			}
		}
		s.RCU.Waiting = append(s.RCU.Waiting, w)
	}
	return s
}

// locks are those that are held or waited for, or were before the last step.
func locks(t *trace.Trace, at int) (all []Lock) {
	named := func(name string) *Lock {
		i := slices.IndexFunc(all, func(l Lock) bool { return l.Name == name })
		if i < 0 {
			i = len(all)
			all = append(all, Lock{Name: name})
		}
		return &all[i]
	}
	for _, h := range t.Holdings {
		switch {
		case h.Mode == "inside":
		case h.To == 0:
			l := named(h.Lock)
			now := at > 0 && h.From == at
			l.Holders = append(l.Holders, Holder{h.Task, h.Mode, h.From, h.Func, now})
			l.Changed = l.Changed || now
		case h.To == at:
			named(h.Lock).Changed = true
		}
	}
	for _, q := range t.Queued {
		if q.To > 0 {
			continue
		}
		l := named(q.Lock)
		able := slices.ContainsFunc(t.Next, func(n trace.Next) bool { return n.Task == q.Task && n.Enabled })
		l.Queue = append(l.Queue, Waiter{q.Task, q.Mode, q.From, able, q.From == at})
		l.Changed = l.Changed || q.From == at
	}
	slices.SortStableFunc(all, func(a, b Lock) int { return weight(a.Name) - weight(b.Name) })
	return all
}

// lives are those of VMAs.
func lives(t *trace.Trace, at int) (all []Life) {
	for _, l := range t.Lives {
		if len(l.Phases) == 0 {
			continue
		}
		last := l.Phases[len(l.Phases)-1]
		is := Life{Name: l.Name, Is: last.Is, Since: last.From, After: l.After}
		if l.Freed > 0 {
			is.Is, is.Since = Freed, l.Freed
			if i := slices.IndexFunc(t.Lives, func(o trace.Life) bool { return o.After == l.Name }); i >= 0 {
				is.Next = t.Lives[i].Name
			}
		}
		is.Changed = at > 0 && is.Since == at
		all = append(all, is)
	}
	return all
}

// mostPages is how many pages of a VMA are told that have no entry.
const mostPages = 16

func spaces(t *trace.Trace, at int) (all []Space) {
	after := t.After
	if len(after) == 0 {
		after = t.Before
	}
	for i, m := range after {
		s := Space{Name: m.Name}
		before := areasBefore(t, i, at)
		for _, a := range m.Areas {
			same := func(b trace.Area) bool { return trace.SameAreas([]trace.Area{a}, []trace.Area{b}) }
			s.Areas = append(s.Areas, Area{a, before != nil && !slices.ContainsFunc(*before, same)})
		}
		s.Entries = entries(t, m, at)
		all = append(all, s)
	}
	return all
}

// areasBefore returns what was mapped before the last step if that has changed it, nil if not.
func areasBefore(t *trace.Trace, space, at int) *[]trace.Area {
	n := len(t.Between)
	if n == 0 || t.Between[n-1].Step != at {
		return nil
	}
	last := t.Before
	if n > 1 {
		last = t.Between[n-2].Spaces
	}
	if space >= len(last) {
		return nil
	}
	return &last[space].Areas
}

// entries are those of the page tables, what the last step has emptied, and the pages of VMAs that have none.
func entries(t *trace.Trace, m trace.Map, at int) []Entry {
	now := map[trace.Address]Entry{}
	for i := range t.Entries {
		switch c := &t.Entries[i]; {
		case c.Space != m.Name:
		case c.Is != nil:
			e := Entry{Entry: *c.Is, Changed: at > 0 && c.Step == at}
			if e.Changed && c.Was != nil {
				e.Was = c.Was.Words()
			}
			now[c.Is.At] = e
		case c.Step == at:
			now[c.Was.At] = Entry{Entry: trace.Entry{At: c.Was.At, Place: c.Was.Place, Is: nothing}, Was: c.Was.Words(), Changed: true}
		default:
			delete(now, c.Was.At)
		}
	}
	for _, a := range m.Areas {
		from, _, _ := strings.Cut(a.Place, "..")
		for i := trace.Address(0); i < mostPages && a.Start+i*linux.PageSize < a.End; i++ {
			at := a.Start + i*linux.PageSize
			if _, known := now[at]; !known {
				now[at] = Entry{Entry: trace.Entry{At: at, Place: placed(from, uint64(i)*linux.PageSize), Is: nothing}}
			}
		}
	}
	all := make([]Entry, 0, len(now))
	for _, e := range now {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return int(int64(a.At) - int64(b.At)) })
	return all
}

// nothing is what an empty entry has.
const nothing = "nothing"

// placed names the address that is so far behind a place in the words of a scenario, A+4K.
func placed(from string, by uint64) string {
	if n, err := strconv.ParseUint(from, 0, 64); err == nil {
		return fmt.Sprintf("%#x", n+by)
	}
	region, off, _ := strings.Cut(from, "+")
	if n, err := workloads.ParseSize(off); err == nil {
		by += n
	}
	if by == 0 {
		return region
	}
	return (&workloads.Expr{Op: workloads.ExprAdd, X: &workloads.Expr{Op: workloads.ExprBase, Region: workloads.Ref{Name: region}}, Y: &workloads.Expr{Op: workloads.ExprConst, Value: by}}).String()
}
