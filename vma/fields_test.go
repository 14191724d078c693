package vma

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/lockorder"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

var rewrite = flag.Bool("rewrite", false, "write the generated parts of docs/locking.md")

// checkLayout fails the test unless the layout declares each cell of the structure, once and with rules; private are the
// fields that tasks do not share or that never change.
func checkLayout(t *testing.T, layout *task.Layout, structure reflect.Type, private ...reflect.Type) {
	t.Helper()
	if layout.Size != structure.Size() {
		t.Errorf("%s: size %d, is %d", layout.Type, layout.Size, structure.Size())
	}
	declared := 0
	for i := range structure.NumField() {
		f := structure.Field(i)
		if f.Name == "_" || slices.Contains(private, f.Type) {
			continue
		}
		declared++
		at := slices.IndexFunc(layout.Fields, func(d task.Field) bool { return d.Offset == f.Offset })
		if at < 0 {
			t.Errorf("%s: field %s is not declared", layout.Type, f.Name)
		} else if got := layout.Fields[at].Size; got != f.Type.Size() {
			t.Errorf("%s: field %s has %d bytes, declared are %d", layout.Type, f.Name, f.Type.Size(), got)
		}
	}
	if declared != len(layout.Fields) {
		t.Errorf("%s: %d fields declared, the structure has %d", layout.Type, len(layout.Fields), declared)
	}
	seen := map[string]bool{}
	fields := slices.Clone(layout.Fields)
	slices.SortFunc(fields, func(a, b task.Field) int { return int(a.Offset) - int(b.Offset) })
	for i, f := range fields {
		if i > 0 && fields[i-1].Offset+fields[i-1].Size > f.Offset || f.Offset+f.Size > layout.Size {
			t.Errorf("%s: field %s overlaps the one before or lies outside", layout.Type, f.Name)
		}
		if f.Name == "" || f.Doc == "" || len(f.Read) == 0 || len(f.Write) == 0 || seen[f.Name] {
			t.Errorf("%s: field %q is declared twice or lacks something: %+v", layout.Type, f.Name, f)
		}
		seen[f.Name] = true
		if layout.FieldAt(f.Offset+f.Size-1).Name != f.Name {
			t.Errorf("%s: the last byte of %s is another field's", layout.Type, f.Name)
		}
		for _, set := range f.Write { // who may write may read
			if !f.Read.Allows(set|implied(set)) && !slices.Equal(f.Read, atomicRule) {
				t.Errorf("%s: who may write %s holding %s may not read it", layout.Type, f.Name, set)
			}
		}
	}
}

// implied are the locks that count as held because a stronger one is.
func implied(s task.LockSet) (all task.LockSet) {
	for strong, weak := range map[task.LockSet]task.LockSet{task.MmapWrite: task.MmapRead, task.RmapWrite: task.RmapRead, task.VMAWrite: task.VMARead} {
		if s&strong != 0 {
			all |= weak
		}
	}
	return all
}

func TestEveryFieldIsDeclared(t *testing.T) {
	checkLayout(t, Layout(), reflect.TypeFor[VMA](), reflect.TypeFor[ksync.Life](), reflect.TypeFor[phys.Mapping](), reflect.TypeFor[*vmaLock](), reflect.TypeFor[bool]())
	checkLayout(t, LockLayout(), reflect.TypeFor[vmaLock](), reflect.TypeFor[ksync.Life](), reflect.TypeFor[*VMA]())
	checkLayout(t, MMLockLayout(), reflect.TypeFor[MMLock](), reflect.TypeFor[*ksync.Domain](), reflect.TypeFor[rules.Set](), reflect.TypeFor[int32](), reflect.TypeFor[Generation](), reflect.TypeFor[*Cache](), reflect.TypeFor[[]*VMA]())
	checkLayout(t, AnonVMALayout(), reflect.TypeFor[AnonVMA](), reflect.TypeFor[ksync.Life](), reflect.TypeFor[uint32](), reflect.TypeFor[*AnonVMA](), reflect.TypeFor[[]*AnonVMAChain]())
	checkLayout(t, PolicyLayout(), reflect.TypeFor[Policy](), reflect.TypeFor[ksync.Life]())
	if line := unsafe.Offsetof(VMA{}.refcnt) / 64; line != 1 || unsafe.Offsetof(VMA{}.seq)/64 != 0 {
		t.Errorf("vm_refcnt is on cache line %d", line)
	}
}

