package check

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

func TestOracleTable(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	facts, err := os.ReadFile(filepath.Join("..", "docs", "kernel.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, o := range Oracles() {
		if !name.MatchString(o.Name) || seen[o.Name] || o.Means == "" || o.Since == "" || o.Source == 0 || o.Source.String() == "" {
			t.Errorf("oracle %d: %+v", i, o)
		}
		for _, name := range strings.Fields(o.Invariants) {
			if !strings.HasPrefix(name, "I") || !strings.Contains(string(facts), `<a id="`+name+`">`) {
				t.Errorf("%s watches %s, which is no invariant of docs/kernel.md", o.Name, name)
			}
		}
		seen[o.Name] = true
		if (i < int(numWatched)) != (o.Source&ByWatcher != 0) {
			t.Errorf("%s stands in the wrong part of the table", o.Name)
		}
		if got, err := Lookup(o.Name); err != nil || got != o {
			t.Errorf("%s: %+v, %v", o.Name, got, err)
		}
	}
}

// TestEveryReportIsDeclared looks for the names under which the code reports broken rules.
func TestEveryReportIsDeclared(t *testing.T) {
	patterns := map[Source]*regexp.Regexp{
		ByCell:     regexp.MustCompile(`\.Violate\("([a-z-]+)"`),
		ByValidate: regexp.MustCompile(`\.fail\("([a-z-]+)"`),
		ByDriver:   regexp.MustCompile(`\bOracle: "([a-z-]+)"`),
	}
	root := ".."
	found := map[string]Source{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for by, pattern := range patterns {
			for _, m := range pattern.FindAllSubmatch(src, -1) {
				found[string(m[1])] |= by
			}
		}
		return err
	})
	if err != nil || len(found) < 20 {
		t.Fatal(err, found)
	}
	for name, by := range found {
		if info, err := Lookup(name); err != nil || info.Source&by != by {
			t.Errorf("%s is reported by %b: %+v, %v", name, by, info, err)
		}
	}
	for _, name := range Names(ByCell | ByValidate) {
		if found[name] == 0 {
			t.Errorf("nothing reports %s", name)
		}
	}
}

// TestEveryOracleIsTested: some test or litmus test names each oracle, or the constant of a watched one.
func TestEveryOracleIsTested(t *testing.T) {
	var tests []byte
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".vma") {
			return err
		}
		src, err := os.ReadFile(path)
		tests = append(tests, src...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range Oracles() {
		constant := strings.ReplaceAll(o.Name, "-", "")
		if !regexp.MustCompile(`(?i)\b(` + o.Name + "|" + constant + `)\b`).Match(tests) {
			t.Errorf("no test names %s", o.Name)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New(nil, "use-after-fre"); err == nil || !strings.Contains(err.Error(), `did you mean "use-after-free"`) {
		t.Error(err)
	}
	c, err := New(nil, "data-race", "overlap")
	if err != nil || !c.Wants("data-race") || !c.Wants("overlap") || c.Wants("lock-order") || c.on != 1<<DataRace {
		t.Errorf("%v %b", err, c.on)
	}
	if c := newAll(func(task.Violation) {}); c.on != 1<<numWatched-1 || !c.Wants("leak") {
		t.Errorf("%b", c.on)
	}
	if names := Names(ByWatcher); len(names) != int(numWatched) || !slices.Contains(names, "lock-rule") {
		t.Error(names)
	}
}

var rewrite = flag.Bool("rewrite", false, "write the generated part of docs/oracles.md")

// TestOracleManual checks docs/oracles.md against the table. -rewrite updates it.
func TestOracleManual(t *testing.T) {
	manual := filepath.Join("..", "docs", "oracles.md")
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- oracles -->\n", "<!-- end -->\n"
	before, _, ok := strings.Cut(string(text), open)
	if !ok {
		t.Fatalf("%s has no part oracles", manual)
	}
	want := before + open + oracleManual() + end
	if want == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the table says: go test ./check -run Manual -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func oracleManual() string {
	var b strings.Builder
	b.WriteString("| oracle | has happened when it speaks | invariants | since | reported by | shown by |\n|---|---|---|---|---|---|\n")
	for _, o := range Oracles() {
		var invariants []string
		for _, name := range strings.Fields(o.Invariants) {
			invariants = append(invariants, fmt.Sprintf("[%s](kernel.md#%[1]s)", name))
		}
		shown := ""
		if o.Shows != "" {
			shown = fmt.Sprintf("[`%s`](litmus.md#%[1]s)", o.Litmus())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", o.Name, o.Means, strings.Join(invariants, " "), o.Since, o.Source, shown)
	}
	return b.String()
}
