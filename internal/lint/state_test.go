package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// tableName is how a package-level table is called.
var tableName = regexp.MustCompile(`(^|[a-z])(Table|Names|Layout|Rule|Rules)$`)

// checkState finds package-level mutable state in the seam and the protocol packages. A package-level var is allowed if
// it is blank, an error made by errors.New or fmt.Errorf, or embedded; or a table, which is one whose name says so
// (tableName), whose value stands in its declaration, and which nothing in the package writes to or takes the address
// of. The address of a Layout may be taken: it is how layouts are passed.
func checkState(p *pkg) (found []string) {
	if !slices.Contains(protocol, p.dir) && !slices.Contains(seam, p.dir) {
		return nil
	}
	tables := map[string]*ast.ValueSpec{}
	for _, f := range p.code() {
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					switch {
					case isConstantVar(g, spec, i):
					case tableName.MatchString(name.Name) && i < len(spec.Values) && isTableValue(spec.Values[i]):
						tables[name.Name] = spec
					default:
						found = append(found, p.at(name.Pos(), "package-level variable %s: only errors, embedded files and tables never written to", name.Name))
					}
				}
			}
		}
	}
	for _, f := range p.code() {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			for _, e := range written(n) {
				if id := root(e); id != nil && refersTo(id, tables) {
					found = append(found, p.at(n.Pos(), "the table %s is written to", id.Name))
				}
			}
			return true
		})
	}
	return found
}

func isConstantVar(g *ast.GenDecl, spec *ast.ValueSpec, i int) bool {
	if spec.Names[i].Name == "_" || isEmbedded(g.Doc) || isEmbedded(spec.Doc) {
		return true
	}
	if i >= len(spec.Values) {
		return false
	}
	call, ok := spec.Values[i].(*ast.CallExpr)
	return ok && (isSelector(call.Fun, "errors", "New") || isSelector(call.Fun, "fmt", "Errorf"))
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func isSelector(e ast.Expr, x, sel string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && id.Name == x && s.Sel.Name == sel
}

// isTableValue reports whether e is a composite literal, its address, or append to a literal.
func isTableValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		return e.Op == token.AND && isTableValue(e.X)
	case *ast.CallExpr:
		return isIdent(e.Fun, "append") && len(e.Args) > 0 && isTableValue(e.Args[0])
	}
	return false
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// written returns what the node n writes to or makes writable.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if id, ok := n.X.(*ast.Ident); n.Op == token.AND && !(ok && strings.HasSuffix(id.Name, "Layout")) {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		for _, name := range []string{"append", "clear", "copy", "delete"} {
			if isIdent(n.Fun, name) && len(n.Args) > 0 {
				return n.Args[:1]
			}
		}
	}
	return nil
}

// root returns the variable that e is, or is a part of; nil if it is no part of one.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// refersTo reports whether id is one of the tables and no local variable of the same name.
func refersTo(id *ast.Ident, tables map[string]*ast.ValueSpec) bool {
	spec, ok := tables[id.Name]
	return ok && (id.Obj == nil || id.Obj.Decl == any(spec))
}
