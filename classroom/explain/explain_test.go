package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vmasim/internal/task"
	"vmasim/workloads"
)

// protocol are the folders whose tasks enter functions.
var protocol = []string{"fault", "mm", "tree", "vma", "internal/phys", "internal/pgtable", "internal/ksync"}

// source parses the code of folders.
func source(t *testing.T, folders ...string) (fset *token.FileSet, files []*ast.File) {
	fset = token.NewFileSet()
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil || names == nil {
			t.Fatalf("%s: no source: %v", folder, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	return fset, files
}

// enteredIn returns the functions that tasks are said to be in, and the calls in which the name is not written out.
func enteredIn(f *ast.File) (names []string, others []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Enter" && sel.Sel.Name != "EnterTrap" {
			return true
		}
		if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if name, err := strconv.Unquote(lit.Value); err == nil {
				names = append(names, name)
				return true
			}
		}
		others = append(others, call.Pos())
		return true
	})
	return names, others
}

// TestEveryFunction: each function that a task enters is explained, and no other.
func TestEveryFunction(t *testing.T) {
	fset, files := source(t, protocol...)
	var names []string
	for _, f := range files {
		found, others := enteredIn(f)
		names = append(names, found...)
		for _, pos := range others {
			t.Errorf("%s: Enter of a name that is not written there", fset.Position(pos))
		}
	}
	if len(names) < 100 {
		t.Errorf("only %d functions are entered", len(names))
	}
	for _, name := range names {
		if _, ok := functionTable[name]; !ok {
			t.Errorf("functionTable lacks %s", name)
		}
	}
	for name, f := range functionTable {
		if !slices.Contains(names, name) {
			t.Errorf("functionTable has %s, which no task enters", name)
		}
		if !strings.HasSuffix(f.does, ".") || f.called == "" || f.file == "" || strings.HasSuffix(f.called, ".") {
			t.Errorf("%s: expected sentences, when it is called, and its file: %+v", name, f)
		}
	}
}

// TestEveryField: the fields of each structure that has a layout are explained.
func TestEveryField(t *testing.T) {
	structures := map[string]bool{}
	for _, l := range layouts() {
		structures[l.Type] = true
	}
	declared := 0
	_, files := source(t, protocol...)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if name := layoutOf(n); name != "" && name != "XA_ZERO_ENTRY" { // that is a VMA by another name
				declared++
				if !structures[name] {
					t.Errorf("no field of %s is explained", name)
				}
			}
			return true
		})
	}
	if declared < 15 {
		t.Errorf("only %d layouts are declared", declared)
	}
}

// layoutOf returns the structure that a task.Layout with fields, written out there, is of, else "".
func layoutOf(n ast.Node) (name string) {
	lit, ok := n.(*ast.CompositeLit)
	if !ok {
		return ""
	}
	if sel, ok := lit.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Layout" {
		return ""
	}
	fields := false
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		fields = fields || kv.Key.(*ast.Ident).Name == "Fields"
		if text, ok := kv.Value.(*ast.BasicLit); ok && text.Kind == token.STRING && kv.Key.(*ast.Ident).Name == "Type" {
			name, _ = strconv.Unquote(text.Value) // the parser has read it
		}
	}
	if !fields {
		return ""
	}
	return name
}

// TestEveryOperation: each operation is explained.
func TestEveryOperation(t *testing.T) {
	for op := range task.NumOps {
		if o := operationTable[op]; !strings.HasSuffix(o.does, ".") || o.file == "" {
			t.Errorf("%s: expected sentences and a file: %+v", op, o)
		}
	}
}

// TestEveryStructure: each type of objects is explained, and no other; those without fields have no layout here.
func TestEveryStructure(t *testing.T) {
	left := maps.Clone(structureTable)
	delete(left, "anon_vma_chain")
	delete(left, "object")
	delete(left, "cell")
	for _, l := range layouts() {
		s, ok := structureTable[l.Type]
		if !ok || !strings.HasSuffix(s.does, ".") || s.file == "" {
			t.Errorf("%s: %+v", l.Type, s)
		}
		if l.Short != "" && !slices.Contains(s.aliases, l.Short) {
			t.Errorf("%s is not found as %s, as its objects are called", l.Type, l.Short)
		}
		delete(left, l.Type)
	}
	for name := range left {
		t.Errorf("structureTable has %s, which has no layout", name)
	}
}

// TestShownBy: of most statements and choices a scenario is named that has it.
func TestShownBy(t *testing.T) {
	shown := shownBy()
	for _, word := range []string{"munmap", "signal", "mremap"} {
		sc, err := workloads.LoadBuiltin(shown[word])
		if err != nil || !strings.Contains(sc.String(), word) {
			t.Errorf("%s is shown by %q: %v", word, shown[word], err)
		}
	}
	for _, k := range Kinds() {
		if k.Name != "statement" && k.Name != "choice" {
			continue
		}
		shown, all := 0, k.Entries()
		for i := range all {
			if slices.ContainsFunc(all[i].Facts, func(f Fact) bool { return f.Label == "shown by" }) {
				shown++
			}
		}
		if shown < len(all)/2 {
			t.Errorf("only %d of %d %ss are shown", shown, len(all), k.Name)
		}
	}
}

