package driver

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/cockroachdb/datadriven"
)

// TestFunctions: each function of the protocol that enters one of the kernel stands in functions.txt; -rewrite writes it.
func TestFunctions(t *testing.T) {
	want := map[string]string{}
	for _, dir := range []string{"vma", "mm", "fault"} {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					if name := entered(fn); name != "" {
						want[dir+"."+qualified(fn)] = name
					}
				}
			}
		}
	}
	var text strings.Builder
	for _, fn := range slices.Sorted(maps.Keys(want)) {
		fmt.Fprintf(&text, "%s %s\n", fn, want[fn])
	}
	if text.String() == functionsText {
		return
	}
	if flag.Lookup("rewrite").Value.String() != "true" { // which datadriven declares
		t.Fatal("functions.txt is not what the calls of Enter say: go test ./workloads/driver -run TestFunctions -rewrite")
	}
	if err := os.WriteFile("functions.txt", []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// entered returns the function of the kernel that a function enters first.
func entered(fn *ast.FuncDecl) (name string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || name != "" {
			return name == ""
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Enter" && sel.Sel.Name != "EnterTrap" || len(call.Args) != 1 {
			return true
		}
		if lit, ok := call.Args[0].(*ast.BasicLit); ok {
			name, _ = strconv.Unquote(lit.Value)
		}
		return true
	})
	return name
}

// qualified returns a function's name as the runtime writes it behind its package.
func qualified(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	switch t := fn.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		return "(*" + t.X.(*ast.Ident).Name + ")." + fn.Name.Name
	case *ast.Ident:
		return t.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}
