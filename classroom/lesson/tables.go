package lesson

import (
	"errors"
	"fmt"
	"strings"

	"vmasim/internal/ksync"
	"vmasim/internal/suggest"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Table is a table of a lesson.
type Table struct {
	Caption string     `json:"caption"`
	Head    []string   `json:"head"`
	Rows    [][]string `json:"rows"`
}

// findTable makes the table of that name.
func findTable(name string) (*Table, error) {
	switch name {
	case "modes":
		return modesTable(), nil
	case "fields":
		return fieldsTable(), nil
	}
	return nil, errors.New(suggest.Unknown("table", name, []string{"modes", "fields"}, "modes or fields"))
}

// mode is a way to hold mmap_lock.
type mode struct {
	name, means string
	try         func(*ksync.RWSem, *task.Task) bool
}

// modes are the ways of which Jann Horn drew which excludes which, on 4 November 2024.
func modes() []mode {
	return []mode{
		{"R", "a reader", (*ksync.RWSem).DownReadTrylock},
		{"D", "a reader that has downgraded its write lock", func(s *ksync.RWSem, t *task.Task) bool {
			got := s.DownWriteTrylock(t)
			if got {
				s.DowngradeWrite(t)
			}
			return got
		}},
		{"W", "a writer", (*ksync.RWSem).DownWriteTrylock},
	}
}

func findMode(name string) (mode, error) {
	for _, m := range modes() {
		if m.name == name {
			return m, nil
		}
	}
	return mode{}, errors.New(suggest.Unknown("way to hold mmap_lock", name, []string{"R", "D", "W"}, "R, D or W"))
}

// after reports whether a task gets mmap_lock in the one way while another holds it in the other.
func (m mode) after(held mode) bool {
	var s ksync.RWSem
	a, b := task.New(1, "a", nil), task.New(2, "b", nil)
	return held.try(&s, a) && m.try(&s, b)
}

// together reports whether two tasks may hold mmap_lock in these ways at one time, whichever comes first.
func together(a, b mode) bool { return a.after(b) || b.after(a) }

// modesTable tries all ways to hold mmap_lock beside each other.
func modesTable() *Table {
	t := &Table{Caption: "Who may hold mmap_lock beside whom, as its cell answers when it is tried", Head: []string{""}}
	for _, m := range modes() {
		t.Head = append(t.Head, m.name)
		row := []string{m.name + ", " + m.means}
		for _, o := range modes() {
			if together(m, o) {
				row = append(row, "together")
			} else {
				row = append(row, "excluded")
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// holding are the sets of locks that the columns of the table of fields stand for.
var holding = []task.LockSet{
	task.RCU, task.VMARead, task.MmapRead, task.MmapWrite, task.MmapWrite | task.VMAWrite, task.MmapWrite | task.VMAWrite | task.RmapWrite,
}

// held returns a set of locks with what it includes: a lock that is held for writing counts as held for reading.
func held(s task.LockSet) task.LockSet {
	for write, read := range map[task.LockSet]task.LockSet{task.MmapWrite: task.MmapRead, task.VMAWrite: task.VMARead, task.RmapWrite: task.RmapRead} {
		if s&write != 0 {
			s |= read
		}
	}
	return s
}

// fieldsTable says of each field of a VMA that other tasks can find what the locks of a column allow, by the declaration that the oracle
// lock-rule judges by.
func fieldsTable() *Table {
	t := &Table{Caption: "What may be done with a field of a VMA that others can find: r, read; w, write; atomic, its own operations order it", Head: []string{"field"}}
	for _, s := range holding {
		t.Head = append(t.Head, s.String())
	}
	for _, f := range vma.Layout().Fields {
		row := []string{f.Name}
		for _, s := range holding {
			row = append(row, allowed(f.Read, held(s), "r")+allowed(f.Write, held(s), "w"))
		}
		for i, cell := range row {
			switch cell {
			case "":
				row[i] = "–"
			case "atomicatomic":
				row[i] = "atomic"
			case "atomicw":
				row[i] = "atomic, w"
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func allowed(r task.LockRule, with task.LockSet, letter string) string {
	switch {
	case r.Allows(task.AtomicCell):
		return "atomic"
	case r.Allows(with):
		return letter
	}
	return ""
}

// access is a way to use a field under some locks, as "write vm_flags under mmap W + VMA W".
type access struct {
	field task.Field
	write bool
	with  task.LockSet
}

func parseAccess(text string) (a access, err error) {
	what, locks, under := strings.Cut(text, " under ")
	verb, name, ok := strings.Cut(what, " ")
	if !ok || !under || verb != "read" && verb != "write" {
		return a, fmt.Errorf("%q, expected read FIELD under LOCKS or write FIELD under LOCKS", text)
	}
	a.write = verb == "write"
	fields := vma.Layout().Fields
	var names []string
	for i := range fields {
		if names = append(names, fields[i].Name); fields[i].Name == name {
			a.field = fields[i]
		}
	}
	if a.field.Name == "" {
		return a, errors.New(suggest.Unknown("field", name, names, ""))
	}
	for lock := range strings.SplitSeq(locks, " + ") {
		found := false
		for bit := task.LockSet(1); bit.String() != ""; bit <<= 1 {
			if bit.String() == lock {
				a.with |= bit
				found = true
			}
		}
		if !found {
			return a, fmt.Errorf("%q is no lock that a field is declared with", lock)
		}
	}
	return a, nil
}

// rule returns what is declared for the access.
func (a *access) rule() task.LockRule {
	if a.write {
		return a.field.Write
	}
	return a.field.Read
}
