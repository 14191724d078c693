package vma

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/lockorder"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// kindOf returns what kind of lock a field is, "" for none.
var kindOf = map[reflect.Type]lockorder.Kind{
	reflect.TypeFor[ksync.RWSem]():    lockorder.RWSem,
	reflect.TypeFor[ksync.Mutex]():    lockorder.Mutex,
	reflect.TypeFor[ksync.SpinLock](): lockorder.SpinLock,
}

// TestEveryLockHasAPlace: each lock is a class of the declared order, and the other way round.
func TestEveryLockHasAPlace(t *testing.T) {
	order := lockorder.Declared()
	found := map[string]lockorder.Kind{"vma_lock": lockorder.Count} // no field of its own: it is vm_refcnt
	for _, s := range []struct {
		layout    *task.Layout
		structure reflect.Type
	}{
		{Layout(), reflect.TypeFor[VMA]()},
		{MMLockLayout(), reflect.TypeFor[MMLock]()},
		{AnonVMALayout(), reflect.TypeFor[AnonVMA]()},
		{GlobalLayout(), reflect.TypeFor[GlobalLocks]()},
		{pgtable.TablesLayout(), reflect.TypeFor[pgtable.Tables]()},
		{phys.InodeLayout(), reflect.TypeFor[phys.Inode]()},
		{phys.MemoryLayout(), reflect.TypeFor[phys.Memory]()},
	} {
		for i := range s.structure.NumField() {
			if f := s.structure.Field(i); kindOf[f.Type] != "" {
				found[s.layout.Type+"."+s.layout.FieldAt(f.Offset).Name] = kindOf[f.Type]
			}
		}
	}
	for _, layout := range pgtable.LockLayouts() { // each is a lock alone
		found[layout.Type+"."+layout.Fields[0].Name] = lockorder.SpinLock
	}
	for name, kind := range found {
		if i := order.Index(name); i < 0 || order.Classes()[i].Kind != kind {
			t.Errorf("%s, a %s, is not declared in order.txt", name, kind)
		}
	}
	for _, c := range order.Classes() {
		first, _, _ := strings.Cut(c.Name, "/")
		if found[first] != c.Kind {
			t.Errorf("%s is declared to be a %s, is %q", c.Name, c.Kind, found[first])
		}
	}
}

// orderTable returns a table of the classes, outermost first, and what comes right after each.
func orderTable(o *lockorder.Order) string {
	var b strings.Builder
	b.WriteString("| lock | kind | what it is | right after it come |\n|---|---|---|---|\n")
	for i, c := range o.Classes() {
		var next []string
		for _, n := range o.Next(i) {
			next = append(next, "`"+o.Classes()[n].Name+"`")
		}
		after := strings.Join(next, ", ")
		if after == "" {
			after = "none"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, c.Kind, c.Doc, after)
	}
	return b.String()
}

// orderDrawing returns a drawing of the classes: an arrow leads to each from those that it comes right after.
func orderDrawing(o *lockorder.Order) string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	for i, c := range o.Classes() {
		open, end := "[", "]" // may be slept for
		if c.Kind == lockorder.SpinLock {
			open, end = "([", "])"
		}
		fmt.Fprintf(&b, "  c%d%s%s%s\n", i, open, fmt.Sprintf("%q", c.Name), end)
	}
	for i := range o.Classes() {
		for _, n := range o.Next(i) {
			fmt.Fprintf(&b, "  c%d --> c%d\n", i, n)
		}
	}
	b.WriteString("```\n")
	return b.String()
}