// TestRules checks rows of the table in Documentation/mm/process_addrs.rst.
func TestRules(t *testing.T) {
	const (
		mmapR, mmapW = task.MmapRead, task.MmapRead | task.MmapWrite
		vmaR, vmaW   = task.VMARead, task.VMARead | task.VMAWrite
		rmapR, rmapW = task.RmapRead, task.RmapRead | task.RmapWrite
	)
	field := func(name string) task.Field {
		for _, f := range fieldLayout.Fields {
			if f.Name == name {
				return f
			}
		}
		t.Fatalf("no field %s", name)
		return task.Field{}
	}
	for _, c := range []struct {
		held                         task.LockSet
		read, writeMost, writeEveryt bool
	}{
		{0, false, false, false},
		{vmaR, true, false, false},
		{rmapR, true, false, false},
		{rmapW, true, false, false},
		{mmapR, true, false, false},
		{mmapW, true, false, false}, // mmap_lock for writing alone permits no writing
		{mmapW | vmaW, true, true, false},
		{mmapW | vmaW | rmapR, true, true, false},
		{mmapW | vmaW | rmapW, true, true, true},
	} {
		most, every := field("vm_flags"), field("vm_pgoff")
		if got := most.Read.Allows(c.held); got != c.read {
			t.Errorf("holding %s: read vm_flags %v", c.held, got)
		}
		if got := most.Write.Allows(c.held); got != c.writeMost {
			t.Errorf("holding %s: write vm_flags %v", c.held, got)
		}
		if got := every.Write.Allows(c.held); got != c.writeEveryt {
			t.Errorf("holding %s: write vm_pgoff %v", c.held, got)
		}
	}
	if f := field("vm_start"); !f.Read.Allows(task.RCU) || f.Write.Allows(task.RCU) || field("vm_flags").Read.Allows(task.RCU) {
		t.Error("under RCU alone vm_start may be looked at, and vm_flags may not")
	}
	if f := field("vm_mm"); f.Write.Allows(^task.NotYetVisible) {
		t.Error("vm_mm may be written once it is visible")
	}
}

const manual = "../docs/locking.md"

// TestManual checks the parts of the manual that are made from the tables, between <!-- NAME --> and <!-- end -->.
// -rewrite updates them.
func TestManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	order := lockorder.Declared()
	parts := map[string]string{"order": orderTable(order), "order-drawing": orderDrawing(order)}
	for name, layouts := range map[string][]*task.Layout{
		"vma": {Layout()}, "vma_lock": {LockLayout()}, "mm": {MMLockLayout()}, "anon_vma": {AnonVMALayout()}, "policy": {PolicyLayout()},
		"tables": slices.Concat(pgtable.TableLayouts(), pgtable.LockLayouts(), []*task.Layout{pgtable.TablesLayout()}),
		"memory": {phys.InodeLayout(), phys.MemoryLayout(), phys.PageLayout()},
	} {
		parts[name] = fieldTable(layouts)
	}
	got := string(text)
	for name, part := range parts {
		open, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(got, open)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no part %s", manual, name)
		}
		got = before + open + part + end + after
	}
	if got == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the tables say: go test ./vma -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fieldTable returns a table of the layouts' fields, with their types if it is about several.
func fieldTable(layouts []*task.Layout) string {
	var b strings.Builder
	b.WriteString("| field | what it is | read under | written under |\n|---|---|---|---|\n")
	for _, layout := range layouts {
		for _, f := range layout.Fields {
			name := f.Name
			if len(layouts) > 1 {
				name = layout.Type + "." + name
			}
			if f.Cell > 0 {
				name += "[]"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, f.Doc, f.Read, f.Write)
		}
	}
	return b.String()
}
