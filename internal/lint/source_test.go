package lint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the import path of this module, and begins that of bench.
const module = "vmasim"

// file is one Go source file.
type file struct {
	name string // from the module's root
	src  string
	ast  *ast.File
	test bool
}

// pkg is the Go files of one folder.
type pkg struct {
	dir   string // from the module's root, with slashes
	fset  *token.FileSet
	files []*file
}

// at says where in the module something is.
func (p *pkg) at(pos token.Pos, format string, args ...any) string {
	where := p.fset.Position(pos)
	return fmt.Sprintf("%s:%d: %s", where.Filename, where.Line, fmt.Sprintf(format, args...))
}

// code is the files that are no tests.
func (p *pkg) code() []*file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool { return f.test })
}

// parse makes a package of sources by file name.
func parse(dir string, sources map[string]string) (*pkg, error) {
	p := &pkg{dir: dir, fset: token.NewFileSet()}
	var errs []error
	for _, base := range slices.Sorted(maps.Keys(sources)) {
		name := path.Join(dir, base)
		tree, err := parser.ParseFile(p.fset, name, sources[base], parser.ParseComments)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.files = append(p.files, &file{name: name, src: sources[base], ast: tree, test: strings.HasSuffix(base, "_test.go")})
	}
	return p, errors.Join(errs...)
}

// load parses every package of the module in a folder of root. Modules nested in it, testdata and hidden folders are left out.
func load(root, folder string) ([]*pkg, error) {
	sources := map[string]map[string]string{}
	start := filepath.Join(root, folder)
	err := filepath.WalkDir(start, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != start && leaveOut(name, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		dir, base := path.Split(filepath.ToSlash(rel))
		dir = path.Clean(dir)
		if sources[dir] == nil {
			sources[dir] = map[string]string{}
		}
		sources[dir][base] = string(src)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var pkgs []*pkg
	for dir, files := range sources {
		p, err := parse(dir, files)
		if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return pkgs, nil
}

func leaveOut(name, base string) bool {
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	return err == nil
}
