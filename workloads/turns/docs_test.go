package turns

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the table of figures into the manual")

// TestManual: docs/output.md has the table of figures.
func TestManual(t *testing.T) {
	const manual = "../../docs/output.md"
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	open, end := "<!-- figures -->\n", "<!-- end of figures -->"
	before, rest, ok := strings.Cut(string(text), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the manual has no place for the figures")
	}
	var b strings.Builder
	b.WriteString(before + open + "| figure | key | what it is |\n|---|---|---|\n")
	for _, f := range Figures() {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", f.Name, f.Key, f.Doc)
	}
	b.WriteString(end + after)
	switch {
	case b.String() == string(text):
	case !*rewrite:
		t.Errorf("%s has not the figures that there are: go test ./workloads/turns -run Manual -rewrite", manual)
	default:
		if err := os.WriteFile(manual, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
