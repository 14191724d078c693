// Package lint checks the source of this module and of the one in bench: that nothing bypasses the seam, that imports point
// downwards, and what gofmt and vet leave open. It is all tests.
package lint

import (
	"strings"
	"testing"
)

// checkTable is everything that is checked. TestEveryCheckCanFail sees to it that caseTable has a bad source for each.
var checkTable = []struct {
	name  string
	check func(*pkg) []string
}{
	{"seam", checkSeam},
	{"machine", checkMachine},
	{"state", checkState},
	{"layers", checkLayers},
	{"length", checkLength},
	{"format", checkFormat},
	{"docs", checkDocs},
	{"leftovers", checkLeftovers},
	{"prose", checkProse},
	{"citations", checkCitations},
}

func TestModule(t *testing.T) {
	pkgs, err := load("../..", ".")
	if err != nil {
		t.Fatal(err)
	}
	measuring, err := load("../..", benchmarks)
	if err != nil {
		t.Fatal(err)
	}
	pkgs = append(pkgs, measuring...)
	seen := map[string]bool{}
	for _, p := range pkgs {
		seen[p.dir] = true
	}
	for _, layer := range layerTable {
		for _, dir := range layer {
			if !seen[dir] {
				t.Errorf("layerTable names %s, which is not there", dir)
			}
		}
	}
	for _, dir := range append(seam, "internal/lint") {
		if !seen[dir] {
			t.Errorf("%s was not found: is this the module's root?", dir)
		}
	}
	for _, c := range checkTable {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range pkgs {
				for _, f := range c.check(p) {
					t.Error(f)
				}
			}
		})
	}
}

func TestChecks(t *testing.T) {
	for _, c := range caseTable {
		t.Run(c.name, func(t *testing.T) {
			p, err := parse(c.dir, c.files)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(c.check(p), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryCheckCanFail(t *testing.T) {
	failing := map[string]bool{}
	for _, c := range caseTable {
		if c.want != "" {
			failing[strings.Fields(c.name)[0]] = true
		}
	}
	for _, c := range checkTable {
		if !failing[c.name] {
			t.Errorf("no case makes the check %s fail", c.name)
		}
	}
}

func TestLayersNameEachPackageOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, layer := range layerTable {
		for _, dir := range layer {
			if seen[dir] {
				t.Errorf("%s is named twice", dir)
			}
			seen[dir] = true
		}
	}
	for _, dir := range append(append(protocol, seam...), testOnly...) {
		if !seen[dir] {
			t.Errorf("%s is in no layer", dir)
		}
	}
}

func TestLoadLeavesOut(t *testing.T) {
	for folder, want := range map[string]string{".": ". kept", "nested": "nested"} {
		pkgs, err := load("testdata/module", folder)
		if err != nil {
			t.Fatal(err)
		}
		var dirs []string
		for _, p := range pkgs {
			dirs = append(dirs, p.dir)
		}
		if got := strings.Join(dirs, " "); got != want {
			t.Errorf("%s: loaded %q, expected %q", folder, got, want)
		}
	}
}
