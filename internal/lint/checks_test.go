package lint

import (
	"go/ast"
	"go/format"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxLines is how long a file may be that is no test.
const maxLines = 550

func importPath(imp *ast.ImportSpec) string {
	name, _ := strconv.Unquote(imp.Path.Value)
	return name
}

// checkGoroutines finds goroutines and channels, with which tasks would meet outside any cell.
func checkGoroutines(p *pkg, f *file) (found []string) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		what := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "starts a goroutine"
		case *ast.ChanType:
			what = "uses a channel"
		case *ast.SelectStmt:
			what = "selects"
		case *ast.SendStmt:
			what = "sends"
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				what = "receives"
			}
		}
		if what != "" {
			found = append(found, p.at(n.Pos(), "a protocol package %s: use internal/ksync and internal/task", what))
		}
		return true
	})
	return found
}

// checkFormat finds files that gofmt would change.
func checkFormat(p *pkg) (found []string) {
	for _, f := range p.files {
		if want, err := format.Source([]byte(f.src)); err != nil || string(want) != f.src {
			found = append(found, p.at(f.ast.Package, "not formatted: run gofmt"))
		}
	}
	return found
}

// checkLength finds files that are too long.
func checkLength(p *pkg) (found []string) {
	for _, f := range p.code() {
		if n := strings.Count(f.src, "\n"); n >= maxLines {
			found = append(found, p.at(f.ast.Package, "%d lines: fewer than %d are allowed", n, maxLines))
		}
	}
	return found
}

var leftoverPattern = regexp.MustCompile(`\b(TODO|FIX` + `ME|XXX)\b`)

// checkLeftovers finds notes of work not done.
func checkLeftovers(p *pkg) (found []string) {
	for _, f := range p.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if note := leftoverPattern.FindString(c.Text); note != "" {
					found = append(found, p.at(c.Pos(), "a %s is left", note))
				}
			}
		}
	}
	return found
}

// checkDocs finds packages and exported declarations without a comment.
func checkDocs(p *pkg) (found []string) {
	code := p.code()
	if len(code) == 0 {
		return nil
	}
	if !slices.ContainsFunc(code, func(f *file) bool { return f.ast.Doc != nil }) {
		found = append(found, p.at(code[0].ast.Package, "package %s has no comment", p.dir))
	}
	for _, f := range code {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && needsDoc(d) {
					found = append(found, p.at(d.Pos(), "%s has no comment", d.Name.Name))
				}
			case *ast.GenDecl:
				found = append(found, checkSpecs(p, d)...)
			}
		}
	}
	return found
}

// wellKnown are the methods whose meaning their name says.
var wellKnown = []string{"String", "Error", "Unwrap", "Len", "Less", "Swap"}

func needsDoc(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() {
		return false
	}
	if d.Recv == nil {
		return true
	}
	return receiverIsExported(d.Recv.List[0].Type) && !slices.Contains(wellKnown, d.Name.Name)
}

func receiverIsExported(t ast.Expr) bool {
	exported := false
	ast.Inspect(t, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		_, isIndex := n.(*ast.IndexListExpr)
		return !exported || isIndex
	})
	return exported
}

// isEnumeration reports whether d is a group of constants whose first one states their type.
func isEnumeration(d *ast.GenDecl) bool {
	return d.Tok == token.CONST && d.Lparen.IsValid() && len(d.Specs) > 0 && d.Specs[0].(*ast.ValueSpec).Type != nil
}

// checkSpecs finds exported constants, variables and types without a comment. A comment before the spec or at the end of
// its line will do; for values also one on the group, and for the constants of an enumeration that of their type.
func checkSpecs(p *pkg, d *ast.GenDecl) (found []string) {
	grouped := d.Doc != nil && (d.Tok != token.TYPE || !d.Lparen.IsValid()) || isEnumeration(d)
	for _, spec := range d.Specs {
		var names []*ast.Ident
		documented := grouped
		switch s := spec.(type) {
		case *ast.TypeSpec:
			names = []*ast.Ident{s.Name}
			documented = documented || s.Doc != nil || s.Comment != nil
		case *ast.ValueSpec:
			names = s.Names
			documented = documented || s.Doc != nil || s.Comment != nil
		}
		for _, name := range names {
			if name.IsExported() && !documented {
				found = append(found, p.at(name.Pos(), "%s has no comment", name.Name))
			}
		}
	}
	return found
}
