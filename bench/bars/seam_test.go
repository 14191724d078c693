package bars

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/bench"
)

// BenchmarkSeam measures what the announcements to an observer cost while there is none. It copies the packages into a
// module of their own, takes every look for an observer out of the copy, and compares the two in one
// process: the same protocol code, compiled twice. No build of vmasim itself leaves the checks out.
func BenchmarkSeam(b *testing.B) {
	dir := b.TempDir()
	if err := makeTwin(dir); err != nil {
		b.Fatal(err)
	}
	for b.Loop() { // it repeats and reports by itself
	}
	b.ReportMetric(0, "ns/op")
	out, err := goTest(dir, "-run=^$", "-bench=.", "-benchtime=1x").CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, ok := bench.ParseLine(strings.TrimSpace(line)); ok {
			fmt.Fprint(b.Output(), strings.TrimLeft(line, " "))
		}
	}
}

// The twin must be what it says: the same code, which compiles, without checks.
func TestTwinHasNoChecks(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || testing.Short() {
		t.Skip("runs the compiler")
	}
	dir := t.TempDir()
	if err := makeTwin(dir); err != nil {
		t.Fatal(err)
	}
	if out, err := goTest(dir, "-run=^$").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	left := regexp.MustCompile(`\.Observer [!=]= nil|\.(Enter|Leave)\(`)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			if left.MatchString(line) && !strings.HasPrefix(line, "//") {
				t.Errorf("%s:%d: %s", path, i+1, line)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goTest returns the command that compiles the module in dir and runs its tests.
func goTest(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", append([]string{"test"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	return cmd
}

// twinModule is the copy's module: a path below vmasim's, so that it may use its internal packages.
const twinModule = "vmasim/twin"

// harness are the packages that both copies share.
var harness = []string{"bench", "workloads/measure"}

// makeTwin writes the module of the comparison to dir.
func makeTwin(dir string) error {
	packages, err := dependencies("vmasim/bench/simmm")
	if err != nil {
		return err
	}
	for _, p := range packages {
		for _, name := range p.files {
			source, err := os.ReadFile(filepath.Join(p.dir, name))
			if err != nil {
				return err
			}
			if err := write(filepath.Join(dir, p.path, name), withoutChecks(string(source))); err != nil {
				return err
			}
		}
	}
	test, err := os.ReadFile("testdata/seam/seam_test.go")
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "seam_test.go"), string(test)); err != nil {
		return err
	}
	return writeModule(dir)
}

// goPackage is a package of vmasim: where it lies, its import path below the module's, and its files without tests.
type goPackage struct {
	dir, path string
	files     []string
}

// dependencies returns the packages of vmasim that one consists of, itself included, but not the harness.
func dependencies(of string) (packages []goPackage, err error) {
	out, err := exec.Command("go", "list", "-deps", `-f={{.ImportPath}} {{.Dir}} {{join .GoFiles " "}}`, of).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if path, ok := strings.CutPrefix(fields[0], "vmasim/"); ok && !slices.Contains(harness, path) {
			packages = append(packages, goPackage{dir: fields[1], path: path, files: fields[2:]})
		}
	}
	return packages, nil
}

var (
	isPresent = regexp.MustCompile(`[\w.]+\.Observer != nil`)
	isAbsent  = regexp.MustCompile(`[\w.]+\.Observer == nil`)
	functions = regexp.MustCompile(`(?m)^\s*(defer )?[\w.]+\.(Enter|Leave)\(.*\)$\n`)
)

// withoutChecks returns the source as it would be if no task ever had an observer.
func withoutChecks(source string) string {
	source = isPresent.ReplaceAllString(source, "false")
	source = isAbsent.ReplaceAllString(source, "true")
	source = functions.ReplaceAllString(source, "")
	source = strings.ReplaceAll(source, `"vmasim/`, `"`+twinModule+`/`)
	for _, path := range harness {
		source = strings.ReplaceAll(source, `"`+twinModule+`/`+path+`"`, `"vmasim/`+path+`"`)
	}
	return source
}

// writeModule writes go.mod and go.sum: those of this module, which the copy needs, too, with vmasim as it lies here.
func writeModule(dir string) error {
	here, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		return err
	}
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		return err
	}
	text := strings.Replace(string(module), "module vmasim/bench\n", "module "+twinModule+"\n", 1)
	text = strings.Replace(text, "=> ../", "=> "+filepath.Dir(here), 1)
	text += fmt.Sprintf("\nrequire vmasim/bench v0.0.0\n\nreplace vmasim/bench => %s\n", here)
	if err := write(filepath.Join(dir, "go.mod"), text); err != nil {
		return err
	}
	return write(filepath.Join(dir, "go.sum"), string(sums))
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
