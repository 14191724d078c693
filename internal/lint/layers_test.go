package lint

import (
	"go/ast"
	"slices"
	"strings"
)

// floorTable is the order of the folders, from the ground up. A package imports from its own folder and from those
// before it, so that the list of folders tells the layers.
var floorTable = []string{"internal", "vma", "tree", "mm", "fault", "check", "explore", "workloads", "classroom", "judge", "report", "cmd/vmasim", "bench"}

// layerTable is the order of design §3, from the bottom: a package imports only what lies in layers below its own. The language,
// workloads, lies low: tools read scenarios without the simulator.
var layerTable = [][]string{
	{"internal/linux", "internal/suggest", "internal/shrink", "internal/wrap", "internal/lockorder", "judge/deep", "explore/lkmm"},
	{"workloads/measure"},
	{"internal/task", "internal/invariants", "internal/rules", "check/seqmodel", "workloads"},
	{"internal/ksync", "internal/phys/phystest", "internal/scaffold"},
	{"internal/phys"},
	{"internal/pgtable"},
	{"vma"},
	{"tree"},
	{"mm"},
	{"fault"},
	{"explore/trace"},
	{"check", "explore"},
	{"explore/exploretest"},
	{"workloads/interp"},
	{"workloads/driver", "workloads/seqtest"},
	{"workloads/program", "workloads/turns", "workloads/inject", "workloads/herd", "judge/host", "classroom/explain"},
	{"judge/settings", "classroom/step", "workloads/campaign", "workloads/imports"},
	{"classroom/compare"},
	{"judge", "judge/lockpath", "classroom/screen", "classroom/quiz"},
	{"classroom/play"},
	{"classroom/lesson"},
	{"classroom/page", "classroom/page/engine"},
	{"report"},
	{"cmd/vmasim"},
	{"bench"},
	{"bench/hostmm", "bench/rwmm", "bench/simmm", "bench/summary"},
	{"bench/bars", "bench/gvisor"},
}

// testOnly are packages that only tests import.
var testOnly = []string{"internal/phys/phystest", "explore/exploretest", "explore/lkmm", "workloads/seqtest"}

// protocol are the packages that reach shared state only through cells.
var protocol = []string{"vma", "tree", "mm", "fault", "internal/pgtable", "internal/phys"}

// seam are the packages that the protocol stands on.
var seam = []string{"internal/task", "internal/ksync"}

// reports is the package of the renderers, which are its files that import traces, and need nothing else of this project but to break lines.
const (
	reports = "report"
	traces  = "explore/trace"
)

// bypassing are the imports with which a protocol package would get round the seam.
var bypassing = []string{"sync", "sync/atomic", "time", "math/rand", "math/rand/v2"}

// benchmarks is the folder of the module that measures.
const benchmarks = "bench"

func layerOf(dir string) int {
	return slices.IndexFunc(layerTable, func(layer []string) bool { return slices.Contains(layer, dir) })
}

// floorOf returns the place of the package's folder in floorTable, -1 for none.
func floorOf(dir string) int {
	return slices.IndexFunc(floorTable, func(folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") })
}

// checkSeam finds imports and statements by which a protocol package bypasses the seam.
func checkSeam(p *pkg) (found []string) {
	if !slices.Contains(protocol, p.dir) {
		return nil
	}
	for _, f := range p.code() {
		for _, imp := range f.ast.Imports {
			if name := importPath(imp); slices.Contains(bypassing, name) {
				found = append(found, p.at(imp.Pos(), "a protocol package imports %s: use internal/ksync and internal/task", name))
			}
		}
		found = append(found, checkGoroutines(p, f)...)
	}
	return found
}

// machine are the imports that ask the machine for what it has, which internal/linux has of the simulated one.
var machine = []string{"golang.org/x/sys/unix", "syscall"}

// onMachine are the folders that are about the machine.
var onMachine = []string{"judge", benchmarks, "cmd/vmasim", "internal/phys/phystest"}

// checkMachine finds imports by which the engine comes to depend on the machine that it runs on. Files for Linux alone may have them.
func checkMachine(p *pkg) (found []string) {
	if slices.ContainsFunc(onMachine, func(dir string) bool { return p.dir == dir || strings.HasPrefix(p.dir, dir+"/") }) {
		return nil
	}
	for _, f := range p.code() {
		if strings.HasSuffix(f.name, "_linux.go") {
			continue
		}
		for _, imp := range f.ast.Imports {
			if name := importPath(imp); slices.Contains(machine, name) {
				found = append(found, p.at(imp.Pos(), "the engine imports %s: use internal/linux, or a file for each system", name))
			}
		}
	}
	return found
}

// imports reports whether the file imports a package of this project.
func imports(f *file, dir string) bool {
	return slices.ContainsFunc(f.ast.Imports, func(imp *ast.ImportSpec) bool { return importPath(imp) == module+"/"+dir })
}

// checkLayers finds imports that do not point downwards, and packages that no layer names.
func checkLayers(p *pkg) (found []string) {
	code := p.code()
	if len(code) == 0 {
		return nil // a folder of tests may import anything
	}
	mine := layerOf(p.dir)
	if mine < 0 {
		return []string{p.at(code[0].ast.Package, "package %s is in no layer: declare it in layerTable", p.dir)}
	}
	for _, f := range code {
		for _, imp := range f.ast.Imports {
			dir, ours := strings.CutPrefix(importPath(imp), module+"/")
			if !ours {
				continue
			}
			if p.dir == reports && dir != traces && dir != "internal/wrap" && imports(f, traces) {
				found = append(found, p.at(imp.Pos(), "a renderer imports %s: all it needs beside internal/wrap is in %s", dir, traces))
			}
			if slices.Contains(testOnly, dir) {
				found = append(found, p.at(imp.Pos(), "%s is for tests only", dir))
			}
			if floorOf(dir) > floorOf(p.dir) {
				found = append(found, p.at(imp.Pos(), "%s imports %s, whose folder stands above", p.dir, dir))
			}
			if layerOf(dir) >= mine {
				found = append(found, p.at(imp.Pos(), "%s imports %s, which is not below it", p.dir, dir))
			}
		}
	}
	return found
}
