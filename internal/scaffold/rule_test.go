package scaffold

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vmasim/internal/rules"
)

const checkout = "../.."

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"lock-neighbour":          "",
		"o7":                      "",
		"detach-waits":            "the rule detach-waits exists, expected a new name; vmasim rules detach-waits explains it",
		"linux-618":               "",
		rules.Default:             `bad name "linux-6.18" of a rule`,
		"mmap-lock":               "mmap-lock is a generation, expected another name",
		"":                        `bad name ""`,
		"Lock":                    `bad name "Lock"`,
		"lock--it":                `bad name "lock--it"`,
		"-lock":                   `bad name "-lock"`,
		"lock,it":                 `bad name "lock,it"`,
		"../evil":                 `bad name "../evil"`,
		strings.Repeat("a", 25):   "bad name",
		"7up":                     `bad name "7up"`,
		"lock-\x00" + "neighbour": "bad name",
	} {
		if err := Name(name); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", name, err, want)
		}
	}
}

// TestNew makes a skeleton of each family in this checkout, without writing it.
func TestNew(t *testing.T) {
	root, err := Root(".")
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs(checkout); root != want {
		t.Errorf("the root is %s, expected %s", root, want)
	}
	for _, f := range rules.Families() {
		r, err := New(root, "zz-new-rule", f)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, p := range r.Pieces {
			old, err := os.ReadFile(filepath.Join(root, p.File))
			if err != nil && p.File != "workloads/litmus/zz-new-rule.vma" {
				t.Error(err)
			}
			if !strings.Contains(p.text, "zz-new-rule") && !strings.Contains(p.text, "ZzNewRule") || len(p.text) <= len(old) {
				t.Errorf("%s does not tell of the rule", p.File)
			}
			if !strings.HasSuffix(p.File, ".go") {
				continue
			}
			if made, err := format.Source([]byte(p.text)); err != nil || string(made) != p.text {
				t.Errorf("%s is not as gofmt would have it: %v", p.File, err)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	merge, err := rules.FindFamily("merge")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"detach-race": "workloads/litmus/detach-race.vma exists",
		"undo-merge":  "internal/rules/table.go: the constant UndoMerge exists",
	} {
		if r, err := New(checkout, name, merge); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, %v; expected %s", name, r, err, want)
		}
	}
	if r, err := New(t.TempDir(), "new-rule", merge); err == nil {
		t.Errorf("in an empty folder: %v", r)
	}
	if root, err := Root(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is in no checkout of vmasim") {
		t.Errorf("an empty folder: %s, %v", root, err)
	}
}

// TestInsert: a line goes where it sorts, also behind the last.
func TestInsert(t *testing.T) {
	r := Rule{name: "m"}
	for text, want := range map[string]string{
		"* [`a`](#a): A\n* [`z`](#z): Z\n\n## a\n\nA\n\n## z\n\nZ\n": "* [`a`](#a): A\n* [`m`](#m): \n* [`z`](#z): Z\n\n## a\n\nA\n\n## m\n\n## z\n\nZ\n",
		"* [`a`](#a): A\n\n## a\n\nA\n\n<!-- end -->\n":              "* [`a`](#a): A\n* [`m`](#m): \n\n## a\n\nA\n\n## m\n\n<!-- end -->\n",
	} {
		if got, err := r.addSection(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if got, err := r.addSection("nothing"); err == nil {
		t.Errorf("made %q of a text without a list", got)
	}
}
