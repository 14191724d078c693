package mm

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the generated part of docs/kernel.md")

// TestResidueTable: every call that can fail has a row that says what it leaves, and each row says it in words.
func TestResidueTable(t *testing.T) {
	for op := noCall + 1; int(op) < len(callTable); op++ {
		found := false
		for _, r := range Residues() {
			for _, name := range r.Calls {
				found = found || name == callTable[op].name
			}
			if r.When == "" || r.Left == "" || strings.HasPrefix(r.Left, "nothing;") && (r.Drops || r.Moves) {
				t.Errorf("the row of %v says %q, %q", r.Calls, r.When, r.Left)
			}
		}
		if !found {
			t.Errorf("no row says what %s leaves", callTable[op].name)
		}
	}
	for i, row := range residueTable {
		if row.left == "nothing" && row.leaves != 0 {
			t.Errorf("row %d leaves nothing and something", i)
		}
	}
}

// TestResidueManual checks docs/kernel.md, K7, against the table. -rewrite updates it.
func TestResidueManual(t *testing.T) {
	manual := filepath.Join("..", "docs", "kernel.md")
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- residues -->\n", "<!-- end of residues -->\n"
	before, rest, ok := strings.Cut(string(text), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part residues", manual)
	}
	want := before + open + residueManual() + end + after
	if want == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the table says: go test ./mm -run ResidueManual -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func residueManual() string {
	var b strings.Builder
	b.WriteString("| call that fails | when | what stays changed |\n|---|---|---|\n")
	for _, r := range Residues() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(r.Calls, ", "), r.When, r.Left)
	}
	return b.String()
}