// TestEnteredIn: literal names are found wherever the call stands, and others are noticed.
func TestEnteredIn(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() { defer a.b.Enter(\"x\"); func() { t.EnterTrap(\"y\") }(); t.Enter(z); t.Enter(); Enter(\"no\") }", 0)
	if err != nil {
		t.Fatal(err)
	}
	names, others := enteredIn(f)
	if !slices.Equal(names, []string{"x", "y"}) || len(others) != 1 {
		t.Errorf("found %q and %d others", names, len(others))
	}
}

// TestAll: of each kind there is something, of which no two have a name, and all is explained by name.
func TestAll(t *testing.T) {
	for _, k := range Kinds() {
		entries := k.Entries()
		if len(entries) < 4 || k.Doc == "" {
			t.Errorf("%s: %d entries", k.Name, len(entries))
		}
		seen := map[string]bool{}
		for i := range entries {
			e := &entries[i]
			if e.Name == "" || e.Does == "" || e.Kind != k.Name {
				t.Errorf("%s: %+v", k.Name, e)
			}
			if seen[e.Name] {
				t.Errorf("%s %s is there twice", k.Name, e.Name)
			}
			seen[e.Name] = true
		}
	}
}

// TestFind: names are found by what they are called, in which case ever, and a name may mean several things.
func TestFind(t *testing.T) {
	for _, c := range []struct {
		name  string
		kinds []string
		has   []string // in the text of one of them
	}{
		{"vma_start_read", []string{"function"}, []string{"since:      6.4; with vm_refcnt", "mm/mmap_lock.c", "rules:", "scenarios:"}},
		{"vma_start_write", []string{"function"}, []string{"__vma_start_write (function)"}},
		{"vm_refcnt", []string{"field"}, []string{"vm_area_struct.vm_refcnt"}},
		{"vma#1.vm_refcnt", []string{"field"}, []string{"vm_area_struct.vm_refcnt"}},
		{"pte#2.pte[3]", []string{"field"}, []string{".pte (field)"}},
		{"main.mm_mt", []string{"field"}, []string{"maple_tree.ma_root"}},
		{"page#3.mapcount", []string{"field"}, []string{"page.mapcount", "page-table entries"}},
		{"node#7.pivot[1]", []string{"field"}, []string{"maple_enode.pivot (field)"}},
		{"vma#1", []string{"structure"}, []string{"vm_area_struct (structure)", "mm_types.h"}},
		{"smp_store_release", []string{"operation"}, []string{"order:", "release"}},
		{"refcount_dec_and_test", []string{"operation"}, []string{"__refcount_dec_and_test (operation)"}},
		{"rwsem wait", []string{"operation"}, []string{"kind:"}},
		{"SEGV_MAPERR", []string{"result"}, []string{"nothing is mapped"}},
		{"EAGAIN", []string{"errno"}, []string{"a writer has it", "errno-base.h"}},
		{"mmap_lock", []string{"field", "lock"}, []string{"kind:              rwsem", "waited for under:"}},
		{"detach-waits", []string{"rule"}, []string{"without:", "vmasim explore put-to-zero --rules linux-6.18,-detach-waits"}},
		{"linux-7", []string{"generation"}, []string{"vmasim rules linux-7"}},
		{"o5", []string{"requirement"}, []string{"release: `__refcount_dec_and_test`"}},
		{"lock-order", []string{"oracle", "scenario"}, []string{"vmasim explore lock-order"}},
		{"vma_lock_miss", []string{"counter"}, []string{"detached"}},
		{"split-below", []string{"point"}, []string{"a VMA was cut"}},
		{"alloc-fails", []string{"choice"}, []string{"may alloc-fails"}},
		{"pct", []string{"strategy"}, []string{"vmasim explore --strategy pct"}},
		{"munmap", []string{"statement"}, []string{"written:   munmap"}},
		{"B03", []string{"bug"}, []string{"b03-", "versions:"}},
		{"enomem", []string{"errno"}, []string{"ENOMEM (errno)", "number:     12"}},
	} {
		found, err := Find(c.name)
		if err != nil {
			t.Error(err)
			continue
		}
		var kinds []string
		text := ""
		for i := range found {
			kinds = append(kinds, found[i].Kind)
			text += found[i].Text()
		}
		if !slices.Equal(kinds, c.kinds) {
			t.Errorf("%s is %q, expected %q", c.name, kinds, c.kinds)
		}
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: expected %q in\n%s", c.name, want, text)
			}
		}
	}
	if _, err := Find("vma_start_raed"); err == nil || !strings.Contains(err.Error(), `did you mean "vma_start_read"?`) {
		t.Errorf("got %v", err)
	}
	if _, err := Find("zzzzzzzzzzzz"); err == nil || !strings.Contains(err.Error(), "vmasim explain") {
		t.Errorf("got %v", err)
	}
}
